import { describe, expect, it } from 'vitest';
import type { Change, Writer } from '../store/store.js';
import { createAudit } from './audit.js';
import { sampleLine, textOf } from './prometheus.js';

describe('Prometheus text', () => {
  it('escapes what a device may put into a label', () => {
    expect(sampleLine('m', { path: 'C:\\"x"\nevil 1' }, 1)).toBe('m{path="C:\\\\\\"x\\"\\nevil 1"} 1\n');
  });

  it('makes label names that Prometheus takes, each once', () => {
    expect(sampleLine('m', { device: 'a', 'system.device': 'b', system_device: 'c', '0x': 'd' }, 2)).toBe(
      'm{device="a",system_device="b",system_device_2="c",_0x="d"} 2\n',
    );
  });

  it('begins each family with its help and type', () => {
    const text = textOf({ name: 'muster_x', help: 'Of two\nlines', type: 'counter', samples: [{ value: 3 }] });
    expect(text).toBe('# HELP muster_x Of two\\nlines\n# TYPE muster_x counter\nmuster_x 3\n');
  });
});

describe('the audit log', () => {
  const start = (healthy: boolean) => {
    const queued: Change[] = [];
    let number = 0;
    const writer: Writer = {
      accepts: () => true,
      healthy,
      number: () => ++number,
      write: async () => {},
      queue(changes, { done }) {
        queued.push(...changes);
        if (healthy) done?.();
      },
    };
    return { queued, audit: createAudit({ writer, now: () => 7 }) };
  };

  it('numbers its notes and bounds their detail', async () => {
    const { queued, audit } = start(true);
    await audit.note('ada', 'DELETE', 'pi-1');
    await audit.note('ada', 'PUT', 'rules', { items: 'x'.repeat(5_000) });
    expect(queued).toMatchObject([
      { kind: 'log', log: 'audit', number: 1, ts: 7, value: { by: 'ada', action: 'DELETE', subject: 'pi-1', detail: null } },
      { number: 2, value: { detail: 'left out: 5012 bytes' } },
    ]);
  });

  it('makes nobody wait for a store that cannot write, and keeps the note in the queue', async () => {
    const { queued, audit } = start(false);
    await audit.note('ada', 'DELETE', 'pi-1');
    expect(queued).toHaveLength(1);
  });
});
