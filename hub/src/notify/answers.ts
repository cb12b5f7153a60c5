/** Links and buttons that acknowledge what a notice told of: signed, for that notice alone, and only for a while. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { AppError } from '@muster/shared/errors';
import type { LiveAlert } from '@muster/shared/wire/live';
import type { AlertsDesk, Audit, NoticeAnswer } from '../parts.js';
import { NOTIFY_LIMITS as L } from './limits.js';
import { type Memos, threadsOf } from './memos.js';
import type { Notice } from './notifier.js';

export interface AnswerNeeds {
  key(): Uint8Array;
  now(): number;
  /** Address of this hub from outside; null: notices hold no link to acknowledge. */
  base: string | null;
  memos: Pick<Memos, 'firing'>;
  alert(id: string): LiveAlert | undefined;
  /** Missing: nothing can be acknowledged from a notice. */
  acknowledge?: AlertsDesk['acknowledge'] | undefined;
  audit: Audit;
}

/** A button's answer holds at most 64 bytes in Telegram. */
const LONGEST_CODE = 64;
/** 128 bits. */
const MAC_LENGTH = 22;
const SAFE_THREAD = /^[\w-]{1,64}$/;
const COMMENT = 'Acknowledged from the notice';

export const createAnswers = (needs: AnswerNeeds) => {
  const { now, base, acknowledge } = needs;
  const seal = (...parts: readonly string[]) =>
    createHmac('sha256', needs.key()).update(parts.join('\n')).digest('base64url').slice(0, MAC_LENGTH);
  const signed = (purpose: string, ...parts: readonly string[]) => [...parts, seal(purpose, ...parts)].join('.');
  /** The parts of a token of ours that is good still. */
  const opened = (purpose: string, token: string): string[] => {
    const parts = token.split('.');
    const mac = parts.pop() ?? '';
    if (!same(mac, seal(purpose, ...parts))) throw new AppError('not_found', 'This link or button is not one of this hub');
    if (Number.parseInt(parts[0] ?? '', 36) * 1_000 < now())
      throw new AppError('expired', 'This link or button is no longer good; acknowledge the alert in the dashboard');
    return parts;
  };
  const openAlerts = (thread: string): LiveAlert[] =>
    [...needs.memos.firing()].flatMap(({ alert, told }) => {
      const one = alert !== null && told.some((each) => threadsOf(each).includes(thread)) ? needs.alert(alert) : undefined;
      return one?.state === 'firing' ? [one] : [];
    });
  const take = async (thread: string, by: string): Promise<LiveAlert[]> => {
    const free = openAlerts(thread).filter(({ acknowledged }) => acknowledged === null);
    if (free.length > 0 && acknowledge) {
      const ids = free.map(({ id }) => id);
      await acknowledge(ids, by, COMMENT);
      await needs.audit.note(by, 'acknowledge', ids.join(',').slice(0, 500), { comment: COMMENT });
    }
    return openAlerts(thread);
  };

  return {
    /** For one notice on one channel. */
    offer(thread: string, notifier: string): Pick<Notice, 'acknowledge' | 'acknowledge_code'> {
      if (!acknowledge || !SAFE_THREAD.test(thread)) return {};
      const until = Math.floor((now() + L.acknowledge_ms) / 1_000).toString(36);
      const code = `a.${signed('button', until, thread)}`;
      const link = base && `${base.replace(/\/+$/, '')}/acknowledge?token=${signed('link', until, thread, notifier)}`;
      return {
        ...(link !== null && { acknowledge: { url: link } }),
        ...(code.length <= LONGEST_CODE && { acknowledge_code: code }),
      };
    },
    asked: (token: string): NoticeAnswer => {
      const [, thread = ''] = opened('link', token);
      return answerOf(openAlerts(thread));
    },
    async answered(token: string): Promise<NoticeAnswer> {
      const [, thread = '', notifier = ''] = opened('link', token);
      return answerOf(await take(thread, `notice:${notifier}`));
    },
    /** What a button of a channel said; answers a sentence for who pressed it. */
    async pressed(code: string, by: string): Promise<string> {
      if (!code.startsWith('a.')) throw new AppError('not_found', 'This button is not one of this hub');
      const [, thread = ''] = opened('button', code.slice(2));
      const { alerts, over } = answerOf(await take(thread, by));
      if (over) return 'This is over already.';
      const others = new Set(alerts.flatMap(({ acknowledged_by: who }) => (who !== null && who !== by ? [who] : [])));
      return others.size === 0 ? 'Acknowledged.' : `Acknowledged already by ${[...others].join(', ')}.`.slice(0, 190);
    },
  };
};
export type Answers = ReturnType<typeof createAnswers>;

const same = (given: string, expected: string): boolean => {
  const [left, right] = [Buffer.from(given), Buffer.from(expected)];
  return left.length === right.length && timingSafeEqual(left, right);
};

const answerOf = (alerts: readonly LiveAlert[]): NoticeAnswer => ({
  alerts: alerts.map(({ id, title, device_name, why, acknowledged }) => ({
    ...{ id, title, device_name, why },
    acknowledged_by: acknowledged?.by ?? null,
  })),
  over: alerts.length === 0,
});
