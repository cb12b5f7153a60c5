import { expect, test } from 'vitest';
import type { ProbeDeclaration } from './probe.js';
import rapl from './probes/rapl.js';
import smart from './probes/smart.js';
import plug from './probes/smart_plug.js';
import ups from './probes/ups.js';
import { withSettings } from './runner.js';
import { createFixtureHost } from './testing/host.js';

const read = (probe: unknown, settings: object) => {
  const ready = withSettings(probe as ProbeDeclaration, settings);
  return ready.read({ host: createFixtureHost(), memory: ready.memory?.(), settings: undefined });
};

test('a plug that does not answer is named, with its address and without its password', async () => {
  const one = { name: 'shelf', kind: 'tasmota', url: 'http://192.168.1.20', password: 'example' };
  await expect(read(plug, { plugs: [one] })).rejects.toThrow(
    'The plug "shelf" does not answer on 192.168.1.20; see probes.smart_plug in the settings file',
  );
});

test('a plug that wants a password is told from one that is away', async () => {
  const ready = withSettings(plug as ProbeDeclaration, {
    plugs: [{ name: 'shelf', kind: 'shelly', url: 'http://192.168.1.20' }],
  });
  const host = createFixtureHost({
    replies: { 'http://192.168.1.20/rpc/Switch.GetStatus?id=0': { status: 401, text: 'Unauthorized' } },
  });
  await expect(ready.read({ host, memory: undefined, settings: undefined })).rejects.toMatchObject({ code: 'unauthorized' });
});

test('two plugs of one name are refused', () => {
  const one = { name: 'shelf', kind: 'shelly', url: 'http://192.168.1.20' };
  expect(() => withSettings(plug as ProbeDeclaration, { plugs: [one, one] })).toThrow('must give each plug a name of its own');
});

test('a NUT server is silent where nobody named one, and missed where somebody did', async () => {
  await expect(read(ups, {})).resolves.toBeNull();
  await expect(read(ups, { host: '192.168.1.5' })).rejects.toThrow('The NUT server on 192.168.1.5:3493 told nothing of a UPS');
});

test('disks are not asked again by a second read that follows at once', async () => {
  const host = createFixtureHost();
  let asked = 0;
  const counting = {
    ...host,
    run: (program: string, args: readonly string[]) => {
      asked++;
      return host.run(program, args);
    },
  };
  const memory = smart.memory?.() ?? { devices: [], scanned_at: null, asked_at: null, told: new Map() };
  for (const at_ms of [0, 10_000, 3_600_000]) {
    host.apply({ at_ms });
    await smart.read({ host: counting, memory, settings: undefined });
  }
  expect(asked).toBe(2);
});

test('RAPL says why it is silent, and what lets a group read it', () => {
  expect(rapl.silent).toContain('z /sys/class/powercap/*/energy_uj 0440 root GROUP');
});
