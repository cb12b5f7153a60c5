import { Readable } from 'node:stream';
import { AppError } from '@muster/shared/errors';
import { textCell } from '@muster/shared/text';
import * as v from 'valibot';
import type { Device, NoticeScope, Parts, SilencedWindow } from '../../parts.js';
import { added, asReply, availabilityOf, merged, NOTHING, type Span } from '../availability.js';
import { paging, range } from '../fields.js';
import { byKey, pageByKey } from '../paging.js';
import { defineRoute } from '../route.js';
import { list } from '../shapes.js';
import { DAY_MS, spanOf } from './lookup.js';

const MOST_DAYS = 400;
/** Devices between two pauses: some milliseconds. */
const AT_ONCE = 200;
const name = v.optional(v.pipe(v.string(), v.maxLength(100)));
const by = v.optional(v.picklist(['device', 'site'], 'must be device or site'), 'device');
const filter = { ...range, by, site: name, tag: name };

const row = v.object({
  key: v.string(),
  name: v.string(),
  site: v.nullable(v.string()),
  uptime: v.nullable(v.number()),
  watched_ms: v.number(),
  down_ms: v.number(),
  planned_ms: v.number(),
  outages: v.number(),
  longest_ms: v.number(),
  cost: v.nullable(v.object({ amount: v.string(), currency: v.string() })),
});
type Row = v.InferOutput<typeof row>;
interface Filter {
  from?: number | undefined;
  to?: number | undefined;
  by: 'device' | 'site';
  site?: string | undefined;
  tag?: string | undefined;
}

export const readFleetAvailability = defineRoute({
  method: 'GET',
  path: '/api/v1/availability',
  role: 'viewer',
  summary:
    'How long devices or sites were there while the hub watched, their outages and what those cost by the usual income; planned stops and silenced times apart; the last 30 days unless said otherwise',
  query: v.object({ ...filter, ...paging }),
  reply: list(row),
  async handle({ query, parts, exchange: { signal } }) {
    const report = await createReport(parts, query);
    const { items, next } = pageByKey(report.groups, ({ key }) => key, query);
    const rows: Row[] = [];
    for await (const some of report.rows(items, signal)) rows.push(...some);
    return { items: rows, ...(next === undefined ? {} : { next }) };
  },
});

export const exportFleetAvailability = defineRoute({
  method: 'GET',
  path: '/api/v1/availability/export.csv',
  role: 'viewer',
  summary: 'The same of all as CSV',
  query: v.object(filter),
  content_type: 'text/csv; charset=utf-8',
  reply: v.instance(Readable),
  async handle({ query, parts, exchange: { signal } }) {
    const report = await createReport(parts, query);
    const lines = async function* () {
      yield `${HEAD.join(',')}\r\n`;
      for await (const rows of report.rows(report.groups, signal)) yield rows.map((one) => lineOf(one, report.span)).join('');
    };
    return Readable.from(lines(), { objectMode: false });
  },
});

/** Devices that are told of in one row. */
interface Group {
  key: string;
  name: string;
  site: string | null;
  devices: Device[];
}

const createReport = async (parts: Parts, query: Filter) => {
  const span = spanOf(query, parts.now(), 30 * DAY_MS);
  if (span.to - span.from > MOST_DAYS * DAY_MS)
    throw new AppError('bad_request', `At most ${MOST_DAYS} days are looked at; ask for fewer`, { path: 'from' });
  const excused = createExcuses(parts, await parts.notify.windows(span.from, span.to));
  const groups = groupsOf(parts, query);
  return {
    span,
    groups,
    /** A few at a time: reports come in whenever it pauses. */
    async *rows(wanted: readonly Group[], signal: AbortSignal): AsyncGenerator<Row[]> {
      let looked = 0;
      for (const { devices, ...named } of wanted) {
        let sum = NOTHING;
        for (const device of devices) {
          if (++looked % AT_ONCE === 0) await new Promise((resolve) => setImmediate(resolve));
          if (signal.aborted) return;
          const stays = await parts.presence.availability(device.id, span.from, span.to);
          sum = added(sum, availabilityOf(stays, excused(device), parts.money.stake(device.id)));
        }
        yield [{ ...named, ...asReply(sum) }];
      }
    },
  };
};

const groupsOf = ({ registry }: Parts, { by, site, tag }: Filter): Group[] => {
  const wanted = [...registry.all()].filter(
    (one) => (site === undefined || one.site === site) && (tag === undefined || one.tags.includes(tag)),
  );
  if (by === 'device')
    return byKey(wanted, ({ id }) => id).map((one) => ({ key: one.id, name: one.name, site: one.site, devices: [one] }));
  const groups = new Map<string, Group>();
  for (const device of wanted) {
    const key = device.site ?? '';
    const named = { key, name: registry.sites.get(key)?.name ?? key, site: device.site };
    const group = groups.get(key) ?? { ...named, devices: [] };
    group.devices.push(device);
    groups.set(key, group);
  }
  return byKey(groups.values(), ({ key }) => key);
};

/** Times in which nobody wanted to hear that a device is away. */
const createExcuses = (parts: Parts, windows: readonly SilencedWindow[]) => {
  const offline = new Set(parts.alerts.rules().flatMap(({ id, rule }) => (rule === 'offline' ? [id] : [])));
  const earning = new Set(parts.earnings.networks().map(({ device, network }) => `${device}\n${network}`));
  const holds = (scope: NoticeScope, device: Device): boolean => {
    if ('all' in scope) return true;
    if ('rule' in scope) return offline.has(scope.rule);
    if ('device' in scope) return scope.device === device.id;
    if ('network' in scope) return earning.has(`${device.id}\n${scope.network}`);
    return 'site' in scope ? scope.site === device.site : device.tags.includes(scope.tag);
  };
  const scoped = byScope(windows);
  const known = new Map<string, Span[]>();
  return (device: Device): Span[] => {
    const held = scoped.flatMap(({ scope }, index) => (holds(scope, device) ? [index] : []));
    const spans = known.get(held.join()) ?? merged(held.flatMap((index) => scoped[index]?.windows ?? []));
    known.set(held.join(), spans);
    return spans;
  };
};

/** A silence of every night is hundreds of windows; most devices share theirs. */
const byScope = (windows: readonly SilencedWindow[]) => {
  const scoped = new Map<string, { scope: NoticeScope; windows: SilencedWindow[] }>();
  for (const one of windows) {
    const key = JSON.stringify(one.scope);
    const group = scoped.get(key) ?? { scope: one.scope, windows: [] };
    group.windows.push(one);
    scoped.set(key, group);
  }
  return [...scoped.values()];
};

const HEAD = [
  ...['key', 'name', 'site', 'from', 'to', 'uptime', 'watched_ms', 'down_ms', 'planned_ms', 'outages', 'longest_ms'],
  ...['cost', 'currency'],
];

const lineOf = (one: Row, { from, to }: Span): string => {
  const { key, name, site, uptime, watched_ms, down_ms, planned_ms, outages, longest_ms, cost } = one;
  const words = [key, name, site ?? ''].map(textCell);
  const numbers = [uptime === null ? '' : uptime.toFixed(6), watched_ms, down_ms, planned_ms, outages, longest_ms];
  const times = [from, to].map((ts) => new Date(ts).toISOString());
  return `${[...words, ...times, ...numbers, cost?.amount ?? '', cost?.currency ?? ''].join(',')}\r\n`;
};
