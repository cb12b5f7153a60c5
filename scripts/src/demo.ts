/** `npm run demo`: a hub in a temporary folder with 50 simulated devices that earn on five networks, faults happening. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHubApi, type HubApi } from './api.js';
import { dress, priceTokens } from './sim/dress.js';
import { planFaults } from './sim/faults.js';
import { createFleet } from './sim/fleet.js';
import { createRandom } from './sim/random.js';
import { startHub } from './testing/processes.js';

const DEVICES = 50;
const SEED = 7;
/** Income before the start: two periods of 30 days, and some. */
const HISTORY_DAYS = 75;

const addRules = async (api: HubApi) => {
  const { items } = await api.get<{ items: object[] }>('/rules');
  const config = { metric: 'hw.temperature', above: 80, clear: 72, for_ms: 15_000 };
  const hot = {
    id: 'too-hot',
    rule: 'threshold',
    title: 'Too hot',
    enabled: true,
    severity: 'warning',
    scope: { all: true },
    config,
  };
  await api.put('/rules', { items: [...items, hot] });
};

const main = async () => {
  const data = mkdtempSync(join(tmpdir(), 'muster-demo-'));
  const password = `demo-${crypto.randomUUID().slice(0, 8)}`;
  const env = { MUSTER_HTTP_PORT: process.env['MUSTER_HTTP_PORT'] ?? '7480', MUSTER_ADMIN_TOKEN: crypto.randomUUID() };
  const hub = await startHub(data, env);
  const api = createHubApi(hub.access);
  await api.post('/users', { name: 'demo', password, role: 'admin' });
  const plan = { devices: DEVICES, length_ms: 24 * 3_600_000, every_ms: 12 * 60_000, lasts_ms: [45_000, 150_000] as const };
  const fleet = createFleet(api, {
    devices: DEVICES,
    seed: SEED,
    interval_ms: 5_000,
    keepalive_s: 5,
    prefix: 'demo',
    faults: planFaults(plan, createRandom(SEED)),
    connects_per_s: 100,
    history_days: HISTORY_DAYS,
  });
  await priceTokens(api, { days: HISTORY_DAYS, now: Date.now(), seed: SEED });
  await fleet.start();
  await dress(api, { prefix: 'demo', devices: DEVICES });
  await addRules(api);
  console.log(
    `The demo runs: ${DEVICES} simulated devices on five networks, with faults. Their income and the prices of its tokens are made up.\n  Dashboard  ${hub.addresses.http}\n  Sign in    demo / ${password}\n  Ctrl-C ends it and removes ${data}`,
  );
  await new Promise<void>((done) => {
    for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => done());
    void hub.ended.then(() => done());
  });
  await Promise.race([fleet.stop(), new Promise((done) => setTimeout(done, 3_000))]);
  await hub.stop();
  rmSync(data, { recursive: true, force: true });
  process.exit(0);
};

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
});
