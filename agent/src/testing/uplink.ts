import { createSystemClock } from '@muster/shared/clock';
import { createLog, silentLog } from '@muster/shared/log';
import { idOfColumns } from '@muster/shared/wire/codec';
import type { ColumnList } from '@muster/shared/wire/messages';
import { createCommands } from '../commands.js';
import type { LinkSettings } from '../establish.js';
import { openLink } from '../link.js';
import { createMemorySpool, type Spool, type SpoolRow } from '../spool.js';
import { createAgentTime } from '../time.js';
import { createUplink, type Uplink } from '../uplink.js';

/** An uplink on a real connection, with a spool that a test fills by hand. */
export interface UplinkRig {
  uplink: Uplink;
  spool: Spool;
  /** Puts a row into the spool and offers it. */
  addRow(columns?: readonly string[]): SpoolRow;
  /** Puts a row of a carried device into the spool, to travel with the next row. */
  holdRow(device: string): SpoolRow;
  /** Puts a message into the spool. */
  addMessage(): void;
  last_seq(): number;
  /** What it told of its connection, and its log. */
  told: boolean[];
  lines: string[];
}

export const BOOT = 'abcdefgh';
const FACTS = { boot: BOOT, agent_version: '0.0.0', interval_ms: 250, about: { hostname: 'pi-1' }, metrics: [], carries: [] };

const createNotedLog = () => {
  const lines: string[] = [];
  return { lines, log: createLog({ format: 'text', level: 'info', write: (line) => void lines.push(line), now: Date.now }) };
};

export const createUplinkRig = (settings: Partial<LinkSettings> & { address: string }): UplinkRig => {
  const clock = createSystemClock();
  const spool = createMemorySpool();
  const lists: ColumnList[] = [];
  const told: boolean[] = [];
  const { lines, log } = createNotedLog();
  let seq = 0;
  const time = createAgentTime({ clock, synchronised: () => false });
  const full = { device: 'pi-1', key: 'secret', pin: null, keepalive_s: 1, ...settings };
  const onCommand = createCommands({
    allowed: ['inventory'],
    able: { inventory: async () => 'done' },
    hear(now) {
      time.hear(now);
      uplink.wake();
    },
    answer: (result) => uplink.answer(result),
    log: silentLog,
  });
  const uplink = createUplink(
    {
      open: openLink,
      spool,
      clock,
      // Full jitter with the smallest draw: tests come back at once.
      random: () => 0,
      log,
      linked: ({ online }) => void told.push(online),
      boot: BOOT,
      shift: time.shift,
      isTimeKnown: time.trusted,
      birth: () => ({ ...FACTS, columns: [...lists] }),
      onCommand,
    },
    full,
  );
  const stamp = () => ({ device: full.device, boot: BOOT, seq: ++seq, ts: time.now() });
  const put = (device: string, list: readonly string[]): SpoolRow => {
    const columns = idOfColumns(list);
    const name = device === full.device ? {} : { device };
    if (!lists.some((one) => one.id === columns && one.device === name.device))
      lists.push({ id: columns, ...name, list: [...list] });
    const values = JSON.stringify(list.map(() => seq));
    const row: SpoolRow = { kind: 'row', ...stamp(), ...time.moment(), device, columns, values };
    spool.add(row);
    return row;
  };
  return {
    uplink,
    spool,
    addRow(columns = ['a.metric', 'b.metric']) {
      const row = put(full.device, columns);
      uplink.offer(row);
      return row;
    },
    holdRow(device) {
      const row = put(device, ['battery']);
      uplink.hold(row);
      return row;
    },
    addMessage() {
      const facts = stamp();
      const body = JSON.stringify({ boot: facts.boot, seq: facts.seq, ts: facts.ts, event: 'test' });
      spool.add({ kind: 'message', ...facts, topic: 'event', body });
      uplink.wake();
    },
    last_seq: () => seq,
    ...{ told, lines },
  };
};
