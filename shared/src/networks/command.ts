import { isAbsolute } from 'node:path';
import * as v from 'valibot';
import { AppError } from '../errors.js';
import { type LosslessJson, NumberText, parseLossless } from '../lossless.js';
import { defineNetwork, type NetworkCall } from '../network.js';
import { secret } from '../schema.js';
import {
  declarationsOf,
  knowsItsEpoch,
  knowsItsToken,
  networkName,
  pickEntries,
  pickReadings,
  pickSamples,
  picksSomething,
} from './lib/json-pick.js';

/** A program of the machine that prints JSON, or one number. Only an agent's own settings file names one: nothing from afar may. */
const program = v.pipe(
  v.string(),
  v.check(
    (text) => isAbsolute(text) || /^[A-Za-z0-9][A-Za-z0-9._+-]*$/.test(text),
    'must be an absolute path, or the name of a program in the system folders; no shell reads it, so arguments go into "args"',
  ),
);

const config = v.pipe(
  v.object({
    ...pickEntries,
    name: networkName('command'),
    program,
    args: v.optional(v.pipe(v.array(secret()), v.maxLength(50)), []),
    /** An agent gives a source 15 s. */
    timeout_ms: v.optional(v.pipe(v.number(), v.integer(), v.minValue(100), v.maxValue(14_000)), 10_000),
  }),
  // One number alone is found as "value".
  v.transform((c) => (c.extract === undefined && c.token !== undefined ? { ...c, extract: 'value' } : c)),
  v.check((c) => picksSomething(c), 'needs "token" (for an amount) or "metrics"'),
  v.check((c) => knowsItsToken(c), 'an amount needs "token", "decimals" and "account"'),
  v.check((c) => knowsItsEpoch(c), '"resets": "at_restart" needs "epoch", the path to its start time'),
);
type Config = v.InferOutput<typeof config>;

export default defineNetwork({
  id: 'command',
  title: 'Program',
  docs: 'https://nodejs.org/api/child_process.html#child_processexecfilefile-args-options-callback',
  tokens: {},
  config,
  metrics: {},
  configured: (c) => ({ network: c.name, metrics: declarationsOf(c.metrics) }),
  every: 300_000,
  expects: { cadence: 86_400_000, silence_is_normal_for: 86_400_000 },
  async onDevice(call) {
    const json = jsonIn(await outputOf(call));
    return { samples: pickSamples(json, call.config, call.now), readings: pickReadings(json, call.config) };
  },
});

const outputOf = async ({ config: c, host }: NetworkCall<Config>): Promise<string> => {
  const ended = await host?.run(c.program, c.args, c.timeout_ms);
  if (!ended) {
    const why = `is not an executable on this machine, did not end within ${c.timeout_ms} ms or printed more than 1 MB`;
    throw new AppError('unreachable', `${c.program} ${why}`);
  }
  if (ended.code !== 0) {
    const said = firstLine(ended.stderr ?? '', c.args);
    throw new AppError('bad_reply', `${c.program} ended with exit code ${ended.code}${said && `: ${said}`}`, {
      exit: ended.code,
    });
  }
  return ended.text.trim();
};

/** JSON as it is; any other text, a number first of all, as `{value}`; nothing as nothing. */
const jsonIn = (text: string): LosslessJson => {
  if (text === '') return {};
  if (/^[[{]/.test(text)) return parseLossless(text);
  if (/[\r\n]/.test(text)) throw new AppError('bad_reply', 'The program printed several lines that are not JSON');
  const value = /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(text) ? new NumberText(text) : text.replace(/^"(.*)"$/, '$1');
  return { value };
};

const MOST_CHARS = 200;
/** A shorter one would blank out ordinary words. */
const SECRET_CHARS = 4;
const LOOKS_SECRET: readonly (readonly [RegExp, string])[] = [
  [/\b(bearer|basic)\s+\S+/gi, '$1 ***'],
  [
    /\b([\w-]*(?:token|secret|passw(?:or)?d|passphrase|api[_-]?key|mnemonic|private[_-]?key|authorization)[\w-]*["']?\s*[=:]\s*)\S+/gi,
    '$1***',
  ],
  [/(:\/\/)[^\s/@]+@/g, '$1***@'],
  [/(https?:\/\/[^\s?#]+)[?#]\S*/gi, '$1?***'],
  [/\b(?=[\w+/=-]*\d)[\w+/=-]{24,}/g, '***'],
];

/** What a program says of its failure, without what it was given or what looks like a key. */
const firstLine = (text: string, args: readonly string[]): string => {
  const line = text.split(/[\r\n]+/).find((one) => one.trim() !== '') ?? '';
  const given = args.flatMap((arg) => (arg.startsWith('-') ? arg.split('=').slice(1) : [arg]));
  const longest = given.filter((arg) => arg.length >= SECRET_CHARS).sort((a, b) => b.length - a.length);
  const without = longest.reduce((shown, arg) => shown.replaceAll(arg, '***'), line.slice(0, 4_000));
  const clean = LOOKS_SECRET.reduce((shown, [pattern, put]) => shown.replace(pattern, put), without);
  // What a terminal would act on.
  return clean
    .replace(/\p{Cc}/gu, ' ')
    .trim()
    .slice(0, MOST_CHARS);
};
