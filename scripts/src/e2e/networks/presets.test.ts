import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { earnedBy, type FixtureServer, latestOf, startFixtureServer, writeSources } from '../../testing/earning.js';
import { makeFolder, type Program, type RunningHub, startAgent, startHub, until } from '../../testing/processes.js';

/** Every preset, a metrics page and a program on one device: services that answer in their real shape over real HTTP → agent → hub. */
const DEVICE = 'rig';
const folders = [makeFolder(), makeFolder()];
const [hubData, agentData] = [folders[0]?.path ?? '', folders[1]?.path ?? ''];
let hub: RunningHub;
let agent: Program;
let service: FixtureServer;

const IDENTITY = '0x0000000000000000000000000000000000000001';
const WALLET = '0x0000000000000000000000000000000000000002';
const PAYMENT = '0x0000000000000000000000000000000000000003';
const FLUX = 't1ZExampleExampleExampleExampleExam';
const PROVIDER = 'akash1exampleexample';
const NODE = '9xQeWvG816bUx9EPjHmaT23yvVM2ZWbrrpZb9PusVFin';
const API_TOKEN = 'a-token-that-stays-secret';

const identity = (wei: string) =>
  `{"id":"${IDENTITY}","registration_status":"Registered","earnings_total":${wei},"earnings_total_tokens":{"wei":"${wei}","ether":"1"}}`;
const yagna = (nano: string) =>
  `payment_amount_received{platform="erc20-polygon-glm"} ${nano}\npayment_invoices_provider_paid 6\n`;
const withdrawals = (wei: string) => `{"proof":[],"cumulative_amount":"${wei}","cycle":4,"available":"0","total_claimed":"0"}`;
const received = (satoshi: string) => `{"addrStr":"${FLUX}","totalReceived":1.5,"totalReceivedSat":${satoshi}}`;
const lease = (denom: string, amount: string) => ({ escrow_payment: { state: 'open', withdrawn: { denom, amount } } });
const leases = (...amounts: string[]) =>
  JSON.stringify({ leases: [...amounts.map((amount) => lease('uakt', amount)), lease('ibc/170C', '77')], pagination: {} });
const page = (amount: string) => `# TYPE acme_earned gauge\nacme_earned{kind="a"} ${amount}\nacme_peers 12\nacme_odd NaN\n`;

const PATHS = {
  mysterium: `/identities/${IDENTITY}`,
  weatherxm: `/network/rewards/withdraw?address=${WALLET}`,
  golem: '/metrics-api/v1/expose',
  flux: `/api/addr/${FLUX}?noTxList=1`,
  akash: `/akash/market/v1beta4/leases/list?filters.provider=${PROVIDER}&pagination.limit=1000`,
  acme: '/acme/metrics',
};

const startService = () =>
  startFixtureServer({
    [PATHS.mysterium]: identity('98765432109876543210'),
    '/healthcheck': '{"uptime":"25h53m33.5s","process":1,"version":"1.36.0"}',
    '/node/monitoring-status': '{"status":"success"}',
    '/node/provider/quality': { status: 500, text: '<html>' },
    '/node/provider/activity-stats': '{"online_percent":99.2,"active_percent":40.5}',
    '/node/provider/sessions-count?range=1d': '{"count":12}',
    [PATHS.weatherxm]: withdrawals('900000000000000000000'),
    [PATHS.golem]: yagna('88775939'),
    '/daemon/getfluxnodestatus': '{"status":"success","data":{"status":"CONFIRMED","last_confirmed_height":1079888}}',
    [PATHS.flux]: received('1234567891234567'),
    '/node/info': `{"node":"${NODE}","uptime":"2026-01-01T00:00:00Z","state":"RUNNING","info":{"gpus":{"devices":[{"index":0}]}}}`,
    [PATHS.akash]: leases('100.5'),
    '/coverage_stations': '[{"name":"GD0001","lat":1,"lng":2,"status":"ONLINE"}]',
    '/api/system':
      '{"temperature_celsius":48.3,"processes_average":{"last_1min":0.1},"uptime_seconds":12345,"memory_MB":{"percent_used":31.2}}',
    '/api/uptime': '{"msek":123456}',
    [PATHS.acme]: page('1000000000000000000001'),
  });

/** A program that prints what stands in a file beside it. */
const program = join(agentData, 'earned.sh');
const prints = (text: string) => writeFileSync(join(agentData, 'earned.txt'), text);

const sources = (url: string) => {
  const of = (network: string, config: object) => ({ network, config, every: 5_000 });
  const token = (account: string) => ({ token: 'ABC', decimals: 18, account });
  return [
    of('mysterium', { url, identity: IDENTITY, token: API_TOKEN }),
    of('weatherxm', { url, wallet: WALLET }),
    of('golem', { url, account: PAYMENT }),
    of('flux', { url, explorer: url, address: FLUX }),
    of('nosana', { url, rpc: `${url}/rpc`, node: NODE }),
    of('akash', { api: url, provider: PROVIDER }),
    of('geodnet', { url: `${url}/coverage_stations`, station: 'GD0001' }),
    of('srcful', { url }),
    of('prometheus', {
      ...{ name: 'acme', url: `${url}${PATHS.acme}`, amount: { match: 'acme_earned' }, ...token('page-1') },
      metrics: [
        { match: 'acme_peers', metric: 'peers' },
        { match: 'acme_odd', metric: 'odd' },
      ],
    }),
    of('command', { name: 'printed', program, args: ['--secret=hunter2222'], ...token('program-1') }),
  ];
};

/** What was earned since the first reading, which is history. */
const earned = async (network: string) =>
  (await earnedBy(hub, DEVICE, Date.now() - 86_400_000)).find((one) => one.network === network)?.amount;
const shows = (network: string, amount: string) =>
  until(`${network} to have earned ${amount}`, async () => (await earned(network)) === amount);
const metric = (key: string, value: number | null) =>
  until(`${key} to be ${value}`, async () => {
    const found = (await latestOf(hub, DEVICE))[key];
    return value === null ? found === undefined : found === value;
  });

beforeAll(async () => {
  service = await startService();
  writeFileSync(
    program,
    '#!/bin/sh\nread -r text < "$(dirname "$0")/earned.txt"\n[ "$text" = fail ] && { echo "refused $1" >&2; exit 4; }\necho "$text"\n',
  );
  chmodSync(program, 0o755);
  prints('98765432109876543211');
  hub = await startHub(hubData, { MUSTER_STORE_COMMIT_MS: '100' });
  writeSources(agentData, sources(service.url));
  agent = await startAgent(hub, agentData, DEVICE, { MUSTER_LOG_LEVEL: 'debug' });
  await until('every account to be known', async () => {
    const { items } = await hub.api.get<{ items: { account: string; state: string }[] }>('/networks');
    return items.filter(({ account, state }) => account !== '' && state === 'ok').length >= 7;
  });
}, 90_000);

afterAll(async () => {
  await agent?.stop();
  await hub?.stop();
  await service?.close();
  for (const folder of folders) folder.remove();
});

describe('the presets on a device', { timeout: 180_000 }, () => {
  it('earn the increase to the last base unit, far beyond 2^53', async () => {
    service.put(PATHS.mysterium, identity('98765432109876543217'));
    service.put(PATHS.weatherxm, withdrawals('900000000000000000005'));
    service.put(PATHS.flux, received('1234567891234570'));
    service.put(PATHS.akash, leases('100.5', '12345678901234567890'));
    service.put(PATHS.acme, page('1000000000000000000003'));
    prints('98765432109876543215');
    await shows('mysterium', '7');
    await shows('weatherxm', '5');
    await shows('flux', '3');
    await shows('akash', '12345678901234567890');
    await shows('acme', '2');
    await shows('printed', '4');
  });

  it('add a counter of a process that was restarted', async () => {
    service.put(PATHS.golem, yagna('1200'));
    await shows('golem', '1200000000000');
    service.put(PATHS.golem, yagna('1201'));
    await shows('golem', '1201000000000');
  });

  it('show the health of the networks on the device', async () => {
    await metric('mysterium.registered', 1);
    await metric('mysterium.monitoring_ok', 1);
    await metric('mysterium.uptime', 93_214);
    await metric('golem.invoices_paid', 6);
    await metric('flux.confirmed', 1);
    await metric('nosana.gpus', 1);
    await metric('geodnet.online', 1);
    await metric('srcful.temperature', 48.3);
    await metric('acme.peers', 12);
    expect((await latestOf(hub, DEVICE))['acme.odd']).toBeUndefined();
  });

  it('tell of a part that fails beside those that answer', async () => {
    await metric('mysterium.part_up{part=quality}', 0);
    await metric('mysterium.part_up{part=identity}', 1);
    await metric('muster.agent.source.up{source=mysterium}', 1);
  });

  it('send a secret where it belongs and show it nowhere', async () => {
    const heads = service.asked.filter(({ path }) => path === PATHS.mysterium).map(({ headers }) => headers.authorization);
    expect(heads[0]).toBe(`Bearer ${API_TOKEN}`);
    prints('fail');
    const said = await until('the program to be told as failed', async () => {
      const { items } = await hub.api.get<{ items: { last_error: string | null }[] }>('/networks');
      return items.map(({ last_error }) => last_error ?? '').find((text) => text.includes('exit code 4'));
    });
    expect(said).toContain('refused --secret=***');
    const everything = `${agent.output()}${hub.output()}${JSON.stringify(await hub.api.get('/networks'))}`;
    expect(everything).not.toMatch(/hunter2222|a-token-that-stays-secret/);
  });

  it('that answer HTML, 429 or 500, or not at all, cost only themselves', async () => {
    service.put(PATHS.weatherxm, { status: 429, headers: { 'retry-after': '60' }, text: 'slow down' });
    service.put(PATHS.golem, '<!doctype html>\n<title>yagna</title>');
    service.put(PATHS.acme, { status: 500, text: 'acme_earned 0' });
    for (const source of ['weatherxm', 'golem', 'acme', 'printed']) await metric(`muster.agent.source.up{source=${source}}`, 0);
    service.put(PATHS.mysterium, identity('98765432109876543220'));
    await shows('mysterium', '10');
    expect([await earned('weatherxm'), await earned('golem'), await earned('acme'), await earned('printed')]).toEqual([
      ...['5', '1201000000000', '2', '4'],
    ]);
  });
});
