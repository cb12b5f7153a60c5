/**
 * Writes reports through the hub's committer and engine as fast as they take them, and prints what was acknowledged, until it
 * is killed. The engine's clock follows the reports, hence it seals, merges and deletes all the time.
 */
import { writeSync } from 'node:fs';
import { createSequences } from '@muster/hub/ingest/sequence';
import { createCommitter } from '@muster/hub/store/committer';
import { createSqliteEngine } from '@muster/hub/store/engines/sqlite/index';
import { createSystemClock } from '@muster/shared/clock';
import { createLog } from '@muster/shared/log';
import { taskOf } from './child.js';
import { workAll } from './feed.js';
import { KILL_COLUMNS, killDevice, killTs, killValues } from './kill-rows.js';

export interface KillTask {
  file: string;
  devices: number;
  /** Time of beat 0, ms. */
  start: number;
  boot: string;
  /** seq 1 of this boot is the beat after this one. */
  base: number;
  /** Ends by itself at this seq. */
  most: number;
  /** Sent by an earlier boot and perhaps not stored: sent again, as an agent's spool does. */
  again: { device: number; boot: string; base: number; from: number; to: number }[];
}

/** Rows of a device on their way at once. */
const WINDOW = 8;

const { file, devices, start, boot, base, most, again } = taskOf<KillTask>();
const log = createLog({ format: 'text', level: 'error', write: (line) => process.stderr.write(line), now: Date.now });
let newest = killTs(start, 0, base);
const engine = createSqliteEngine({ file }, () => newest);
const recovered = await engine.open();
let working = Promise.resolve();
/** Here a minute passes in milliseconds: the next commit waits for the work that a hub does in between. */
const commit: typeof engine.commit = async (changes) => {
  await working;
  await engine.commit(changes);
  working = workAll(engine, newest);
};
const needs = { engine: { commit }, clock: createSystemClock(), log, numbers: recovered.numbers };
const writer = createCommitter(needs, { commit_ms: 5 });
const sequences = createSequences(recovered.sequences, Date.now);

/** Boot, device, seq of what is on disk; written in one piece before the next commit begins. */
let acknowledged: string[] = [];
const print = (): void => {
  if (acknowledged.length) writeSync(1, `${acknowledged.join(' ')}\n`);
  acknowledged = [];
};
writer.committed.on(print);

interface Row {
  device: number;
  boot: string;
  base: number;
  seq: number;
}

const send = ({ device, boot: of, base: from, seq }: Row, next: () => void): void => {
  const done = () => {
    acknowledged.push(`${of} ${device} ${seq}`);
    next();
  };
  if (sequences.add(killDevice(device), of, seq) === 'known') {
    done();
    return;
  }
  const ts = killTs(start, device, from + seq);
  newest = Math.max(newest, ts);
  const rows = [{ boot: of, seq, ts, values: killValues(device, ts) }];
  writer.queue([{ kind: 'rows', device: killDevice(device), columns: KILL_COLUMNS, rows }], { bytes: 100, done });
};

const live = (device: number) => {
  let seq = 0;
  const next = (): void => {
    if (seq < most) send({ device, boot, base, seq: ++seq }, next);
  };
  for (let n = 0; n < WINDOW; n++) next();
};

for (const { from, to, ...rest } of again) for (let seq = from; seq <= to; seq++) send({ ...rest, seq }, () => {});
print();
for (let device = 0; device < devices; device++) live(device);
