/** Secrets in a configuration, found by its schema wherever they stand: masked for who reads, kept for who leaves them out. */
import { AppError } from '@muster/shared/errors';
import * as v from 'valibot';
import type { HubSourceSetting } from './parts.js';

export type Config = HubSourceSetting['config'];

/** Stands for a secret in every reply; sent back, it means "as it is". */
export const MASK = '********';

type Leaf = 'secret' | 'address' | 'plain';

/** A schema as far as a walk needs it. */
interface Node {
  type: string;
  pipe?: readonly { type?: string; metadata?: { secret?: unknown }; pipe?: Node['pipe'] | undefined }[] | undefined;
  entries?: Record<string, Node>;
  rest?: Node;
  wrapped?: Node;
  item?: Node;
  items?: readonly Node[];
  value?: Node;
  /** Schemas, or the values of a picklist. */
  options?: readonly unknown[];
  getter?: (input: unknown) => Node;
}
const nodeOf = (schema: v.GenericSchema): Node => schema as unknown as Node;

/** Recursive schemas end with the value; this ends one that describes itself by itself alone. */
const DEEPEST = 32;

type Visit = (leaf: Leaf, value: unknown, path: string) => unknown;

interface Place {
  path: string;
  depth: number;
}
const below = ({ path, depth }: Place, name: string | number): Place => ({ path: `${path}/${name}`, depth: depth + 1 });

/** The value with every leaf as `visit` gives it; fields that the schema does not know are left out. */
const mapped = (node: Node, value: unknown, call: { visit: Visit } & Place): unknown => {
  const { visit, path, depth } = call;
  const into = (child: Node, inner: unknown, name: string | number) => mapped(child, inner, { visit, ...below(call, name) });
  const leaf = leafOf(node);
  if (leaf !== 'plain' || value === undefined || value === null || depth > DEEPEST) return visit(leaf, value, path);
  const same = { visit, path, depth: depth + 1 };
  if (node.wrapped) return mapped(node.wrapped, value, same);
  if (node.getter) return mapped(node.getter(value), value, same);
  const options = optionsOf(node);
  if (options) return optionFor(options, value, (option, inner) => mapped(option, inner, same));
  if (Array.isArray(value)) return value.map((one, at) => into(node.item ?? node.items?.[at] ?? ANY, one, at));
  if (typeof value !== 'object' || !(node.entries || node.value)) return visit('plain', value, path);
  const known = Object.entries(value).flatMap(([name, inner]) => {
    const child = childOf(node, name);
    return child ? [[name, into(child, inner, name)] as const] : [];
  });
  return Object.fromEntries(known.filter(([, inner]) => inner !== undefined));
};

const optionsOf = ({ type, options }: Node): readonly Node[] | undefined =>
  type === 'union' || type === 'variant' ? (options as readonly Node[]) : undefined;

const ANY: Node = { type: 'unknown' };

const childOf = (node: Node, name: string): Node | undefined => {
  if (node.entries && Object.hasOwn(node.entries, name)) return node.entries[name];
  return node.value ?? node.rest ?? (node.type === 'loose_object' ? ANY : undefined);
};

/** The first that the value fits; where it fits none (a secret is missing), each in turn, so that no secret slips through. */
const optionFor = (options: readonly Node[], value: unknown, map: (option: Node, value: unknown) => unknown): unknown => {
  const fitting = options.find((option) => v.safeParse(option as unknown as v.GenericSchema, value).success);
  return fitting ? map(fitting, value) : options.reduce((inner, option) => map(option, inner), value);
};

const leafOf = ({ pipe = [] }: Pick<Node, 'pipe'>): Leaf => {
  if (pipe.some((step) => step.metadata?.secret === true || (step.pipe && leafOf(step) === 'secret'))) return 'secret';
  return pipe.some((step) => step.type === 'url' || (step.pipe && leafOf(step) === 'address')) ? 'address' : 'plain';
};

const walk = (schema: v.GenericSchema, value: unknown, visit: Visit): unknown =>
  mapped(nodeOf(schema), value, { visit, path: '', depth: 0 });

const collect = (schema: v.GenericSchema, value: unknown, wanted: Leaf): [path: string, text: string][] => {
  const found: [string, string][] = [];
  walk(schema, value, (leaf, inner, path) => {
    if (leaf === wanted && typeof inner === 'string') found.push([path, inner]);
    return inner;
  });
  return found;
};

export const masked = (schema: v.GenericSchema, config: Config): Config =>
  walk(schema, config, (leaf, value) => (leaf === 'secret' && value !== undefined ? MASK : value)) as Config;

export const secretsIn = (schema: v.GenericSchema, config: unknown): string[] =>
  collect(schema, config, 'secret').map(([, text]) => text);

const addressesOf = (schema: v.GenericSchema, config: unknown): string => {
  const checked = v.safeParse(schema, config);
  return JSON.stringify(checked.success ? collect(schema, checked.output, 'address') : null);
};

/**
 * What is to be kept: the new configuration with the secrets of the old one where they were left out or came masked. A secret
 * goes only where it has been going: with another address it must be given again.
 */
export const withKeptSecrets = (schema: v.GenericSchema, given: Config, stored: Config | null): Config => {
  const kept: string[] = [];
  const merged = merge({ node: nodeOf(schema), given, stored: stored ?? undefined, kept, path: '', depth: 0 });
  const config = walk(schema, merged, (_leaf, value) => value) as Config;
  const moved = stored !== null && addressesOf(schema, config) !== addressesOf(schema, stored);
  if (kept.length > 0 && moved) throw mustBeGiven(kept);
  const hollow = collect(schema, config, 'secret').filter(([, text]) => text === MASK);
  if (hollow.length > 0) throw mustBeGiven(hollow.map(([path]) => path));
  return config;
};

const mustBeGiven = (paths: readonly string[]): AppError => {
  const names = paths.map((path) => path.replace(/^\//, '').replaceAll('/', '.')).join(', ');
  const sentence = `The secrets must be given again (${names}): a stored secret goes to no other address`;
  return new AppError('bad_request', sentence, { path: 'config' });
};

interface Merging extends Place {
  node: Node;
  given: unknown;
  stored: unknown;
  /** Paths of what was kept. */
  kept: string[];
}

const merge = (call: Merging): unknown => {
  const { node, given, stored, kept, path, depth } = call;
  if (depth > DEEPEST) return given;
  if (leafOf(node) === 'secret') {
    if ((given !== undefined && given !== MASK) || typeof stored !== 'string') return given === null ? undefined : given;
    kept.push(path);
    return stored;
  }
  if (given === undefined) {
    const secrets = stored === undefined ? [] : collect(node as unknown as v.GenericSchema, stored, 'secret');
    kept.push(...secrets.map(([inner]) => path + inner));
    return secrets.length > 0 ? stored : undefined;
  }
  const next = node.wrapped ?? node.getter?.(given);
  if (next) return merge({ ...call, node: next, depth: depth + 1 });
  const options = optionsOf(node);
  if (options) return mergeOption(options, call);
  if (Array.isArray(given)) return mergeList(node, given, call);
  if (isObject(given) && (node.entries || node.value)) return mergeFields(node, given, call);
  return given;
};

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const mergeFields = (node: Node, given: Record<string, unknown>, call: Merging): unknown => {
  const stored = isObject(call.stored) ? call.stored : {};
  const names = new Set([...Object.keys(node.entries ?? {}), ...Object.keys(given)]);
  const fields = [...names].map((name) => {
    const child = childOf(node, name) ?? ANY;
    const own = Object.hasOwn(given, name) ? given[name] : undefined;
    return [name, merge({ ...call, ...below(call, name), node: child, given: own, stored: stored[name] })] as const;
  });
  return Object.fromEntries(fields.filter(([, value]) => value !== undefined));
};

/** An item is the old one when all but its secrets is the same. */
const mergeList = (node: Node, given: readonly unknown[], call: Merging): unknown[] => {
  const old = Array.isArray(call.stored) ? call.stored : [];
  return given.map((one, at) => {
    const item = node.item ?? node.items?.[at] ?? ANY;
    const bare = (value: unknown) =>
      JSON.stringify(walk(item as unknown as v.GenericSchema, value, (leaf, inner) => (leaf === 'secret' ? undefined : inner))) ??
      '';
    const twin = [old[at], ...old].find((stored) => stored !== undefined && bare(stored) === bare(one));
    return merge({ ...call, ...below(call, at), node: item, given: one, stored: twin });
  });
};

const mergeOption = (options: readonly Node[], call: Merging): unknown => {
  for (const node of options) {
    const kept: string[] = [];
    const value = merge({ ...call, node, kept, depth: call.depth + 1 });
    if (!v.safeParse(node as unknown as v.GenericSchema, value).success) continue;
    call.kept.push(...kept);
    return value;
  }
  return call.given;
};

/** Shorter ones would black out ordinary words. */
const SHORTEST_SCRUBBED = 4;

/** Takes secrets out of what a source says of its failures: some services repeat them. */
export const createScrubber = (secrets: readonly string[]): ((text: string) => string) => {
  const forms = secrets.flatMap((one) => [one, encodeURIComponent(one), Buffer.from(one).toString('base64')]);
  const wanted = [...new Set(forms)].filter(({ length }) => length >= SHORTEST_SCRUBBED).sort((a, b) => b.length - a.length);
  return (text) => wanted.reduce((left, one) => left.replaceAll(one, MASK), text);
};
