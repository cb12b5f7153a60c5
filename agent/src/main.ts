import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSystemClock } from '@muster/shared/clock';
import { AppError, asAppError } from '@muster/shared/errors';
import { createGrpc } from '@muster/shared/grpc';
import { createHttp } from '@muster/shared/http';
import { createLog } from '@muster/shared/log';
import { loadNetworks } from '@muster/shared/network-plugins';
import { loadPlugins } from '@muster/shared/plugins';
import { parseArguments } from '@muster/shared/settings';
import { createAgent } from './agent.js';
import { type AgentSettings, loadAgentSettings } from './config.js';
import { createHost } from './host.js';
import { readIdentity } from './identity.js';
import { doctorVerb } from './install/doctor-verb.js';
import { noteRunning } from './install/running.js';
import { type InstallFlags, installVerb, type UninstallFlags, uninstallVerb } from './install/verbs.js';
import { createWatchdog } from './install/watchdog.js';
import { createInventory, plainFacts } from './inventory.js';
import { openLink } from './link.js';
import type { ProbeDeclaration } from './probe.js';
import { createSourceMemories } from './source-memories.js';
import { HELP, type JoinFlags, joinVerb, probeVerb, settingsVerb, type VerbCall } from './verbs.js';

/** The program `muster-agent`. */
const loadProbes = (): Promise<Map<string, ProbeDeclaration>> => loadPlugins(new URL('./probes/', import.meta.url));

const version = (): string => JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version;

const logOf = ({ log, log_level }: AgentSettings) =>
  createLog({
    format: log as 'text' | 'json',
    level: log_level as 'info',
    write: (line) => process.stdout.write(line),
    now: Date.now,
  });

const run = async ({ settings, paths }: VerbCall): Promise<void> => {
  const ending = told();
  const identity = readIdentity(paths.identity);
  if (!identity) {
    throw new AppError('not_found', `This machine has not joined a hub (no ${paths.identity})`, {
      hint: 'On the hub run "muster-hub invite", then type here the command that it prints',
    });
  }
  const log = logOf(settings);
  // Whoever read the log may be gone; the agent goes on.
  process.stdout.on('error', () => {});
  const clock = createSystemClock();
  const host = createHost({ clock });
  const agent = createAgent(
    {
      identity,
      probes: await loadProbes(),
      networks: await loadNetworks(),
      host,
      http: createHttp(),
      grpc: createGrpc(),
      memories: createSourceMemories(join(paths.folder, 'sources')),
      clock,
      log,
      open: openLink,
      inventory: createInventory(log),
      version: version(),
      random: Math.random,
      randomBytes,
      // systemd-timesyncd leaves this mark; without it the hub is asked.
      synchronised: () => existsSync('/run/systemd/timesync/synchronized'),
      memory_bytes: process.memoryUsage.rss,
    },
    settings,
  );
  const forget = noteRunning(paths.folder);
  const watchdog = createWatchdog({ clock, env: process.env });
  agent.start();
  log.info('Muster agent started', { device: identity.device, hub: identity.address, boot: agent.boot, pid: process.pid });
  log.info('Muster agent stops', { why: await ending });
  watchdog.stop();
  await agent.stop();
  host.stop();
  forget();
  log.info('Muster agent stopped');
};

/** Why the agent is to end: a signal, or whoever started it with a channel is gone. */
const told = (): Promise<string> =>
  new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.once(signal, () => resolve(signal));
    if (process.channel) process.once('disconnect', () => resolve('its parent is gone'));
  });

const probe = async ({ settings }: VerbCall): Promise<void> => {
  const clock = createSystemClock();
  const host = createHost({ clock });
  await probeVerb({ settings, probes: await loadProbes(), host, clock, print });
  host.stop();
};

/** Flags of single verbs; every other flag is a setting. */
const VERB_FLAGS: Record<string, readonly string[]> = {
  join: ['force', 'quiet', 'hub', 'token', 'pin', 'device', 'name'],
  install: ['user', 'prefix', 'root', 'print', 'docker'],
  uninstall: ['prefix', 'root', 'print', 'keep-data'],
  doctor: ['json', 'login'],
};
const BARE_FLAGS = new Set(['force', 'help', 'quiet', 'print', 'docker', 'keep-data', 'json', 'login']);

type Flags = Record<string, string | true>;

const ownerOf = (flag: string): string | undefined => Object.keys(VERB_FLAGS).find((verb) => VERB_FLAGS[verb]?.includes(flag));

const splitFlags = (verb: string, flags: Flags): { own: Partial<Flags>; rest: Flags } => {
  const mine = VERB_FLAGS[verb] ?? [];
  const stray = Object.keys(flags).find((flag) => !mine.includes(flag) && ownerOf(flag) !== undefined);
  if (stray !== undefined) throw new AppError('bad_request', `--${stray} belongs to "muster-agent ${ownerOf(stray)}"`);
  const entries = Object.entries(flags);
  return {
    own: Object.fromEntries(entries.filter(([name]) => mine.includes(name))),
    rest: Object.fromEntries(entries.filter(([name]) => !mine.includes(name))),
  };
};

const doctor = async ({ paths }: VerbCall, { json, login }: Partial<Flags>): Promise<void> => {
  const healthy = await doctorVerb(paths, { json: json === true, login: login === true, print });
  if (!healthy) process.exitCode = 1;
};

const around = () => ({
  print,
  uid: process.getuid?.() ?? null,
  node: process.execPath,
  command: [process.execPath, ...process.execArgv, ...process.argv.slice(1)],
  cwd: process.env['INIT_CWD'] ?? process.cwd(),
});

const print = (text: string) => process.stdout.write(`${text}\n`);

const main = async (argv: readonly string[]): Promise<void> => {
  const { words, flags } = parseArguments(argv, BARE_FLAGS);
  const [verb = 'help', stray] = words;
  if (verb === 'help' || flags['help']) return void print(HELP);
  if (stray !== undefined)
    throw new AppError('bad_request', `"${stray}" is one word too many; "muster-agent help" shows the verbs`);
  const { own, rest } = splitFlags(verb, flags);
  const { values, listed, paths } = loadAgentSettings(rest, process.env, process.cwd());
  const call = { settings: values, listed, paths };
  if (verb === 'run') await run(call);
  else if (verb === 'join') await joinVerb(call, own as JoinFlags, { about: plainFacts(), print });
  else if (verb === 'probe') await probe(call);
  else if (verb === 'doctor') await doctor(call, own);
  else if (verb === 'install') installVerb(call, own as InstallFlags, around());
  else if (verb === 'uninstall') uninstallVerb(own as UninstallFlags, around());
  else if (verb === 'settings') settingsVerb(call, print);
  else throw new AppError('bad_request', `"${verb}" is not a verb; "muster-agent help" shows them`);
};

main(process.argv.slice(2)).then(
  // A probe that hangs must not keep a stopped agent alive.
  () => process.exit(process.exitCode ?? 0),
  (thrown: unknown) => {
    const error = asAppError(thrown);
    const hint = error.details.hint ? `\n  ${error.details.hint}` : '';
    process.stderr.write(`muster-agent: ${error.message}${hint}\n`);
    if (error.code === 'internal' && error.cause instanceof Error) process.stderr.write(`${error.cause.stack}\n`);
    process.exit(1);
  },
);
