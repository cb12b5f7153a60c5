import type { LiveAlert, LiveAlertEvent, Severity } from '@muster/shared/wire/live';
import { type Cell, createCells } from './cells.js';
import { createFlaps, FLAPS, type Flaps } from './flaps.js';
import type { AlertDocument, Journal } from './journal.js';
import { type AlertChange, advance, type Held, pause } from './lifecycle.js';
import type { Verdict } from './rule.js';

/** What an alert is about and how it is worded. */
export interface Subject {
  setting: string;
  device: string;
  device_name: string;
  title: string;
  severity: Severity;
  /** Chosen by the operator: a verdict's does not count. */
  own_severity?: Severity | undefined;
  delay: number;
  recover?: number | undefined;
}

export type PersonsMark = Pick<LiveAlertEvent, 'ts' | 'change' | 'by' | 'comment'> &
  Partial<Pick<LiveAlert, 'acknowledged' | 'snoozed'>>;

/** The bookkeeping between verdicts and events: the lifecycle of every cell, one event per change. */
export const createWatch = (
  journal: Pick<Journal, 'record' | 'room'>,
  needs: { newId: () => string; now: () => number },
  recovered: readonly AlertDocument[],
) => {
  const cells = createCells(recovered);
  const flaps = createFlaps();
  const recoverOf = (cell: Cell | undefined, recover = 0) => (cell?.alert.flapping ? Math.max(recover, FLAPS.calm_ms) : recover);

  const change = createChange({ journal, cells, flaps, now: needs.now });

  return {
    cells,
    /** Takes a verdict; answers when it falls due if it has just become pending. */
    judge(about: Subject, verdict: Verdict): number | null {
      if (verdict.firing !== 'yes' && !cells.has(about.device)) return null;
      // Whatever it says is said again by the next look: nothing may change that cannot be told.
      if (!journal.room) return null;
      const cell = cells.find(about.device, about.setting, verdict.subject ?? '');
      const now = needs.now();
      const delay = verdict.after_ms ?? about.delay;
      const recover = recoverOf(cell, about.recover);
      const step = advance(cell?.held ?? null, verdict.firing, { now, delay, recover });
      if (cell) Object.assign(cell, { delay: verdict.after_ms, held: step.held ?? cell.held });
      const severity = severityOf(about, verdict);
      const worse = cell?.held.state === 'firing' && verdict.firing === 'yes' && RANK[severity] > RANK[cell.alert.severity];
      const news = worse ? 'firing' : step.change;
      if (!news) return null;
      const fresh = cell ?? newCell(about, verdict, { id: needs.newId(), now });
      const told = { why: sentenceOf(verdict, about), value: verdict.value, ...(verdict.firing === 'yes' && { severity }) };
      change(fresh, step.held, { change: news, by: 'hub', ...told });
      return step.change === 'pending' ? now + delay : null;
    },
    /** Ends what has lost its reason to be open. */
    end(cell: Cell, why: string, by = 'hub') {
      if (!journal.room) return;
      const ending = cell.held.state === 'firing' ? 'resolved' : 'cancelled';
      change(cell, null, { change: ending, why, value: cell.alert.value, by });
    },
    /** What a person did to it: an event like every other. */
    mark(cell: Cell, event: PersonsMark): Promise<void> {
      const { setting, subject } = cell;
      const { ts, change, by, comment, ...marks } = event;
      return new Promise((announced) => {
        const alert = { ...cell.alert, ...marks };
        cell.alert = journal.record({ ts, change, by, comment, setting, subject, alert, announced });
      });
    },
    /** Nothing new can be heard of it for now. */
    pause(device: string, settings: ReadonlySet<string>, since: number | null) {
      for (const cell of cells.of(device)) if (settings.has(cell.setting)) cell.held = pause(cell.held, since);
    },
    /** How often each fired before this process began. */
    recallFlaps: (events: readonly LiveAlertEvent[]) => recall(flaps, events),
    /** The clock jumped or the hub stood still: that time does not count towards any delay, nor towards a recovery. */
    shift(ms: number) {
      for (const cell of [...cells.devices()].flatMap(cells.of)) cell.held = shifted(cell.held, ms);
    },
  };
};
export type Watch = ReturnType<typeof createWatch>;

interface ChangeNeeds {
  journal: Pick<Journal, 'record'>;
  cells: ReturnType<typeof createCells>;
  flaps: Flaps;
  now: () => number;
}

/** What a verdict makes of a cell, as an event. */
const createChange =
  ({ journal, cells, flaps, now }: ChangeNeeds) =>
  (
    cell: Cell,
    held: Held | null,
    event: { change: AlertChange; why: string; value: number | null; by: string; severity?: Severity },
  ) => {
    const ts = now();
    const flapping = event.change === 'firing' && cell.alert.fired_at === null && flaps.fired(keyOf(cell), ts);
    const alert: LiveAlert = {
      ...cell.alert,
      ...(flapping && { flapping }),
      ...(event.change === 'pending' && held && { since: held.since }),
      severity: event.severity ?? cell.alert.severity,
      why: event.why,
      value: event.value,
      state: held?.state ?? 'resolved',
      fired_at: held?.state === 'firing' ? held.fired_at : cell.alert.fired_at,
      resolved_at: held ? null : ts,
    };
    const { setting, subject } = cell;
    const numbered = journal.record({ setting, subject, ts, change: event.change, by: event.by, alert });
    if (held) cells.put(Object.assign(cell, { held, alert: numbered }));
    else cells.delete(cell);
  };

const recall = (flaps: Flaps, events: readonly LiveAlertEvent[]): void => {
  for (const { change, ts, alert } of events) {
    const { device, rule: setting, subject = '', fired_at } = alert;
    // One that grew worse while it fired is not another time.
    if (change === 'firing' && (fired_at ?? ts) === ts) flaps.fired(keyOf({ device, setting, subject }), ts);
  }
};

const shifted = (held: Held, ms: number): Held => {
  if (held.state === 'pending')
    return { ...held, since: held.since + ms, ...(held.away_since !== undefined && { away_since: held.away_since + ms }) };
  const { well_since, bad_since = held.fired_at } = held;
  const bad = { ...held, bad_since: bad_since === null ? null : bad_since + ms };
  return well_since === undefined ? bad : { ...bad, well_since: well_since + ms };
};

/** A rule that cannot word its verdict is still heard. */
const sentenceOf = (verdict: Verdict, { device_name, title }: Subject): string => {
  try {
    return verdict.why;
  } catch {
    return `${device_name}: ${title}.`;
  }
};

const severityOf = ({ own_severity, severity }: Subject, verdict: Verdict): Severity =>
  own_severity ?? verdict.severity ?? severity;

/** Worse than it was told is told again, as another `firing`; milder is not. */
const RANK: Record<Severity, number> = { info: 0, warning: 1, critical: 2 };

const keyOf = ({ device, setting, subject }: Pick<Cell, 'device' | 'setting' | 'subject'>): string =>
  `${device}\n${setting}\n${subject}`;

const newCell = (about: Subject, verdict: Verdict, { id, now }: { id: string; now: number }): Cell => ({
  setting: about.setting,
  device: about.device,
  subject: verdict.subject ?? '',
  held: { state: 'pending', since: now },
  delay: verdict.after_ms,
  alert: {
    id,
    rule: about.setting,
    device: about.device,
    device_name: about.device_name,
    title: verdict.title ?? about.title,
    why: '',
    severity: severityOf(about, verdict),
    state: 'pending',
    value: verdict.value,
    ...(verdict.subject && { subject: verdict.subject }),
    since: now,
    fired_at: null,
    resolved_at: null,
    acknowledged: null,
    event: 0,
  },
});
