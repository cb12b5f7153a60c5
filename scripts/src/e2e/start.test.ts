import { readFileSync, statfsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHubApi, type HubApi, readControl } from '../api.js';
import { ADMIN_TOKEN, makeFolder, type Program, startProgram, until } from '../testing/processes.js';

/** `npm start` as its user sees it, on a built clone. */
const folder = makeFolder();
const PORTS = { MUSTER_HTTP_PORT: '0', MUSTER_HTTPS_PORT: '0', MUSTER_MQTT_PORT: '0', MUSTER_MQTTS_PORT: '0' };
let program: Program;
let api: HubApi;

interface Value {
  metric: string;
  labels: Record<string, string>;
  value: number;
  ts: number;
}

const launch = async () => {
  program = startProgram('scripts/start.mjs', [], { ...PORTS, MUSTER_DATA: folder.path, MUSTER_ADMIN_TOKEN: ADMIN_TOKEN });
  const started = Date.now();
  await until('the address to be printed', () => program.output().includes('Dashboard'));
  console.log(`figure: npm start, built → address printed: ${Date.now() - started} ms`);
  api = createHubApi({ url: readControl(folder.path).url, token: ADMIN_TOKEN });
};

const thisMachine = async () => {
  const { items } = await api.get<{ items: { id: string; state: string }[] }>('/devices');
  return items.find(({ state }) => state === 'online');
};

const valuesOf = async (id: string) => (await api.get<{ values: Value[] }>(`/devices/${id}/latest`)).values;

const isAlive = (pid: number): boolean => {
  try {
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
};

const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);

beforeAll(launch, 60_000);
afterAll(async () => {
  await program.stop();
  folder.remove();
});

describe('npm start', { timeout: 90_000 }, () => {
  it('prints the address and a one-time set-up link', () => {
    expect(program.output()).toMatch(/Dashboard\s+http:\/\/127\.0\.0\.1:\d+/);
    expect(program.output()).toMatch(/#setup=[\w-]+/);
  });

  it('shows this machine with the values of /proc at that moment', async () => {
    const { id } = await until('this machine to be online', thisMachine);
    const values = await until('its first values', async () => {
      const all = await valuesOf(id);
      return all.length > 0 && all;
    });
    const find = (metric: string, labels: Record<string, string> = {}) =>
      values.find((one) => one.metric === metric && Object.entries(labels).every(([name, value]) => one.labels[name] === value));
    const uptime = find('system.uptime');
    const age = (Date.now() - (uptime?.ts ?? 0)) / 1_000;
    const now = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]);
    expect(Math.abs((uptime?.value ?? 0) + age - now)).toBeLessThan(2.5);
    const total = Number(/MemTotal:\s+(\d+)/.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1]) * 1024;
    expect(find('system.memory.limit')?.value).toBe(total);
    const filesystem = find('system.filesystem.limit');
    const { blocks, bsize } = statfsSync(filesystem?.labels['mountpoint'] ?? '/');
    expect(filesystem?.value).toBe(blocks * bsize);
    expect(find('system.cpu.utilization')?.value).toBeGreaterThanOrEqual(0);
  });

  it('shows values that change', async () => {
    const { id } = await until('this machine', thisMachine);
    const first = Math.max(...(await valuesOf(id)).map(({ ts }) => ts));
    await until('newer values', async () => Math.max(...(await valuesOf(id)).map(({ ts }) => ts)) > first);
  });

  it('comes back with the same device after a restart, and ends all of it when it is killed', async () => {
    expect(await program.stop()).toBe(0);
    await launch();
    const { id } = await until('this machine to be online', thisMachine);
    const { items } = await api.get<{ items: { id: string }[] }>('/devices');
    expect(items.map((one) => one.id)).toEqual([id]);
    const children = childrenOf(program.pid);
    expect(children).toHaveLength(2);
    program.signal('SIGKILL');
    await until('hub and agent to end', () => children.every((pid) => !isAlive(pid)));
  });
});
