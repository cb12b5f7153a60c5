import { AppError } from '@muster/shared/errors';
import { check } from '@muster/shared/schema';
import { deviceId } from '@muster/shared/wire/messages';
import * as v from 'valibot';
import type { RuleSetting } from '../parts.js';
import { requireVersion } from '../shelf.js';
import type { Json, Recovered, Writer } from '../store/store.js';
import type { RuleDeclaration } from './rule.js';

const COLLECTION = 'rules';
const KEY = 'settings';
/** Settings are judged per report: enough for any fleet, few enough to stay cheap. */
const MOST = 500;

const text = (max: number) => v.pipe(v.string(), v.minLength(1, 'must not be empty'), v.maxLength(max));
const parts = [
  v.strictObject({ device: deviceId }),
  v.strictObject({ site: text(80) }),
  v.strictObject({ tag: text(80) }),
  v.strictObject({ kind: text(80) }),
  v.strictObject({ network: text(80) }),
] as const;
const scope = v.union(
  [...parts, v.strictObject({ all: v.literal(true) })],
  'must be {"all": true}, {"network": "…"}, {"kind": "…"}, {"tag": "…"}, {"site": "…"} or {"device": "…"}',
);
const exempt = v.union(parts, 'must be {"network": "…"}, {"kind": "…"}, {"tag": "…"}, {"site": "…"} or {"device": "…"}');
/** More are better told by a tag. */
const MOST_EXEMPT = 100;
const setting = v.object({
  id: v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, 'must be 1-63 of a-z, 0-9, _ and -')),
  rule: v.string(),
  title: text(200),
  enabled: v.boolean(),
  severity: v.picklist(['critical', 'warning', 'info'], 'must be critical, warning or info'),
  scope,
  except: v.optional(
    v.pipe(v.array(exempt), v.maxLength(MOST_EXEMPT, `at most ${MOST_EXEMPT} may be left out: give them a tag`)),
  ),
  config: v.unknown(),
});
const settings = v.pipe(v.array(setting), v.maxLength(MOST, `at most ${MOST} rules are allowed`));

type Declarations = ReadonlyMap<string, RuleDeclaration>;

/** The settings with their configs as the schemas give them; throws `bad_request` naming the field, such as `2.config.metric`. */
export const checkRules = (input: unknown, declarations: Declarations): RuleSetting[] => {
  const list = check(settings, input, 'The rules');
  const seen = new Set<string>();
  return list.map((one, index) => {
    if (seen.has(one.id)) throw new AppError('bad_request', `Two rules have the id "${one.id}"`, { path: `${index}.id` });
    seen.add(one.id);
    return { ...one, config: checkConfig(one, index, declarations) };
  });
};

const checkConfig = (one: v.InferOutput<typeof setting>, index: number, declarations: Declarations): Json => {
  const declaration = declarations.get(one.rule);
  if (!declaration) {
    const known = [...declarations.keys()].join(', ');
    throw new AppError('bad_request', `Rule "${one.id}": there is no rule "${one.rule}"; known are ${known}`, {
      path: `${index}.rule`,
    });
  }
  try {
    return check(declaration.config, one.config, `Rule "${one.id}"`) as Json;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const inner = error.details.path ? `.${error.details.path}` : '';
    throw new AppError(error.code, error.message, { path: `${index}.config${inner}` }, { cause: error });
  }
};

export interface RuleBook {
  all(): RuleSetting[];
  /** Checks, stores, then holds them; refused with `conflict` where the version is not that of the newest. */
  set(rules: unknown, version?: string): Promise<RuleSetting[]>;
  /** Stores the defaults of rules that were never offered before; an operator's deletion lasts. */
  offer(): void;
}

interface Kept {
  offered: string[];
  settings: RuleSetting[];
}

export const createRuleBook = (writer: Writer, declarations: Declarations, documents: Recovered['documents']): RuleBook => {
  let kept: Kept = { offered: [], settings: [] };
  const found = documents.find(({ collection, key }) => collection === COLLECTION && key === KEY);
  if (found) kept = current(found.value as unknown as Kept, declarations);

  const change = (next: Kept) =>
    ({ kind: 'document', collection: COLLECTION, key: KEY, value: next as unknown as Json }) as const;
  const fresh = [...declarations.values()].filter(({ id }) => !kept.offered.includes(id));
  const stored = kept;
  kept = {
    offered: [...kept.offered, ...fresh.map(({ id }) => id)],
    settings: [...kept.settings, ...fresh.flatMap(defaultOf).filter(({ id }) => !stored.settings.some((one) => one.id === id))],
  };
  /** The newest that is being written. */
  let newest = kept;
  return {
    all: () => kept.settings,
    async set(rules, version) {
      requireVersion('The rules', newest.settings, version);
      const next = { ...kept, settings: checkRules(rules, declarations) };
      newest = next;
      try {
        await writer.write([change(next)]);
        kept = next;
      } finally {
        if (newest === next) newest = kept;
      }
      return next.settings;
    },
    offer() {
      if (fresh.length > 0) writer.queue([change(kept)], { bytes: 1_000 });
    },
  };
};

/** What an older hub stored lacks the fields that came since: they get their defaults. What no longer fits stays as it is. */
const current = (kept: Kept, declarations: Declarations): Kept => ({
  ...kept,
  settings: kept.settings.map((one) => {
    const declaration = declarations.get(one.rule);
    const config = declaration && v.safeParse(declaration.config, one.config);
    return config?.success ? { ...one, config: config.output as Json } : one;
  }),
});

export const defaultOf = (declaration: RuleDeclaration): RuleSetting[] => {
  const { id, title, severity, default_config } = declaration;
  if (default_config === null) return [];
  return [{ id, rule: id, title, enabled: true, severity, scope: { all: true }, config: default_config as Json }];
};
