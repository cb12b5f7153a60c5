/** Every message of every device: checked, stored, then shown and judged; acknowledged only after its commit. */
import { AppError } from '@muster/shared/errors';
import { createSignal } from '@muster/shared/signal';
import type { Link, Outcome, Received } from '../bus/bus.js';
import type { Change } from '../store/store.js';
import { createExpress, type Expressed } from './express.js';
import { createJudge, type IngestNeeds, type IngestSignals, type Judged, only } from './judge.js';
import type { Sequences } from './sequence.js';

export interface Ingest extends IngestSignals {
  /** Handler of the bus: exactly one `done` per message. */
  received(link: Link, message: Received, done: (outcome: Outcome) => void): void;
  /** Drops what memory holds of a removed device. */
  forget(device: string): void;
  /** Messages and rows accepted since the start. */
  counts(): { messages: number; rows: number };
}

export const createIngest = (needs: IngestNeeds): Ingest => {
  const { sequences, latest, quarantine, writer, log } = needs;
  const signals: IngestSignals = { born: createSignal(), event: createSignal(), result: createSignal() };
  const judge = createJudge(needs, signals);
  const counts = { messages: 0, rows: 0 };

  /** The boundary: whatever goes wrong here costs one message, never the process or the other devices. */
  const guarded = <T>(what: string, device: string, { run, otherwise }: Attempt<T>): T => {
    try {
      return run();
    } catch (error) {
      if (!isRefusal(error)) log.error(what, { device, error });
      return otherwise(error);
    }
  };
  const changesOf = ({ changes, complaints }: Judged, { agent, payload }: { agent: string; payload: Uint8Array }) => {
    const kept = complaints.map((complaint) => quarantine.put({ ...complaint, agent, payload }));
    return [...changes, ...kept.filter((change) => change !== null)];
  };

  const takeBack = createTakeBack(sequences);
  const receiveUsual = createUsual(needs, { counts, takeBack });

  return {
    ...signals,
    received(link, message, done) {
      const { device, payload } = message;
      // Judging marks rows as stored: without room for them their next sending would be acknowledged unstored.
      if (!writer.accepts(payload.byteLength)) return done('close');
      if (receiveUsual(link, message, done)) return;
      const judged = guarded('A message could not be handled', device, {
        run: () => judge(link, message),
        otherwise: (error) => only(isRefusal(error) ? 'wrong_shape' : 'internal', device, asText(error)),
      });
      if (judged === null) return done('close');
      counts.messages++;
      for (const change of judged.changes) if (change.kind === 'rows') counts.rows += change.rows.length;
      const changes = changesOf(judged, { agent: link.grant.agent, payload });
      const options = { bytes: payload.byteLength, urgent: judged.urgent === true, done: () => done('ack') };
      // Queued before it is shown: an effect that fails must not cost a row that counts as stored already.
      guarded('A message could not be queued', device, {
        run: () => writer.queue(changes, options),
        otherwise() {
          takeBack(changes);
          done('close');
        },
      });
      guarded('A message was stored, but showing it failed', device, { run: () => judged.effect?.(), otherwise: () => {} });
    },
    forget(device) {
      sequences.forget(device);
      latest.forget(device);
    },
    counts: () => ({ ...counts }),
  };
};

/** What counts as stored and could not be queued must count as new when it comes again. */
const createTakeBack =
  (sequences: Sequences) =>
  (changes: readonly Change[]): void => {
    for (const change of changes) {
      if (change.kind === 'mark') sequences.drop(change.device, change.boot, change.seq);
      if (change.kind !== 'rows') continue;
      for (const { boot, seq } of change.rows) if (boot !== null && seq !== null) sequences.drop(change.device, boot, seq);
    }
  };

interface UsualNeeds {
  counts: { messages: number; rows: number };
  takeBack(changes: readonly Change[]): void;
}

/** The short way of the usual report; false: not one, or one that cannot be handled this way. */
const createUsual = (needs: IngestNeeds, { counts, takeBack }: UsualNeeds) => {
  const { writer, tracker, latest, log } = needs;
  const express = createExpress(needs);
  return (link: Link, message: Received, done: (outcome: Outcome) => void): boolean => {
    const { device, payload } = message;
    let usual: Expressed | null = null;
    try {
      usual = express(link, message);
    } catch {
      return false;
    }
    if (!usual) return false;
    const { changes, columns, live } = usual;
    counts.messages++;
    for (const change of changes) if (change.kind === 'rows') counts.rows += change.rows.length;
    try {
      writer.queue(changes, { bytes: payload.byteLength, done: () => done('ack') });
    } catch (error) {
      if (!isRefusal(error)) log.error('A message could not be queued', { device, error });
      takeBack(changes);
      done('close');
      return true;
    }
    try {
      tracker.reported(link, device, live.length > 0);
      if (live.length > 0) latest.put(device, columns, live);
    } catch (error) {
      log.error('A message was stored, but showing it failed', { device, error });
    }
    return true;
  };
};

interface Attempt<T> {
  run(): T;
  otherwise(error: unknown): T;
}

const isRefusal = (error: unknown): error is AppError => error instanceof AppError && error.status < 500;
const asText = (error: unknown): string => (error instanceof Error ? error.message : String(error));
