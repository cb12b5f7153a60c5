import { join } from 'node:path';
import { createSqliteEngine } from '@muster/hub/store/engines/sqlite/index';
import type { Engine } from '@muster/hub/store/store';
import { bootIdFrom, idOfColumns } from '@muster/shared/wire/codec';
import { topicOf } from '@muster/shared/wire/topics';
import { afterAll, expect, it } from 'vitest';
import { connectSim, type SimClient } from '../sim/client.js';
import { createRandom } from '../sim/random.js';
import { makeFolder, type RunningHub, samePorts, startHub } from '../testing/processes.js';

/** The hub is killed at random moments under load: every acknowledged row is on disk, none twice. */
const KILLS = 20;
const CLIENTS = 8;
const folder = makeFolder();
const random = createRandom(20_260_101);
const columns = ['system.uptime', 'hw.temperature{zone=cpu}'];
const columnsId = idOfColumns(columns);
let hub: RunningHub;

afterAll(async () => {
  await hub?.stop();
  folder.remove();
});

interface Sender {
  id: string;
  key: string;
  boot: string;
  session: number;
  seq: number;
  /** Of its newest row: two rows of a device never have the same time. */
  ts: number;
  acknowledged: Set<number>;
  /** Sent without PUBACK: sent again after the next birth, as an agent does. */
  open: Set<number>;
}

const join_ = async (index: number): Promise<Sender> => {
  const id = `sender-${index}`;
  const { token } = await hub.api.post<{ token: string }>('/invites', { device: id });
  const { key } = await hub.api.post<{ key: string }>('/join', { token, device: id });
  return {
    id,
    key,
    boot: bootIdFrom(crypto.getRandomValues(new Uint8Array(8))),
    session: 0,
    seq: 0,
    ts: 0,
    acknowledged: new Set(),
    open: new Set(),
  };
};

const bring = async (sender: Sender): Promise<SimClient> => {
  const { hostname: host, port } = new URL(hub.addresses.mqtt);
  sender.session += 1;
  const { id, key, boot, session } = sender;
  const will = { topic: topicOf(id, 'status'), payload: JSON.stringify({ boot, session, state: 'lost' }) };
  const client = await connectSim({ host, port: Number(port), id, key, keepalive_s: 5, will });
  const birth = {
    boot,
    session,
    agent_version: 't',
    interval_ms: 1_000,
    about: {},
    metrics: [],
    columns: [{ id: columnsId, list: columns }],
  };
  await client.publish(topicOf(id, 'birth'), JSON.stringify(birth));
  return client;
};

/** Two in flight, as fast as PUBACKs come, until the connection dies. */
const load = async (sender: Sender): Promise<void> => {
  const client = await bring(sender);
  let alive = true;
  const died = new Promise<void>((resolve) =>
    client.onClosed(() => {
      alive = false;
      resolve();
    }),
  );
  const again = [...sender.open];
  const one = async () => {
    while (alive) {
      const seq = again.shift() ?? ++sender.seq;
      sender.open.add(seq);
      sender.ts = Math.max(Date.now(), sender.ts + 1);
      const row = [seq, sender.ts, seq, 40 + random.next()];
      await Promise.race([
        client.publish(topicOf(sender.id, 'report'), JSON.stringify({ boot: sender.boot, columns: columnsId, rows: [row] })),
        died,
      ]);
      if (!alive) return;
      sender.open.delete(seq);
      sender.acknowledged.add(seq);
    }
  };
  await Promise.all([one(), one()]);
};

/** The seq of every row that is stored, by time. */
const storedRows = async (engine: Engine, sender: Sender): Promise<number[]> => {
  const stored: number[] = [];
  for (let after = 0; ; ) {
    const page = await engine.rows(sender.id, after, 1_000);
    const last = page.at(-1);
    if (!last) return stored;
    stored.push(...page.flatMap(({ series }) => series['system.uptime'] ?? []));
    after = last.ts;
  }
};

it(`keeps every acknowledged row, none twice, over ${KILLS} kills under load`, { timeout: 300_000 }, async () => {
  const settings = { MUSTER_STORE_COMMIT_MS: '20' };
  hub = await startHub(folder.path, settings);
  const senders = await Promise.all(Array.from({ length: CLIENTS }, (_, index) => join_(index)));
  for (let kill = 0; kill < KILLS; kill++) {
    const running = senders.map((sender) => load(sender).catch(() => {}));
    await new Promise((resolve) => setTimeout(resolve, 150 + random.next() * 700));
    hub.signal('SIGKILL');
    await hub.ended;
    await Promise.all(running);
    hub = await startHub(folder.path, { ...settings, ...samePorts(hub) });
  }
  await hub.stop();
  const engine = createSqliteEngine({ file: join(folder.path, 'hub', 'muster.db') });
  await engine.open();
  let acknowledged = 0;
  for (const sender of senders) {
    const stored = await storedRows(engine, sender);
    expect(new Set(stored).size).toBe(stored.length);
    expect([...sender.acknowledged].filter((seq) => !new Set(stored).has(seq))).toEqual([]);
    acknowledged += sender.acknowledged.size;
  }
  expect(await engine.verify()).toEqual([]);
  await engine.close();
  console.log(`figure: ${acknowledged} acknowledged rows over ${KILLS} kills: 0 lost, 0 twice`);
  expect(acknowledged).toBeGreaterThan(KILLS * CLIENTS);
});
