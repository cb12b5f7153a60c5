/** What one message comes to: read, checked, and turned into changes and effects; nothing is stored or shown here. */
import type { Log } from '@muster/shared/log';
import type { Signal } from '@muster/shared/signal';
import { decodeMessage } from '@muster/shared/wire/codec';
import { WIRE_LIMITS } from '@muster/shared/wire/limits';
import type { Birth, DeviceEvent, Reading, Result, Rewards } from '@muster/shared/wire/messages';
import type { Link, Received } from '../bus/bus.js';
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
  writer: Pick<Writer, 'queue' | 'accepts'>;
  now: () => number;
  log: Log;
}

/** What others want to know of messages. */
export interface IngestSignals {
  born: Signal<{ link: Link; birth: Birth }>;
  event: Signal<{ link: Link; device: string; event: DeviceEvent }>;
  result: Signal<{ link: Link; device: string; result: Result }>;
}

/** Changes to commit before the acknowledgement, and what happens on receipt. */
export interface Judged {
  changes: Change[];
  complaints: Complaint[];
  urgent?: boolean;
  effect?: () => void;
}

/** Null: close the connection without an acknowledgement. */
export type Judge = (link: Link, message: Received) => Judged | null;

export const createJudge = (needs: IngestNeeds, signals: IngestSignals): Judge => {
  const { registry, tracker } = needs;
  return (link, { device, kind, payload }) => {
    if (!link.grant.devices.has(device) || !registry.get(device)) return { changes: [], complaints: [notGranted(device)] };
    const read = decodeMessage(kind, payload);
    if (!read.ok) return only(read.reason, device, read.detail);
    const sender = { link, device };
    switch (read.kind) {
      case 'birth':
        return takeBirth(needs, signals, { ...sender, birth: read.message });
      case 'report': {
        if (read.form === 'named') return showing(needs, link, takeNamed(needs, device, read.message));
        const taken = takeColumnar(needs, { device, granted: link.grant.devices }, read.message);
        return taken && showing(needs, link, taken);
      }
      case 'rewards':
        return takeRewards(needs, sender, read.message);
      case 'event':
        return takeEvent(needs, signals, { ...sender, event: read.message });
      case 'status':
        return { ...nothing(), effect: () => device === link.grant.agent && tracker.willed(link, read.message) };
      case 'result':
        return { ...nothing(), effect: () => signals.result.emit({ ...sender, result: read.message }) };
    }
  };
};

interface Sender {
  link: Link;
  device: string;
}

const takeBirth = (needs: IngestNeeds, signals: IngestSignals, { link, device, birth }: Sender & { birth: Birth }): Judged => {
  if (device !== link.grant.agent) return only('wrong_shape', device, 'a carried device is described in its agent’s birth');
  const changes = needs.registry.born(link.grant, birth);
  const effect = () => {
    needs.tracker.born(link, birth);
    signals.born.emit({ link, birth });
  };
  return { changes, complaints: [], urgent: true, effect };
};

const showing = ({ tracker, latest }: IngestNeeds, link: Link, taken: Taken): Judged => {
  const effect = () => {
    const live = new Set(taken.live.map((part) => part.device));
    for (const device of taken.heard) tracker.reported(link, device, live.has(device));
    for (const { device, columns, rows } of taken.live) latest.put(device, columns, rows);
  };
  return { changes: taken.changes, complaints: taken.complaints, effect };
};

const takeRewards = (needs: IngestNeeds, { link, device }: Sender, message: Rewards): Judged => {
  const { boot, seq } = message;
  if (needs.sequences.add(device, boot, seq) === 'known') return nothing();
  const latest_as_of = needs.now() + WIRE_LIMITS.future_ms;
  const complaints: Complaint[] = [];
  const readings = message.readings.filter((reading) => {
    const complaint = complaintAbout(reading, { link, device, latest_as_of });
    if (complaint) complaints.push(complaint);
    return complaint === null;
  });
  const booked = readings.length ? needs.earnings.book(device, link.grant.devices, readings, needs.now()) : [];
  return { changes: [...booked, { kind: 'mark', device, boot, seq }], complaints };
};

const takeEvent = (
  { sequences, tracker }: IngestNeeds,
  signals: IngestSignals,
  { link, device, event }: Sender & { event: DeviceEvent },
): Judged => {
  const { boot, seq } = event;
  if (sequences.add(device, boot, seq) === 'known') return nothing();
  const effect = () => {
    if (event.event === 'stopping' && device === link.grant.agent) tracker.stopping(link, boot);
    signals.event.emit({ link, device, event });
  };
  return { changes: [{ kind: 'mark', device, boot, seq }], complaints: [], urgent: true, effect };
};

const nothing = (): Judged => ({ changes: [], complaints: [] });

export const only = (reason: Complaint['reason'], device: string, detail: string): Judged => ({
  changes: [],
  complaints: [{ device, reason, detail }],
});

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
