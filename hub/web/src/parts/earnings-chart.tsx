import { type Signal, useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type uPlot from 'uplot';
import { useApp } from '../app.js';
import { dayText, type Stack, topsOf } from '../earnings-query.js';
import { networkName } from '../format.js';
import type { Money } from '../money.js';
import { loadPlot } from '../plot.js';
import { stackOptions } from '../plot-stack.js';

/** Worth by day, networks one upon the other; the legend says the day under the pointer, else the whole period. */
const HEIGHT = 168;

interface ChartProps {
  stack: Stack;
  /** All of the page: a network keeps its colour when others are left out. */
  networks: readonly string[];
  money: Money;
}

export const EarningsChart = ({ stack, networks, money }: ChartProps) => {
  const colours = stack.layers.map(({ network }) => Math.max(0, networks.indexOf(network)));
  const cursor = useSignal<number | null>(null);
  const at = cursor.value !== null && stack.times[cursor.value] !== undefined ? cursor.value : null;
  const day = at === null ? '' : dayText((stack.times[at] ?? 0) * 1000);
  return (
    <figure class="chart stack">
      <figcaption>
        <h2>By day</h2>
        <time>{day}</time>
      </figcaption>
      <StackPlot stack={stack} colours={colours} money={money} cursor={cursor} />
      <ul class="legend">
        {stack.layers.map((layer, i) => (
          <li key={layer.network}>
            <i class={`swatch line-${((colours[i] ?? i) % 8) + 1}`} />
            <span>{networkName(layer.network)}</span>
            <output>{legendText(layer, at, money)}</output>
          </li>
        ))}
      </ul>
      {stack.unknown.length > 0 && (
        <p class="quiet">
          Days of {stack.unknown.map(networkName).join(', ')} are without a price: what they were worth is not in the chart.
        </p>
      )}
    </figure>
  );
};

const legendText = ({ values, texts }: Stack['layers'][number], at: number | null, money: Money): string => {
  if (at === null) {
    const sum = values.reduce((total, value) => total + value, 0);
    const shown = money.shown(sum.toFixed(8));
    if (!texts.includes(null)) return shown;
    return sum > 0 ? `${shown} + unknown` : 'unknown';
  }
  const text = texts[at];
  return text === null || text === undefined ? 'unknown' : money.shown(text);
};

interface PlotProps {
  stack: Stack;
  colours: readonly number[];
  money: Money;
  cursor: Signal<number | null>;
}

const dataOf = (stack: Stack): uPlot.AlignedData => [stack.times, ...topsOf(stack)] as uPlot.AlignedData;

const StackPlot = (props: PlotProps) => {
  const { themes } = useApp();
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const newest = useRef(props);
  newest.current = props;
  const { layers, times } = props.stack;
  const shape = `${layers.map(({ network }) => network).join(' ')} ${times.length} ${props.colours.join(' ')} ${props.money.currency}`;
  useEffect(() => {
    const element = box.current;
    if (!element || layers.length === 0) return;
    const state = { gone: false };
    void loadPlot().then((Plotter) => {
      if (state.gone) return;
      const { stack, colours, money, cursor } = newest.current;
      const onCursor = (index: number | null) => {
        cursor.value = index;
      };
      const size = { width: element.clientWidth, height: HEIGHT };
      const options = stackOptions(Plotter, { colours, money, onCursor, ...size });
      plot.current = new Plotter(options, dataOf(stack), element);
    });
    const watcher = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height: HEIGHT }));
    watcher.observe(element);
    return () => {
      state.gone = true;
      watcher.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [themes.drawn.value, shape]);
  useEffect(() => plot.current?.setData(dataOf(props.stack)));
  return <div class="plot" ref={box} />;
};
