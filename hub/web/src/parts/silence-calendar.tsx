import type { Silence } from '@muster/hub/parts';
import { type Signal, useSignal } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import { useApp } from '../app.js';
import {
  type CalendarDay,
  createZone,
  dayOf,
  daysFrom,
  mondayOf,
  monthOf,
  monthsOn,
  type Piece,
  piecesOf,
  spansOf,
  type Zone,
} from '../calendar.js';
import { DAY_NAMES, weeklyText } from '../notice-words.js';
import { type Names, scopeText } from '../scopes.js';
import { ownZone } from './fields.js';
import { Icon } from './icons.js';
import { useNames } from './names.js';

/** Silences over a week or a month, by the clocks of this browser. */
interface CalendarProps {
  silences: readonly Silence[];
  rules: ReadonlyMap<string, string>;
  /** The one that is looked at. */
  picked: Signal<string | null>;
}

const WEEK = 7;
const DAY = 86_400_000;
const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];

export const SilenceCalendar = ({ silences, rules, picked }: CalendarProps) => {
  const { clock } = useApp();
  const zone = useMemo(() => createZone(ownZone()), []);
  const today = dayOf(zone, clock.value);
  const view = useSignal<'week' | 'month'>('week');
  const at = useSignal(today);
  const month = monthOf(at.value);
  const days = view.value === 'week' ? daysFrom(zone, mondayOf(at.value), WEEK) : daysFrom(zone, month.first, month.count);
  const names = useNames(rules);
  const [first, last] = [days[0], days.at(-1)];
  if (!first || !last) return null;
  const items = silences
    .map((one) => ({ of: one, spans: spansOf(one, first.from, last.to) }))
    .filter(({ spans }) => spans.length > 0);
  const shared = { zone, days, items, names, today, picked };
  const step = (by: number) => (at.value = view.value === 'week' ? at.value + by * WEEK : monthsOn(at.value, by));
  return (
    <section class="calendar" aria-label="Calendar of silences">
      <div class="section-head">
        <h2>{titleOf(first, last, view.value === 'month' ? month.month : null)}</h2>
        <span class="quiet">{ownZone().replaceAll('_', ' ')}</span>
        <span class="push" />
        <Steps onStep={step} onToday={() => (at.value = today)} />
        <fieldset class="picker">
          <legend class="unseen">Span</legend>
          {(['week', 'month'] as const).map((one) => (
            <button key={one} type="button" aria-pressed={view.value === one} onClick={() => (view.value = one)}>
              {one === 'week' ? 'Week' : 'Month'}
            </button>
          ))}
        </fieldset>
      </div>
      {view.value === 'week' ? <Week {...shared} now={clock.value} /> : <Month {...shared} month={month.month} />}
    </section>
  );
};

const Steps = ({ onStep, onToday }: { onStep(by: number): void; onToday(): void }) => (
  <>
    <button type="button" class="plain" aria-label="Earlier" onClick={() => onStep(-1)}>
      <Icon name="back" />
    </button>
    <button type="button" class="button" onClick={onToday}>
      Today
    </button>
    <button type="button" class="plain forth" aria-label="Later" onClick={() => onStep(1)}>
      <Icon name="back" />
    </button>
  </>
);

const dateOf = ({ day }: CalendarDay): Date => new Date(day * DAY);

const titleOf = (first: CalendarDay, last: CalendarDay, month: number | null): string => {
  const [begin, end] = [dateOf(first), dateOf(last)];
  if (month !== null) return `${MONTHS[month]} ${(begin.getUTCMonth() === month ? begin : end).getUTCFullYear()}`;
  const same = begin.getUTCMonth() === end.getUTCMonth();
  const short = (date: Date) => MONTHS[date.getUTCMonth()]?.slice(0, 3) ?? '';
  return `${begin.getUTCDate()}${same ? '' : ` ${short(begin)}`} – ${end.getUTCDate()} ${short(end)} ${end.getUTCFullYear()}`;
};

interface GridProps {
  zone: Zone;
  days: readonly CalendarDay[];
  items: readonly { of: Silence; spans: readonly { from: number; to: number }[] }[];
  names: Names;
  today: number;
  picked: Signal<string | null>;
}

const HOURS = [0, 3, 6, 9, 12, 15, 18, 21];
const MINUTES = 1440;
const percent = (share: number): string => `${share * 100}%`;

const Week = ({ zone, days, items, names, today, picked, now }: GridProps & { now: number }) => (
  <div class="week">
    <div class="hours" aria-hidden="true">
      {HOURS.map((hour) => (
        <span key={hour} style={{ top: percent((hour * 60) / MINUTES) }}>{`${String(hour).padStart(2, '0')}:00`}</span>
      ))}
    </div>
    {days.map((day, index) => (
      <div key={day.day} class={day.day === today ? 'day today' : 'day'}>
        <h3>
          {DAY_NAMES[index]} {dateOf(day).getUTCDate()}
        </h3>
        <div class="times">
          {day.day === today && <i class="now" style={{ top: percent((zone.wall(now) - day.day * DAY) / DAY) }} />}
          {piecesOf(zone, day, items).map((piece) => (
            <Block key={`${piece.of.id} ${piece.from}`} {...{ piece, zone, names, picked }} />
          ))}
        </div>
      </div>
    ))}
  </div>
);

const clock = (zone: Zone, ts: number): string => new Date(zone.wall(ts)).toISOString().slice(11, 16);

const sayOf = ({ of, from, to }: { of: Silence; from: number; to: number }, zone: Zone, names: Names): string =>
  [
    `${scopeText(of.scope, names)}, ${clock(zone, from)} to ${clock(zone, to)}`,
    of.comment,
    of.weekly ? weeklyText(of.weekly) : 'once',
  ]
    .filter(Boolean)
    .join('; ');

interface BlockProps extends Pick<GridProps, 'zone' | 'names' | 'picked'> {
  piece: Piece<Silence>;
}

const Block = ({ piece, zone, names, picked }: BlockProps) => {
  const { of, top, bottom, lane, lanes } = piece;
  const place = {
    top: percent(top / MINUTES),
    height: percent((bottom - top) / MINUTES),
    left: percent(lane / lanes),
    width: percent(1 / lanes),
  };
  return (
    <button
      type="button"
      class={`block ${of.weekly ? 'weekly' : 'once'}`}
      style={place}
      title={sayOf(piece, zone, names)}
      aria-label={sayOf(piece, zone, names)}
      aria-pressed={picked.value === of.id}
      onClick={() => (picked.value = picked.value === of.id ? null : of.id)}
    >
      <b>{scopeText(of.scope, names)}</b>
      <span>{of.comment}</span>
    </button>
  );
};

const MOST_A_DAY = 4;

const Month = ({ zone, days, items, names, today, picked, month }: GridProps & { month: number }) => (
  <div class="month">
    {DAY_NAMES.map((name) => (
      <span key={name} class="quiet name">
        {name}
      </span>
    ))}
    {days.map((day) => {
      const pieces = piecesOf(zone, day, items);
      return (
        <div
          key={day.day}
          class={`cell ${day.day === today ? 'today' : ''} ${dateOf(day).getUTCMonth() === month ? '' : 'other'}`}
        >
          <h3>{dateOf(day).getUTCDate()}</h3>
          {pieces.slice(0, MOST_A_DAY).map((piece) => (
            <button
              key={`${piece.of.id} ${piece.from}`}
              type="button"
              class={`block ${piece.of.weekly ? 'weekly' : 'once'}`}
              title={sayOf(piece, zone, names)}
              aria-label={sayOf(piece, zone, names)}
              aria-pressed={picked.value === piece.of.id}
              onClick={() => (picked.value = picked.value === piece.of.id ? null : piece.of.id)}
            >
              <span>{clock(zone, Math.max(piece.from, day.from))}</span> <b>{scopeText(piece.of.scope, names)}</b>
            </button>
          ))}
          {pieces.length > MOST_A_DAY && <span class="quiet">{pieces.length - MOST_A_DAY} more</span>}
        </div>
      );
    })}
  </div>
);
