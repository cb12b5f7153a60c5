import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { uptime } from 'node:os';
import { join } from 'node:path';
import { createSystemClock } from '@muster/shared/clock';
import { AppError, asAppError } from '@muster/shared/errors';
import { createGrpc } from '@muster/shared/grpc';
import { createHttp } from '@muster/shared/http';
import { createLog } from '@muster/shared/log';
import { loadNamedNetworks } from '@muster/shared/network-plugins';
import { loadPlugins } from '@muster/shared/plugins';
import { parseArguments } from '@muster/shared/settings';
import { createAgent } from './agent.js';
import { type AgentSettings, loadAgentSettings } from './config.js';
import { createHost } from './host.js';
import { readIdentity } from './identity.js';
import type { InstallFlags, UninstallFlags } from './install/verbs.js';
import { createWatchdog } from './install/watchdog.js';
import { createInventory, plainFacts } from './inventory.js';
import { openLink } from './link.js';
import { createLinkNote } from './link-note.js';
import type { ProbeDeclaration } from './probe.js';
import { thisProcess } from './self/self.js';
import { createSourceMemories } from './source-memories.js';
import { createSpoolFiles } from './spool/files.js';
import { lockFolder } from './spool/lock.js';
import type { JoinFlags, VerbCall } from './verbs.js';

/** The program `muster-agent`. */
/** What the running agent does not need, it does not load. */
const loadVerbs = () => import('./verbs.js');
const loadInstall = () => import('./install/verbs.js');

const loadProbes = (): Promise<Map<string, ProbeDeclaration>> => loadPlugins(new URL('./probes/', import.meta.url));

const version = (): string => JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version;

const logOf = ({ log, log_level }: AgentSettings) =>
  createLog({
    format: log as 'text' | 'json',
    level: log_level as 'info',
    write: (line) => process.stdout.write(line),
    now: Date.now,
  });

/** Answers the exit code. */
const run = async ({ settings, paths }: VerbCall): Promise<number> => {
  const ending = createEnding();
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
      networks: await loadNamedNetworks(namedIn(settings)),
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
      process: thisProcess(),
      spool_files: createSpoolFiles(paths.spool),
      lock_spool: () => lockFolder(paths.spool),
      linked: createLinkNote(paths.folder, uptime),
      giveUp: ending.giveUp,
    },
    settings,
  );
  const watchdog = createWatchdog({ clock, env: process.env });
  agent.start();
  log.info('Muster agent started', { device: identity.device, hub: identity.address, boot: agent.boot, pid: process.pid });
  const { why, code } = await ending.over;
  log.info('Muster agent stops', { why });
  watchdog.stop();
  await agent.stop();
  host.stop();
  log.info('Muster agent stopped');
  return code;
};

const namedIn = ({ networks, carries }: AgentSettings): Set<string> =>
  new Set([...networks, ...carries.flatMap(({ sources }) => sources)].map(({ network }) => network));

/** EX_TEMPFAIL: nothing is wrong with the settings, a new start mends it. */
const START_ME_ANEW = 75;

interface Ending {
  over: Promise<{ why: string; code: number }>;
  giveUp(why: string): void;
}

/** Why the agent is to end: a signal, whoever started it with a channel is gone, or it gives up itself. */
const createEnding = (): Ending => {
  let giveUp = (_why: string) => {};
  const over = new Promise<{ why: string; code: number }>((resolve) => {
    giveUp = (why) => resolve({ why, code: START_ME_ANEW });
    for (const why of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.once(why, () => resolve({ why, code: 0 }));
    if (process.channel) process.once('disconnect', () => resolve({ why: 'its parent is gone', code: 0 }));
  });
  return { over, giveUp };
};

const probe = async ({ settings }: VerbCall): Promise<void> => {
  const clock = createSystemClock();
  const host = createHost({ clock });
  const { probeVerb } = await loadVerbs();
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

const doctor = async ({ paths }: VerbCall, { json, login }: Partial<Flags>): Promise<number> => {
  const { doctorVerb } = await import('./install/doctor-verb.js');
  return (await doctorVerb(paths, { json: json === true, login: login === true, print })) ? 0 : 1;
};

const around = () => ({
  print,
  uid: process.getuid?.() ?? null,
  node: process.execPath,
  command: [process.execPath, ...process.execArgv, ...process.argv.slice(1)],
  cwd: process.env['INIT_CWD'] ?? process.cwd(),
});

const print = (text: string) => process.stdout.write(`${text}\n`);

const main = async (argv: readonly string[]): Promise<number> => {
  const { words, flags } = parseArguments(argv, BARE_FLAGS);
  const [verb = 'help', stray] = words;
  if (verb === 'help' || flags['help']) {
    print((await loadVerbs()).HELP);
    return 0;
  }
  if (stray !== undefined)
    throw new AppError('bad_request', `"${stray}" is one word too many; "muster-agent help" shows the verbs`);
  const { own, rest } = splitFlags(verb, flags);
  const { values, listed, paths } = loadAgentSettings(rest, process.env, process.cwd());
  const call = { settings: values, listed, paths };
  if (verb === 'run') return run(call);
  if (verb === 'doctor') return doctor(call, own);
  const { joinVerb, settingsVerb } = await loadVerbs();
  if (verb === 'join') await joinVerb(call, own as JoinFlags, { about: plainFacts(), print });
  else if (verb === 'probe') await probe(call);
  else if (verb === 'install') (await loadInstall()).installVerb(call, own as InstallFlags, around());
  else if (verb === 'uninstall') (await loadInstall()).uninstallVerb(own as UninstallFlags, around());
  else if (verb === 'settings') settingsVerb(call, print);
  else throw new AppError('bad_request', `"${verb}" is not a verb; "muster-agent help" shows them`);
  return 0;
};

main(process.argv.slice(2)).then(
  // A probe that hangs must not keep a stopped agent alive.
  (code) => process.exit(code),
  (thrown: unknown) => {
    const error = asAppError(thrown);
    const hint = error.details.hint ? `\n  ${error.details.hint}` : '';
    process.stderr.write(`muster-agent: ${error.message}${hint}\n`);
    if (error.code === 'internal' && error.cause instanceof Error) process.stderr.write(`${error.cause.stack}\n`);
    process.exit(1);
  },
);
