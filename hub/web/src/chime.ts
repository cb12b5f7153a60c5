import type { Severity } from '@muster/shared/wire/live';
import { type Alert, groupOf } from './alert-groups.js';

/** Sound and desktop notifications of alerts that begin to fire: once in a browser, however many tabs are open. */
export type ChimeKind = 'sound' | 'desktop';

export interface ChimeNeeds {
  /** Switched on, and able to at present. */
  ready(kind: ChimeKind): boolean;
  /** Of these the ones that no tab has announced in this way; from now on they are. */
  claim(kind: ChimeKind, ids: readonly string[]): Promise<readonly string[]>;
  /** As it stands now. */
  alert(id: string): Alert | undefined;
  play(severity: Severity): void;
  show(notification: { title: string; body: string; path: string; tag: string }): void;
  /** Runs a task when the moment is over: alerts that fire together are announced together. */
  later(task: () => Promise<void>): void;
  now(): number;
}

const KINDS: readonly ChimeKind[] = ['sound', 'desktop'];
/** More than so many at once are told of in one. */
const SHOWN_ALONE = 3;
const WORST: readonly Severity[] = ['critical', 'warning', 'info'];

export const createChime = (needs: ChimeNeeds) => {
  let waiting = new Set<string>();
  const isLoud = (alert: Alert | undefined): alert is Alert => alert !== undefined && groupOf(alert, needs.now()) === 'firing';

  const announce = async (kind: ChimeKind, loud: readonly Alert[]) => {
    const own = new Set(
      await needs.claim(
        kind,
        loud.map(({ id }) => id),
      ),
    );
    const fresh = loud.filter(({ id }) => own.has(id));
    if (fresh.length === 0) return;
    const worst = WORST.find((severity) => fresh.some((alert) => alert.severity === severity)) ?? 'info';
    if (kind === 'sound') needs.play(worst);
    else for (const one of notificationsOf(fresh)) needs.show(one);
  };
  const settle = async () => {
    const ids = [...waiting];
    waiting = new Set();
    const kinds = KINDS.filter(needs.ready);
    if (kinds.length === 0) return;
    const loud = ids.map(needs.alert).filter(isLoud);
    if (loud.length > 0) await Promise.all(kinds.map((kind) => announce(kind, loud)));
  };
  return {
    fired({ id }: Pick<Alert, 'id'>): void {
      if (!KINDS.some(needs.ready)) return;
      if (waiting.size === 0) needs.later(settle);
      waiting.add(id);
    },
  };
};

const notificationsOf = (alerts: readonly Alert[]) => {
  if (alerts.length <= SHOWN_ALONE)
    return alerts.map(({ id, title, device_name, why }) => ({
      title: `${device_name}: ${title}`,
      ...{ body: why, path: `/alerts?alert=${encodeURIComponent(id)}`, tag: `muster ${id}` },
    }));
  const names = [...new Set(alerts.map(({ device_name }) => device_name))];
  const rest = names.length - SHOWN_ALONE;
  const body = `${names.slice(0, SHOWN_ALONE).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
  return [{ title: `${alerts.length} alerts fire`, body, path: '/alerts', tag: 'muster several' }];
};

/** Announced ones are remembered, newest last; more than this fire in no moment. */
const REMEMBERED = 1000;

/** Takes what is new of `ids` into the list; `known` is what the browser's tabs share. */
export const takeClaims = (known: readonly string[], ids: readonly string[]): { fresh: string[]; known: string[] } => {
  const before = new Set(known);
  const fresh = ids.filter((id) => !before.has(id));
  return { fresh, known: [...known, ...fresh].slice(-REMEMBERED) };
};
