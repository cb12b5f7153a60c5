/** A channel of the simulation: takes notices as a service would, and notes what each tells of. */
import { defineNotifier, type Notice } from '@muster/hub/notify/notifier';
import type { Item } from '@muster/hub/notify/outbox';
import { type Clock, sleep } from '@muster/shared/clock';
import { AppError } from '@muster/shared/errors';
import * as v from 'valibot';
import type { ChannelFailure } from './alerts-troubles.js';

/** A notice as it arrived, with what the outbox says it tells of. */
export interface Taken {
  at: number;
  channel: string;
  key: string;
  kind: Item['kind'];
  title: string;
  text: string;
  /** Ids of the alerts that it spells out, and of all devices it tells of. */
  alerts: string[];
  devices: string[];
  count: number;
  /** Devices of the incident that it tells of. */
  incident: { id: string; devices: string[] } | null;
  /** Notices that were put into this one, and what of them fires, as `[rule, device]`. */
  held: { count: number; firing: [rule: string, device: string][] } | null;
}

export interface ChannelNeeds {
  clock: Clock;
  document(collection: string, key: string): unknown;
  /** What is wrong with a channel now. */
  trouble(channel: string): ChannelFailure['how'] | null;
  took(notice: Taken): void;
}

/** Services answer after so long. */
const TAKES_MS = 400;

export const createRecorder = (needs: ChannelNeeds) =>
  defineNotifier({
    id: 'recorder',
    title: 'Recorder',
    docs: 'https://example.org',
    config: v.object({ name: v.string() }),
    async send({ config: { name }, notice, signal }) {
      const trouble = needs.trouble(name);
      if (trouble === 'hangs') return new Promise<never>(() => {});
      if (trouble === 'unreachable') throw new AppError('unreachable', `${name} cannot be reached`);
      if (trouble === 'too_many') throw new AppError('too_many', `${name} asks for a pause`, { retry_after_ms: 180_000 });
      needs.took(takenOf(needs, name, notice));
      await sleep(needs.clock, TAKES_MS, signal);
    },
  });

const takenOf = ({ clock, document }: ChannelNeeds, channel: string, notice: Notice): Taken => {
  const { idempotency_key: key, title, text } = notice;
  const item = document('notices', key) as Item;
  const incident = item.incident === null ? null : (document('incidents', item.incident) as { devices: string[] });
  return {
    ...{ at: clock.monotonic() / 1_000, channel, key, kind: item.kind, title, text },
    ...{ alerts: item.lines.map(({ alert }) => alert), devices: item.devices, count: item.count },
    incident: incident && item.incident !== null ? { id: item.incident, devices: incident.devices } : null,
    held: item.held && { count: item.held.count, firing: (item.held.memos ?? []).map(nameOf) },
  };
};

const nameOf = (memo: string): [rule: string, device: string] => {
  const [rule = '', device = ''] = memo.split('\n');
  return [rule, device];
};
