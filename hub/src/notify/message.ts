/** Title and text of a notice: pure. */
import { utcTime } from '@muster/shared/text';
import type { AtStake, Incident } from '../parts.js';
import { NOTIFY_LIMITS } from './limits.js';
import type { Notice } from './notifier.js';
import type { Item, NoticeLine } from './outbox.js';
import { type Templates, type TemplateValues, worded } from './template.js';

export interface MessageContext {
  /** Address of the dashboard, null when it is not known from outside. */
  base: string | null;
  now: number;
  stake(devices: readonly string[]): AtStake | null;
  incident(id: string): Incident | undefined;
  per_minute: number;
  /** Names of the devices that are away because these speak for them. */
  carried?: ((devices: readonly string[]) => readonly string[]) | undefined;
  templates: Templates;
  /** Ways to acknowledge what was told under a thread. */
  answers(thread: string): Pick<Notice, 'acknowledge' | 'acknowledge_code'>;
}

export const noticeOf = (item: Item, context: MessageContext): Notice => {
  const incident = item.incident === null ? undefined : context.incident(item.incident);
  const resolved = item.kind === 'resolved';
  const usual = { title: titleOf(item, incident), text: textOf(item, incident, context) };
  const path = pathOf(item);
  const link = linkOf(path, context);
  return {
    idempotency_key: item.id,
    // What was held back is told in the usual words: how many there were must not get lost in a template.
    ...(item.held ? usual : worded(context.templates, valuesOf(item, { incident, context, usual, link }))),
    severity: item.severity,
    resolved,
    link,
    path,
    event: item.event,
    ts: context.now,
    thread: item.thread,
    ...(resolved || item.held ? {} : context.answers(item.thread)),
  };
};

const STATES = { firing: 'firing', still: 'still firing', escalation: 'not acknowledged', resolved: 'resolved' } as const;
const flag = (is: boolean): string => (is ? 'yes' : '');

interface Wording {
  incident: Incident | undefined;
  context: MessageContext;
  usual: { title: string; text: string };
  link: string | null;
}

const valuesOf = (item: Item, { incident, context, usual, link }: Wording): TemplateValues => {
  const { lines, count, kind } = item;
  const [first] = lines;
  const several = incident !== undefined || count > 1;
  const listed = (all: readonly string[]) =>
    `${all.join(', ')}${count > lines.length ? ` and ${count - lines.length} more` : ''}`;
  return {
    ...usual,
    severity: item.severity,
    state: STATES[kind],
    what: incident ? 'Devices offline' : commonTitle(lines),
    why: (incident ? incidentLines(item, incident) : alertLines(item)).join('\n'),
    device: listed(lines.map(({ device }) => device)),
    device_name: incident ? incident.place : listed(lines.map(({ device_name }) => device_name)),
    count: `${incident?.count ?? count}`,
    place: incident?.place ?? item.place,
    at_stake: stakeOf(item, incident, context) ?? '',
    time: first ? utcTime(first.at) : '',
    event: `${item.event}`,
    link: link ?? '',
    ...{ several: flag(several), resolved: flag(kind === 'resolved') },
    ...{ repeated: flag(kind === 'still'), escalated: flag(kind === 'escalation') },
  };
};

/** What the test button says, in the words of the channel's template. */
export const testNoticeOf = (about: Pick<Notice, 'idempotency_key' | 'link' | 'event' | 'ts'>, templates: Templates): Notice => {
  const usual = { title: 'Muster: a test', text: 'This channel works: notices about alerts will arrive here.' };
  const values: TemplateValues = {
    ...{
      ...usual,
      severity: 'info',
      state: 'firing',
      what: 'A test',
      why: usual.text,
      device: 'example',
      device_name: 'Example',
    },
    ...{ count: '1', place: '', at_stake: '', time: utcTime(about.ts), event: `${about.event}`, link: about.link ?? '' },
    ...{ several: '', resolved: '', repeated: '', escalated: '' },
  };
  return { ...about, ...worded(templates, values), severity: 'info', resolved: false, path: '/alerts' };
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
  const stake = stakeOf(item, incident, context);
  const priced = stake === null ? [] : [`At stake: ${stake}.`];
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

const stakeOf = (item: Item, incident: Incident | undefined, context: MessageContext): string | null => {
  const stake = item.kind === 'resolved' ? null : context.stake(incident?.devices ?? item.devices);
  return stake && `${shortFiat(stake.fiat)} ${stake.currency} an hour`;
};

const heldText = ({ count, titles }: NonNullable<Item['held']>, per_minute: number): string => {
  const rest = count - titles.length;
  const head = `${count} notices were held back, because this channel takes at most ${per_minute} a minute:`;
  return [head, ...titles.map((title) => `- ${title}`), ...(rest > 0 ? [`and ${rest} more`] : [])].join('\n');
};

const alertLines = ({ lines, count }: Item): string[] => {
  const [line] = lines;
  if (count === 1 && line) return [`${line.why}${againOf([line])}`];
  const rest = count - lines.length;
  return [...lines.map((one) => `- ${one.device_name}: ${one.why}${againOf([one])}`), ...(rest > 0 ? [`and ${rest} more`] : [])];
};

const againOf = (lines: readonly NoticeLine[]): string => {
  const { again } = lines.find((one) => one.again !== undefined) ?? {};
  return again === undefined ? '' : ` ${again}`;
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
    `${count} devices of ${place} went offline within a short time, first at ${utcTime(started)}${away < count ? `; ${back}` : ''}.${againOf(lines)}`,
    `${[...names, ...more].join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`,
  ];
};

/** Two digits of a price that matters, more of one that is small. */
const shortFiat = (fiat: string): string =>
  Number(fiat) >= 0.1 ? fiat.replace(/(\.\d\d)\d*$/, '$1') : fiat.replace(/(\.\d*?[1-9]\d?)\d*$/, '$1');

const pathOf = ({ lines, count, held }: Item): string => {
  const [line] = lines;
  return `/alerts${count === 1 && line && !held ? `?alert=${encodeURIComponent(line.alert)}` : ''}`;
};

const linkOf = (path: string, { base }: MessageContext): string | null =>
  base === null ? null : `${base.replace(/\/+$/, '')}${path}`;
