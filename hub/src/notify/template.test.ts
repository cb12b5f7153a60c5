import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NOTIFY_LIMITS } from './limits.js';
import { PLACEHOLDERS, parseTemplate, renderTemplate, type TemplateValues } from './template.js';
import { createHarness } from './testing/harness.js';

const values = (more: Partial<TemplateValues> = {}): TemplateValues => ({
  ...(Object.fromEntries(Object.keys(PLACEHOLDERS).map((name) => [name, ''])) as TemplateValues),
  ...more,
});
const made = (text: string, more: Partial<TemplateValues> = {}) => renderTemplate(parseTemplate(text, 'text'), values(more));

describe('a template', () => {
  it('puts values in place of placeholders, and takes braces that stand alone as they are', () => {
    const more = { severity: 'critical', device_name: 'Räck 🛰️', why: 'It is lost.' } as const;
    expect(made('{{severity}} {{ device_name }}: {{why}} {a}', more)).toBe('critical Räck 🛰️: It is lost. {a}');
  });

  it.each([
    ['{{#if resolved}}over{{else}}on{{/if}}', { resolved: 'yes' }, 'over'],
    ['{{#if resolved}}over{{else}}on{{/if}}', {}, 'on'],
    ['a{{#if at_stake}} costs {{at_stake}}{{/if}}', { at_stake: '1 EUR' }, 'a costs 1 EUR'],
    ['a{{#if at_stake}} costs {{at_stake}}{{/if}}', {}, 'a'],
    ['{{#if several}}{{#if resolved}}x{{else}}y{{/if}}{{else}}z{{/if}}', { several: 'yes' }, 'y'],
  ])('%s holds where it holds: %j', (text, more, expected) => {
    expect(made(text, more)).toBe(expected);
  });

  it.each([
    ['{{password}}', 'names {{password}}, which is not known; known are title, text, severity'],
    ['{{constructor}}', 'is not known'],
    ['{{__proto__}}', 'is not known'],
    ['{{severity.length}}', 'is not known'],
    ['{{#if nothing}}a{{/if}}', 'names {{nothing}}, which is not known'],
    ['{{#if}}a{{/if}}', 'is not known'],
    ['{{#if resolved}}a', 'has an {{#if …}} without its {{/if}}'],
    ['a{{/if}}', 'has a {{/if}} without its {{#if …}}'],
    ['a{{else}}', 'has an {{else}} without its {{#if …}}'],
    ['{{#if resolved}}a{{else}}b{{else}}c{{/if}}', 'has an {{else}} without'],
    ['a {{severity', 'without its other half'],
    ['{{#if resolved}}'.repeat(9) + '{{/if}}'.repeat(9), 'more than 5 conditions'],
  ])('that is wrong is refused with a sentence: %s', (text, sentence) => {
    expect(() => parseTemplate(text, 'templates.text')).toThrow(sentence);
  });

  it('never reads a value as a template, whatever it holds', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        expect(made('<{{why}}>', { why: text })).toBe(`<${text}>`.trim());
      }),
    );
    expect(made('{{why}}', { why: '{{severity}}{{#if x}}', severity: 'no' })).toBe('{{severity}}{{#if x}}');
  });

  it('makes a text that has an end, however often a placeholder stands there', () => {
    expect(made('{{text}}'.repeat(450), { text: 'x'.repeat(20_000) })).toHaveLength(NOTIFY_LIMITS.rendered);
  });

  it('is read or refused with a sentence, and then always gives a text', () => {
    const pieces = fc.constantFrom('{{', '}}', '#if ', '/if', 'else', 'resolved', 'why', ' ', 'x', '{', '}', '\n');
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 40 }), (parts) => {
        try {
          expect(typeof made(parts.join(''))).toBe('string');
        } catch (error) {
          expect(String(error)).toContain('The template');
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('a channel with templates', () => {
  const title = '[home] {{severity}} {{device_name}}: {{what}}';
  const text = '{{state}}{{#if resolved}}{{else}}: {{why}} ({{at_stake}}){{/if}}\n{{link}}';
  const up = async () => {
    const hub = createHarness();
    await hub.start(['ada', 'bob']);
    await hub.notify.putNotifier('ada', { kind: 'hook', config: { url: 'http://ada' }, templates: { title, text } });
    return hub;
  };

  it('words its notices by them, first to resolved; others have the usual words', async () => {
    const hub = await up();
    hub.fire('1', 'pi');
    await hub.pass(1_000);
    const link = 'https://muster.example.org/alerts?alert=1';
    expect(hub.sent.map(({ to, title, text }) => [to, title, text]).sort()).toEqual([
      ['ada', '[home] critical Name of pi: Device offline', `firing: pi is lost. (0.50 USD an hour)\n${link}`],
      ['bob', 'Name of pi: Device offline', 'pi is lost.\nAt stake: 0.50 USD an hour.'],
    ]);
    hub.heard();
    hub.resolve('1');
    await hub.pass(1_000);
    expect(hub.sent.find(({ to }) => to === 'ada')?.text).toBe(`resolved\n${link}`);
  });

  it('names all devices of a group and the site of one that is away', async () => {
    const hub = await up();
    for (const id of ['a', 'b', 'c']) hub.devices.set(id, { site: 'home' });
    hub.fire('1', 'a', { rule: 'threshold', title: 'Hot', why: 'a is hot.' });
    hub.fire('2', 'b', { rule: 'threshold', title: 'Hot', why: 'b is hot.' });
    await hub.pass(1_500);
    expect(hub.sent.find(({ to }) => to === 'ada')).toMatchObject({
      title: '[home] critical Name of a, Name of b: Hot',
      text: expect.stringContaining('firing: - Name of a: a is hot.\n- Name of b: b is hot. (1.00 USD an hour)'),
    });
    hub.heard();
    for (const [index, id] of ['a', 'b', 'c'].entries()) hub.pending(`o${index}`, id);
    for (const [index, id] of ['a', 'b', 'c'].entries()) hub.fire(`o${index}`, id);
    await hub.pass(1_500);
    expect(hub.sent.find(({ to }) => to === 'ada')?.title).toBe('[home] critical Site home: Devices offline');
  });

  it('says how many were held back in the usual words', async () => {
    const hub = await up();
    await hub.notify.setRoutes([{ id: 'default', match: {}, notifiers: ['ada'], group_by: 'none' }]);
    for (let index = 0; index < 14; index++) hub.fire(`${index}`, `pi-${index}`);
    await hub.pass(70_000);
    expect(hub.heard().at(-1)).toBe('ada: 4 notices were held back');
  });

  it('is tried in its own words', async () => {
    const hub = await up();
    await hub.notify.test('ada');
    expect(hub.sent[0]).toMatchObject({
      title: '[home] info Example: A test',
      text: expect.stringContaining('This channel works'),
    });
  });

  it('keeps them over a restart and a change that leaves them out, and loses them by null', async () => {
    const hub = await up();
    const config = { url: 'http://ada' };
    expect((await hub.notify.putNotifier('ada', { kind: 'hook', config })).templates).toEqual({ title, text });
    await hub.crash();
    expect(hub.notify.notifier('ada')?.templates).toEqual({ title, text });
    const cleared = await hub.notify.putNotifier('ada', { kind: 'hook', config, templates: { title: null } });
    expect(cleared.templates).toEqual({ title: null, text });
  });

  it('is refused with an unknown placeholder, and stays as it was', async () => {
    const hub = await up();
    const wrong = { kind: 'hook', config: { url: 'http://ada' }, templates: { title: '{{nam}}' } };
    await expect(hub.notify.putNotifier('ada', wrong)).rejects.toMatchObject({
      code: 'bad_request',
      details: { path: 'templates.title' },
    });
    expect(hub.notify.notifier('ada')?.templates.title).toBe(title);
  });
});
