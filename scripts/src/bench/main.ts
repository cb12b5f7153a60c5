/** `npm run bench [-- name] [--json]`: runs one bench, or lists them. A bench is a file of this folder that exports `title` and `run`. */
import { readdirSync } from 'node:fs';
import { AppError, asAppError } from '@muster/shared/errors';
import { parseArguments } from '@muster/shared/settings';
import { machineFacts } from './facts.js';

/** `flags`: what was typed behind the name; `print`: a line for people. */
export interface BenchOptions {
  flags: Readonly<Record<string, string | true>>;
  print(line: string): void;
}
/** The figures of DESIGN §5; with `--json` they are the last line. */
export type BenchFigures = Record<string, number | null>;

export interface Bench {
  title: string;
  run(options: BenchOptions): Promise<BenchFigures>;
}

const main = async (argv: readonly string[]) => {
  const { flags, words } = parseArguments(argv, new Set(['json']));
  const { json, ...rest } = flags;
  const benches = await findBenches();
  const [name] = words;
  if (name === undefined) return list(benches);
  const bench = benches.get(name);
  if (!bench) throw new AppError('bad_request', `"${name}" is no bench; there are ${[...benches.keys()].join(', ')}`);
  const print = (line: string) => void process.stdout.write(`${line}\n`);
  print(`${name}: ${bench.title}`);
  for (const line of machineFacts()) print(`  ${line}`);
  const figures = await bench.run({ flags: rest, print });
  for (const [key, value] of Object.entries(figures)) print(`${key}: ${value ?? '-'}`);
  if (json) print(JSON.stringify(figures));
};

const list = (benches: Map<string, Bench>) => {
  for (const [name, { title }] of benches) process.stdout.write(`${name.padEnd(10)} ${title}\n`);
  process.stdout.write('\nnpm run bench -- NAME [--json]\n');
};

const findBenches = async (): Promise<Map<string, Bench>> => {
  const here = new URL('./', import.meta.url);
  const files = readdirSync(here).filter((file) => /^[a-z-]+\.js$/.test(file) && file !== 'main.js');
  const found = new Map<string, Bench>();
  for (const file of files.sort()) {
    const module = (await import(new URL(file, here).href)) as Partial<Bench>;
    if (module.run && module.title) found.set(file.slice(0, -3), module as Bench);
  }
  return found;
};

main(process.argv.slice(2)).then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${asAppError(error).message}\n`);
    process.exit(1);
  },
);
