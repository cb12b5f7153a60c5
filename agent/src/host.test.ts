import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestClock } from '@muster/shared/testing/clock';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import { createHost, type HostNeeds, type LocalHost, programFolders } from './host.js';

const folder = mkdtempSync(join(tmpdir(), 'muster-host-'));
const hosts: LocalHost[] = [];
const hostWith = (needs: HostNeeds = {}) => {
  const host = createHost({ program_folders: [folder], ...needs });
  hosts.push(host);
  return host;
};
const program = (name: string, script: string) =>
  writeFileSync(join(folder, name), `#!${process.execPath}\n${script}\n`, { mode: 0o755 });
const soon = (check: () => void) => vi.waitFor(check, { timeout: 10_000, interval: 10 });

afterEach(() => {
  for (const host of hosts.splice(0)) host.stop();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('programs of Windows are found on Windows and below it, and nowhere else', () => {
  expect(programFolders('win32', '10.0.26100')).toEqual(['C:\\Windows\\System32']);
  expect(programFolders('linux', '6.6.87.2-microsoft-standard-WSL2')).toContain('/mnt/c/Windows/System32');
  expect(programFolders('linux', '6.12.34+rpt-rpi-v8').join()).not.toContain('Windows');
});

describe('files of the host', () => {
  test('are read whole, listed in order and followed as links', () => {
    const place = join(folder, 'files');
    mkdirSync(place);
    writeFileSync(join(place, 'b'), 'zwölf\n');
    writeFileSync(join(place, 'a'), '');
    symlinkSync('../files/b', join(place, 'link'));
    const host = hostWith();
    expect(host.read(join(place, 'b'))).toBe('zwölf\n');
    expect(host.read(join(place, 'a'))).toBe('');
    expect(host.list(place)).toEqual(['a', 'b', 'link']);
    expect(host.link(join(place, 'link'))).toBe('../files/b');
  });

  test('that are missing or no files give null or nothing', () => {
    const host = hostWith();
    expect(host.read(join(folder, 'missing'))).toBeNull();
    expect(host.read(folder)).toBeNull();
    expect(host.list(join(folder, 'missing'))).toEqual([]);
    expect(host.link(folder)).toBeNull();
  });

  test('beyond 256 KB are cut', () => {
    writeFileSync(join(folder, 'big'), 'x'.repeat(300_000));
    expect(hostWith().read(join(folder, 'big'))).toHaveLength(262_144);
  });
});

describe('sizes of a file system', () => {
  const reply = { bsize: 4_096, blocks: 100, bfree: 50, bavail: 40, files: 1_000, ffree: 900 };

  test('are in bytes', async () => {
    const sizes = await hostWith({ statfs: async () => reply }).filesystem('/data');
    expect(sizes).toEqual({ size: 409_600, free: 204_800, available: 163_840, inodes: 1_000, inodes_free: 900 });
  });

  test('are those of the real root folder', async () => {
    const sizes = await hostWith().filesystem('/');
    expect(sizes?.size).toBeGreaterThan(0);
    expect(await hostWith().filesystem(join(folder, 'missing'))).toBeNull();
  });

  test('are null after the deadline, without a second call until the first comes back', async () => {
    const clock = createTestClock();
    const calls: ((value: typeof reply) => void)[] = [];
    const host = hostWith({ clock, statfs: () => new Promise((resolve) => calls.push(resolve)) });
    const first = host.filesystem('/mnt/nas');
    clock.advance(1_500);
    expect(await first).toBeNull();
    expect(await host.filesystem('/mnt/nas')).toBeNull();
    expect(calls).toHaveLength(1);

    calls[0]?.(reply);
    await soon(async () => {
      const again = host.filesystem('/mnt/nas');
      calls[1]?.(reply);
      expect(await again).not.toBeNull();
    });
  });

  test('are not asked for while two calls are overdue, so that threads are left for others', async () => {
    const clock = createTestClock();
    let calls = 0;
    const statfs = () => {
      calls++;
      return new Promise<typeof reply>(() => {});
    };
    const host = hostWith({ clock, statfs });
    const hung = [host.filesystem('/a'), host.filesystem('/b')];
    clock.advance(1_500);
    expect(await Promise.all(hung)).toEqual([null, null]);
    expect(await host.filesystem('/c')).toBeNull();
    expect(calls).toBe(2);
  });
});

describe('a followed program', () => {
  test('is null when it is not on this machine or its name is a path', () => {
    const host = hostWith();
    expect(host.follow('no-such-program', [])).toBeNull();
    expect(host.follow('../bin/sh', [])).toBeNull();
    expect(host.follow('', [])).toBeNull();
  });

  test('gets its arguments as they are and its lines are kept whole', async () => {
    program(
      'echo-args',
      `for (const arg of process.argv.slice(2)) console.log(arg);process.stdout.write('open');setInterval(() => {}, 1000);`,
    );
    const host = hostWith();
    const source = host.follow('echo-args', ['a b', '$(id); *', 'ü']);
    await soon(() => expect(source?.lines()).toEqual(['a b', '$(id); *', 'ü']));
    expect(source?.last_line_at()).toBeLessThanOrEqual(host.monotonic());
    expect(source?.alive()).toBe(true);
  });

  test('sees no setting or secret of the agent', async () => {
    program(
      'echo-env',
      `console.log(Object.keys(process.env).filter((name) => name.startsWith('MUSTER')).length);setInterval(() => {}, 1000);`,
    );
    process.env['MUSTER_TEST_SECRET'] = 'x';
    const source = hostWith().follow('echo-env', []);
    await soon(() => expect(source?.lines()).toEqual(['0']));
    delete process.env['MUSTER_TEST_SECRET'];
  });

  test('keeps the newest 256 lines and cuts long ones', async () => {
    program(
      'chatty',
      `for (let i = 0; i < 1000; i++) console.log(i);console.log('x'.repeat(100_000));setInterval(() => {}, 1000);`,
    );
    const source = hostWith().follow('chatty', []);
    await soon(() => expect(source?.lines().at(-1)).toHaveLength(4_096));
    expect(source?.lines()).toHaveLength(256);
    expect(source?.lines()[0]).toBe('745');
  });

  test('is started again when it dies, later each time, with its old lines gone', async () => {
    program('mortal', 'console.log(process.pid);');
    const clock = createTestClock();
    const source = hostWith({ clock }).follow('mortal', []);
    const died = () => soon(() => expect([source?.alive(), source?.lines().length]).toEqual([false, 1]));
    await died();
    const first = source?.lines()[0];
    clock.advance(4_999);
    expect(source?.alive()).toBe(false);
    clock.advance(1);
    expect(source?.alive()).toBe(true);
    expect(source?.lines()).toEqual([]);
    await died();
    expect(source?.lines()[0]).not.toBe(first);
    clock.advance(9_999);
    expect(source?.alive()).toBe(false);
    clock.advance(1);
    expect(source?.alive()).toBe(true);
  });

  test('that cannot be started is tried again', async () => {
    writeFileSync(join(folder, 'not-a-program'), '#!/no/such/interpreter\n', { mode: 0o755 });
    const clock = createTestClock();
    const source = hostWith({ clock }).follow('not-a-program', []);
    await soon(() => expect(source?.alive()).toBe(false));
    program('not-a-program', `console.log('well');setInterval(() => {}, 1000);`);
    clock.advance(5_000);
    await soon(() => expect(source?.lines()).toEqual(['well']));
  });

  test('ends by stop, also one that ignores polite signals, and does not come back', async () => {
    program('stubborn', `process.on('SIGTERM', () => {});console.log(process.pid);setInterval(() => {}, 1000);`);
    const clock = createTestClock();
    const host = hostWith({ clock });
    const source = host.follow('stubborn', []);
    await soon(() => expect(source?.lines()).toHaveLength(1));
    const pid = Number(source?.lines()[0]);
    host.stop();
    source?.stop();
    await soon(() => expect(() => process.kill(pid, 0)).toThrow());
    clock.advance(600_000);
    expect(source?.alive()).toBe(false);
  });
});
