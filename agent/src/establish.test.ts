import { createTestClock } from '@muster/shared/testing/clock';
import { describe, expect, it } from 'vitest';
import { createAnnouncer } from './announcer.js';
import { createEstablish } from './establish.js';
import type { Link, OpenLink } from './link.js';

const FACTS = { boot: 'abcdefgh', agent_version: '0', interval_ms: 250, about: {}, carries: [], metrics: [], columns: [] };
const SETTINGS = { address: 'mqtt://127.0.0.1', pin: null, device: 'pi-1', key: 'k', keepalive_s: 5 };

/** A link whose every publish waits until the link is cut. */
const deafLink = () => {
  let cuts = 0;
  const giveUp = new Set<() => void>();
  const link: Link = {
    publish: () => new Promise((_resolve, reject) => giveUp.add(() => reject(new Error('cut')))),
    subscribe: async () => {},
    closed: new Promise(() => {}),
    cut() {
      cuts++;
      for (const reject of giveUp) reject();
    },
    goodbye: async () => {},
  };
  return { link, cuts: () => cuts };
};

const rig = (open: OpenLink) => {
  const clock = createTestClock();
  const announcer = createAnnouncer('pi-1', () => FACTS);
  const establish = createEstablish({ open, clock, announcer, boot: 'abcdefgh', onCommand: () => {} }, SETTINGS);
  return { clock, attempt: establish(1, new AbortController().signal).catch((error: Error) => error) };
};

const settle = async () => {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
};

describe('establishing a connection', () => {
  it('is given up after 15 s when the birth is not acknowledged', async () => {
    const { link, cuts } = deafLink();
    const { clock, attempt } = rig(async () => link);
    await settle();
    clock.advance(14_999);
    expect(cuts()).toBe(0);
    clock.advance(1);
    expect(await attempt).toBeInstanceOf(Error);
    expect(cuts()).toBeGreaterThan(0);
  });

  it('is given up after 15 s when CONNACK does not come', async () => {
    const open: OpenLink = ({ signal }) =>
      new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))));
    const { clock, attempt } = rig(open);
    clock.advance(15_000);
    expect(await attempt).toBeInstanceOf(Error);
  });
});
