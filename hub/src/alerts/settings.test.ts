import { expect, test } from 'vitest';
import { createRuleBook } from './settings.js';
import { rules } from './testing/harness.js';
import { createHandStore } from './testing/store.js';

test('settings of an older hub get the fields that came since', () => {
  const { writer } = createHandStore();
  const stored = (id: string, config: object) => ({
    ...{ id, rule: id, title: id, enabled: true, severity: 'critical', scope: { all: true } },
    config,
  });
  const value = {
    offered: ['offline'],
    settings: [stored('offline', { after_ms: 20_000 }), stored('threshold', { metric: 7 }), stored('gone', { a: 1 })],
  } as never;
  const book = createRuleBook(writer, rules, [{ collection: 'rules', key: 'settings', value }]);
  expect(
    book
      .all()
      .slice(0, 3)
      .map(({ config }) => config),
  ).toEqual([{ after_ms: 20_000, stopped_after_ms: 600_000, recover_ms: 0 }, { metric: 7 }, { a: 1 }]);
});
