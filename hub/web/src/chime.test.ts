import { expect, test } from 'vitest';
import type { Alert } from './alert-groups.js';
import { type ChimeKind, createChime, takeClaims } from './chime.js';

const alert = (id: string, extra: Partial<Alert> = {}): Alert => ({
  ...{ id, rule: 'offline', device: id, device_name: id, title: 'Device offline', why: `${id} is lost.`, severity: 'warning' },
  ...{ state: 'firing', value: null, since: 0, fired_at: 0, resolved_at: null, acknowledged: null, event: 1 },
  ...extra,
});

/** Tabs of one browser: each has a board of its own, all share what was announced. */
const browserWith = (alerts: readonly Alert[], on: readonly ChimeKind[] = ['sound', 'desktop']) => {
  const shared: Record<ChimeKind, string[]> = { sound: [], desktop: [] };
  const told: string[] = [];
  const known = new Map(alerts.map((each) => [each.id, each]));
  const open = (able: readonly ChimeKind[] = on) => {
    const tasks: (() => Promise<void>)[] = [];
    const chime = createChime({
      ready: (kind) => able.includes(kind),
      claim: async (kind, ids) => {
        const claimed = takeClaims(shared[kind], ids);
        shared[kind] = claimed.known;
        return claimed.fresh;
      },
      alert: (id) => known.get(id),
      play: (severity) => told.push(`sound ${severity}`),
      show: ({ title }) => told.push(title),
      later: (task) => {
        tasks.push(task);
      },
      now: () => 1_000,
    });
    return {
      fired: chime.fired,
      settle: async () => {
        for (const task of tasks.splice(0)) await task();
      },
    };
  };
  return { open, told };
};

test('an alert sounds and shows once, however many tabs hear of it', async () => {
  const { open, told } = browserWith([alert('pi')]);
  const tabs = [open(), open(), open()];
  for (const tab of tabs) tab.fired(alert('pi'));
  for (const tab of tabs) await tab.settle();
  tabs[0]?.fired(alert('pi'));
  await tabs[0]?.settle();
  expect(told).toEqual(['sound warning', 'pi: Device offline']);
});

test('a tab that may not play leaves the sound to one that may', async () => {
  const { open, told } = browserWith([alert('pi')]);
  const [mute, loud] = [open(['desktop']), open()];
  for (const tab of [mute, loud]) tab.fired(alert('pi'));
  await mute.settle();
  await loud.settle();
  expect(told.sort()).toEqual(['pi: Device offline', 'sound warning']);
});

test('what is silenced, snoozed, acknowledged, unknown or over by then stays silent', async () => {
  const quiet = [
    alert('a', { silenced: 'silenced: works' }),
    alert('b', { snoozed: { by: 'ada', at: 0, until: 2_000 } }),
    alert('c', { acknowledged: { by: 'ada', at: 0, comment: null } }),
    alert('d', { unknown: true }),
    alert('e', { state: 'resolved', resolved_at: 500 }),
  ];
  const { open, told } = browserWith(quiet);
  const tab = open();
  for (const each of [...quiet, alert('gone')]) tab.fired(each);
  await tab.settle();
  expect(told).toEqual([]);
});

test('nothing is said while both are off', async () => {
  const { open, told } = browserWith([alert('pi')], []);
  const tab = open();
  tab.fired(alert('pi'));
  await tab.settle();
  expect(told).toEqual([]);
});

test('many at once are one sound, the worst, and one notification', async () => {
  const many = Array.from({ length: 500 }, (_, i) => alert(`n${i}`, i === 30 ? { severity: 'critical' } : {}));
  const { open, told } = browserWith(many);
  const tab = open();
  for (const each of many) tab.fired(each);
  await tab.settle();
  expect(told).toEqual(['sound critical', '500 alerts fire']);
});

test('claims are bounded, and the oldest go', () => {
  const first = takeClaims(
    [],
    Array.from({ length: 1_200 }, (_, i) => `a${i}`),
  );
  expect([first.fresh.length, first.known.length, first.known[0]]).toEqual([1_200, 1_000, 'a200']);
});
