/** Every message of every device: checked, stored, then shown and judged; acknowledged only after its commit. */
import { AppError } from '@muster/shared/errors';
import type { Log } from '@muster/shared/log';
import { createSignal, type Signal } from '@muster/shared/signal';
import { type Decoded, decodeMessage } from '@muster/shared/wire/codec';
import { WIRE_LIMITS } from '@muster/shared/wire/limits';
import type { Birth, DeviceEvent, Reading, Result } from '@muster/shared/wire/messages';
import type { Link, Outcome, Received } from '../bus/bus.js';
import type { EarningsBook, Registry } from '../parts.js';
import type { Change, Writer } from '../store/store.js';
import type { LatestKeeper } from './latest.js';
import type { Quarantine } from './quarantine.js';
import { type Complaint, notGranted, type ReportNeeds, type Taken, takeColumnar, takeNamed } from './report.js';
import type { Sequences } from './sequence.js';

/** What presence wants to hear. */
export interface PresenceInputs {
  born(link: Link, birth: { boot: string; session: number; interval_ms: number }): void;
  reported(link: Link, device: string, live: boolean): void;
  stopping(link: Link, boot: string): void;
  willed(link: Link, will: { boot: string; session: number }): void;
}

export interface IngestNeeds extends ReportNeeds {
  registry: Registry;
  tracker: PresenceInputs;
  sequences: Sequences;
  latest: LatestKeeper;
  quarantine: Quarantine;
  earnings: Pick<EarningsBook, 'book'>;
  writer: Pick<Writer, 'queue'>;
  now: () => number;
  log: Log;
}

export interface Ingest {
  /** Handler of the bus: exactly one `done` per message. */
  received(link: Link, message: Received, done: (outcome: Outcome) => void): void;
  born: Signal<{ link: Link; birth: Birth }>;
  event: Signal<{ link: Link; device: string; event: DeviceEvent }>;
  result: Signal<{ link: Link; device: string; result: Result }>;
  /** Drops what memory holds of a removed device. */
  forget(device: string): void;
  /** Messages and rows accepted since the start. */
  counts(): { messages: number; rows: number };
}

/** What a message comes to: changes to commit before the acknowledgement, and what happens on receipt. */
interface Judged {
  changes: Change[];
  complaints: Complaint[];
  urgent?: boolean;
  effect?: () => void;
}

type Good<K extends Decoded & { ok: true }> = K['message'];

export const createIngest = (needs: IngestNeeds): Ingest => {
  const { registry, tracker, sequences, latest, quarantine, writer, log } = needs;
  const born = createSignal<{ link: Link; birth: Birth }>();
  const event = createSignal<{ link: Link; device: string; event: DeviceEvent }>();
  const result = createSignal<{ link: Link; device: string; result: Result }>();
  const counts = { messages: 0, rows: 0 };

  const takeBirth = (link: Link, device: string, birth: Birth): Judged => {
    if (device !== link.grant.agent) return only('wrong_shape', device, 'a carried device is described in its agent’s birth');
    const changes = registry.born(link.grant, birth);
    const effect = () => {
      tracker.born(link, birth);
      born.emit({ link, birth });
    };
    return { changes, complaints: [], urgent: true, effect };
  };

  const asJudged = (link: Link, taken: Taken): Judged => {
    const effect = () => {
      const live = new Set(taken.live.map((part) => part.device));
      for (const device of taken.heard) tracker.reported(link, device, live.has(device));
      for (const { device, columns, rows } of taken.live) latest.put(device, columns, rows);
    };
    return { changes: taken.changes, complaints: taken.complaints, effect };
  };

  const takeRewards = (link: Link, device: string, message: Good<Extract<Decoded, { kind: 'rewards' }>>): Judged => {
    if (sequences.add(device, message.boot, message.seq) === 'known') return nothing();
    const latest_as_of = needs.now() + WIRE_LIMITS.future_ms;
    const complaints: Complaint[] = [];
    const readings = message.readings.filter((reading) => {
      const complaint = complaintAbout(reading, { link, device, latest_as_of });
      if (complaint) complaints.push(complaint);
      return complaint === null;
    });
    const mark: Change = { kind: 'mark', device, boot: message.boot, seq: message.seq };
    const booked = readings.length ? needs.earnings.book(device, link.grant.devices, readings, needs.now()) : [];
    return { changes: [...booked, mark], complaints };
  };

  const takeEvent = (link: Link, device: string, message: DeviceEvent): Judged => {
    if (sequences.add(device, message.boot, message.seq) === 'known') return nothing();
    const effect = () => {
      if (message.event === 'stopping' && device === link.grant.agent) tracker.stopping(link, message.boot);
      event.emit({ link, device, event: message });
    };
    const mark: Change = { kind: 'mark', device, boot: message.boot, seq: message.seq };
    return { changes: [mark], complaints: [], urgent: true, effect };
  };

  /** Null: close the connection without an acknowledgement. */
  const judge = (link: Link, { device, kind, payload }: Received): Judged | null => {
    if (!link.grant.devices.has(device) || !registry.get(device)) return { changes: [], complaints: [notGranted(device)] };
    const read = decodeMessage(kind, payload);
    if (!read.ok) return only(read.reason, device, read.detail);
    switch (read.kind) {
      case 'birth':
        return takeBirth(link, device, read.message);
      case 'report': {
        if (read.form === 'named') return asJudged(link, takeNamed(needs, device, read.message));
        const taken = takeColumnar(needs, { device, granted: link.grant.devices }, read.message);
        return taken && asJudged(link, taken);
      }
      case 'rewards':
        return takeRewards(link, device, read.message);
      case 'event':
        return takeEvent(link, device, read.message);
      case 'status':
        return { ...nothing(), effect: () => device === link.grant.agent && tracker.willed(link, read.message) };
      case 'result':
        return { ...nothing(), effect: () => result.emit({ link, device, result: read.message }) };
    }
  };

  /** The boundary: whatever goes wrong here costs one message, never the process or the other devices. */
  const guarded = <T>(what: string, device: string, run: () => T, otherwise: (error: unknown) => T): T => {
    try {
      return run();
    } catch (error) {
      if (!(error instanceof AppError)) log.error(what, { device, error });
      return otherwise(error);
    }
  };

  return {
    received(link, message, done) {
      const { device, payload } = message;
      const judged = guarded(
        'a message could not be handled',
        device,
        () => judge(link, message),
        (error) =>
          only(isRefusal(error) ? 'wrong_shape' : 'internal', device, error instanceof Error ? error.message : String(error)),
      );
      if (judged === null) return done('close');
      counts.messages++;
      for (const change of judged.changes) if (change.kind === 'rows') counts.rows += change.rows.length;
      const kept = judged.complaints.map((complaint) => quarantine.put({ ...complaint, agent: link.grant.agent, payload }));
      const changes = [...judged.changes, ...kept.filter((change) => change !== null)];
      // Queued before it is shown: an effect that fails must not cost a row that counts as stored already.
      const queue = () =>
        writer.queue(changes, { bytes: payload.byteLength, urgent: judged.urgent === true, done: () => done('ack') });
      guarded('a message could not be queued', device, queue, () => done('close'));
      guarded(
        'a message was stored, but showing it failed',
        device,
        () => judged.effect?.(),
        () => undefined,
      );
    },
    born,
    event,
    result,
    forget(device) {
      sequences.forget(device);
      latest.forget(device);
    },
    counts: () => ({ ...counts }),
  };
};

const nothing = (): Judged => ({ changes: [], complaints: [] });

const only = (reason: Complaint['reason'], device: string, detail: string): Judged => ({
  changes: [],
  complaints: [{ device, reason, detail }],
});

const isRefusal = (error: unknown): boolean => error instanceof AppError && error.status < 500;

/** Old readings are welcome; one from the future would hold against every later one. */
const complaintAbout = (
  reading: Reading,
  { link, device, latest_as_of }: { link: Link; device: string; latest_as_of: number },
): Complaint | null => {
  const of = reading.device ?? device;
  if (!link.grant.devices.has(of)) return notGranted(of);
  if (reading.as_of <= latest_as_of) return null;
  return {
    device: of,
    reason: 'clock',
    detail: `a reading of ${reading.network} is dated in the future; check the device's clock`,
  };
};
