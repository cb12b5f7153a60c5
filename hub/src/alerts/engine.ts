import type { Clock } from '@muster/shared/clock';
import { AppError } from '@muster/shared/errors';
import type { Log } from '@muster/shared/log';
import type { LiveAlert } from '@muster/shared/wire/live';
import type { AlertsDesk, LatestUpdate, RuleSetting } from '../parts.js';
import type { LatestValue, Reader, Recovered, Writer } from '../store/store.js';
import { createMarks, describeRules } from './desk.js';
import { type AlertDocument, createJournal } from './journal.js';
import { createJudge, type FactSources } from './judge.js';
import { badSince, standing } from './lifecycle.js';
import { activate, createPlans } from './plan.js';
import { previewRule } from './preview.js';
import { createDueRound, createRounds } from './rounds.js';
import type { RuleDeclaration } from './rule.js';
import { checkRules, createRuleBook } from './settings.js';
import { createTiming } from './timing.js';
import { createTraceShelf } from './trace-shelf.js';
import { createTraces } from './traces.js';
import { createWatch, type Subject } from './watch.js';

export interface AlertNeeds extends FactSources {
  writer: Writer;
  clock: Clock;
  /** That many random bytes. */
  random: (bytes: number) => Uint8Array;
  log: Log;
  rules: ReadonlyMap<string, RuleDeclaration>;
}

/** The desk and its inputs; the composition root connects them. */
export interface Alerts extends AlertsDesk {
  /** Whether it still holds is not known: its device is away. */
  isUnknown(alert: LiveAlert): boolean;
  /** Since when it has been as bad as it is without a pause; null: it is well for the moment, or that is not known. */
  badSince(id: string): number | null;
  /** The open ones of a device. */
  ofDevice(device: string): LiveAlert[];
  /** Reads what was resolved lately, continues what is open, starts the one loop. */
  start(reader: Pick<Reader, 'log'>): Promise<void>;
  stop(): void;
  presenceChanged(change: { device: string }): void;
  valuesUpdated(update: LatestUpdate): void;
  /** Newest stored values of before this process began: what they became while it was away shows by the difference. */
  recalled(values: readonly LatestValue[]): void;
  /** Its income is to be looked at. */
  incomeDue(id: string): void;
  deviceChanged(id: string): void;
  deviceRemoved(id: string): void;
  /** An alert about the hub itself, such as `store`. */
  hub(subject: string, firing: boolean, why: string): void;
  /** The store cannot commit: what waits for it is announced from memory, and one hub alert is raised. */
  stalled(why: string): void;
  recovered(why?: string): void;
}

/** Every open alert is judged anew once in so many seconds: a missed signal leaves none open for ever. */
const SWEEP_S = 30;

export const createAlerts = (needs: AlertNeeds, found: Pick<Recovered, 'documents' | 'numbers'>): Alerts => {
  const engine = assemble(needs, found);
  const { journal, book, watch, timing } = engine;
  const { writer, clock } = needs;
  const { judgeAll, begin, ...inputs } = createInputs(engine, needs);

  return {
    ...inputs,
    open: journal.board.open,
    get: journal.board.get,
    list: journal.board.list,
    counts: journal.board.counts,
    ofDevice: journal.board.ofDevice,
    events: journal.events,
    event: journal.event,
    get newest() {
      return journal.newest();
    },
    ...createMarks(journal, { watch, writer, clock }),
    isUnknown: engine.isUnknown,
    badSince(id) {
      const cell = watch.cells.byAlert(id);
      return cell ? badSince(cell.held) : null;
    },
    async preview(rule, options) {
      const [setting] = checkRules([rule], needs.rules);
      const declaration = setting && needs.rules.get(setting.rule);
      if (!declaration) throw new AppError('bad_request', 'There is no rule to look at', { path: 'rule' });
      const { registry, presence, latest, networks } = needs;
      const past = { registry, presence: withHistory(presence), latest, networks };
      const time = { now: () => clock.now(), monotonic: () => clock.monotonic() };
      const others = activate(book.all(), needs.rules);
      return previewRule({ ...past, ...time }, { setting: { ...setting, enabled: true }, declaration, others }, options);
    },
    declarations: () => describeRules(needs.rules),
    rules: book.all,
    checkRules: (rules) => checkRules(rules, needs.rules),
    async setRules(rules, by, version) {
      const before = book.all();
      const settings = await book.set(rules, version);
      engine.activate();
      applyRules(engine, { before, settings, by });
      judgeAll();
      return settings;
    },
    async start(reader) {
      watch.recallFlaps(await journal.start(reader));
      book.offer();
      timing.start();
      begin();
    },
    stop() {
      timing.stop();
      engine.shelf.flush();
    },
  };
};

/** Without a history of presence a device counts as there whenever it has values. */
const withHistory = ({ availability }: AlertNeeds['presence']) => ({ availability: availability ?? (async () => []) });

/** What other parts tell; until `begin` only the hub itself is listened to. */
const createInputs = (engine: Engine, { registry, log, writer, clock }: AlertNeeds) => {
  const { journal, watch, rounds, due, timing } = engine;
  const ofHub = watch.cells.of('');
  let started = false;
  const judgeAll = () => {
    for (const device of registry.all()) rounds.device(device.id);
    due.expectNext();
  };
  const judgeHub = (subject: string, firing: boolean, why: string) =>
    void watch.judge(HUB, { subject, firing: firing ? 'yes' : 'no', value: null, why });
  timing.calls({
    due: due.fire,
    loop: createLoop(engine, { writer, clock }),
    shift(ms) {
      log.warn('The hub stood still or its clock jumped; alert delays do not count that time', { ms: Math.round(ms) });
      watch.shift(ms);
      due.expectNext();
    },
  });
  return {
    judgeAll,
    begin() {
      started = true;
      for (const cell of ofHub) watch.end(cell, 'The hub was restarted.');
      // Networks of a device are known once its values are: a rule for one of them may still hold.
      for (const id of [...watch.cells.devices()]) if (!engine.plans().by_network || !registry.get(id)) rounds.reconcile(id);
      judgeAll();
    },
    presenceChanged({ device }: { device: string }) {
      if (started) rounds.device(device);
    },
    valuesUpdated(update: LatestUpdate) {
      const device = started ? registry.get(update.device) : undefined;
      if (device) rounds.report(device, update);
    },
    recalled(values: readonly LatestValue[]) {
      for (const [id, stored] of byDevice(values)) rounds.recalled(id, stored);
    },
    incomeDue(id: string) {
      if (started) rounds.income(id);
    },
    deviceChanged(id: string) {
      engine.plans().drop(id);
      const name = registry.get(id)?.name ?? id;
      journal.board.rename(id, name);
      for (const cell of watch.cells.of(id)) cell.alert = { ...cell.alert, device_name: name };
      if (!started) return;
      rounds.reconcile(id);
      rounds.device(id);
    },
    deviceRemoved(id: string) {
      engine.traces.forget(id);
      engine.shelf.forget(id);
      engine.plans().drop(id);
      for (const cell of watch.cells.of(id)) watch.end(cell, `${cell.alert.device_name} was removed.`);
    },
    hub(subject: string, firing: boolean, why: string) {
      // Nobody looks at it again: whoever says it must know that it was not heard.
      if (!journal.room) throw new AppError('busy', 'The store is behind by more than it may hold; the alert was not kept');
      judgeHub(subject, firing, why);
    },
    stalled(why: string) {
      judgeHub('store', true, why);
      journal.release();
    },
    recovered: (why = 'The store can be written again.') => judgeHub('store', false, why),
  };
};

const byDevice = (values: readonly LatestValue[]): Map<string, LatestValue[]> => {
  const devices = new Map<string, LatestValue[]>();
  for (const one of values) {
    const known = devices.get(one.device);
    if (known) known.push(one);
    else devices.set(one.device, [one]);
  }
  return devices;
};

const HUB: Subject = {
  setting: 'hub',
  device: '',
  device_name: 'Hub',
  title: 'Hub problem',
  severity: 'critical',
  delay: 0,
};

const assemble = (needs: AlertNeeds, found: Pick<Recovered, 'documents' | 'numbers'>) => {
  const { writer, clock, registry, rules: declarations } = needs;
  const kept = found.documents.filter(({ collection }) => collection === 'alerts');
  const memos = kept.map(({ value }) => value as unknown as AlertDocument);
  const journal = createJournal(writer, { newest: found.numbers.alerts, open: memos.map(({ alert }) => alert) });
  const book = createRuleBook(writer, declarations, found.documents);
  const newId = () => Buffer.from(needs.random(8)).toString('hex');
  const watch = createWatch(journal, { newId, now: () => clock.now() }, memos);
  const shelf = createTraceShelf(writer, found.documents, (id) => traces.memo(id));
  const traces = createTraces(shelf);
  let plans = createPlans(activate(book.all(), declarations), needs.networks);
  const timing = createTiming(clock);
  const judge = createJudge(needs, needs.log, traces);
  const round = { watch, registry, clock, judge, plans: () => plans, expect: timing.expect, traces };
  const rounds = createRounds(round);
  const due = createDueRound(round, rounds);
  return {
    ...{ journal, book, watch, timing, rounds, due, traces, shelf, plans: () => plans },
    isUnknown({ state, device, rule }: LiveAlert): boolean {
      if (device === '' || state === 'resolved') return false;
      const about = plans.declaration(rule)?.about_presence === true;
      return standing(state, needs.presence.get(device).state, about) === 'unknown';
    },
    /** Takes the settings of the book into use. */
    activate() {
      plans = createPlans(activate(book.all(), declarations), needs.networks);
    },
  };
};
type Engine = ReturnType<typeof assemble>;

/** Ends what the new settings no longer ask for. */
const applyRules = ({ watch, rounds }: Engine, rules: { before: RuleSetting[]; settings: RuleSetting[]; by: string }) => {
  const old = new Map(rules.before.map((one) => [one.id, one]));
  const differ = (part: (one: RuleSetting) => unknown) => (one: RuleSetting) => {
    const former = old.get(one.id);
    return former !== undefined && JSON.stringify(part(former)) !== JSON.stringify(part(one));
  };
  const swapped = new Set(rules.settings.filter(differ((one) => one.rule)).map(({ id }) => id));
  const edited = new Set(rules.settings.filter(differ((one) => one.config)).map(({ id }) => id));
  for (const id of [...watch.cells.devices()]) {
    if (id === '') continue;
    rounds.reconcile(id, rules.by);
    for (const cell of watch.cells.of(id)) if (swapped.has(cell.setting)) watch.end(cell, 'The rule was replaced.', rules.by);
    rounds.sweep(id, (cell) => edited.has(cell.setting));
  }
};

/** Every second a slice of the open alerts; while the store stands still, what waits for it is announced. */
const createLoop = ({ journal, watch, rounds, shelf }: Engine, { writer, clock }: Pick<AlertNeeds, 'writer' | 'clock'>) => {
  let rest: string[] = [];
  let slice = 1;
  return () => {
    if (!writer.healthy) journal.release();
    if (rest.length === 0) {
      rest = [...watch.cells.devices()].filter((id) => id !== '');
      slice = Math.ceil(rest.length / SWEEP_S);
    }
    for (const id of rest.splice(0, slice)) rounds.sweep(id);
    shelf.tick(clock.monotonic());
  };
};
