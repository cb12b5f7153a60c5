import { topicOf } from '@muster/shared/wire/topics';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Lane } from './lane.js';
import { raw } from './testing.js';

const OWN = topicOf('rig', 'report');

const setUp = () => {
  const taken: string[] = [];
  const owner = {
    report: (id: number, payload: Buffer) => void taken.push(`${id} ${payload}`),
    ping: () => void taken.push('ping'),
    ended: false,
  };
  return { lane: new Lane(OWN, 1_000, owner), taken, owner };
};

const report = (id: number, payload = 'x') => raw.publish(OWN, payload, id);

describe('the short way past the broker', () => {
  it('takes reports and pings from the front, with their ids and payloads, and stops at anything else', () => {
    const { lane, taken } = setUp();
    const front = Buffer.concat([
      report(1, 'a'),
      raw.ping,
      report(258, 'long'.repeat(60)),
      raw.publish(OWN, '', 3, { dup: true }),
    ]);
    expect(lane.take(Buffer.concat([front, raw.disconnect, report(4)]))).toBe(front.length);
    expect(taken).toEqual(['1 a', 'ping', `258 ${'long'.repeat(60)}`, '3 ']);
  });

  it.each([
    ['another topic', raw.publish(topicOf('rig', 'event'), 'x', 1)],
    ['a topic that begins like its own', raw.publish(`${OWN}x`, 'x', 1)],
    ['another device of the same length', raw.publish(topicOf('fox', 'report'), 'x', 1)],
    ['QoS 0', raw.publish(OWN, 'x', 1, { qos: 0 })],
    ['QoS 2', raw.publish(OWN, 'x', 1, { qos: 2 })],
    ['QoS 3', raw.publish(OWN, 'x', 1, { qos: 3 })],
    ['packet id 0', report(0)],
    ['a packet without its id', Buffer.from([0x32, OWN.length + 2, 0, OWN.length, ...Buffer.from(OWN)])],
    ['a packet that is larger than allowed', report(1, 'x'.repeat(1_001))],
    ['a length of five bytes', Buffer.from([0x32, 0x80, 0x80, 0x80, 0x80, 1])],
    ['a ping with a body', Buffer.from([0xc0, 1, 0])],
    ['a subscription', Buffer.from([0x82, 9, 0, 1, 0, 4, 0x61, 0x2f, 0x62, 0x23, 1])],
  ])('leaves %s to the broker', (_what, bytes) => {
    const { lane, taken } = setUp();
    expect(lane.take(bytes)).toBe(0);
    expect(taken).toEqual([]);
  });

  it('takes whole packets only, wherever the bytes are cut', () => {
    const packets = fc.array(
      fc.oneof(
        fc.constant(raw.ping),
        fc.tuple(fc.integer({ min: 1, max: 65_535 }), fc.string({ maxLength: 300 })).map(([id, text]) => report(id, text)),
      ),
      { maxLength: 5 },
    );
    fc.assert(
      fc.property(packets, fc.nat(), (list, cut) => {
        const { lane, taken } = setUp();
        const bytes = Buffer.concat(list);
        const part = bytes.subarray(0, bytes.length ? cut % (bytes.length + 1) : 0);
        let [whole, count] = [0, 0];
        for (const one of list) {
          if (whole + one.length > part.length) break;
          whole += one.length;
          count++;
        }
        expect([lane.take(part), taken.length]).toEqual([whole, count]);
      }),
    );
  });

  it('takes nothing more once the connection has ended', () => {
    const { lane, taken, owner } = setUp();
    const bytes = Buffer.concat([report(1), report(2)]);
    owner.ended = true;
    expect(lane.take(bytes)).toBe(bytes.length);
    expect(taken).toEqual([]);
  });
});
