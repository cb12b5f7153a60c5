/** What judging costs, by values: the real alerts behind the real latest values, without broker and disk. */
import { createAlerts } from '@muster/hub/alerts/engine';
import type { RuleDeclaration } from '@muster/hub/alerts/rule';
import { createHandStore } from '@muster/hub/alerts/testing/store';
import { createLatest } from '@muster/hub/ingest/latest';
import type { Device, Presence, RuleSetting } from '@muster/hub/parts';
import { AppError } from '@muster/shared/errors';
import { silentLog } from '@muster/shared/log';
import { undeclared } from '@muster/shared/metrics';
import { loadPlugins } from '@muster/shared/plugins';
import { createTestClock } from '@muster/shared/testing/clock';
import { createMachine } from '../sim/machine.js';
import { createRandom } from '../sim/random.js';
import { levelRules, mixedRules } from './alerts-rules.js';
import { median } from './facts.js';
import type { BenchOptions } from './main.js';

export interface CostOptions {
  devices: number;
  interval_ms: number;
  rounds: number;
}

/** Rows that a device goes through. */
const TURNS = 256;
const ROUND_MS = 60_000;
const SECOND_MS = 1_000;
/** Of a fleet that is ill: one device in twenty has an alert open, which every report looks at. */
const AILING = 20;

const noRules = (): RuleSetting[] => [];

/** Processor of one core, percent, that 20 rules take. */
export const measureCost = async (options: CostOptions, print: BenchOptions['print']): Promise<number> => {
  const rules = await loadPlugins<RuleDeclaration>(new URL('../../../hub/dist/alerts/rules/', import.meta.url));
  const bare = await measure(options, { rules, choose: noRules });
  const say = (what: string, cost: Cost): number => {
    const ns = cost.ns_per_report - bare.ns_per_report;
    const percent = (100 * ns * options.devices) / (options.interval_ms * 1e6);
    const each = `${(ns / cost.samples).toFixed(1)} ns a sample, ${ns.toFixed(0)} ns a report of ${cost.samples}`;
    print(`  ${what}: ${each}, ${percent.toFixed(2)} % of a core (${cost.events} events)`);
    return percent;
  };
  print(
    `  by values, ${options.devices} devices every ${options.interval_ms} ms; without rules ${bare.ns_per_report.toFixed(0)} ns a report`,
  );
  const percent = say('20 rules, defaults among them', await measure(options, { rules, choose: mixedRules }));
  say('20 levels of what every report brings', await measure(options, { rules, choose: levelRules }));
  say('the first, one device in twenty with an open alert', await measure(options, { rules, choose: mixedRules, ailing: true }));
  return percent;
};

interface Measuring {
  rules: ReadonlyMap<string, RuleDeclaration>;
  choose: (defaults: readonly RuleSetting[]) => RuleSetting[];
  ailing?: boolean;
}
interface Cost {
  ns_per_report: number;
  samples: number;
  events: number;
}

const measure = async (options: CostOptions, measuring: Measuring): Promise<Cost> => {
  const world = await createWorld(options, measuring);
  world.pass(2 * ROUND_MS);
  const costs: number[] = [];
  for (let round = 0; round < options.rounds; round++) {
    const before = process.cpuUsage();
    const reports = world.pass(ROUND_MS);
    const { user, system } = process.cpuUsage(before);
    costs.push(((user + system) * 1_000) / reports);
  }
  world.stop();
  return { ns_per_report: median(costs), samples: world.samples, events: world.events() };
};

const createWorld = async ({ devices, interval_ms }: CostOptions, { rules, choose, ailing = false }: Measuring) => {
  const clock = createTestClock();
  const store = createHandStore();
  store.automatic(true);
  const fleet = new Map(Array.from({ length: devices }, (_, index) => deviceOf(index, interval_ms)).map((one) => [one.id, one]));
  const there: Presence = { state: 'online', since: clock.now(), last_seen: clock.now(), boot: 'benchbench' };
  const registry = {
    get: (id: string) => fleet.get(id),
    all: () => fleet.values(),
    declaration: (_: string, metric: string) => undeclared(metric),
  };
  const latest = createLatest(clock.now);
  const basics = { writer: store.writer, clock, log: silentLog, rules, random: counting() };
  const alerts = createAlerts({ ...basics, registry, latest, presence: { get: () => there } }, store.recovered());
  let events = 0;
  alerts.event.on(() => events++);
  const settings = choose(alerts.rules());
  await alerts.start(store.reader);
  await alerts.setRules(settings, 'bench');
  if (settings.length > 0) latest.updated.on(alerts.valuesUpdated);
  const machine = createMachine('gpu', createRandom(1));
  const rows = Array.from({ length: TURNS }, () => machine.step(interval_ms / SECOND_MS, false).map(asNumber));
  const ill = rows.map((values) => values.map((value, at) => (machine.columns[at] === HEAT ? HOT : value)));
  const ids = [...fleet.keys()];
  const report = (turn: number) => {
    const at = turn % ids.length;
    const list = ailing && at % AILING === 0 ? ill : rows;
    const values = list[(at + Math.floor(turn / ids.length)) % TURNS];
    if (!values) throw new AppError('internal', 'there are no rows');
    latest.put(ids[at] ?? '', machine.columns, [{ boot: null, seq: null, ts: clock.now(), values }]);
  };
  for (const id of ids) latest.admit(id, machine.columns);
  let turn = 0;
  return {
    samples: machine.columns.length,
    events: () => events,
    stop: alerts.stop,
    /** So long of the fleet's life; answers how many reports that was. */
    pass(ms: number): number {
      const before = turn;
      const each = Math.round((ids.length * SECOND_MS) / interval_ms);
      for (let passed = 0; passed < ms; passed += SECOND_MS) {
        for (let left = each; left > 0; left--) report(turn++);
        clock.advance(SECOND_MS);
      }
      return turn - before;
    },
  };
};

/** Beyond the level of the rule about chips. */
const HEAT = 'hw.temperature{zone=cpu}';
const HOT = 84;
const asNumber = (value: number | null): number => value ?? Number.NaN;

/** Ids that never come twice. */
const counting = () => {
  let next = 1;
  return (bytes: number): Uint8Array => {
    const id = Buffer.alloc(bytes);
    id.writeUInt32BE(next++, bytes - 4);
    return id;
  };
};

const deviceOf = (index: number, interval_ms: number): Device => ({
  ...{ id: `node-${index}`, name: `node-${index}`, site: index % 2 ? 'roof' : 'barn', tags: [], about: { model: 'GPU node' } },
  ...{
    agent_version: '0.1.0',
    interval_ms,
    carried_by: null,
    created_at: 0,
    watts: null,
    purchase_price: null,
    hosting_share: null,
  },
});
