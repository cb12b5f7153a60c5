import { spawn, spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { until } from '../../testing/processes.js';
import type { BenchOptions } from '../main.js';
import { type FleetPlan, type Report, reportsOf } from './reports.js';

/** Other time-series databases with the same reports in the same run, where they are installed; the rest is skipped by name. */
export interface PeerPlace {
  own: { per_sample: number; written_per_sample: number };
  folder: string;
  print: BenchOptions['print'];
}

export const comparePeers = async (plan: FleetPlan, place: PeerPlace): Promise<void> => {
  for (const peer of [victoriaMetrics, influx, prometheus]) {
    if (spawnSync('which', [peer.program]).status !== 0) {
      place.print(`${peer.name}: skipped, "${peer.program}" is not installed`);
      continue;
    }
    const folder = join(place.folder, peer.program);
    mkdirSync(folder, { recursive: true });
    report(peer.name, await peer.measure(plan, folder), place);
    rmSync(folder, { recursive: true, force: true });
  }
};

interface Kept {
  samples: number;
  bytes: number;
  /** Null: it was filled offline. */
  written: number | null;
}

interface Peer {
  name: string;
  program: string;
  measure(plan: FleetPlan, folder: string): Promise<Kept>;
}

const report = (name: string, { samples, bytes, written }: Kept, { own, print }: PeerPlace): void => {
  const each = bytes / samples;
  const wrote = written === null ? '' : `, written ${(written / samples).toFixed(2)} B/sample`;
  print(`${name}: kept ${each.toFixed(2)} B/sample${wrote}; ${(each / own.per_sample).toFixed(1)} × ours`);
};

const victoriaMetrics: Peer = {
  name: 'VictoriaMetrics',
  program: 'victoria-metrics',
  measure: (plan, folder) =>
    withServer(plan, {
      folder,
      program: 'victoria-metrics',
      args: (port) => [
        `-storageDataPath=${folder}`,
        `-httpListenAddr=127.0.0.1:${port}`,
        '-retentionPeriod=10y',
        '-loggerLevel=ERROR',
      ],
      ready: '/health',
      write: '/write?precision=ms',
      merge: ['/internal/force_flush', '/internal/force_merge'],
    }),
};

const influx: Peer = {
  name: 'InfluxDB',
  program: 'influxd',
  measure: (plan, folder) =>
    withServer(plan, {
      folder,
      program: 'influxd',
      args: () => ['run'],
      env: (port, other) => ({
        INFLUXDB_META_DIR: join(folder, 'meta'),
        INFLUXDB_DATA_DIR: join(folder, 'data'),
        INFLUXDB_DATA_WAL_DIR: join(folder, 'wal'),
        INFLUXDB_HTTP_BIND_ADDRESS: `127.0.0.1:${port}`,
        INFLUXDB_BIND_ADDRESS: `127.0.0.1:${other}`,
        INFLUXDB_HTTP_LOG_ENABLED: 'false',
        INFLUXDB_LOGGING_LEVEL: 'error',
        INFLUXDB_REPORTING_DISABLED: 'true',
        INFLUXDB_MONITOR_STORE_ENABLED: 'false',
        INFLUXDB_DATA_CACHE_SNAPSHOT_WRITE_COLD_DURATION: '2s',
        INFLUXDB_DATA_COMPACT_FULL_WRITE_COLD_DURATION: '5s',
      }),
      ready: '/ping',
      create: '/query?q=CREATE+DATABASE+bench',
      write: '/write?db=bench&precision=ms',
    }),
};

interface Server {
  folder: string;
  program: string;
  args(port: number): string[];
  env?(port: number, other: number): Record<string, string>;
  ready: string;
  create?: string;
  write: string;
  /** Asks for the work that it would do by and by. */
  merge?: string[];
}

const ROWS_A_POST = 640;

const withServer = async (plan: FleetPlan, server: Server): Promise<Kept> => {
  const [port, other] = [await freePort(), await freePort()];
  const env = { ...process.env, HOME: server.folder, ...server.env?.(port, other) };
  const child = spawn(server.program, server.args(port), { env, stdio: 'ignore' });
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()));
  const url = `http://127.0.0.1:${port}`;
  try {
    await until(server.program, () =>
      fetch(url + server.ready)
        .then((reply) => reply.ok)
        .catch(() => false),
    );
    if (server.create) await fetch(url + server.create, { method: 'POST' });
    const samples = await postAll(plan, url + server.write);
    for (const path of server.merge ?? []) await fetch(url + path);
    await settled(server.folder);
    const written = Number(/^write_bytes: (\d+)/m.exec(readFileSync(`/proc/${child.pid}/io`, 'utf8'))?.[1]);
    child.kill('SIGINT');
    await ended;
    return { samples, bytes: sizeOf(server.folder), written };
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
};

const postAll = async (plan: FleetPlan, url: string): Promise<number> => {
  let samples = 0;
  let lines: string[] = [];
  const post = async () => {
    const reply = await fetch(url, { method: 'POST', body: lines.join('\n') });
    if (!reply.ok) throw new Error(`${url} answered ${reply.status}: ${await reply.text()}`);
    lines = [];
  };
  for (const one of reportsOf(plan)) {
    const fields = fieldsOf(one);
    samples += fields.length;
    lines.push(`m,device=${one.device} ${fields.map(([name, value]) => `${name}=${value}`).join(',')} ${one.ts}`);
    if (lines.length === ROWS_A_POST) await post();
  }
  if (lines.length) await post();
  return samples;
};

const fieldsOf = ({ columns, values }: Report): [name: string, value: number][] =>
  columns.flatMap((key, index) => {
    const value = values[index] ?? null;
    return value === null ? [] : [[key.replaceAll(/\W+/g, '_'), value] as [string, number]];
  });

/** Its files did not change for 10 s; at most 3 min. */
const settled = async (folder: string): Promise<void> => {
  let [size, calm] = [-1, 0];
  for (let second = 0; second < 180 && calm < 10; second++) {
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const now = sizeOf(folder);
    calm = now === size ? calm + 1 : 0;
    size = now;
  }
};

/** Blocks on disk: some make large files in advance that hold nothing yet. */
const sizeOf = (folder: string): number =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + (statSync(join(entry.path, entry.name), { throwIfNoEntry: false })?.blocks ?? 0) * 512, 0);

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer().on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });

/** Its blocks are made offline from a text of all samples, one series after the other. */
const prometheus: Peer = {
  name: 'Prometheus',
  program: 'promtool',
  async measure(plan, folder) {
    const text = join(folder, 'samples.txt');
    const samples = writeOpenMetrics(plan, text);
    const made = spawnSync('promtool', ['tsdb', 'create-blocks-from', 'openmetrics', '-q', text, join(folder, 'data')]);
    if (made.status !== 0) throw new Error(`promtool failed: ${String(made.stderr).slice(0, 500)}`);
    return { samples, bytes: sizeOf(join(folder, 'data')), written: null };
  },
};

const TEXT_PIECE = 20_000;

const writeOpenMetrics = (plan: FleetPlan, path: string): number => {
  const file = openSync(path, 'w');
  let samples = 0;
  let lines: string[] = [];
  const flush = () => {
    writeSync(file, lines.join(''));
    lines = [];
  };
  for (const one of reportsOf(plan)) {
    for (const [name, value] of fieldsOf(one)) lines.push(`${name}{device="${one.device}"} ${value} ${one.ts / 1_000}\n`);
    if (lines.length < TEXT_PIECE) continue;
    samples += lines.length;
    flush();
  }
  samples += lines.length;
  lines.push('# EOF\n');
  flush();
  closeSync(file);
  return samples;
};
