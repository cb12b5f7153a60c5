import { describe, expect, test } from 'vitest';
import { createHarness } from './testing/harness.js';

const MINUTE = 60_000;
const route = (more: object = {}, match: object = {}) => ({ id: 'default', match, ...more });

const up = async (channels: readonly string[] = ['ada']) => {
  const hub = createHarness();
  await hub.start(channels);
  return hub;
};


const BEGIN = 'ada: Name of pi: Device offline';
const END = 'ada: Resolved: Name of pi: Device offline';

describe('the end of an alert is told behind its beginning', () => {
  test('when it ends before the beginning was sent', async () => {
    const hub = await up();
    hub.fire('1', 'pi');
    await hub.pass(300);
    hub.resolve('1');
    await hub.pass(5_000);
    expect(hub.heard()).toEqual([BEGIN, END]);
  });

  test('when the hub was down in between', async () => {
    const hub = await up();
    hub.fire('1', 'pi', {}, false);
    hub.resolve('1', false);
    await hub.crash();
    await hub.pass(5_000);
    expect(hub.heard()).toEqual([BEGIN, END]);
  });

  test.each([0, 1, 2, 3, 4])('when the channel comes back after long, whichever try it is (%d)', async (tries) => {
    const hub = await up();
    hub.broken.set('ada', { code: 'unreachable' });
    hub.fire('1', 'pi');
    await hub.pass(2_000);
    hub.resolve('1');
    await hub.pass((5 + tries * 4) * MINUTE, 1_000);
    hub.broken.clear();
    await hub.pass(30 * MINUTE, 1_000);
    expect(hub.heard()).toEqual([BEGIN, END]);
  });
});
