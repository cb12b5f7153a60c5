import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '@muster/shared/log';
import { createTestClock } from '@muster/shared/testing/clock';
import { afterAll, expect, it } from 'vitest';
import { withSpooled } from './birth.js';
import type { Link, OpenLink } from './link.js';
import { createOutbox } from './outbox.js';
import { createDurableSpool } from './spool/durable.js';
import { createSpoolFiles } from './spool/files.js';
import type { ListUser, ListWish } from './spool.js';
import { createUplink } from './uplink.js';

/** Seven days without a hub on a moved clock, then the drain. */
const ROWS = 60_480;
const INTERVAL_MS = 10_000;
/** How long the hub takes to acknowledge. */
const ACK_MS = 900;
const folder = mkdtempSync(join(tmpdir(), 'muster-week-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const clock = createTestClock(Date.UTC(2026, 5, 1));
const settle = async () => {
  for (let turn = 0; turn < 30; turn++) await Promise.resolve();
};

/** A hub that is away at first, and notes each row with the time of its coming. */
const createHub = () => {
  const state = { away: true, tries: 0, under_way: 0, most: 0 };
  const rows: { seq: number; ts: number; at: number; size: number }[] = [];
  const known = new Set<string>();
  const take = (payload: string) => {
    const body = JSON.parse(payload) as { columns: string | { id: string }[]; rows?: number[][] };
    if (Array.isArray(body.columns)) for (const { id } of body.columns) known.add(id);
    for (const [seq = 0, ts = 0] of body.rows ?? []) {
      expect(known.has(String(body.columns))).toBe(true);
      rows.push({ seq, ts, at: clock.now(), size: body.rows?.length ?? 0 });
    }
  };
  const link: Link = {
    publish(_topic, payload) {
      take(payload);
      state.most = Math.max(state.most, ++state.under_way);
      return new Promise((resolve) =>
        clock.after(ACK_MS, () => {
          state.under_way--;
          resolve();
        }),
      );
    },
    subscribe: async () => {},
    closed: new Promise(() => {}),
    cut() {},
    goodbye: async () => {},
  };
  const open: OpenLink = async () => {
    state.tries++;
    if (state.away) throw new Error('away');
    return link;
  };
  return { state, rows, open };
};

it('sends a week of rows once and in order, with live rows at once', { timeout: 120_000 }, async () => {
  const hub = createHub();
  const lists = new Map<string, string[]>();
  let columns = '';
  const describe = ({ columns: id }: ListUser) => ({ list: lists.get(id) ?? [], metrics: [] });
  const needs = { lock: () => () => {}, clock, log: silentLog, describe, now: clock.now };
  const files = { ...createSpoolFiles(folder), sync: async () => {} };
  const spool = createDurableSpool({ ...needs, files }, { bytes: 256_000_000, days: 7, sync_ms: INTERVAL_MS });
  const outbox = createOutbox(spool, 'pi-1', new Uint8Array(8));
  const birth = (wish?: ListWish) => {
    const facts = { boot: outbox.boot, agent_version: '0', interval_ms: INTERVAL_MS, about: {}, carries: [], metrics: [] };
    const own = { ...facts, columns: [{ id: columns, list: lists.get(columns) ?? [] }] };
    return withSpooled(own, spool.columns(wish), 'pi-1');
  };
  const link = { address: 'mqtt://127.0.0.1', pin: null, device: 'pi-1', key: 'k', keepalive_s: 5 };
  const uplink = createUplink(
    {
      ...{ open: hub.open, spool, clock, random: () => 1, log: silentLog, boot: outbox.boot },
      ...{ shift: () => 0, isTimeKnown: () => true, birth, onCommand() {} },
    },
    link,
  );
  const made: number[] = [];
  const interval = async () => {
    // Every three hours another disk is plugged in.
    columns = Math.floor(made.length / 1_080)
      .toString(16)
      .padStart(8, '0');
    if (!lists.has(columns))
      lists.set(
        columns,
        Array.from({ length: 30 }, (_, n) => `metric.of.${columns}{number=${n}}`),
      );
    made.push(clock.now());
    uplink.offer(
      outbox.row(
        { ts: clock.now() },
        columns,
        Array.from({ length: 30 }, (_, n) => Math.round(Math.sin(made.length * n) * 1e4) / 100),
      ),
    );
    for (let part = 0; part < 20; part++) {
      clock.advance(INTERVAL_MS / 20);
      await settle();
    }
  };
  spool.open();
  spool.settle(outbox.boot, 0);
  uplink.start();
  for (let n = 0; n < ROWS; n++) await interval();
  expect(spool.length).toBe(ROWS);
  expect(hub.state.tries).toBeLessThan(25_000);
  clock.step(3_600_000);
  clock.step(-3_600_000);
  hub.state.away = false;
  const back = made.length;
  while (spool.length > 1) await interval();
  const drained_rows = made.length - back;
  for (let n = 0; n < 5; n++) await interval();

  const live = hub.rows.filter(({ seq }) => seq > back + 4);
  const old = hub.rows.filter(({ seq }) => seq <= back);
  expect(hub.rows.map(({ seq }) => seq).sort((a, b) => a - b)).toEqual(made.map((_, n) => n + 1));
  expect(old.every(({ seq }, n) => seq === n + 1)).toBe(true);
  expect(live.every(({ seq }, n) => n === 0 || seq > (live[n - 1]?.seq ?? 0))).toBe(true);
  const late = Math.max(...live.map(({ at, ts }) => at - ts));
  console.log(
    `figure: ${ROWS} rows of 7 days drained in ${drained_rows * (INTERVAL_MS / 1_000)} s at ${ACK_MS} ms a PUBACK, ` +
      `up to ${Math.max(...old.map(({ size }) => size))} rows a report; live rows at most ${late} ms late`,
  );
  expect(late).toBeLessThan(INTERVAL_MS);
  expect(hub.state.most).toBe(2);
  expect(drained_rows).toBeGreaterThan(15);
  void uplink.stop(outbox.farewell(clock.now()));
});
