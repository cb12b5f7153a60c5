import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { escapeDiscord, escapeHtml, escapeSlack } from './notifiers/lib/escape.js';
import { sign } from './notifiers/lib/sign.js';
import { cut, jsonBytes, oneLine, plain, utf8 } from './notifiers/lib/text.js';

describe('text of notices', () => {
  it.each([
    ['short enough', 12, 'short enough'],
    ['one too many', 11, 'one too ma…'],
    ['family 👩‍👩‍👧‍👦 of four', 12, 'family…'],
    ['cafe\u0301 au lait', 6, 'cafe\u0301…'],
    ['cafe\u0301 au lait', 5, 'caf…'],
    ['🇩🇪🇫🇷🇯🇵', 9, '🇩🇪🇫🇷…'],
    ['x', 0, ''],
  ])('%s, cut to %i, is %s', (text, most, result) => {
    expect(cut(text, most)).toBe(result);
  });

  it('takes a pile of accents apart rather than all of it away', () => {
    expect(cut(`e${'\u0301'.repeat(1_000)}`, 40)).toBe(`e${'\u0301'.repeat(38)}…`);
  });

  it('keeps lines, Arabic, Hebrew and emoji, and drops what shows a name as another one', () => {
    expect(plain(' خارج\r\nא\u202eב\u0000 👩‍🚀\ud800\n\n\n\n°C\t1 ')).toBe('خارج\nאב 👩‍🚀\n\n°C 1');
    expect(oneLine('a\n\r\n b\u2028c')).toBe('a b c');
  });

  it.each([
    ['characters', (text: string) => text.length],
    ['bytes', utf8],
    ['bytes of JSON', jsonBytes],
    ['HTML', (text: string) => escapeHtml(text).length],
    ['Slack', (text: string) => escapeSlack(text).length],
    ['Discord', (text: string) => escapeDiscord(text).length],
  ])('is never longer than its limit in %s, well-formed, and whole where it fits', (_what, cost) => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), fc.integer({ min: 3, max: 300 }), (text, most) => {
        const short = cut(text, most, cost);
        expect(cost(short)).toBeLessThanOrEqual(most);
        expect(short).not.toMatch(/\p{Cs}/u);
        if (cost(text) <= most) expect(short).toBe(text);
        else expect(text.startsWith(short.slice(0, -1))).toBe(true);
      }),
    );
  });

  it('is signed as the example of Standard Webhooks is', () => {
    const call = { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', ts: 1614265330, body: '{"test": 2432232314}' };
    expect(sign('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', call)).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
  });
});
