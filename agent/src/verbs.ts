import type { Clock } from '@muster/shared/clock';
import { AppError } from '@muster/shared/errors';
import { silentLog } from '@muster/shared/log';
import type { SettingValue } from '@muster/shared/settings';
import type { About } from '@muster/shared/wire/messages';
import { asDeviceId, DEVICE_ID } from '@muster/shared/wire/topics';
import type { AgentPaths, AgentSettings } from './config.js';
import { readIdentity, writeIdentity } from './identity.js';
import { joinHub } from './join.js';
import type { Host, ProbeDeclaration } from './probe.js';
import { createRunner, probesToRead } from './runner.js';
import { createSeriesTable } from './series.js';

/** The verbs of `muster-agent` that end by themselves. */
export const HELP = `muster-agent: reports this machine to a Muster hub

  join --hub https://host:7443 --token T --pin sha256:…   join a hub ("muster-hub invite" prints the whole line)
       [--device id] [--name text] [--force] [--quiet]
  run                                                     report until stopped
  probe                                                   show what would be reported
  doctor [--json] [--login]                               say what keeps this machine from reporting, and what to do
  install [--user name] [--docker] [--prefix dir]         make it a service of systemd (as root)
          [--root dir] [--print]                          below another root, or only show what would be done
  uninstall [--keep-data] [--prefix dir]                  remove the service, its user and its files
  settings                                                show every setting and where its value comes from
  help                                                    this text

Every setting is a flag (--agent.interval_ms 5000), a variable (MUSTER_AGENT_INTERVAL_MS) or a line in DATA/agent/settings.json.`;

export interface VerbCall {
  settings: AgentSettings;
  listed: SettingValue[];
  paths: AgentPaths;
}

type Print = (text: string) => void;
type Flag = string | true | undefined;
export type JoinFlags = Record<'hub' | 'token' | 'pin' | 'device' | 'name' | 'force' | 'quiet', Flag>;

export const joinVerb = async ({ paths }: VerbCall, flags: JoinFlags, needs: { about: About; print: Print }): Promise<void> => {
  const hub = needed('hub', flags.hub);
  const token = needed('token', flags.token);
  if (!flags.force && isJoined(paths.identity)) {
    throw new AppError('conflict', `This machine has joined a hub already (${paths.identity})`, {
      hint: 'Add --force to leave that hub for this one, or --data for a second agent',
    });
  }
  const device = optional('device', flags.device) ?? asDeviceId(String(needs.about['hostname'] ?? ''));
  if (!DEVICE_ID.test(device)) {
    throw new AppError('bad_request', `--device "${device}" is not a device id; use 1-63 of a-z, 0-9 and -`, { path: 'device' });
  }
  const name = optional('name', flags.name);
  const about = name === null ? needs.about : { ...needs.about, name: name.slice(0, 200) };
  const identity = await joinHub({ hub, token, pin: optional('pin', flags.pin), device, about });
  writeIdentity(paths.identity, identity);
  if (!flags.quiet) needs.print(`Joined ${hub} as "${identity.device}"; now start the agent: npm run agent -- run`);
};

/** A damaged file is no reason to refuse: joining mends it. */
const isJoined = (path: string): boolean => {
  try {
    return readIdentity(path) !== null;
  } catch {
    return false;
  }
};

const optional = (name: string, value: Flag): string | null => {
  if (value === true || value === '') throw new AppError('bad_request', `--${name} needs a value after it`, { path: name });
  return value ?? null;
};

const needed = (name: string, value: Flag): string => {
  const text = optional(name, value);
  if (text !== null) return text;
  throw new AppError('bad_request', `--${name} is missing; "muster-hub invite" prints the whole command`, { path: name });
};

export const settingsVerb = ({ listed, paths }: VerbCall, print: Print): void => {
  const width = Math.max(...listed.map(({ name }) => name.length));
  for (const { name, value, origin, secret, help } of listed) {
    const shown = secret && origin !== 'default' ? '•••' : JSON.stringify(value);
    print(`${name.padEnd(width)}  ${shown}  (${origin}; ${help})`);
  }
  print(`file: ${paths.settings}`);
};

export interface ProbeVerbNeeds {
  settings: Pick<AgentSettings, 'skip_probes' | 'probe_settings'>;
  probes: ReadonlyMap<string, ProbeDeclaration>;
  host: Host;
  clock: Clock;
  print: Print;
}

/** Between the two reads: rates need a before and an after. */
const APART_MS = 1_000;
/** What was read first is still shown when the slowest probe has answered. */
const FRESH_MS = 60_000;

/** One report for a person; every silent probe is named with its reason. */
export const probeVerb = async ({ settings, probes, host, clock, print }: ProbeVerbNeeds): Promise<void> => {
  const series = createSeriesTable(clock);
  const read = probesToRead(probes, settings).map((probe) => ({ ...probe, every: APART_MS }));
  const runner = createRunner(
    { probes: read, host, clock, log: silentLog, series },
    { interval_ms: FRESH_MS, patience_ms: 6_000 },
  );
  await runner.cycle();
  await new Promise<void>((resolve) => clock.after(APART_MS, resolve));
  await runner.cycle();
  printSeries(series, print);
  for (const { title, state, silent } of runner.states()) {
    if (state === 'absent') print(`${title}: ${silent ?? 'not on this machine'}`);
    else if (state !== 'ok') print(`${title}: ${state === 'hung' ? 'does not answer' : 'could not be read'}`);
  }
  runner.stop();
};

const printSeries = (series: ReturnType<typeof createSeriesTable>, print: Print): void => {
  const { columns, values } = series.row();
  const list = series.lists().get(columns) ?? [];
  const width = Math.max(0, ...list.map((key) => key.length));
  for (const [index, key] of list.entries()) {
    if (key.startsWith('muster.agent.')) continue;
    const { unit } = series.declaration(key.split('{')[0] ?? key);
    print(`${key.padEnd(width)}  ${values[index] ?? '-'}${unit === '1' ? '' : ` ${unit}`}`);
  }
};
