import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createBench, event, numbers, settle, until } from './testing.js';

describe('alert events of the live channel', () => {
  let bench: ReturnType<typeof createBench>;
  let hub: ReturnType<typeof createBench>['hub'];
  beforeEach(() => {
    bench = createBench();
    ({ hub } = bench);
  });
  afterEach(() => bench.stop());

  it('leave at once, with their number', async () => {
    await bench.start();
    const browser = await bench.open();
    await browser.ask(['alerts']);
    hub.fire();
    await until(() => numbers(browser).length === 1);
    expect(numbers(browser)).toEqual([1]);
  });

  it('are replayed after a number: exactly those missed, in order, none twice while more of them happen', async () => {
    hub.fire(20);
    await bench.start({ replay_page: 5 });
    hub.onPage = () => hub.fire();
    const browser = await bench.open();
    await browser.ask(['alerts'], 7);
    await until(() => numbers(browser).length >= 14);
    hub.onPage = () => {};
    hub.fire();
    await settle(browser);
    const newest = hub.needs.alerts.newest;
    expect(newest).toBeGreaterThan(22);
    await until(() => numbers(browser).at(-1) === newest);
    expect(numbers(browser)).toEqual(Array.from({ length: newest - 7 }, (_, n) => n + 8));
    expect(browser.of('gap')).toEqual([]);
  });

  it('are not replayed to a client without a number or one that has them all', async () => {
    hub.fire(5);
    await bench.start();
    for (const after of [undefined, 5]) {
      const browser = await bench.open();
      await browser.ask(['alerts'], after);
      await settle(browser);
      expect(browser.kinds()).toEqual(['snapshot', 'error']);
    }
  });

  it('come in order with what else changes of open alerts: many changes are one frame, behind what a client catches up with', async () => {
    hub.fire(4);
    await bench.start();
    const [ada, ben] = [await bench.open(), await bench.open()];
    await ada.ask(['alerts']);
    const ids = hub.log.map(({ alert }) => alert.id);
    let held = true;
    hub.onPage = () => {
      if (held) hub.needs.alerts.touched?.emit(ids.slice(0, 2));
      if (held) bench.clock.advance(250);
      held = false;
    };
    await ben.ask(['alerts'], 1);
    await until(() => ben.of('alerts').length === 1 && ada.of('alerts').length === 1);
    expect(ben.kinds()).toEqual(['snapshot', 'alert', 'alert', 'alert', 'alerts']);
    expect(ada.of('alerts')[0]?.alerts.map(({ id }) => id)).toEqual(ids.slice(0, 2));
    for (let times = 0; times < 5; times++) hub.needs.alerts.touched?.emit(ids);
    bench.clock.advance(500);
    await until(() => ada.of('alerts').length === 2);
    await settle(ada);
    expect(ada.of('alerts').map(({ alerts }) => alerts.length)).toEqual([2, new Set(ids).size]);
  });

  it('say where some are no longer kept, and go on from there', async () => {
    hub.base = 100;
    hub.fire(3);
    await bench.start();
    const browser = await bench.open();
    await browser.ask(['alerts'], 40);
    await until(() => numbers(browser).length === 3);
    expect(browser.kinds()).toEqual(['snapshot', 'gap', 'alert', 'alert', 'alert']);
    expect(browser.of('gap')).toEqual([{ kind: 'gap', after: 40, from: 101 }]);
  });

  it('start over for a number that this hub has not reached', async () => {
    hub.fire(3);
    await bench.start();
    const browser = await bench.open();
    await browser.ask(['alerts'], 90);
    hub.fire();
    await until(() => numbers(browser).length === 1);
    expect(browser.of('gap')).toEqual([{ kind: 'gap', after: 90, from: 4 }]);
    expect(numbers(browser)).toEqual([4]);
  });

  it('come once when a socket subscribes again while they are on their way', async () => {
    hub.fire(10);
    await bench.start();
    const browser = await bench.open();
    await browser.ask(['alerts'], 8);
    hub.fire(2);
    await browser.ask(['alerts', 'device:a'], 8);
    hub.fire();
    await until(() => numbers(browser).at(-1) === 13);
    expect(numbers(browser)).toEqual([9, 10, 11, 12, 13]);
  });

  it('without a number come too: the store could not commit them yet', async () => {
    await bench.start();
    const browser = await bench.open();
    await browser.ask(['alerts'], 0);
    hub.needs.alerts.event.emit({ ...event(1), number: null });
    await until(() => numbers(browser).length === 1);
    expect(numbers(browser)).toEqual([null]);
  });

  it('that cannot be read end the socket, so that it comes back', async () => {
    hub.fire(3);
    hub.needs.alerts.events = () => Promise.reject(new Error('disk'));
    await bench.start();
    const browser = await bench.open();
    await browser.ask(['alerts'], 1);
    await until(() => browser.closed());
    expect(browser.closed()).toBe(1011);
  });
});
