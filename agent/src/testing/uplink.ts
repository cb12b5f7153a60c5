import { createSystemClock } from '@muster/shared/clock';
import { silentLog } from '@muster/shared/log';
import { idOfColumns } from '@muster/shared/wire/codec';
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
  /** Puts a message into the spool. */
  addMessage(): void;
  last_seq(): number;
}

export const BOOT = 'abcdefgh';

export const createUplinkRig = (settings: Partial<LinkSettings> & { address: string }): UplinkRig => {
  const clock = createSystemClock();
  const spool = createMemorySpool();
  const lists = new Map<string, readonly string[]>();
  let seq = 0;
  const time = createAgentTime({ clock, synchronised: () => false, last_seq: () => seq });
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
      log: silentLog,
      boot: BOOT,
      shiftOf: (item) => time.shiftOf(item.seq),
      isTimeKnown: time.trusted,
      birth: () => ({
        boot: BOOT,
        agent_version: '0.0.0',
        interval_ms: 250,
        about: { hostname: 'pi-1' },
        metrics: [],
        carries: [],
        columns: [...lists].map(([id, list]) => ({ id, list: [...list] })),
      }),
      onCommand,
    },
    full,
  );
  const stamp = () => ({ device: full.device, boot: BOOT, seq: ++seq, ts: time.now() });
  return {
    uplink,
    spool,
    addRow(columns = ['a.metric', 'b.metric']) {
      const id = idOfColumns(columns);
      lists.set(id, columns);
      const row: SpoolRow = { kind: 'row', ...stamp(), columns: id, values: JSON.stringify(columns.map(() => seq)) };
      spool.add(row);
      uplink.offer(row);
      return row;
    },
    addMessage() {
      const facts = stamp();
      const body = JSON.stringify({ boot: facts.boot, seq: facts.seq, ts: facts.ts, event: 'test' });
      spool.add({ kind: 'message', ...facts, topic: 'event', body });
      uplink.wake();
    },
    last_seq: () => seq,
  };
};
