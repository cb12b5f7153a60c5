/** Applies changes inside one transaction; repeating a whole commit changes nothing. Rows reach the heads once they are on disk. */
import { checkChanges } from '../../changes.js';
import type { Change, LedgerEntry, StoredRow } from '../../store.js';
import { packRow } from './codec/row.js';
import type { Connection } from './connect.js';
import type { Dictionary } from './dictionary.js';
import type { Forget } from './forget.js';
import { type Head, type Heads, type PackedRow, packerOf } from './head.js';
import type { BootSet, Identities } from './identities.js';
import { slotOf } from './ids.js';
import { createJournalDraft, type JournalDraft } from './journal.js';
import type { JournalRing } from './journal-ring.js';
import type { Numbers } from './numbers.js';

type Of<K extends Change['kind']> = Extract<Change, { kind: K }>;

export interface WriteNeeds {
  db: Connection;
  dictionary: Dictionary;
  heads: Heads;
  identities: Identities;
  numbers: Numbers;
  ring: JournalRing;
  forget: Forget;
}

interface Placed extends PackedRow {
  head: Head;
}

/** What one commit has done in memory so far. */
interface Undo {
  added: { set: BootSet; seq: number }[];
  newest_boot: number;
}

interface Writing extends WriteNeeds {
  sql: ReturnType<typeof statements>;
  draft: JournalDraft;
  placed: Placed[];
  forgotten: number[];
  undo: Undo;
  now: number;
}

export const createCommit = (needs: WriteNeeds) => {
  const draft = createJournalDraft();
  const undo: Undo = { added: [], newest_boot: 0 };
  const writing: Writing = { ...needs, sql: statements(needs.db), draft, placed: [], forgotten: [], undo, now: 0 };
  const apply = needs.db.transaction((changes: readonly Change[]) => {
    for (const change of changes) applyChange(writing, change);
    if (!draft.empty) needs.ring.write(draft, needs.numbers.next());
  });
  return (changes: readonly Change[], now: number): void => {
    checkChanges(changes);
    begin(writing, now);
    try {
      apply.immediate(changes);
    } catch (error) {
      takeBack(writing);
      throw error;
    }
    settle(writing);
  };
};

const begin = (writing: Writing, now: number): void => {
  writing.draft.begin();
  writing.placed = [];
  writing.forgotten = [];
  writing.undo = { added: [], newest_boot: writing.identities.newest };
  writing.now = now;
};

/** On disk: now it may be seen. */
const settle = ({ ring, heads, placed, forgotten, forget, numbers }: Writing): void => {
  ring.settle();
  for (const row of placed) heads.append(row.head, { ...row, journal: numbers.newest });
  for (const device of forgotten) forget.inMemory(device);
};

/** Not on disk: packers went on from rows that nobody will find, so they start anew with a row that can be read alone. */
const takeBack = ({ ring, heads, identities, dictionary, placed, undo }: Writing): void => {
  ring.takeBack();
  for (const { head, list } of placed) {
    head.packers.delete(list);
    if (head.rows === 0) heads.remove(head);
  }
  for (const { set, seq } of undo.added) identities.undo(set, seq);
  identities.unmake(undo.newest_boot);
  dictionary.forget();
};

const applyChange = (writing: Writing, change: Change): void => {
  if (change.kind === 'rows') writeRows(writing, change);
  else if (change.kind === 'mark') writeMark(writing, change);
  else if (change.kind === 'document') writeDocument(writing, change);
  else if (change.kind === 'log') writeLog(writing, change);
  else if (change.kind === 'entry') writeEntry(writing, change.entry);
  else forget(writing, change.device);
};

const isNew = ({ identities, undo, now }: Writing, set: BootSet, seq: number): boolean => {
  if (!identities.add(set, seq, now)) return false;
  undo.added.push({ set, seq });
  return true;
};

const writeRows = (writing: Writing, { device: name, columns, rows }: Of<'rows'>): void => {
  const device = writing.dictionary.makeDevice(name);
  const list = writing.dictionary.makeList(columns);
  for (const row of rows) {
    if (row.boot === null || row.seq === null) writeRow(writing, { device, list, boot: 0, row });
    else {
      const set = writing.identities.of(device, row.boot);
      if (isNew(writing, set, row.seq)) writeRow(writing, { device, list, boot: set.id, row });
    }
  }
};

const writeRow = (
  writing: Writing,
  { device, list, boot, row }: { device: number; list: number; boot: number; row: StoredRow },
) => {
  const { draft, heads, dictionary, placed } = writing;
  const slot = slotOf(device, row.ts);
  const head = heads.place(device, slot);
  if (!head.packers.has(list)) dictionary.join(device, list);
  const from = draft.rows.length;
  const packer = packerOf(head, list, row.values.length);
  packRow(packer.state, row.ts, row.values, draft.rows);
  const to = draft.rows.length;
  const samples = countValues(row.values);
  draft.add({
    device,
    list,
    boot,
    seq: row.seq ?? 0,
    slot,
    length: to - from,
    missing: row.values.length - samples,
    chain: packer.rows++,
  });
  const { ts, values } = row;
  placed.push({ head, list, bytes: draft.rows.bytes, from, to, samples, ts, values, journal: 0, now: writing.now });
};

const countValues = (values: ArrayLike<number | null>): number => {
  let count = 0;
  for (let at = 0; at < values.length; at++) if (!Number.isNaN(values[at] ?? Number.NaN)) count++;
  return count;
};

const writeMark = (writing: Writing, { device: name, boot, seq }: Of<'mark'>): void => {
  const device = writing.dictionary.makeDevice(name);
  const set = writing.identities.of(device, boot);
  if (isNew(writing, set, seq))
    writing.draft.add({ device, list: 0, boot: set.id, seq, slot: 0, length: 0, missing: 0, chain: 0 });
};

const writeDocument = ({ sql }: Writing, { collection, key, value }: Of<'document'>): void => {
  if (value === null) sql.deleteDocument.run(collection, key);
  else sql.putDocument.run(collection, key, JSON.stringify(value));
};

const writeLog = ({ sql }: Writing, { log, number, ts, device, value, keep }: Of<'log'>): void => {
  sql.log.run(log, number, ts, device, JSON.stringify(value));
  if (keep !== undefined) sql.trimLog.run(log, number - Math.max(1, keep));
};

const writeEntry = ({ sql }: Writing, entry: LedgerEntry): void => {
  const { id, device, network, account, token, decimals, source, ts, amount, exact, kind, seen } = entry;
  sql.entry.run(id, device, network, account, token, decimals, source, ts, amount, exact ? 1 : 0, kind, seen);
};

const forget = ({ sql, dictionary, forget, forgotten }: Writing, name: string): void => {
  const device = dictionary.device(name);
  sql.forgetEntries.run(name);
  if (device === undefined) return;
  forget.onDisk(device);
  forgotten.push(device);
  dictionary.forget();
};

const statements = (db: Connection) => ({
  putDocument: db.prepare<[string, string, string]>(
    'INSERT INTO documents VALUES (?, ?, ?) ON CONFLICT (collection, key) DO UPDATE SET value = excluded.value',
  ),
  deleteDocument: db.prepare<[string, string]>('DELETE FROM documents WHERE collection = ? AND key = ?'),
  log: db.prepare<[string, number, number, string | null, string]>(
    'INSERT INTO logs VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
  ),
  trimLog: db.prepare<[string, number]>('DELETE FROM logs WHERE log = ? AND number <= ?'),
  entry: db.prepare<(string | number)[]>(
    'INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
  ),
  forgetEntries: db.prepare<[string]>('DELETE FROM entries WHERE device = ?'),
});
