/** What `doctor` asks of the real machine and of the hub. */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { request as plainRequest } from 'node:http';
import { uptime } from 'node:os';
import { join } from 'node:path';
import type { AgentPaths } from '../config.js';
import { type Identity, readIdentity } from '../identity.js';
import { openLink } from '../link.js';
import { readLinkNote } from '../link-note.js';
import { openSocket } from '../socket.js';
import { holderOf } from '../spool/lock.js';
import type { Patient } from './doctor.js';
import { SERVICE, UNIT } from './install.js';

const PATIENCE_MS = 8_000;

/** Devices that probes read, and what is missing without them. */
const DEVICES = [
  ['/dev/vcio', 'temperature and throttling of the Raspberry Pi firmware'],
  ['/dev/dri/renderD128', 'figures of the GPU'],
  ['/dev/nvidiactl', 'figures of NVIDIA GPUs'],
  ['/var/run/docker.sock', 'state of containers'],
  ['/var/log/journal', 'what the kernel says of faults'],
] as const;

export const createPatient = (paths: AgentPaths, options: { login: boolean }): Patient => {
  const user = serviceUser();
  return {
    node: process.versions.node,
    identity: () => readIdentity(paths.identity),
    identity_path: paths.identity,
    identity_mode: orNull(() => statSync(paths.identity).mode & 0o777),
    reach: (identity) => whyNot(() => reach(identity)),
    clockOffset,
    running: holderOf(paths.spool),
    link: readLinkNote(paths.folder, uptime),
    login: options.login ? (identity) => whyNot(() => login(identity)) : null,
    folder: paths.folder,
    writable: () => writable(paths.folder) ?? spoolWritable(paths) ?? (isOfService(paths) ? notOf(user.uid, paths.folder) : null),
    free_bytes: orNull(() => freeBytes(paths.folder)),
    devices: DEVICES.filter(([path]) => existsSync(path)).map(([path, what]) => ({ path, what, ...access(path, user) })),
    service: serviceState(),
  };
};

const orNull = <T>(attempt: () => T): T | null => {
  try {
    return attempt();
  } catch {
    return null;
  }
};

const whyNot = (attempt: () => Promise<void>): Promise<string | null> =>
  attempt().then(
    () => null,
    (error: Error) => error.message,
  );

/** TCP, TLS and the pin; no CONNECT, which would take the running agent's place. */
const reach = async ({ address, pin }: Identity): Promise<void> => {
  const url = new URL(address);
  const tls = url.protocol === 'mqtts:';
  const socket = await openSocket({ ...hostAndPort(url, tls ? 8883 : 1883), tls, pin, signal: AbortSignal.timeout(PATIENCE_MS) });
  socket.destroy();
};

const hostAndPort = (url: URL, standard: number) => ({
  host: url.hostname.replace(/^\[|\]$/g, ''),
  port: Number(url.port || standard),
});

const clockOffset = async ({ hub, pin }: Identity): Promise<number | null> => {
  if (hub === undefined) return null;
  const url = new URL('/healthz', hub);
  const tls = url.protocol === 'https:';
  const signal = AbortSignal.timeout(PATIENCE_MS);
  try {
    const socket = await openSocket({ ...hostAndPort(url, tls ? 443 : 80), tls, pin, signal });
    const date = await new Promise<string | undefined>((resolve, reject) => {
      const headers = { host: url.host, connection: 'close' };
      const sent = plainRequest({ path: url.pathname, headers, signal, createConnection: () => socket });
      sent.once('error', reject).once('response', (reply) => resolve(reply.resume().headers.date));
      sent.end();
    });
    socket.destroy();
    return date === undefined ? null : Date.now() - Date.parse(date);
  } catch {
    return null;
  }
};

const login = async ({ address, pin, device, key }: Identity): Promise<void> => {
  // Said by the hub only if the connection broke before the goodbye.
  const payload = JSON.stringify({ boot: 'aaaaaaaa', session: 1, state: 'lost' });
  const will = { topic: `muster/v1/${device}/status`, payload };
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const link = await openLink({ address, pin, device, key, keepalive_s: 60, will, signal, onMessage: () => {} });
  await link.goodbye();
};

const writable = (folder: string): string | null => {
  const file = join(folder, '.doctor');
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(file, 'x', { flush: true });
    rmSync(file);
    return null;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
};

/** The agent goes on in memory without it, and a restart loses that. */
const spoolWritable = ({ spool }: AgentPaths): string | null => {
  const why = existsSync(spool) ? writable(spool) : null;
  return why === null ? null : `spool: ${why}`;
};

const isOfService = ({ folder }: AgentPaths): boolean =>
  process.getuid?.() === 0 && (orNull(() => readFileSync(UNIT, 'utf8'))?.includes(`ReadWritePaths=${folder}\n`) ?? false);

/** What root may write the service may not: a file that somebody left there as root. Null: all is of this user. */
export const notOf = (uid: number, folder: string): string | null => {
  const names = orNull(() => readdirSync(folder, { recursive: true, encoding: 'utf8' })) ?? [];
  const stray = ['', ...names].find((name) => orNull(() => lstatSync(join(folder, name)).uid !== uid));
  return stray === undefined ? null : `${stray || 'it'} belongs to another user than the service's`;
};

const freeBytes = (folder: string): number => {
  const { bsize, bavail } = statfsSync(folder);
  return bsize * bavail;
};

interface User {
  uid: number;
  groups: readonly number[];
}

/** As the service when root asks, else as whoever asks. */
const serviceUser = (): User => {
  const unit = orNull(() => readFileSync(UNIT, 'utf8'));
  const groups = linesOf('/etc/group');
  const uid = process.getuid?.() ?? 0;
  if (uid !== 0 || unit === null) return { uid, groups: process.getgroups?.() ?? [] };
  const named = (key: string) => new RegExp(`^${key}=(.*)$`, 'm').exec(unit)?.[1]?.split(' ') ?? [];
  const wanted = new Set([...named('Group'), ...named('SupplementaryGroups')]);
  const id = linesOf('/etc/passwd').find(([name]) => named('User').includes(name ?? ''))?.[2];
  return { uid: Number(id ?? -1), groups: groups.filter(([name]) => wanted.has(name ?? '')).map((line) => Number(line[2])) };
};

const linesOf = (file: string): string[][] =>
  (orNull(() => readFileSync(file, 'utf8')) ?? '').split('\n').map((line) => line.split(':'));

const access = (path: string, { uid, groups }: User): { readable: boolean; group: string } => {
  const { mode, gid, uid: owner } = statSync(path);
  const group = linesOf('/etc/group').find((line) => line[2] === String(gid))?.[0] ?? String(gid);
  const readable =
    uid === 0 ||
    (mode & 0o004) !== 0 ||
    (groups.includes(gid) && (mode & 0o040) !== 0) ||
    (owner === uid && (mode & 0o400) !== 0);
  return { readable, group };
};

const serviceState = (): Patient['service'] => {
  if (!existsSync(UNIT)) return null;
  const ask = (verb: string): string => {
    try {
      return execFileSync('systemctl', [verb, SERVICE], { stdio: ['ignore', 'pipe', 'ignore'], timeout: 10_000 })
        .toString()
        .trim();
    } catch (error) {
      // It answers by its exit code as well.
      return String((error as { stdout?: Buffer }).stdout ?? '').trim() || 'unknown';
    }
  };
  return { active: ask('is-active'), enabled: ask('is-enabled') };
};
