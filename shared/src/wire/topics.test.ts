import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asDeviceId, DEVICE_ID, type Kind, parseTopic, topicOf, UPWARD_KINDS } from './topics.js';

describe('topics', () => {
  it('what is built is read back', () => {
    const device = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,62}$/);
    const kind = fc.constantFrom<Kind>(...UPWARD_KINDS, 'command');
    fc.assert(
      fc.property(device, kind, (id, what) => {
        expect(parseTopic(topicOf(id, what))).toEqual({ device: id, kind: what });
      }),
    );
  });

  it.each([
    '',
    'muster/v1/',
    'muster/v1/a',
    'muster/v1//report',
    'muster/v1/a/report/x',
    'muster/v1/a/report/',
    'muster/v1/a/#',
    'muster/v1/+/report',
    'muster/v1/A/report',
    'muster/v1/-a/report',
    'muster/v2/a/report',
    '/muster/v1/a/report',
    'muster/v1/a/__proto__',
    `muster/v1/${'a'.repeat(64)}/report`,
    'muster/v1/a/report\n',
    '$SYS/a/report',
  ])('%j is no topic of this wire', (topic) => expect(parseTopic(topic)).toBeNull());

  it('any text is a topic that is built the same way, or none', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const topic = parseTopic(`muster/v1/${text}`);
        expect(topic === null || topicOf(topic.device, topic.kind) === `muster/v1/${text}`).toBe(true);
      }),
    );
  });
});

describe('a host name as a device id', () => {
  it.each([
    ['attic-pi', 'attic-pi'],
    ['Rig_7.local', 'rig-7'],
    ['--x', 'x'],
    ['', 'device'],
    ['ÄÖ', 'device'],
  ])('%j becomes %j', (name, id) => expect(asDeviceId(name)).toBe(id));

  it('is allowed whatever the name was', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (name) => DEVICE_ID.test(asDeviceId(name))));
  });
});
