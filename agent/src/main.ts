import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createSystemClock } from '@muster/shared/clock';
import { AppError, asAppError } from '@muster/shared/errors';
import { createHttp } from '@muster/shared/http';
import { createLog } from '@muster/shared/log';
import { loadNetworks } from '@muster/shared/network-plugins';
import { loadPlugins } from '@muster/shared/plugins';
import { parseArguments } from '@muster/shared/settings';
import { createAgent } from './agent.js';
import { type AgentSettings, loadAgentSettings } from './config.js';
import { createHost } from './host.js';
import { readIdentity } from './identity.js';
import { createInventory, plainFacts } from './inventory.js';
import { openLink } from './link.js';
import type { ProbeDeclaration } from './probe.js';
import { createSpoolFiles } from './spool/files.js';
import { lockFolder } from './spool/lock.js';
import { HELP, joinVerb, probeVerb, settingsVerb, type VerbCall } from './verbs.js';

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
      spool_files: createSpoolFiles(paths.spool),
      lock_spool: () => lockFolder(paths.spool),
    },
    settings,
  );
  agent.start();
  log.info('Muster agent started', { device: identity.device, hub: identity.address, boot: agent.boot, pid: process.pid });
  log.info('Muster agent stops', { why: await ending });
  await agent.stop();
  host.stop();
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

const print = (text: string) => process.stdout.write(`${text}\n`);

const main = async (argv: readonly string[]): Promise<void> => {
  const { words, flags } = parseArguments(argv, new Set(['force', 'help', 'quiet']));
  const [verb = 'help', stray] = words;
  if (verb === 'help' || flags['help']) return void print(HELP);
  if (stray !== undefined)
    throw new AppError('bad_request', `"${stray}" is one word too many; "muster-agent help" shows the verbs`);
  const { force, quiet, hub, token, pin, device, name, ...rest } = flags;
  const joining = { force, quiet, hub, token, pin, device, name };
  const strange = verb === 'join' ? undefined : Object.entries(joining).find(([, value]) => value !== undefined)?.[0];
  if (strange) throw new AppError('bad_request', `--${strange} belongs to "muster-agent join"`);
  const { values, listed, paths } = loadAgentSettings(rest, process.env, process.cwd());
  const call = { settings: values, listed, paths };
  if (verb === 'run') await run(call);
  else if (verb === 'join') await joinVerb(call, joining, { about: plainFacts(), print });
  else if (verb === 'probe') await probe(call);
  else if (verb === 'settings') settingsVerb(call, print);
  else throw new AppError('bad_request', `"${verb}" is not a verb; "muster-agent help" shows them`);
};

main(process.argv.slice(2)).then(
  // A probe that hangs must not keep a stopped agent alive.
  () => process.exit(0),
  (thrown: unknown) => {
    const error = asAppError(thrown);
    const hint = error.details.hint ? `\n  ${error.details.hint}` : '';
    process.stderr.write(`muster-agent: ${error.message}${hint}\n`);
    if (error.code === 'internal' && error.cause instanceof Error) process.stderr.write(`${error.cause.stack}\n`);
    process.exit(1);
  },
);
