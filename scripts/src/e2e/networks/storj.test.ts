import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  amountsBothWays,
  earnedBy,
  type FixtureServer,
  latestOf,
  startFixtureServer,
  writeSources,
} from '../../testing/earning.js';
import { makeFolder, type Program, type RunningHub, startAgent, startHub, until } from '../../testing/processes.js';

/** A Storj node over real HTTP → a real agent → the hub's ledger, to the last micro-USD. */
const SATELLITE = '12EayRS2V1kEsWESU9QMRseFhdxYxKicsiFmxrsLZHeLUtdps3S';
const DEVICE = 'storage-node';
const folders = [makeFolder(), makeFolder()];
const [hubData, agentData] = [folders[0]?.path ?? '', folders[1]?.path ?? ''];
let hub: RunningHub;
let agent: Program;
let node: FixtureServer;

const now = new Date();
const monthAt = (back: number) => new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - back, 1)).toISOString().slice(0, 7);
const [month, before, older] = [monthAt(0), monthAt(1), monthAt(2)];
const DASHBOARD = {
  nodeID: '1Xf5b3x',
  satellites: [
    { id: SATELLITE, url: 'us1.storj.io:7777', disqualified: null, suspended: null, vettedAt: '2021-05-01T00:00:00Z' },
  ],
  diskSpace: { used: 3_381_577_296_000, available: 118_422_704_000, allocated: 3_500_000_000_000, trash: 117_961_155_200 },
  bandwidth: { used: 21_724_116_480 },
  lastPinged: now.toISOString(),
  startedAt: '2026-01-01T00:00:00Z',
  upToDate: true,
  quicStatus: 'OK',
};
const AUDITS = { audits: [{ auditScore: 1, suspensionScore: 1, onlineScore: 0.5, satelliteName: 'us1.storj.io:7777' }] };

/** A row as the node sends it; amounts as bare numbers. */
const paystub = (
  period: string,
  { rest, held = '0', distributed = '0' }: { rest: string; held?: string; distributed?: string },
) =>
  `{"satelliteId":"${SATELLITE}","period":"${period}","compAtRest":${rest},"compGet":51234,"compPut":7,"compGetRepair":180020,"compPutRepair":8,"compGetAudit":12,"surgePercent":0,"held":${held},"owed":1,"disposed":0,"paid":643611,"distributed":${distributed}}`;
const paystubs = (...rows: string[]) => node.put(`/api/heldamount/paystubs/2019-01/${month}`, `[${rows.join(',')}]`);
const estimate = (current: number, previous: number) =>
  node.put('/api/sno/estimated-payout', `{"currentMonth":{"payout":${current}},"previousMonth":{"payout":${previous}}}`);

const FROM = Date.UTC(2019, 0, 1);
const total = async () => (await earnedBy(hub, DEVICE, FROM)).find(({ network }) => network === 'storj')?.amount;
const shows = (amount: string) => until(`the ledger to hold ${amount}`, async () => (await total()) === amount);
/** The agent has asked for everything once more since. */
const askedAgain = async () => {
  const count = () => node.asked.filter(({ path }) => path.includes('paystubs')).length;
  const seen = count();
  await until('the agent to ask twice more', () => count() >= seen + 2);
};

beforeAll(async () => {
  node = await startFixtureServer({ '/api/sno/': JSON.stringify(DASHBOARD), '/api/sno/satellites': JSON.stringify(AUDITS) });
  paystubs(paystub(older, { rest: '412345', held: '43611' }));
  estimate(164.49, 654.49);
  hub = await startHub(hubData, { MUSTER_STORE_COMMIT_MS: '100' });
  const config = { url: node.url, scores_every_ms: 1_000, paystubs_every_ms: 1_000 };
  writeSources(agentData, [{ network: 'storj', config, every: 5_000 }]);
  agent = await startAgent(hub, agentData, DEVICE);
}, 60_000);

afterAll(async () => {
  await agent?.stop();
  await hub?.stop();
  await node?.close();
  for (const folder of folders) folder.remove();
});

describe('a Storj node', { timeout: 180_000 }, () => {
  it('earns what its paystubs say, in micro-USD, put traffic left out, held money as a stream of its own', async () => {
    await shows('643611');
    const { items } = await hub.api.get<{ items: { account: string; source: string; booked: boolean; state: string }[] }>(
      '/networks',
    );
    const streams = items
      .filter((one) => one.account.startsWith('1Xf5b3x'))
      .map((one) => `${one.account} ${one.source} ${one.booked}`);
    expect(streams.sort()).toEqual(['1Xf5b3x storj true', '1Xf5b3x storj-estimate false', '1Xf5b3x/held storj true']);
    expect(await earnedBy(hub, DEVICE, FROM)).toEqual([
      { network: 'storj', token: 'USD', decimals: 6, amount: '643611', estimated: false },
    ]);
  });

  it('shows the health of the node on the device', async () => {
    const latest = await until('the metrics of the node', async () => {
      const values = await latestOf(hub, DEVICE);
      return values['storj.online_score{satellite=us1.storj.io}'] !== undefined && values;
    });
    expect(latest).toMatchObject({
      'storj.online_score{satellite=us1.storj.io}': 0.5,
      'storj.disqualified{satellite=us1.storj.io}': 0,
      'storj.satellites': 1,
      'storj.quic_ok': 1,
      'storj.up_to_date': 1,
      'storj.payout_estimate': 1.6449,
    });
    expect(latest['storj.space_allocated']).toBeCloseTo(3_500_000_000_000, -7);
  });

  it('earns nothing twice when a row is replaced, and the difference when it is corrected', async () => {
    paystubs(paystub(older, { rest: '412345', held: '43611', distributed: '600000' }));
    await askedAgain();
    expect(await total()).toBe('643611');
    paystubs(paystub(older, { rest: '412346', held: '43611', distributed: '600000' }));
    await shows('643612');
  });

  it('takes the next month when its row comes, whatever the estimate did at the turn of the month', async () => {
    estimate(0.02, 164.49);
    await askedAgain();
    expect(await total()).toBe('643612');
    paystubs(paystub(older, { rest: '412346', held: '43611' }), paystub(before, { rest: '9007199254740993' }));
    await shows('9007199255615871');
  });

  it('that fails for a while says so, is never a zero, and counts nothing twice when it is back', async () => {
    node.put('/api/sno/', { status: 500, text: '<html>' });
    await until(
      'the failure to be told',
      async () => (await latestOf(hub, DEVICE))['muster.agent.source.up{source=storj}'] === 0,
    );
    const { items } = await hub.api.get<{ items: { network: string; state: string; last_error: string | null }[] }>('/networks');
    expect(items.filter(({ network }) => network === 'storj').map(({ last_error }) => last_error)).toEqual(
      expect.arrayContaining([expect.stringContaining('500')]),
    );
    expect(await total()).toBe('9007199255615871');
    node.put('/api/sno/', JSON.stringify(DASHBOARD));
    await until('the source to be back', async () => (await latestOf(hub, DEVICE))['muster.agent.source.up{source=storj}'] === 1);
    await askedAgain();
    expect(await total()).toBe('9007199255615871');
  });

  it('is compared by the same amounts, to the last base unit', async () => {
    const { earnings, comparison } = await amountsBothWays(hub);
    expect(Object.values(earnings).flat().length).toBeGreaterThan(0);
    expect(comparison).toEqual(earnings);
  });
});
