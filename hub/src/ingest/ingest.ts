/** Every message of every device: checked, stored, then shown and judged; acknowledged only after its commit. */
import { AppError } from '@muster/shared/errors';
import { createSignal } from '@muster/shared/signal';
import type { Link, Outcome, Received } from '../bus/bus.js';
import { createExpress } from './express.js';
import { createJudge, type IngestNeeds, type IngestSignals, type Judged, only } from './judge.js';
import { takeBack } from './sequence.js';

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
  const express = createExpress(needs);
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
    if (complaints.length === 0) return changes;
    const kept = complaints.map((complaint) => quarantine.put({ ...complaint, agent, payload }));
    return [...changes, ...kept.filter((change) => change !== null)];
  };

  return {
    ...signals,
    received(link, message, done) {
      const { device, payload } = message;
      // Judging marks rows as stored: without room for them their next sending would be acknowledged unstored.
      if (!writer.accepts(payload.byteLength)) return done('close');
      const judged = guarded('A message could not be handled', device, {
        run: () => express(link, message) ?? judge(link, message),
        otherwise: (error) => only(isRefusal(error) ? 'wrong_shape' : 'internal', device, asText(error)),
      });
      if (judged === null) return done('close');
      counts.messages++;
      for (const change of judged.changes) if (change.kind === 'rows') counts.rows += change.rows.length;
      const changes = changesOf(judged, { agent: link.grant.agent, payload });
      const options = { bytes: payload.byteLength, urgent: judged.urgent === true, done: acknowledging(done) };
      // Queued before it is shown: an effect that fails must not cost a row that counts as stored already.
      guarded('A message could not be queued', device, {
        run: () => writer.queue(changes, options),
        otherwise() {
          takeBack(sequences, changes);
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

/** Made here so that what waits for its commit holds on to nothing else of the message, such as the bytes it came in. */
const acknowledging = (done: (outcome: Outcome) => void) => () => done('ack');

interface Attempt<T> {
  run(): T;
  otherwise(error: unknown): T;
}

const isRefusal = (error: unknown): error is AppError => error instanceof AppError && error.status < 500;
const asText = (error: unknown): string => (error instanceof Error ? error.message : String(error));
