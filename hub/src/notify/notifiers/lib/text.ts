/** Text that any channel can take: well-formed, without control characters, and cut between what a reader sees as characters. */

const MARK = '…';

/** C0 and C1 but for line feed, the overrides of direction that let a name show as another one, and what is no character. */
const UNSEEN = /(?!\n)\p{Cc}|[\u202a-\u202e\ufeff\ufffe\uffff]|\p{Cs}/gu;

/** Lines kept, tabs as blanks. */
export const plain = (text: string): string =>
  text
    .replace(/\r\n?|[\u0085\u2028\u2029]/g, '\n')
    .replaceAll('\t', ' ')
    .replace(UNSEEN, '')
    .replace(/\n{3,}/g, '\n\n')
    .trim();

export const oneLine = (text: string): string => plain(text).replace(/\s+/g, ' ');

/** What one visible character costs of a limit; UTF-16 units are the most careful reading of "characters". */
export type Cost = (character: string) => number;
const units: Cost = (character) => character.length;
export const utf8: Cost = (character) => Buffer.byteLength(character);
/** As it stands inside of a JSON text. */
export const jsonBytes: Cost = (character) => Buffer.byteLength(JSON.stringify(character)) - 2;

/** At most `max`, with an ellipsis where something was left out; never within an emoji or an accented letter. */
export const cut = (text: string, max: number, cost: Cost = units): string => {
  if (cost(text) <= max) return text;
  const room = max - cost(MARK);
  let used = 0;
  let kept = '';
  // No character costs less than one: what lies beyond `max` units is not looked at.
  for (const character of charactersOf(text.slice(0, max + 1))) {
    used += cost(character);
    if (used > room) break;
    kept += character;
  }
  return room < 0 ? '' : plainEnd(kept) + MARK;
};

/** Above this a "character" is a pile of marks, and is taken apart. */
const PILE = 32;

function* charactersOf(text: string): Generator<string> {
  for (const { segment } of new Intl.Segmenter('und', { granularity: 'grapheme' }).segment(text)) {
    if (segment.length > PILE) yield* segment;
    else yield segment;
  }
}

const plainEnd = (text: string): string => text.replace(/\s+$/, '').replace(/\p{Cs}$/u, '');
