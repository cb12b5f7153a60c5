import type { MetricDeclaration } from '@muster/shared/metrics';
import type { LiveValue } from '@muster/shared/wire/live';
import { type Signal, useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type uPlot from 'uplot';
import { useApp } from '../app.js';
import { align, labelText, type Track } from '../chart-data.js';
import { clockTime, formatValue, fullTime, NOTHING, shownUnit } from '../format.js';
import { loadPlot, plotData, plotOptions } from '../plot.js';
import { useTracks } from './tracks.js';

/** One metric of a device over time, with the value under the crosshair or the newest. */
const HEIGHT = 132;

export interface ChartProps {
  device: string;
  metric: string;
  declaration: MetricDeclaration;
  values: readonly LiveValue[];
  span_ms: number;
  interval_ms: number;
}

/** Charts out of sight ask for nothing until they come near. */
const useNear = () => {
  const box = useRef<HTMLElement>(null);
  const near = useSignal(false);
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const watcher = new IntersectionObserver(
      (entries) => {
        if (entries.some((entry) => entry.isIntersecting)) near.value = true;
      },
      { rootMargin: '200px' },
    );
    watcher.observe(element);
    return () => watcher.disconnect();
  }, [near]);
  return { box, near: near.value };
};

export const Chart = (props: ChartProps) => {
  const { box, near } = useNear();
  const { tracks, gap, failure, cut } = useTracks(props, near);
  const cursor = useSignal<number | null>(null);
  const unit = shownUnit(props.declaration.unit, props.declaration.kind);
  const data = align(tracks, gap);
  const at = cursor.value !== null && data.times[cursor.value] !== undefined ? cursor.value : null;
  return (
    <figure class="chart" ref={box}>
      <figcaption>
        <h3 title={props.metric}>{props.declaration.title}</h3>
        <time>{at === null ? '' : timeAt(data.times[at], props.span_ms)}</time>
        {tracks.length <= 1 && <Reading value={readingAt(tracks, 0, data.columns, at)} unit={unit} metric={props.metric} />}
      </figcaption>
      <Plot {...{ data, cursor, unit, metric: props.metric, span_ms: props.span_ms, count: tracks.length }} />
      {failure !== null && <p class="over failure">{failure}</p>}
      {failure === null && near && tracks.length > 0 && data.times.length === 0 && (
        <p class="over quiet">No values in this range</p>
      )}
      {tracks.length > 1 && (
        <ul class="legend">
          {tracks.map((track, i) => (
            <li key={labelText(track.labels)} title={titleOf(track)}>
              <Swatch at={i} />
              <span>{labelText(track.labels)}</span>
              <Reading value={readingAt(tracks, i, data.columns, at)} unit={unit} metric={props.metric} />
            </li>
          ))}
          {cut > 0 && <li class="quiet">{cut} more below in all values</li>}
        </ul>
      )}
    </figure>
  );
};

const timeAt = (seconds: number | undefined, span_ms: number): string => {
  if (seconds === undefined) return '';
  return span_ms > 86_400_000 ? fullTime(seconds * 1000).slice(5, 16) : clockTime(seconds * 1000);
};
const titleOf = (track: Track): string =>
  Object.entries(track.labels)
    .map(([name, value]) => `${name} = ${value}`)
    .join('\n');

interface Read {
  min: number;
  mean: number;
  max: number;
}
const readingAt = (
  tracks: readonly Track[],
  track: number,
  columns: readonly (number | null | undefined)[][],
  at: number | null,
): Read | null => {
  if (at === null) {
    const last = tracks[track]?.points.at(-1);
    return last ? { min: last[1], mean: last[2], max: last[3] } : null;
  }
  // Times are shared by all tracks: at another's time this one's nearest earlier point holds.
  for (let i = at; i >= Math.max(0, at - 4); i -= 1) {
    const mean = columns[track * 3 + 1]?.[i];
    if (mean === null) return null;
    if (mean !== undefined) return { min: columns[track * 3]?.[i] ?? mean, mean, max: columns[track * 3 + 2]?.[i] ?? mean };
  }
  return null;
};

const Reading = ({ value, unit, metric }: { value: Read | null; unit: string; metric: string }) => {
  if (!value) return <output class="none">{NOTHING}</output>;
  const text = (part: number) => formatValue(part, unit, metric);
  return <output title={`mean ${value.mean}, min ${value.min}, max ${value.max} ${unit}`}>{text(value.mean)}</output>;
};

const Swatch = ({ at }: { at: number }) => <i class={`swatch line-${(at % 8) + 1}`} />;

interface PlotProps {
  data: ReturnType<typeof align>;
  cursor: Signal<number | null>;
  unit: string;
  metric: string;
  span_ms: number;
  count: number;
}

const showData = (plot: uPlot, { data, span_ms }: PlotProps, now: number): void => {
  plot.setData(plotData(data.times, data.columns), false);
  plot.batch(() => {
    plot.setScale('x', { min: (now - span_ms) / 1000, max: now / 1000 });
  });
};

/** The canvas: made anew when colours, count or range change, fed otherwise. */
const Plot = (props: PlotProps) => {
  const { themes, board } = useApp();
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const newest = useRef(props);
  newest.current = props;
  const drawn = themes.drawn.value;
  // These are what a chart is made from.
  useEffect(() => {
    const element = box.current;
    if (!element || props.count === 0) return;
    const state = { gone: false };
    void loadPlot().then((Plotter) => {
      if (state.gone) return;
      const { unit, metric, span_ms, count, data, cursor } = newest.current;
      const onCursor = (index: number | null) => {
        cursor.value = index;
      };
      const size = { width: element.clientWidth, height: HEIGHT };
      const options = plotOptions({ unit, metric, span_ms, series: count, onCursor, ...size });
      plot.current = new Plotter(options, plotData(data.times, data.columns), element);
      showData(plot.current, newest.current, board.now());
    });
    const watcher = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height: HEIGHT }));
    watcher.observe(element);
    return () => {
      state.gone = true;
      watcher.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [drawn, props.count, props.span_ms, props.metric, props.unit]);
  useEffect(() => {
    if (plot.current) showData(plot.current, props, board.now());
  });
  return <div class="plot" ref={box} />;
};
