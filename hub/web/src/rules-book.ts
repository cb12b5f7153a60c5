import { signal } from '@preact/signals';
import { ApiError, type Client, type Rule, type RuleKind } from './client.js';
import { changesOf, mergeRules } from './rule-changes.js';

/** The rules as this page knows them; what somebody else changed meanwhile is never overwritten unseen. */
export interface RulesState {
  items: readonly Rule[];
  version: string;
  kinds: readonly RuleKind[];
}

/** Somebody else changed the same rules; the book holds theirs by now. */
export class Clash extends Error {
  readonly rules: readonly string[];

  constructor(rules: readonly string[]) {
    super('changed by somebody else meanwhile');
    this.rules = rules;
  }
}

/** Other people's saves between two tries of ours. */
const TRIES = 4;

export const createRulesBook = (client: Pick<Client, 'rules' | 'putRules'>) => {
  const state = signal<RulesState | null>(null);
  const load = async (): Promise<RulesState> => {
    const { items, version, declarations } = await client.rules();
    const fresh = { items, version, kinds: declarations };
    state.value = fresh;
    return fresh;
  };
  const put = async (items: readonly Rule[], known: RulesState): Promise<boolean> => {
    try {
      const reply = await client.putRules(items, known.version);
      state.value = { ...known, ...reply };
      return true;
    } catch (error) {
      if (error instanceof ApiError && error.code === 'conflict') return false;
      throw error;
    }
  };
  return {
    state,
    load,
    /** `base`: the rules that the change was made from. Changes of others to other rules stay. */
    async save(base: readonly Rule[], mine: readonly Rule[]): Promise<void> {
      for (let left = TRIES; left > 0; left--) {
        const known = state.value ?? (await load());
        const { items, clashes } = mergeRules(base, known.items, mine);
        if (clashes.length > 0) throw new Clash(clashes);
        if (changesOf(known.items, items).length === 0 || (await put(items, known))) return;
        await load();
      }
      throw new Clash([]);
    },
  };
};
export type RulesBook = ReturnType<typeof createRulesBook>;
