/** What of a notice is the same for every channel. */
import { createHash } from 'node:crypto';
import type { Notice } from '../../notifier.js';
import { type Cost, cut, oneLine, plain } from './text.js';

interface Limit {
  max: number;
  cost?: Cost;
}

const cutTo = (text: string, { max, cost }: Limit): string => (cost ? cut(text, max, cost) : cut(text, max));

/** Never empty: services refuse an empty title. */
export const titleOf = ({ title }: Notice, limit: Limit): string => cutTo(oneLine(title) || 'Muster', limit);

/** Never empty: without a text, the title again. */
export const textOf = (notice: Notice, limit: Limit): string =>
  cutTo(plain(notice.text) || oneLine(notice.title) || 'Muster', limit);

/** The text with the link below it, for channels without buttons; the text is cut, not the link. */
export const textWithLink = (notice: Notice, { max, cost, also = [] }: { max: number; cost: Cost; also?: string[] }): string => {
  const link = linkOf(notice);
  const tail = [...(link === null ? [] : [link]), ...also].map((line) => `\n\n${line}`).join('');
  const room = max - cost(tail);
  return room > 0 ? textOf(notice, { max: room, cost }) + tail : textOf(notice, { max, cost });
};

const LONGEST_LINK = 500;

const asLink = (link: string | null): string | null =>
  link !== null && link.length <= LONGEST_LINK && /^https?:\/\/[\x21-\x7e]+$/i.test(link) && URL.canParse(link)
    ? new URL(link).href
    : null;

/** The link when it is one that a service takes. */
export const linkOf = ({ link }: Notice): string | null => asLink(link);

/** Telegram and Discord refuse a whole message for a link whose host has no dot (`http://localhost:7480`). */
export const dotted = (link: string | null): string | null =>
  link !== null && new URL(link).hostname.includes('.') ? link : null;
export const dottedLinkOf = (notice: Notice): string | null => dotted(linkOf(notice));

/** Acknowledges by POST, and asks a person by GET. */
export const acknowledgeLinkOf = ({ acknowledge, resolved }: Notice): string | null =>
  resolved ? null : asLink(acknowledge?.url ?? null);

/** What of a notice is good for acknowledging: no error may repeat it. */
export const answerSecretsOf = ({ acknowledge, acknowledge_code }: Notice): (string | undefined)[] => [
  acknowledge?.url.split('=').at(-1),
  acknowledge_code,
];

const SAFE_KEY = /^[A-Za-z0-9._~-]{1,64}$/;

/** A key that fits headers, paths and every service's limit; the same for the same text. */
export const shortKey = (text: string): string =>
  SAFE_KEY.test(text) ? text : createHash('sha256').update(text).digest('base64url');

export const keyOf = (notice: Notice): string => shortKey(notice.idempotency_key);

/** Names the alert or group over all of its notices. */
export const threadOf = (notice: Notice): string => shortKey(notice.thread ?? notice.link ?? notice.idempotency_key);

export type Mood = 'critical' | 'warning' | 'info' | 'resolved';
export const moodOf = ({ resolved, severity }: Notice): Mood => (resolved ? 'resolved' : severity);

/** RFC 3339; a time that no calendar holds is the start of time. */
export const timeOf = ({ ts }: Notice): string => new Date(Math.abs(ts) <= 8.64e15 ? ts : 0).toISOString();

/** The notice as programs read it: webhook and MQTT. Not how to acknowledge it: whoever reads a topic could. */
export const asJson = (notice: Notice): Record<string, unknown> => ({
  idempotency_key: notice.idempotency_key,
  event: notice.event,
  ts: notice.ts,
  severity: notice.severity,
  resolved: notice.resolved,
  title: titleOf(notice, { max: 1_000 }),
  text: textOf(notice, { max: 20_000 }),
  link: notice.link,
  thread: threadOf(notice),
});
