import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type uPlot from 'uplot';
import type { Alert } from '../alert-groups.js';
import { type Limit, type Measured, windowAround } from '../alert-limit.js';
import { useApp } from '../app.js';
import { align, gapAfter } from '../chart-data.js';
import { type SeriesReply, sentenceOf } from '../client.js';
import { formatValue, fullTime, NOTHING, shownUnit } from '../format.js';
import { colour, loadPlot, plotData, plotOptions } from '../plot.js';

/** The metric around an alert: the time in which it was open is shaded, the limit is a line. */
const HEIGHT = 190;
const POINTS = 300;
const REFRESH_MS = 30_000;
const USUAL_INTERVAL_MS = 10_000;

interface Around {
  alert: Alert;
  of: Measured;
  limit: Limit | null;
}
interface Loaded {
  reply: SeriesReply;
  span: { from: number; to: number };
}

const useSeries = ({ alert, of }: Around) => {
  const { client, board, live } = useApp();
  const loaded = useSignal<Loaded | null>(null);
  const failure = useSignal<string | null>(null);
  const connected = live.status.value === 'live';
  useEffect(() => {
    if (!connected) return;
    const stop = new AbortController();
    const ask = async () => {
      const span = windowAround(alert, board.now());
      try {
        const asked = { device: alert.device, metric: of.metric, labels: of.labels, ...span, points: POINTS };
        loaded.value = { reply: await client.series(asked, stop.signal), span };
        failure.value = null;
      } catch (error) {
        if (!stop.signal.aborted) failure.value = sentenceOf(error);
      }
    };
    void ask();
    const timer = setInterval(ask, REFRESH_MS);
    return () => {
      clearInterval(timer);
      stop.abort();
    };
  }, [connected, alert.id, alert.state, of.metric]);
  return { loaded: loaded.value, failure: failure.value };
};

export const AlertChart = (props: Around) => {
  const { of, limit } = props;
  const { loaded, failure } = useSeries(props);
  const at = useSignal<number | null>(null);
  const unit = shownUnit(of.declaration.unit, of.declaration.kind);
  const points = loaded?.reply.points ?? [];
  const looked = at.value === null ? undefined : pointAt(points, at.value);
  const point = looked ?? points.at(-1);
  return (
    <figure class="chart alert-chart" aria-label={`${of.declaration.title} around the alert`}>
      <figcaption>
        <h2>{of.declaration.title}</h2>
        <time>{looked ? fullTime(looked[0]) : ''}</time>
        {limit && <span class="limit">limit {formatValue(limit.value, unit, of.metric)}</span>}
        <output>{point ? formatValue(point[2], unit, of.metric) : NOTHING}</output>
      </figcaption>
      {loaded && <Plot {...props} loaded={loaded} unit={unit} onCursor={(seconds) => (at.value = seconds)} />}
      {failure !== null && <p class="over failure">{failure}</p>}
      {loaded && points.length === 0 && <p class="over quiet">No values are kept of this time.</p>}
    </figure>
  );
};

/** The nearest before: gaps have no point of their own. */
const pointAt = (points: SeriesReply['points'], seconds: number) => points.findLast(([ts]) => ts <= seconds * 1000 + 1);

type PlotProps = Around & { loaded: Loaded; unit: string; onCursor(seconds: number | null): void };

/** Shade and limit lie below the line. */
const backdrop = ({ alert, limit, loaded }: PlotProps): ((plot: uPlot) => void) => {
  const [bad, edge] = [colour('--bad'), colour('--faint')];
  const end = alert.resolved_at ?? loaded.span.to;
  return (plot) => {
    const { ctx, bbox } = plot;
    const [left, right] = [alert.since, end].map((ts) =>
      Math.min(bbox.left + bbox.width, Math.max(bbox.left, plot.valToPos(ts / 1000, 'x', true))),
    );
    ctx.save();
    ctx.globalAlpha = 0.12;
    ctx.fillStyle = bad;
    ctx.fillRect(left ?? 0, bbox.top, Math.max(2, (right ?? 0) - (left ?? 0)), bbox.height);
    ctx.globalAlpha = 1;
    if (limit) {
      const y = plot.valToPos(limit.value, 'y', true);
      ctx.strokeStyle = edge;
      ctx.setLineDash([6, 4]);
      ctx.beginPath();
      ctx.moveTo(bbox.left, y);
      ctx.lineTo(bbox.left + bbox.width, y);
      ctx.stroke();
    }
    ctx.restore();
  };
};

const optionsOf = (props: PlotProps, width: number): uPlot.Options => {
  const { of, limit, loaded, unit, onCursor } = props;
  const span_ms = loaded.span.to - loaded.span.from;
  const options = plotOptions({ metric: of.metric, unit, series: 1, width, height: HEIGHT, span_ms, onCursor: () => {} });
  const range = options.scales?.['y']?.range;
  const wide: uPlot.Range.Function = (plot, low, high, key) => {
    if (typeof range !== 'function') return [low, high];
    if (!limit) return range(plot, low, high, key);
    return range(plot, Math.min(low ?? limit.value, limit.value), Math.max(high ?? limit.value, limit.value), key);
  };
  return {
    ...options,
    scales: { ...options.scales, y: { range: wide } },
    hooks: {
      drawClear: [backdrop(props)],
      setCursor: [(plot) => onCursor(plot.cursor.idx == null ? null : (plot.data[0][plot.cursor.idx] ?? null))],
    },
  };
};

const Plot = (props: PlotProps) => {
  const { themes } = useApp();
  const box = useRef<HTMLDivElement>(null);
  const { reply, span } = props.loaded;
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const state: { gone: boolean; plot: uPlot | null } = { gone: false, plot: null };
    const gap = gapAfter({ span_ms: span.to - span.from, points: POINTS, tier: reply.tier, interval_ms: USUAL_INTERVAL_MS });
    const data = align([{ labels: props.of.labels, points: reply.points }], gap);
    void loadPlot().then((Plotter) => {
      if (state.gone) return;
      state.plot = new Plotter(optionsOf(props, element.clientWidth), plotData(data.times, data.columns), element);
      state.plot.setScale('x', { min: span.from / 1000, max: span.to / 1000 });
    });
    const watcher = new ResizeObserver(() => state.plot?.setSize({ width: element.clientWidth, height: HEIGHT }));
    watcher.observe(element);
    return () => {
      state.gone = true;
      watcher.disconnect();
      state.plot?.destroy();
    };
  }, [themes.drawn.value, props.loaded, props.limit?.value]);
  return <div class="plot" ref={box} />;
};
