import type uPlot from 'uplot';
import { dayText } from './earnings-query.js';
import type { Money } from './money.js';
import { colour, seriesColour } from './plot.js';

/** uPlot as the earnings chart uses it: bars by UTC day, the highest top first so that the lower ones cover it. */
export interface StackOptions {
  /** Of the layers, the lowest first. */
  colours: readonly number[];
  money: Money;
  width: number;
  height: number;
  onCursor(index: number | null): void;
}

const DAY_S = 86_400;

/** Whole money without its cents. */
const tick = (money: Money, at: number): string => money.shown(at.toFixed(4)).replace(/[.,]00(?=\D*$)/, '');

export const stackOptions = (Plotter: typeof uPlot, options: StackOptions): uPlot.Options => {
  const { colours, money, width, height, onCursor } = options;
  const font = '11px system-ui, sans-serif';
  const common: uPlot.Axis = {
    stroke: colour('--quiet'),
    font,
    grid: { stroke: colour('--rule'), width: 1 },
    ticks: { show: false },
  };
  const bars = Plotter.paths.bars?.({ size: [0.72, 40] });
  const series = [...colours].reverse().map((at): uPlot.Series => {
    const paint = seriesColour(at);
    return { stroke: paint, fill: paint, width: 0, points: { show: false }, ...(bars && { paths: bars }) };
  });
  return {
    ...{ width, height, padding: [8, 8, 0, 0] },
    tzDate: (ts) => Plotter.tzDate(new Date(ts * 1000), 'UTC'),
    legend: { show: false },
    cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
    scales: {
      x: { time: true, range: (_plot, low, high) => [low - DAY_S / 2, high + DAY_S / 2] },
      y: { range: (_plot, _low, high) => [0, high > 0 ? high * 1.08 : 1] },
    },
    axes: [
      {
        ...common,
        grid: { show: false },
        ...{ space: 64, size: 24, gap: 6, incrs: [1, 2, 7, 14, 28].map((days) => days * DAY_S) },
        values: (_plot, splits) => splits.map((at) => dayText(at * 1000).slice(5)),
      },
      {
        ...common,
        space: 34,
        size: 62,
        gap: 6,
        values: (_plot, splits) => splits.map((at) => (at === 0 ? '0' : tick(money, at))),
      },
    ],
    series: [{}, ...series],
    hooks: {
      setCursor: [(plot) => onCursor(plot.cursor.left !== undefined && plot.cursor.left >= 0 ? (plot.cursor.idx ?? null) : null)],
    },
  };
};
