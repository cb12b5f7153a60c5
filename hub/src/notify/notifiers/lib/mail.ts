/** A notice as a mail (RFC 5322, MIME): ASCII on the wire, whatever the text holds. */
import type { Notice } from '../../notifier.js';
import { acknowledgeLinkOf, keyOf, moodOf, textWithLink, threadOf, titleOf } from './notice.js';
import { utf8 } from './text.js';

const MOST_SUBJECT = 250;
const MOST_TEXT = 100_000;
/** A word of an encoded header has at most 75 characters: 12 of frame, 45 bytes of text. */
const WORD_BYTES = 45;
const LINE = 76;

export const mailOf = (notice: Notice, { from, to }: { from: string; to: readonly string[] }): string => {
  const domain = from.slice(from.lastIndexOf('@') + 1);
  const acknowledge = acknowledgeLinkOf(notice);
  const also = acknowledge === null ? [] : [`Acknowledge: ${acknowledge}`];
  const text = textWithLink(notice, { max: MOST_TEXT, cost: utf8, also });
  const body = Buffer.from(text.replaceAll('\n', '\r\n')).toString('base64');
  const thread = `<thread.${threadOf(notice)}@${domain}>`;
  const urgent = moodOf(notice) === 'critical' ? ['Importance: high', 'X-Priority: 1'] : [];
  const head = [
    `From: Muster <${from}>`,
    `To: ${to.map((one) => `<${one}>`).join(',\r\n ')}`,
    `Subject: ${encodedWords(titleOf(notice, { max: MOST_SUBJECT }))}`,
    `Date: ${dateOf(notice.ts)}`,
    // The same for every try, so that a mailbox can drop the second.
    `Message-ID: <${keyOf(notice)}@${domain}>`,
    `In-Reply-To: ${thread}`,
    `References: ${thread}`,
    'Auto-Submitted: auto-generated',
    ...urgent,
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: base64',
  ];
  return `${head.join('\r\n')}\r\n\r\n${body.match(new RegExp(`.{1,${LINE}}`, 'g'))?.join('\r\n') ?? ''}\r\n`;
};

const dateOf = (ts: number): string => new Date(Math.abs(ts) < 8.64e15 ? ts : 0).toUTCString().replace('GMT', '+0000');

/** RFC 2047: pieces of whole characters, folded one to a line. Short ASCII stays as it is. */
const encodedWords = (text: string): string => {
  if (/^[\x20-\x7e]{1,60}$/.test(text) && !text.includes('=?')) return text;
  const pieces = [''];
  for (const character of text) {
    const last = pieces[pieces.length - 1] ?? '';
    if (Buffer.byteLength(last + character) > WORD_BYTES) pieces.push(character);
    else pieces[pieces.length - 1] = last + character;
  }
  return pieces.map((piece) => `=?utf-8?B?${Buffer.from(piece).toString('base64')}?=`).join('\r\n ');
};
