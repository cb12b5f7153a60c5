/** Real ingest parts; registry, presence and earnings are what their ports promise, in memory. */
import { silentLog } from '@muster/shared/log';
import { createTestClock } from '@muster/shared/testing/clock';
import { idOfColumns } from '@muster/shared/wire/codec';
import type { Birth } from '@muster/shared/wire/messages';
import type { UpwardKind } from '@muster/shared/wire/topics';
import type { Link } from '../../bus/bus.js';
import { createHandWriter } from '../../hand-writer.js';
import type { Device, Registry } from '../../parts.js';
import type { Change } from '../../store/store.js';
import { createIngest } from '../ingest.js';
import type { PresenceInputs } from '../judge.js';
import { createLatest } from '../latest.js';
import { createQuarantine } from '../quarantine.js';
import { createSequences } from '../sequence.js';

export const LIST = ['cpu', 'temp{zone=a}'];
export const COLUMNS = idOfColumns(LIST);
export const BOOT = 'aaaaaaaa';

export const setUp = () => {
  const clock = createTestClock();
  const writer = createHandWriter();
  const columns = new Map<string, readonly string[]>([
    [`pi ${COLUMNS}`, LIST],
    [`van ${COLUMNS}`, LIST],
  ]);
  const devices = new Set(['pi', 'van']);
  const said: string[] = [];
  const registry = {
    get: (id: string) => (devices.has(id) ? ({ id, interval_ms: 10_000 } as Device) : undefined),
    columns: (device: string, id: string) => columns.get(`${device} ${id}`),
    born: (_grant: unknown, birth: Birth): Change[] => {
      if (birth.agent_version === 'broken') throw new Error('a mistake of ours');
      for (const { id, list } of birth.columns) columns.set(`pi ${id}`, list);
      return [{ kind: 'document', collection: 'devices', key: 'pi', value: birth.agent_version }];
    },
  } as unknown as Registry;
  const tracker: PresenceInputs = {
    born: (_link, { boot, session }) => said.push(`born ${boot} ${session}`),
    reported: (_link, device, live) => said.push(`reported ${device} ${live}`),
    stopping: (_link, boot) => said.push(`stopping ${boot}`),
    willed: (_link, { session }) => said.push(`willed ${session}`),
  };
  const book = (_agent: string, _devices: unknown, readings: readonly { account: string }[]): Change[] =>
    readings.map(({ account }) => ({ kind: 'document', collection: 'booked', key: account, value: true }));
  const sequences = createSequences([], clock.now);
  const latest = createLatest(clock.now);
  const quarantine = createQuarantine({ writer, now: clock.now });
  const needs = { registry, tracker, sequences, latest, quarantine, earnings: { book }, writer, now: clock.now, log: silentLog };
  const ingest = createIngest(needs);
  const link: Link = {
    id: 1,
    grant: { agent: 'pi', devices: new Set(['pi', 'van', 'no-document']) },
    remote: '',
    keepalive_s: 5,
  };
  const outcomes: string[] = [];
  const send = (kind: UpwardKind, message: unknown, device = 'pi') => {
    const payload = Buffer.isBuffer(message) ? message : Buffer.from(JSON.stringify(message));
    ingest.received(link, { device, kind, payload }, (outcome) => outcomes.push(outcome));
  };
  const row = (seq: number, ts = clock.now(), ...values: (number | null)[]) => [seq, ts, ...(values.length ? values : [1, 2])];
  const report = (...rows: unknown[]) => send('report', { boot: BOOT, columns: COLUMNS, rows });
  const rows = (device = 'pi') =>
    writer.committed.flatMap((change) => (change.kind === 'rows' && change.device === device ? change.rows : []));
  const seqs = (device = 'pi') => rows(device).map(({ seq }) => seq);
  return { ingest, writer, clock, latest, quarantine, said, outcomes, columns, devices, link, send, row, report, rows, seqs };
};
