/** Twenty rules for every device: what a hub begins with, and levels and rates of what the simulated machines report. */
import type { RuleSetting } from '@muster/hub/parts';

/** Nothing of a healthy machine is beyond these. */
const LEVELS: readonly (readonly [string, number])[] = [
  ['system.cpu.utilization', 1.5],
  ['system.memory.utilization', 1.5],
  ['system.filesystem.utilization', 1.5],
  ['system.process.count', 100_000],
  ['hw.gpu.utilization', 1.5],
  ['hw.power', 2_000],
  ['system.cpu.load_average.1m', 1_000],
  ['system.cpu.load_average.5m', 1_000],
  ['system.cpu.load_average.15m', 1_000],
  ['system.paging.usage', 1e15],
  ['system.memory.usage', 1e15],
  ['system.disk.io_time', 1e15],
  ['system.network.io', 1e18],
  ['system.disk.io', 1e18],
  ['system.linux.pressure.some', 2],
  ['system.linux.file_handles.usage', 1e9],
  ['hw.gpu.memory.usage', 1e15],
  ['hw.temperature', 200],
  ['muster.agent.memory.usage', 1e12],
  ['muster.agent.spool.length', 1e9],
];
const RATES: readonly (readonly [string, number])[] = [
  ['system.network.errors', 1e9],
  ['system.network.dropped', 1e9],
];

const setting = (rule: string, metric: string, config: RuleSetting['config']): RuleSetting => ({
  ...{ id: `${rule}-${metric.replace(/[^a-z0-9]/g, '-')}`, rule, title: `${metric} is out of bounds`, enabled: true },
  ...{ severity: 'warning', scope: { all: true }, config },
});
const levelOf = ([metric, above]: readonly [string, number]): RuleSetting =>
  setting('threshold', metric, { metric, above, for_ms: 0 });
const rateOf = ([metric, above]: readonly [string, number]): RuleSetting => setting('rate', metric, { metric, above });

export const RULES = 20;

/** The defaults, filled up with rates and levels. */
export const mixedRules = (defaults: readonly RuleSetting[]): RuleSetting[] =>
  [...defaults, ...RATES.map(rateOf), ...LEVELS.map(levelOf)].slice(0, RULES);

/** Each looks at series that every report brings: the most that 20 rules can cost a healthy fleet. */
export const levelRules = (): RuleSetting[] => LEVELS.map(levelOf).slice(0, RULES);
