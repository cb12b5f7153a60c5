/** `muster-agent doctor`: what keeps this machine from reporting, and what to do about it. */
import { utcTime } from '@muster/shared/text';
import type { Identity } from '../identity.js';

export interface Finding {
  check: string;
  state: 'ok' | 'warn' | 'fail';
  what: string;
  todo?: string;
}

/** Everything that is asked of the machine and of the hub. */
export interface Patient {
  node: string;
  /** Throws the reason why it cannot be used; null: not joined. */
  identity(): Identity | null;
  identity_path: string;
  identity_mode: number | null;
  /** Null where the answer is yes; else why not. */
  reach(identity: Identity): Promise<string | null>;
  /** Milliseconds that this clock is ahead of the hub's; null: the hub's address for pages is not known. */
  clockOffset(identity: Identity): Promise<number | null>;
  /** The process that reports from this folder. */
  running: number | null;
  /** What that process knows of its connection, and for how long; null: nothing. */
  link?: { online: boolean; why: string | null; for_s: number } | null;
  /** Null: not asked for. */
  login: ((identity: Identity) => Promise<string | null>) | null;
  folder: string;
  /** Null where a file can be written; else why not. */
  writable(): string | null;
  free_bytes: number | null;
  devices: readonly { path: string; what: string; readable: boolean; group: string }[];
  /** Null: no unit is installed, or systemd is not there. */
  service: { active: string; enabled: string } | null;
  /** Milliseconds since 1970; of this machine unless said otherwise. */
  now?: () => number;
}

export const examine = async (patient: Patient): Promise<Finding[]> => {
  const identity = joined(patient);
  const found = [nodeOf(patient), identity.finding];
  if (identity.value) found.push(...(await hub(patient, identity.value)), ...link(patient));
  return [...found, ...folder(patient), ...devices(patient), service(patient)];
};

const nodeOf = ({ node }: Patient): Finding => {
  const [major = 0, minor = 0] = node.split('.').map(Number);
  const enough = major > 20 || (major === 20 && minor >= 19);
  const finding = { check: 'node', what: `Node.js ${node}` };
  return enough ? { ...finding, state: 'ok' } : { ...finding, state: 'fail', todo: 'Install Node.js 20.19 or later' };
};

const joined = (patient: Patient): { finding: Finding; value: Identity | null } => {
  const { identity_path: path, identity_mode: mode } = patient;
  const check = 'identity';
  const join = 'On the hub run "muster-hub invite" and type here the command that it prints';
  try {
    const value = patient.identity();
    if (!value)
      return { value, finding: { check, state: 'fail', what: `This machine has not joined a hub (no ${path})`, todo: join } };
    const open = mode !== null && (mode & 0o077) !== 0;
    const what = `${value.device} at ${value.address}`;
    if (!open) return { value, finding: { check, state: 'ok', what } };
    return {
      value,
      finding: { check, state: 'fail', what: `${path} holds a key and others can read it`, todo: `chmod 600 ${path}` },
    };
  } catch (error) {
    return { value: null, finding: { check, state: 'fail', what: (error as Error).message, todo: `${join}; add --force` } };
  }
};

const hub = async (patient: Patient, identity: Identity): Promise<Finding[]> => {
  const why = await patient.reach(identity);
  if (why !== null) {
    const todo = 'Is the hub on, is its address right, is a firewall between? With a new hub, join again with --force';
    return [{ check: 'hub', state: 'fail', what: why, todo }];
  }
  const pinned = identity.pin !== null && identity.address.startsWith('mqtts:') ? ' and shows the key that was pinned' : '';
  const found: Finding[] = [{ check: 'hub', state: 'ok', what: `${identity.address} answers${pinned}` }];
  return [...found, await login(patient, identity), await clock(patient, identity)];
};

/** Since when the hub is away, as the agent sees it. */
const link = ({ running, link: known, now }: Patient): Finding[] => {
  const check = 'link';
  if (running === null || !known) return [];
  const { online, why, for_s } = known;
  const since = `since ${utcTime((now?.() ?? Date.now()) - for_s * 1_000)} (${spanOf(for_s)})`;
  if (online) return [{ check, state: 'ok', what: `The agent is connected to the hub ${since}` }];
  const what = `The hub is away for the agent ${since}${why ? `: ${why}` : ''}`;
  return [{ check, state: 'fail', what, todo: 'Rows are kept here until it is back; look at the hub and at the way to it' }];
};

const spanOf = (seconds: number): string => {
  const [days, hours, minutes] = [Math.floor(seconds / 86_400), Math.floor(seconds / 3_600) % 24, Math.floor(seconds / 60) % 60];
  if (days > 0) return `${days} d ${hours} h`;
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min` : `${seconds} s`;
};

const login = async ({ running, login: tryLogin }: Patient, identity: Identity): Promise<Finding> => {
  const check = 'login';
  if (running !== null)
    return { check, state: 'ok', what: `Not tried: the agent runs (process ${running}) and would lose its connection` };
  if (!tryLogin)
    return {
      check,
      state: 'warn',
      what: 'Not tried: the hub would show this device for a moment',
      todo: 'Add --login to try it',
    };
  const why = await tryLogin(identity);
  if (why === null) return { check, state: 'ok', what: 'The hub takes the key of this device' };
  return { check, state: 'fail', what: why, todo: 'Join again with --force' };
};

/** The agent corrects a wrong clock by the hub's; certificates of others and the log do not. */
const CLOCK_MS = 5_000;

const clock = async (patient: Patient, identity: Identity): Promise<Finding> => {
  const check = 'clock';
  const ahead = await patient.clockOffset(identity);
  if (ahead === null)
    return {
      check,
      state: 'warn',
      what: 'Not compared: the hub did not tell its time',
      todo: 'Join again with --force to let it',
    };
  const what = `${(Math.abs(ahead) / 1000).toFixed(0)} s ${ahead < 0 ? 'behind' : 'ahead of'} the hub`;
  if (Math.abs(ahead) <= CLOCK_MS) return { check, state: 'ok', what };
  return { check, state: 'warn', what, todo: 'Turn on time synchronisation: timedatectl set-ntp true' };
};

const LEAST_BYTES = 20e6;
const FEW_BYTES = 300e6;

const folder = ({ folder: path, writable, free_bytes }: Patient): Finding[] => {
  const check = 'folder';
  const why = writable();
  if (why !== null)
    return [
      {
        check,
        state: 'fail',
        what: `${path} cannot be written (${why})`,
        todo: 'Run this as the user of the agent, or mend the owner of the folder',
      },
    ];
  if (free_bytes === null) return [{ check, state: 'ok', what: `${path} can be written` }];
  const what = `${path} can be written; ${Math.floor(free_bytes / 1e6)} MB are free`;
  if (free_bytes >= FEW_BYTES) return [{ check, state: 'ok', what }];
  const state = free_bytes < LEAST_BYTES ? 'fail' : 'warn';
  return [{ check, state, what, todo: 'Make room: what the hub cannot take is kept here until it can' }];
};

const devices = (patient: Patient): Finding[] =>
  patient.devices.map(({ path, what, readable, group }) =>
    readable
      ? { check: 'access', state: 'ok', what: `${path}: ${what}` }
      : { check: 'access', state: 'warn', what: `${path} is closed to the agent: no ${what}`, todo: advice(path, group) },
  );

const advice = (path: string, group: string): string =>
  group === 'docker'
    ? 'Install the service with --docker, if the agent may have what is as good as root'
    : `Add the agent's user to the group ${group} that owns ${path}`;

const service = ({ service: unit, running }: Patient): Finding => {
  const check = 'service';
  if (unit === null)
    return {
      check,
      state: 'warn',
      what: `No service is installed${running === null ? '' : `; process ${running} reports`}`,
      todo: 'muster-agent install',
    };
  const what = `The service is ${unit.active} and ${unit.enabled}`;
  if (unit.active !== 'active')
    return { check, state: 'fail', what, todo: 'systemctl restart muster-agent; journalctl -u muster-agent says more' };
  return unit.enabled === 'enabled'
    ? { check, state: 'ok', what }
    : { check, state: 'warn', what, todo: 'systemctl enable muster-agent' };
};
