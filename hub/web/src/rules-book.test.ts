import { expect, test } from 'vitest';
import { ApiError, type Rule } from './client.js';
import { Clash, createRulesBook } from './rules-book.js';

const rule = (id: string, more: Partial<Rule> = {}): Rule => ({
  ...{ id, rule: 'offline', title: id, enabled: true, severity: 'warning', scope: { all: true }, config: {} },
  ...more,
});

/** A hub that takes a change only of what it has now. */
const hubWith = (...first: Rule[]) => {
  const hub = { items: first as readonly Rule[], version: 1 };
  const client = {
    rules: async () => ({ items: [...hub.items], version: String(hub.version), declarations: [] }),
    putRules: async (items: readonly Rule[], version: string) => {
      if (version !== String(hub.version)) throw new ApiError(409, { error: { code: 'conflict', message: 'changed' } });
      Object.assign(hub, { items, version: hub.version + 1 });
      return { items: [...items], version: String(hub.version) };
    },
  };
  return { hub, client, other: (...items: Rule[]) => Object.assign(hub, { items, version: hub.version + 1 }) };
};

test('a change goes on top of what somebody else did to other rules', async () => {
  const { hub, client, other } = hubWith(rule('a'), rule('b'));
  const book = createRulesBook(client);
  const { items } = await book.load();
  other(rule('a', { title: 'Theirs' }), rule('b'), rule('c'));
  await book.save(items, [rule('a'), rule('b', { enabled: false })]);
  expect(hub.items.map(({ id, title, enabled }) => [id, title, enabled])).toEqual([
    ['a', 'Theirs', true],
    ['b', 'b', false],
    ['c', 'c', true],
  ]);
  expect(book.state.value?.items).toEqual(hub.items);
});

test('a change of the same rule is not saved, but shown what it is now; saved again it holds', async () => {
  const { hub, client, other } = hubWith(rule('a'));
  const book = createRulesBook(client);
  const { items } = await book.load();
  other(rule('a', { title: 'Theirs' }));
  const mine = [rule('a', { title: 'Mine' })];
  const refused = await book.save(items, mine).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(Clash);
  expect((refused as Clash).rules).toEqual(['a']);
  expect(hub.items[0]?.title).toBe('Theirs');
  await book.save(book.state.value?.items ?? [], mine);
  expect(hub.items[0]?.title).toBe('Mine');
});

test('a failure that is no conflict is told as it is', async () => {
  const { client } = hubWith(rule('a'));
  const broken = createRulesBook({
    ...client,
    putRules: () => Promise.reject(new ApiError(503, { error: { code: 'storage' } })),
  });
  const { items } = await broken.load();
  await expect(broken.save(items, [])).rejects.toMatchObject({ code: 'storage' });
});
