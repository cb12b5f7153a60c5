import { type Labels, seriesKey } from '@muster/shared/metrics';
import type { LiveValue } from '@muster/shared/wire/live';
import { useSignal, useSignalEffect } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { useApp } from '../app.js';
import { append, gapAfter, rateOf, type Track } from '../chart-data.js';
import type { Client } from '../client.js';
import { sentenceOf } from '../client.js';
import type { ChartProps } from './chart.js';

/** The series of a chart: asked for once, lengthened by live values, asked for again now and then. */
const TRACKS_MOST = 8;
const POINTS = 240;
const REFRESH_LEAST_MS = 60_000;
const REFRESH_MOST_MS = 600_000;

interface Loaded {
  tracks: Track[];
  gap: number;
}
const NOT_YET: Loaded = { tracks: [], gap: 0 };

/** Charts of many parts (eight cores, six disks) keep the first of them by name. */
const chosen = (values: readonly LiveValue[]): Labels[] =>
  values
    .map((value) => value.labels)
    .sort((a, b) => seriesKey('m', a).localeCompare(seriesKey('m', b), 'en', { numeric: true }))
    .slice(0, TRACKS_MOST);

const load = async (client: Client, props: ChartProps, now: number, signal: AbortSignal): Promise<Loaded> => {
  const span = { from: now - props.span_ms, to: now, points: POINTS };
  const replies = await ask(client, props, { span, signal });
  const gaps = replies.map(({ reply }) =>
    gapAfter({ span_ms: props.span_ms, points: POINTS, tier: reply.tier, interval_ms: props.interval_ms }),
  );
  return { tracks: replies.map(({ labels, reply }) => ({ labels, points: reply.points })), gap: Math.max(0, ...gaps) };
};

interface Asking {
  span: { from: number; to: number; points: number };
  signal: AbortSignal;
}

/** All series of the metric at once, unless more are there than are drawn. */
const ask = async (client: Client, { device, metric, values }: ChartProps, { span, signal }: Asking) => {
  const wanted = chosen(values);
  if (values.length > 1 && values.length <= TRACKS_MOST) {
    const { items } = await client.several({ device, metrics: [metric], ...span }, signal);
    const known = new Map(items.map((item) => [seriesKey('m', item.labels), item]));
    return wanted.flatMap((labels) => {
      const reply = known.get(seriesKey('m', labels));
      return reply ? [{ labels, reply }] : [];
    });
  }
  return Promise.all(
    wanted.map(async (labels) => ({ labels, reply: await client.series({ device, metric, labels, ...span }, signal) })),
  );
};

/** Gauges as they are, counters as what they gained in a second since the value before. */
const lengthen = (loaded: Loaded, fresh: readonly LiveValue[], how: Lengthening): boolean => {
  let grew = false;
  for (const value of fresh) {
    if (value.metric !== how.metric) continue;
    const key = seriesKey('m', value.labels);
    const shown = how.counter ? rateOf(how.before.get(key), value) : value.value;
    how.before.set(key, value);
    const track = loaded.tracks.find((each) => seriesKey('m', each.labels) === key);
    if (!track || shown === null) continue;
    append(track.points, value.ts, shown, how.from);
    grew = true;
  }
  return grew;
};
interface Lengthening {
  metric: string;
  counter: boolean;
  from: number;
  before: Map<string, { value: number; ts: number }>;
}

export const useTracks = (props: ChartProps, near: boolean) => {
  const { client, board, live } = useApp();
  const loaded = useSignal<Loaded>(NOT_YET);
  const failure = useSignal<string | null>(null);
  const before = useRef(new Map<string, LiveValue>());
  const shape = chosen(props.values)
    .map((labels) => seriesKey('m', labels))
    .join(' ');
  const connected = live.status.value === 'live';

  // Asked again for another range or other series, and after a gap.
  useEffect(() => {
    if (!near || !connected) return;
    const stop = new AbortController();
    const ask = async () => {
      try {
        loaded.value = await load(client, props, board.now(), stop.signal);
        failure.value = null;
      } catch (error) {
        if (!stop.signal.aborted) failure.value = sentenceOf(error);
      }
    };
    void ask();
    const every = Math.min(REFRESH_MOST_MS, Math.max(REFRESH_LEAST_MS, props.span_ms / 60));
    const timer = setInterval(ask, every);
    return () => {
      clearInterval(timer);
      stop.abort();
    };
  }, [near, connected, props.device, props.metric, props.span_ms, shape]);

  useSignalEffect(() => {
    const watched = board.watched.value;
    if (watched?.id !== props.device) return;
    const how = { metric: props.metric, counter: props.declaration.kind === 'counter', before: before.current };
    const now = loaded.peek();
    if (lengthen(now, watched.fresh, { ...how, from: board.now() - props.span_ms })) loaded.value = { ...now };
  });

  const cut = Math.max(0, props.values.length - TRACKS_MOST);
  return { ...loaded.value, failure: failure.value, cut };
};
