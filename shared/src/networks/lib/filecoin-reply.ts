import { AppError } from '../../errors.js';
import { type LosslessJson, NumberText } from '../../lossless.js';
import { parseBaseUnits } from '../../money.js';

/** What Lotus replies hold: fields by path, amounts as decimal strings, RLE+ bit fields, tipsets. */
export type Answer = LosslessJson | AppError | undefined;

/** The value at `A.B.C`; undefined where the call failed or anything on the way is missing. */
export const at = (answer: Answer, path = ''): LosslessJson | undefined => {
  if (answer === undefined || answer instanceof AppError) return undefined;
  let node: LosslessJson | undefined = answer;
  for (const key of path === '' ? [] : path.split('.')) {
    if (typeof node !== 'object' || node === null || Array.isArray(node) || node instanceof NumberText) return undefined;
    node = node[key];
  }
  return node;
};

export const wholeAt = (answer: Answer, path = ''): number | null => {
  const node = at(answer, path);
  const value = node instanceof NumberText ? Number(node.text) : Number.NaN;
  return Number.isSafeInteger(value) ? value : null;
};

export const textAt = (answer: Answer, path = ''): string | null => {
  const node = at(answer, path);
  return typeof node === 'string' && node !== '' ? node : null;
};

export const listAt = (answer: Answer, path = ''): LosslessJson[] | null => {
  const node = at(answer, path);
  return Array.isArray(node) ? node : null;
};

/** An amount or a byte count; null where there is none. A bare number is taken by its digits. */
export const amountAt = (answer: Answer, path = ''): bigint | null => {
  const node = at(answer, path);
  const text = node instanceof NumberText ? node.text : typeof node === 'string' ? node : null;
  return text !== null && /^-?\d{1,78}$/.test(text) ? BigInt(text) : null;
};

/** The same where nothing can go on without it. */
export const needAmount = (answer: Answer, path: string): bigint => {
  if (answer instanceof AppError) throw answer;
  const node = at(answer, path);
  if (typeof node === 'string') return parseBaseUnits(node);
  throw new AppError('bad_reply', `The node's answer holds no amount at "${path}"`);
};

/** The set bits of an RLE+ field: run lengths in turn, beginning with zeros. Null where it is no such field or absurdly long. */
export const bitsOf = (node: LosslessJson | undefined): number[] | null => {
  const runs = runsOf(node);
  if (!runs || runs.reduce((sum, run, index) => sum + (index % 2 === 1 ? run : 0), 0) > 100_000) return null;
  const bits: number[] = [];
  let position = 0;
  runs.forEach((run, index) => {
    for (let offset = 0; index % 2 === 1 && offset < run; offset++) bits.push(position + offset);
    position += run;
  });
  return bits;
};

/** How many bits are set: the sum of every second run. */
export const countBits = (node: LosslessJson | undefined): number | null =>
  runsOf(node)?.reduce((sum, run, index) => sum + (index % 2 === 1 ? run : 0), 0) ?? null;

const runsOf = (node: LosslessJson | undefined): number[] | null => {
  if (node === null) return [];
  if (!Array.isArray(node)) return null;
  const runs = node.map((one) => (one instanceof NumberText ? Number(one.text) : Number.NaN));
  return runs.every((run) => Number.isSafeInteger(run) && run >= 0) ? runs : null;
};

export interface Tipset {
  height: number;
  /** Milliseconds since 1970. */
  ts: number;
  key: string[];
  parents: string[];
  base_fee: bigint | null;
  blocks: { cid: string; miner: string; wins: number }[];
}

/** A tipset; throws `bad_reply` where it is half of one. */
export const tipsetOf = (answer: Answer): Tipset => {
  if (answer instanceof AppError) throw answer;
  const height = wholeAt(answer, 'Height');
  const key = cidsOf(at(answer, 'Cids'));
  const blocks = listAt(answer, 'Blocks') ?? [];
  const [first] = blocks;
  const seconds = wholeAt(first, 'Timestamp');
  if (height === null || seconds === null || !first || !key || key.length !== blocks.length)
    throw new AppError('bad_reply', 'The node answered half a tipset; is it still starting?');
  return {
    ...{ height, key, ts: seconds * 1_000 },
    parents: cidsOf(at(first, 'Parents')) ?? [],
    base_fee: amountAt(first, 'ParentBaseFee'),
    blocks: blocks.map((block, index) => ({
      cid: key[index] ?? '',
      miner: textAt(block, 'Miner') ?? '',
      wins: wholeAt(block, 'ElectionProof.WinCount') ?? 0,
    })),
  };
};

const cidsOf = (node: LosslessJson | undefined): string[] | null => {
  if (node === null) return [];
  if (!Array.isArray(node)) return null;
  const cids = node.map((one) => textAt(one, '/'));
  return cids.every((cid) => cid !== null) ? cids : null;
};

/** A tipset key as a parameter. */
export const keyParam = (key: readonly string[]): { '/': string }[] => key.map((cid) => ({ '/': cid }));
