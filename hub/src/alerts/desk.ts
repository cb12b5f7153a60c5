import type { Clock } from '@muster/shared/clock';
import { AppError } from '@muster/shared/errors';
import type { LiveAlert } from '@muster/shared/wire/live';
import { toJsonSchema } from '@valibot/to-json-schema';
import type { AlertsDesk } from '../parts.js';
import type { Json, Writer } from '../store/store.js';
import type { Cell } from './cells.js';
import type { Journal } from './journal.js';
import type { RuleDeclaration } from './rule.js';
import type { PersonsMark, Watch } from './watch.js';

/** Acknowledging and snoozing open alerts: events like every other; repeating one changes nothing. */
export const createMarks = (journal: Journal, needs: { watch: Watch; writer: Writer; clock: Clock }) => {
  const { watch, writer, clock } = needs;
  const shown = (id: string): LiveAlert => {
    const alert = journal.board.get(id);
    if (!alert) throw new AppError('not_found', `There is no alert "${id}" that is open or was resolved lately`, { path: id });
    return alert;
  };
  const mark = async (ids: readonly string[], isNews: (cell: Cell) => boolean, event: Omit<PersonsMark, 'ts'>) => {
    const before = ids.map(shown);
    if (!writer.healthy) throw new AppError('storage', 'The store cannot be written at the moment; try again once it recovers');
    const cells = [...new Set(ids)].flatMap((id) => watch.cells.byAlert(id) ?? []).filter(isNews);
    await Promise.all(cells.map((cell) => watch.mark(cell, { ...event, ts: clock.now() })));
    return before.map((alert) => journal.board.get(alert.id) ?? alert);
  };
  const assign: AlertsDesk['assign'] = (ids, { by, owner, comment }) => {
    const isNews = ({ alert: { acknowledged: known } }: Cell) =>
      known?.by !== by || known.comment !== comment || ownerOf(known) !== owner;
    return mark(ids, isNews, {
      ...{ change: 'acknowledged', by, comment },
      acknowledged: { by, at: clock.now(), comment, owner },
    });
  };
  return {
    assign,
    acknowledge: (ids: readonly string[], by: string, comment: string | null): Promise<LiveAlert[]> =>
      assign(ids, { by, owner: by, comment }),
    unacknowledge: (ids: readonly string[], by: string, comment: string | null): Promise<LiveAlert[]> =>
      mark(ids, ({ alert }) => alert.acknowledged !== null, { change: 'unacknowledged', by, comment, acknowledged: null }),
    snooze: (ids: readonly string[], by: string, until: number | null): Promise<LiveAlert[]> =>
      mark(ids, ({ alert }) => (alert.snoozed?.until ?? null) !== until, {
        ...{ change: 'snoozed', by },
        snoozed: until === null ? null : { by, at: clock.now(), until },
      }),
  };
};

/** Whoever acknowledged it takes care of it unless another is named. */
export const ownerOf = ({ by, owner = by }: NonNullable<LiveAlert['acknowledged']>): string => owner;

/** Rule declarations as forms and the API see them: the config as JSON Schema. */
export const describeRules = (declarations: ReadonlyMap<string, RuleDeclaration>): ReturnType<AlertsDesk['declarations']> =>
  [...declarations.values()].map(({ id, title, severity, config }) => ({
    id,
    title,
    severity,
    config: toJsonSchema(config, { errorMode: 'ignore', typeMode: 'input' }) as unknown as Json,
  }));
