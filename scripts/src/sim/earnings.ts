/** `npm run sim -- earnings`: how often the rules about earning cry wolf, and how soon they tell what is wrong. */
import { MODELS } from './earning-histories.js';
import { type Counts, type RunSize, runModel } from './earning-run.js';

export interface Figures {
  network: string;
  device_years: number;
  false_alarms_per_device_year: number;
  false_not_earning: number;
  false_drop: number;
  stops: number;
  stops_missed: number;
  /**
   * From the last income, without the time in which the device was away, in expected periods: the declared cadence, or the gap that
   * one in two hundred exceeds where that is longer.
   */
  stop_periods: { median: number; p95: number; worst: number } | null;
  drops: number;
  drops_missed: number;
  drop_days: { median: number; p95: number; worst: number } | null;
}

export const simulateEarnings = async (size: RunSize, tell: (figures: Figures) => void = () => {}): Promise<Figures[]> => {
  const all: Figures[] = [];
  for (const model of MODELS) {
    const figures = figuresOf(model.id, await runModel(model, size));
    all.push(figures);
    tell(figures);
  }
  return all;
};

const figuresOf = (network: string, counts: Counts): Figures => {
  const { device_years, false_not_earning, false_drop, stops, drops } = counts;
  return {
    network,
    device_years: rounded(device_years),
    false_alarms_per_device_year: rounded((false_not_earning + false_drop) / device_years),
    ...{ false_not_earning, false_drop },
    stops: stops.length,
    stops_missed: stops.filter((one) => one === null).length,
    stop_periods: spreadOf(stops),
    drops: drops.length,
    drops_missed: drops.filter((one) => one === null).length,
    drop_days: spreadOf(drops),
  };
};

const spreadOf = (values: readonly (number | null)[]) => {
  const sorted = values.filter((one) => one !== null).sort((a, b) => a - b);
  const at = (share: number) => rounded(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
  return sorted.length > 0 ? { median: at(0.5), p95: at(0.95), worst: at(1) } : null;
};

const rounded = (value: number): number => Math.round(value * 1_000) / 1_000;

export const earningLine = (f: Figures): string => {
  const spread = (one: Figures['stop_periods'], unit: string) =>
    one ? `${one.median} median, ${one.p95} p95, ${one.worst} worst ${unit}` : '-';
  return (
    `${f.network.padEnd(9)} ${f.device_years} device-years, ${f.false_alarms_per_device_year} false alarms a device-year ` +
    `(${f.false_not_earning} not_earning, ${f.false_drop} earning_drop); ${f.stops} stops, ${f.stops_missed} missed, ` +
    `${spread(f.stop_periods, 'periods')}; ${f.drops} drops, ${f.drops_missed} missed, ${spread(f.drop_days, 'days')}`
  );
};
