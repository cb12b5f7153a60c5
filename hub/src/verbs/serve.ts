import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { createSystemClock } from '@muster/shared/clock';
import { AppError } from '@muster/shared/errors';
import { createLog, type Log, type LogLevel } from '@muster/shared/log';
import { removeControl, writeControl } from '../control.js';
import type { Hub, HubSettings } from '../hub.js';
import type { Call } from '../main.js';
import type { Certificate } from '../self/certificate.js';
import { openStore } from '../store/open.js';
import { type DataLock, lockData } from './lock.js';
import { loadHubSettings, retentionOf } from './options.js';
import { finishReplacement, requireNotAside } from './replacement.js';

type Values = ReturnType<typeof loadHubSettings>['values'];

/** Runs the hub until SIGTERM, SIGINT, or the end of the program that started it. */
export const serve = async ({ words, flags, env, print }: Call): Promise<void> => {
  if (words.length) throw new AppError('bad_request', `"${words[0]}" is not understood; settings look like --http.port 7480`);
  const { data, values } = loadHubSettings({ flags, env });
  delete process.env['MUSTER_ADMIN_TOKEN'];
  const lock = lockData(data);
  const clock = createSystemClock();
  const log = createLog({
    format: values.log === 'json' ? 'json' : 'text',
    level: values.log_level as LogLevel,
    write: (line) => void process.stdout.write(line),
    now: clock.now,
  });
  const file = join(data, 'hub', 'muster.db');
  finishReplacement(file);
  requireNotAside(file);
  const store = openStore({ file, clock, log }, { commit_ms: values.commit_ms, retention: retentionOf(values) });
  // Whether it could be opened is asked once the rest is loaded.
  store.catch(() => {});
  const [{ startHub }, certificate] = await Promise.all([import('../hub.js'), certificateFor(data, values, clock.now())]);
  const control_token = randomBytes(32).toString('base64url');
  const hub = await startHub({ clock, log, certificate, store }, asHubSettings(values, control_token));
  const { http: url, mqtt } = hub.addresses();
  tuneHeap();
  writeControl(data, { pid: process.pid, url, mqtt, token: control_token });
  announce(hub, { data, values, log, print });
  stopWhenTold(hub, { data, log, lock });
};

/** Both are looked at by V8 at each collection, so they may be set while it runs; during the start they would cost 0.2 s. */
const tuneHeap = (): void => {
  // 10,000 devices that connect at once leave 50 MB of garbage which V8 else never gives back: 400 MB of memory instead of 350.
  setFlagsFromString('--heap-growing-percent=40');
  // Little survives a report: helper threads find nothing to do, and spinning they took 3 µs of processor a report on two busy cores.
  setFlagsFromString('--no-parallel-scavenge');
};

const certificateFor = async (data: string, values: Values, now: number): Promise<Certificate> => {
  const { loadCertificate } = await import('../self/certificate.js');
  const own = { key_file: values.tls_key_file, cert_file: values.tls_cert_file };
  return loadCertificate({ folder: join(data, 'hub', 'tls'), now, names: namesOf(values), own });
};

const namesOf = ({ public_url, lan }: Values): string[] => {
  const addresses = lan ? Object.values(networkInterfaces()).flatMap((list) => (list ?? []).filter((one) => !one.internal)) : [];
  const named = public_url ? [new URL(public_url).hostname] : [];
  return [hostname(), ...named, ...addresses.filter((one) => one.family === 'IPv4').map((one) => one.address)];
};

const asHubSettings = (values: Values, control_token: string): HubSettings => {
  const open = (host: string) => (values.lan ? '0.0.0.0' : host);
  return {
    version: versionOfPackage(),
    http: { host: open(values.http_host), port: values.http_port },
    https: { host: open(values.https_host), port: values.https_port },
    mqtt: { host: values.mqtt_host, port: values.mqtt_port },
    mqtts: { host: open(values.mqtts_host), port: values.mqtts_port },
    public_url: values.public_url,
    admin_token: values.admin_token,
    control_token,
  };
};

const versionOfPackage = (): string => {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
};

interface Announcement {
  data: string;
  values: Values;
  log: Log;
  print: (line: string) => void;
}

const announce = (hub: Hub, { data, values, log, print }: Announcement): void => {
  const addresses = hub.addresses();
  const code = hub.setup_code();
  const link = (address: string | null) => (code && address ? `${address}/#setup=${code}` : null);
  const setup = link(addresses.http);
  const setup_https = values.lan ? link(addresses.https) : null;
  if (values.log === 'json') {
    log.info('Muster is running', { addresses, data, ...(setup && { setup }), ...(setup_https && { setup_https }) });
    return;
  }
  const lines = [
    'Muster is running.',
    `  Dashboard    ${addresses.http}`,
    ...(values.lan && addresses.https ? [`  From others  ${addresses.https}   (key ${addresses.pin})`] : []),
    ...(setup ? [`  First visit  ${setup}   (works once, makes your account)`] : []),
    ...(setup_https ? [`  or           ${setup_https}`] : []),
    `  Data         ${data}`,
  ];
  print(lines.join('\n'));
};

const stopWhenTold = (hub: Hub, { data, log, lock }: { data: string; log: Log; lock: DataLock }): void => {
  let stopping = false;
  const stop = async () => {
    if (stopping) return;
    stopping = true;
    await hub.stop();
    removeControl(data, process.pid);
    lock.release();
    log.info('Muster has stopped');
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => void stop());
  process.on('disconnect', () => void stop());
};
