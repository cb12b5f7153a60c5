import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createBench, device, numbers, until } from './testing.js';

describe('slow clients of the live channel', () => {
  let bench: ReturnType<typeof createBench>;
  let clock: ReturnType<typeof createBench>['clock'];
  let hub: ReturnType<typeof createBench>['hub'];
  beforeEach(() => {
    bench = createBench();
    ({ clock, hub } = bench);
  });
  afterEach(() => bench.stop());

  const big = () => {
    for (let n = 0; n < 2_000; n++) hub.fleet.set(`d${n}`, device(`d${n}`, { name: 'x'.repeat(8_000) }));
  };

  it('get the newest state when they have caught up, and every alert event', async () => {
    big();
    await bench.start();
    const browser = await bench.open();
    await browser.ask(['fleet', 'alerts'], 0);
    const other = await bench.open('t2');
    await other.ask(['device:a']);
    browser.socket.pause();
    browser.socket.send(JSON.stringify({ kind: 'subscribe', channels: ['fleet', 'alerts'], after: 0 }));
    // The second snapshot fills the pipe; what follows is for the newest state to say.
    await until(() => {
      hub.state('a', 'quiet');
      clock.advance(1);
      return other.of('devices').length > 3;
    });
    hub.fire(5);
    hub.state('a', 'stopped');
    await until(() => other.of('devices').at(-1)?.devices[0]?.state === 'stopped');
    const frames = browser.heard.length;
    browser.socket.resume();
    await until(() => browser.of('snapshot').length >= 2 && numbers(browser).length === 5);
    for (let n = 0; n < 5; n++) clock.advance(250);
    await until(() => {
      clock.advance(250);
      const last = browser.heard.findLast((message) => 'devices' in message && message.devices?.some((one) => one.id === 'a'));
      return last && 'devices' in last && last.devices?.find((one) => one.id === 'a')?.state === 'stopped';
    });
    expect(browser.heard.length - frames).toBeLessThan(20);
    expect(numbers(browser)).toEqual([1, 2, 3, 4, 5]);
    expect(browser.of('snapshot').at(-1)?.event).toBe(5);
    expect(browser.closed()).toBeNull();
  });

  it('are closed when they stay behind, and only they', async () => {
    big();
    await bench.start({ close_ms: 50, ping_ms: 86_400_000 });
    const slow = await bench.open();
    const quick = await bench.open('t2');
    await quick.ask(['alerts']);
    slow.socket.pause();
    for (let n = 0; n < 3; n++) slow.socket.send(JSON.stringify({ kind: 'subscribe', channels: ['fleet'] }));
    await until(() => {
      clock.advance(5_000);
      return bench.live().counts().sockets === 1;
    });
    hub.fire();
    await until(() => numbers(quick).length === 1);
  });
});
