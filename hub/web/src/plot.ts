import type uPlot from 'uplot';
import { type Column, isolated } from './chart-data.js';
import { clockTime, dayTime, isShare, tickValue } from './format.js';

/** uPlot as the dashboard's charts use it: a min/max band behind the mean, own words on the axes. */
export interface PlotOptions {
  metric: string;
  unit: string;
  series: number;
  width: number;
  height: number;
  span_ms: number;
  onCursor(index: number | null): void;
}

/** A band for each of many lines is mud: beyond this only the means are drawn. */
const BANDS_UP_TO = 3;

/** uPlot makes a number formatter from `navigator.language` while it loads and throws on tags such as `en-US@posix`. */
export const loadPlot = async (): Promise<typeof uPlot> => {
  try {
    new Intl.NumberFormat(navigator.language);
  } catch {
    Object.defineProperty(navigator, 'language', { value: 'en-US', configurable: true });
  }
  return (await import('uplot')).default;
};

/** Canvas needs colours as they compute, not as `var()` or `light-dark()`. */
export const colour = (name: string): string => {
  const probe = document.createElement('i');
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const computed = getComputedStyle(probe).color;
  probe.remove();
  return computed;
};
export const seriesColour = (at: number): string => colour(`--line-${(at % 8) + 1}`);
const faint = (text: string): string => text.replace(/^rgb\((.+)\)$/, 'rgba($1, 0.16)');

const timeText = (seconds: number, span_ms: number): string => {
  const ts = seconds * 1000;
  const time = clockTime(ts).slice(0, 5);
  if (span_ms > 2 * 86_400_000) return dayTime(ts).slice(5);
  return time === '00:00' ? dayTime(ts).slice(5) : time;
};

/** Round steps in the unit's own counting: bytes by powers of two, the rest by tens. */
const BYTE_STEPS = Array.from({ length: 60 }, (_, i) => 2 ** i);

const limits = (options: PlotOptions): uPlot.Range.Function => {
  return (_plot, low, high) => {
    if (low === null || high === null) return [0, 1];
    if (isShare(options.metric, options.unit)) return [0, Math.max(1, high)];
    if (options.unit === '%') return [0, Math.max(100, high)];
    if (options.unit === 'Cel') return [Math.floor(low / 5) * 5 - 5, Math.ceil(high / 5) * 5 + 5];
    const most = high > 0 ? high * 1.1 : 1;
    return low >= 0 ? [0, most] : [low * 1.1, most];
  };
};

const trackSeries = (at: number, bands: boolean): uPlot.Series[] => {
  const stroke = seriesColour(at);
  const edge: uPlot.Series = { show: bands, stroke: 'transparent', width: 0, points: { show: false } };
  // A value between two gaps has no line: only such ones get a point.
  const points: uPlot.Series.Points = {
    show: true,
    size: 3,
    width: 0,
    fill: stroke,
    filter: (plot, series) => isolated(plot.data[series] as Column),
  };
  return [edge, { stroke, width: 1.4, points }, { ...edge }];
};

const axis = (options: PlotOptions, ink: string, rule: string): uPlot.Axis[] => {
  const font = '11px system-ui, sans-serif';
  const common: uPlot.Axis = { stroke: ink, font, grid: { stroke: rule, width: 1 }, ticks: { show: false } };
  const bytes = options.unit.startsWith('By');
  return [
    { ...common, space: 70, size: 24, gap: 6, values: (_plot, splits) => splits.map((at) => timeText(at, options.span_ms)) },
    {
      ...common,
      ...(bytes ? { incrs: BYTE_STEPS } : {}),
      space: 34,
      size: 62,
      gap: 6,
      values: (_plot, splits) => splits.map((at) => tickValue(at, options.unit, options.metric)),
    },
  ];
};

export const plotOptions = (options: PlotOptions): uPlot.Options => {
  const bands = options.series <= BANDS_UP_TO;
  const tracks = Array.from({ length: options.series }, (_, at) => trackSeries(at, bands)).flat();
  return {
    width: options.width,
    height: options.height,
    padding: [8, 16, 0, 0],
    legend: { show: false },
    cursor: { sync: { key: 'device' }, y: false, points: { size: 6 }, drag: { x: false, y: false } },
    scales: { x: { time: true, auto: false }, y: { range: limits(options) } },
    axes: axis(options, colour('--quiet'), colour('--rule')),
    series: [{}, ...tracks],
    bands: bands
      ? Array.from({ length: options.series }, (_, at) => ({
          series: [at * 3 + 3, at * 3 + 1] as [number, number],
          fill: faint(seriesColour(at)),
        }))
      : [],
    hooks: { setCursor: [(plot) => options.onCursor(plot.cursor.idx ?? null)] },
  };
};

export const plotData = (times: number[], columns: Column[]): uPlot.AlignedData => [times, ...columns] as uPlot.AlignedData;
