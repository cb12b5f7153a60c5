/** Title and text of a notice: pure. */
import { utcTime } from '@muster/shared/text';
import type { AtStake, Incident } from '../parts.js';
import { NOTIFY_LIMITS } from './limits.js';
import type { Notice } from './notifier.js';
import type { Item, NoticeLine } from './outbox.js';

export interface MessageContext {
  /** Address of the dashboard, null when it is not known from outside. */
  base: string | null;
  now: number;
  stake(devices: readonly string[]): AtStake | null;
  incident(id: string): Incident | undefined;
  per_minute: number;
  /** Names of the devices that are away because these speak for them. */
  carried?: ((devices: readonly string[]) => readonly string[]) | undefined;
}

export const noticeOf = (item: Item, context: MessageContext): Notice => {
  const incident = item.incident === null ? undefined : context.incident(item.incident);
  const resolved = item.kind === 'resolved';
  return {
    idempotency_key: item.id,
    title: titleOf(item, incident),
    text: textOf(item, incident, context),
    severity: item.severity,
    resolved,
    link: linkOf(item, context),
    event: item.event,
    ts: context.now,
    thread: item.thread,
  };
};

const PREFIX = { firing: '', still: 'Still: ', escalation: 'Not acknowledged: ', resolved: 'Resolved: ' } as const;

export const titleOf = (item: Item, incident?: Incident | undefined): string => {
  const { held, kind, lines, count } = item;
  if (held) return `${held.count} notices were held back`;
  const [line] = lines;
  if (incident) return `${PREFIX[kind]}${incident.place}: ${incident.count} devices offline`;
  if (count === 1 && line) return `${PREFIX[kind]}${line.device_name}: ${line.title}`;
  return `${PREFIX[kind]}${count} alerts${item.place ? ` at ${item.place}` : ''}: ${commonTitle(lines)}`;
};

const commonTitle = (lines: readonly NoticeLine[]): string => {
  const titles = [...new Set(lines.map(({ title }) => title))];
  return titles.length > 3 ? `${titles.slice(0, 3).join(', ')} …` : titles.join(', ');
};

const textOf = (item: Item, incident: Incident | undefined, context: MessageContext): string => {
  if (item.held) return heldText(item.held, context.per_minute);
  const stake = item.kind === 'resolved' ? null : context.stake(incident?.devices ?? item.devices);
  const priced = stake ? [`At stake: ${shortFiat(stake.fiat)} ${stake.currency} an hour.`] : [];
  const body = incident ? incidentLines(item, incident) : alertLines(item);
  const carried = item.kind === 'resolved' ? [] : (context.carried?.(incident?.devices ?? item.devices) ?? []);
  return [...body, ...carriedLines(carried), ...priced].join('\n');
};

const CARRIED_NAMED = 5;
const carriedLines = (names: readonly string[]): string[] => {
  if (names.length === 0) return [];
  const more = names.length > CARRIED_NAMED ? ` and ${names.length - CARRIED_NAMED} more` : '';
  const what = names.length === 1 ? 'a device that it speaks for' : `${names.length} devices that it speaks for`;
  return [`With it ${what}: ${names.slice(0, CARRIED_NAMED).join(', ')}${more}.`];
};

const heldText = ({ count, titles }: NonNullable<Item['held']>, per_minute: number): string => {
  const rest = count - titles.length;
  const head = `${count} notices were held back, because this channel takes at most ${per_minute} a minute:`;
  return [head, ...titles.map((title) => `- ${title}`), ...(rest > 0 ? [`and ${rest} more`] : [])].join('\n');
};

const alertLines = ({ lines, count }: Item): string[] => {
  const [line] = lines;
  if (count === 1 && line) return [line.why];
  const rest = count - lines.length;
  return [...lines.map((one) => `- ${one.device_name}: ${one.why}`), ...(rest > 0 ? [`and ${rest} more`] : [])];
};

const incidentLines = ({ kind, lines }: Item, incident: Incident): string[] => {
  const { place, count, away, started, devices } = incident;
  const back = away === 0 ? 'all are back' : `${count - away} are back, ${away} still away`;
  if (kind === 'resolved') return [`${count} devices of ${place} went offline at ${utcTime(started)}; ${back}.`];
  const names = lines.map(({ device_name }) => device_name);
  const known = new Set(lines.map(({ device }) => device));
  const more = devices.filter((id) => !known.has(id)).slice(0, Math.max(0, NOTIFY_LIMITS.lines - names.length));
  const rest = count - names.length - more.length;
  return [
    `${count} devices of ${place} went offline within a short time, first at ${utcTime(started)}${away < count ? `; ${back}` : ''}.`,
    `${[...names, ...more].join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`,
  ];
};

/** Two digits of a price that matters, more of one that is small. */
const shortFiat = (fiat: string): string =>
  Number(fiat) >= 0.1 ? fiat.replace(/(\.\d\d)\d*$/, '$1') : fiat.replace(/(\.\d*?[1-9]\d?)\d*$/, '$1');

const linkOf = ({ lines, count, held }: Item, { base }: MessageContext): string | null => {
  if (base === null) return null;
  const [line] = lines;
  return `${base.replace(/\/$/, '')}/alerts${count === 1 && line && !held ? `?alert=${encodeURIComponent(line.alert)}` : ''}`;
};
