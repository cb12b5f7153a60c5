import { readFileSync } from 'node:fs';
import { readFixtures } from '@muster/shared/testing/cases';
import { toJsonSchema } from '@valibot/to-json-schema';
import { describe, expect, it } from 'vitest';
import { loadNotifiers, NOTIFIERS_FOLDER } from './notifier-plugins.js';
import { type AskedFor, type NotifierCase, playNotifier } from './testing/play.js';

const notifiers = await loadNotifiers();

/** What is signed anew each time is told by its beginning: `vapid t=…`. */
const expected = ({ headers, ...rest }: AskedFor) => ({
  ...rest,
  headers: Object.fromEntries(
    Object.entries(headers).map(([name, text]) => [name, text.endsWith('…') ? expect.stringContaining(text.slice(0, -1)) : text]),
  ),
});

describe.each(readFixtures<NotifierCase>(NOTIFIERS_FOLDER))('notifier $id', ({ id, cases, file }) => {
  const notifier = notifiers.get(id);

  it(`has a fixture: hub/src/notify/notifiers/${file}`, () => {
    expect(cases, `add hub/src/notify/notifiers/${file} with at least one good and one refused case`).not.toBeNull();
    expect(notifier?.id).toBe(id);
  });

  it.each(cases ?? [])('$name', async (one) => {
    if (!notifier) throw new Error(`${id} did not load`);
    const played = await playNotifier(notifier, one);
    expect(played.outcome).toEqual(one.expect);
    expect(played.http).toEqual((one.http ?? []).map(({ asks }) => expected(asks)));
    expect(played.smtp).toEqual(one.smtp ? [one.smtp] : []);
    expect(played.mqtt).toEqual(one.mqtt ? [one.mqtt] : []);
  });

  it('says of every setting what it is for, in the form and in docs/notifiers.md', () => {
    if (!notifier) throw new Error(`${id} did not load`);
    const docs = readFileSync(new URL('../../../docs/notifiers.md', import.meta.url), 'utf8');
    const section = docs.split('\n## ').find((text) => text.startsWith(`${notifier.title} `)) ?? '';
    const { properties = {} } = toJsonSchema(notifier.config, { errorMode: 'ignore' });
    expect(section).toContain(`\`${id}\``);
    for (const name of Object.keys(properties))
      expect(section, `docs/notifiers.md, ${notifier.title}`).toContain(`| \`${name}\` |`);
  });
});
