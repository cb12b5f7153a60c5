import { describe, expect, test } from 'vitest';
import { createHarness } from './testing/harness.js';

const MINUTE = 60_000;
const BEGIN = 'ada: Name of pi: Device offline';
const END = 'ada: Resolved: Name of pi: Device offline';

const up = async () => {
  const hub = createHarness();
  await hub.start();
  return hub;
};
type Hub = Awaited<ReturnType<typeof up>>;

/** What was heard, with the minute since the start. */
const diary = async (hub: Hub, minutes: number): Promise<[number, string][]> => {
  const begun = hub.clock.now();
  const lines: [number, string][] = [];
  while (hub.clock.now() - begun < minutes * MINUTE) {
    await hub.pass(10_000, 1_000);
    lines.push(...hub.heard().map((line): [number, string] => [Math.floor((hub.clock.now() - begun) / MINUTE), line]));
  }
  return lines;
};

describe('what comes back soon after its end', () => {
  test('is told once it has stood for a quarter of an hour, and that it comes and goes', async () => {
    const hub = await up();
    hub.fire('1', 'pi');
    await hub.pass(2 * MINUTE);
    hub.resolve('1');
    await hub.pass(5 * MINUTE);
    expect(hub.heard()).toEqual([BEGIN, END]);
    hub.fire('2', 'pi');
    const texts: string[] = [];
    await hub.pass(16 * MINUTE, 1_000);
    texts.push(...hub.sent.map(({ text }) => text));
    expect(hub.heard()).toEqual([BEGIN]);
    expect(texts[0]).toContain('It comes and goes: at least 2 times within 2 hours.');
  });

  test('is one notice an hour as long as it is there for ten minutes and gone for ten', async () => {
    const hub = await up();
    const told: number[] = [];
    for (let cycle = 0; cycle < 18; cycle++) {
      hub.fire(`${cycle}`, 'pi');
      const gone = await diary(hub, 10);
      hub.resolve(`${cycle}`);
      const there = await diary(hub, 10);
      for (const [at, line] of gone) if (line === BEGIN) told.push(cycle * 20 + at);
      for (const [at, line] of there) if (line === BEGIN) told.push(cycle * 20 + 10 + at);
    }
    expect(told.length).toBeGreaterThan(1);
    for (const [index, at] of told.entries()) if (index > 0) expect(at - (told[index - 1] ?? 0)).toBeGreaterThanOrEqual(59);
  });
});

test('an alert that is held open is told once it is bad for a quarter of an hour, not once it was open for that long', async () => {
  const bad = { since: null as number | null };
  const hub = createHarness({ badSince: () => bad.since });
  await hub.start();
  hub.fire('1', 'pi');
  await hub.pass(MINUTE);
  hub.resolve('1');
  await hub.pass(2 * MINUTE);
  hub.heard();
  hub.fire('2', 'pi', { flapping: true });
  await hub.pass(10 * MINUTE, 1_000);
  bad.since = hub.clock.now();
  await hub.pass(14 * MINUTE, 1_000);
  expect(hub.heard()).toEqual([]);
  await hub.pass(2 * MINUTE, 1_000);
  expect(hub.heard()).toEqual([BEGIN]);
});

describe('devices of one place that go away again and again', () => {
  const cut = async (hub: Hub, name: string, count = 5) => {
    for (let index = 0; index < count; index++) {
      hub.devices.set(`d${index}`, { site: 'home' });
      hub.pending(`${name}${index}`, `d${index}`);
    }
    await hub.pass(20_000, 1_000);
    for (let index = 0; index < count; index++) hub.fire(`${name}${index}`, `d${index}`);
  };
  const back = (hub: Hub, name: string, count = 5) => {
    for (let index = 0; index < count; index++) hub.resolve(`${name}${index}`);
  };
  const GONE = 'ada: Site home: 5 devices offline';
  const BACK = 'ada: Resolved: Site home: 5 devices offline';

  test('are told once they are away for a quarter of an hour', async () => {
    const hub = await up();
    await cut(hub, 'a');
    await hub.pass(2 * MINUTE, 1_000);
    back(hub, 'a');
    await hub.pass(5 * MINUTE, 1_000);
    expect(hub.heard()).toEqual([GONE, BACK]);
    await cut(hub, 'b');
    await hub.pass(16 * MINUTE, 1_000);
    expect(hub.sent.map(({ text }) => text).join()).toContain('It comes and goes: at least 2 times');
    expect(hub.heard()).toEqual([GONE]);
  });

  test('are told as back once they stay for as long, under the thread that began it', async () => {
    const hub = await up();
    await cut(hub, 'a');
    await hub.pass(2 * MINUTE, 1_000);
    back(hub, 'a');
    await hub.pass(5 * MINUTE, 1_000);
    hub.heard();
    await cut(hub, 'b');
    await hub.pass(20 * MINUTE, 1_000);
    const thread = hub.sent[0]?.thread;
    expect(hub.heard()).toEqual([GONE]);
    back(hub, 'b');
    await hub.pass(5 * MINUTE, 1_000);
    await cut(hub, 'c');
    await hub.pass(30 * MINUTE, 1_000);
    expect(hub.heard()).toEqual([]);
    back(hub, 'c');
    await hub.pass(14 * MINUTE, 1_000);
    expect(hub.heard()).toEqual([]);
    await hub.pass(2 * MINUTE, 1_000);
    expect(hub.sent.map((one) => one.thread)).toEqual([thread]);
    expect(hub.heard()).toEqual([BACK]);
  });
});
