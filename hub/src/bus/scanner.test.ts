import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PacketScanner } from './scanner.js';
import { raw } from './testing.js';

const LIMITS = { connect_bytes: 4_096, packet_bytes: 262_144 };
const feed = (bytes: Uint8Array, cuts: readonly number[] = []) => {
  const scanner = new PacketScanner(LIMITS);
  let from = 0;
  for (const to of [...[...cuts].sort((a, b) => a - b).filter((cut) => cut < bytes.length), bytes.length]) {
    const wrong = scanner.scan(bytes.subarray(from, to));
    if (wrong) return { scanner, wrong };
    from = to;
  }
  return { scanner, wrong: null };
};
const stream = Buffer.concat([
  raw.connect('rig'),
  raw.publish('muster/v1/rig/report', 'x'.repeat(300), 1),
  raw.ping,
  raw.publish('muster/v1/rig/report', '', 2),
  raw.disconnect,
]);

describe('packet scanner', () => {
  it('finds the same packets however the stream is cut', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: stream.length })), (cuts) => {
        const { scanner, wrong } = feed(stream, cuts);
        expect(wrong).toBeNull();
        expect(scanner).toMatchObject({ packets: 5, goodbye: true, unfinished: false });
      }),
    );
  });

  it('says when it stands within a packet', () => {
    const { scanner } = feed(stream.subarray(0, 40));
    expect(scanner.unfinished).toBe(true);
    expect(feed(raw.connect('rig')).scanner.unfinished).toBe(false);
    expect(feed(Buffer.from([0x10])).scanner.unfinished).toBe(true);
  });

  it('allows a packet of exactly the limit and refuses one byte more', () => {
    expect(feed(raw.header(0x10, 4_096)).wrong).toBeNull();
    expect(feed(raw.header(0x10, 4_097)).wrong?.reason).toBe('oversize');
    const connect = raw.connect('rig');
    expect(feed(Buffer.concat([connect, raw.header(0x30, 262_144)])).wrong).toBeNull();
    expect(feed(Buffer.concat([connect, raw.header(0x30, 262_145)])).wrong?.reason).toBe('oversize');
  });

  it('refuses a length of five bytes', () => {
    expect(feed(Buffer.from([0x10, 0x80, 0x80, 0x80, 0x80, 0x01])).wrong?.reason).toBe('malformed');
    expect(feed(Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f])).wrong?.reason).toBe('oversize');
  });

  it('takes any bytes without a throw, and never more than the limits at once', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        feed(bytes);
        feed(Buffer.concat([raw.connect('rig'), bytes]));
      }),
    );
  });
});
