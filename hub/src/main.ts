/** The program `muster-hub`: one verb per line of the help; `serve` is the hub itself. */
import { asAppError } from '@muster/shared/errors';
import { parseArguments } from '@muster/shared/settings';
import { BARE_FLAGS } from './config.js';

export interface Call {
  words: string[];
  flags: Record<string, string | true>;
  env: Record<string, string | undefined>;
  print: (line: string) => void;
}

const HELP = `muster-hub <verb> [--setting value …]

  serve                              run the hub (what npm start does)
  invite [--device ID] [--uses N] [--ttl SECONDS] [--carries A,B]
                                     print the command that joins a machine
  token add|list|remove …            API tokens (--title T --role viewer|operator|admin)
  user add|list|remove …             people who may sign in (add NAME --role …; the password is read from standard input)
  backup FILE                        a consistent copy of the database, also while the hub runs
  restore FILE                       put a backup in place (the hub must not run)
  check                              look for damage in the database
  settings                           every setting, its value and where it comes from`;

type Verb = (call: Call) => Promise<void>;

/** Each loads what it needs only: a hub that starts has its storage thread at work before the rest of it is read. */
const VERBS: Record<string, () => Promise<Verb>> = {
  serve: async () => (await import('./verbs/serve.js')).serve,
  invite: async () => (await import('./verbs/people.js')).invite,
  token: async () => (await import('./verbs/people.js')).token,
  user: async () => (await import('./verbs/people.js')).user,
  backup: async () => (await import('./verbs/files.js')).backup,
  restore: async () => (await import('./verbs/files.js')).restore,
  check: async () => (await import('./verbs/files.js')).check,
  settings: async () => (await import('./verbs/settings.js')).settings,
};

const main = async (argv: readonly string[]) => {
  const { flags, words } = parseArguments(argv, BARE_FLAGS);
  const [verb = 'help', ...rest] = words;
  const print = (line: string) => void process.stdout.write(`${line}\n`);
  const load = VERBS[verb];
  if (verb === 'help' || flags['help']) return print(HELP);
  if (!load) throw new Error(`"${verb}" is not a verb of muster-hub; "muster-hub help" lists them`);
  const run = await load();
  await run({ words: rest, flags, env: process.env, print });
};

main(process.argv.slice(2)).catch((error: unknown) => {
  const { message, details } = asAppError(error);
  process.stderr.write(`${message}${details.hint ? ` (${details.hint})` : ''}\n`);
  process.exit(1);
});
