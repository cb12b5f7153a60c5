import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createTestClock } from '@muster/shared/testing/clock';
import { afterEach, describe, expect, it } from 'vitest';
import { agentPaths } from '../config.js';
import { examine, type Patient } from './doctor.js';
import { type InstallRequest, install, isHidden, uninstall } from './install.js';
import { createPatient, notOf } from './patient.js';
import { createSystem } from './system.js';
import { unitText } from './unit.js';
import { createWatchdog } from './watchdog.js';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

const folder = (): string => {
  const path = mkdtempSync(join(tmpdir(), 'muster-install-'));
  folders.push(path);
  return path;
};

describe('the watchdog', () => {
  it('speaks up three times in the time that systemd gives', () => {
    const clock = createTestClock();
    const heard: string[] = [];
    const env = { WATCHDOG_USEC: '600000000', NOTIFY_SOCKET: '/run/notify' };
    const watchdog = createWatchdog({ clock, env, notify: (given) => heard.push(given['NOTIFY_SOCKET'] ?? '') });
    clock.advance(600_000);
    expect(heard).toEqual(['/run/notify', '/run/notify', '/run/notify']);
    watchdog.stop();
    clock.advance(600_000);
    expect(heard).toHaveLength(3);
  });

  it.each([[{}], [{ WATCHDOG_USEC: '600000000' }], [{ WATCHDOG_USEC: 'x', NOTIFY_SOCKET: '/run/notify' }]])(
    'keeps silent where systemd does not listen: %j',
    (env) => {
      const clock = createTestClock();
      createWatchdog({
        clock,
        env,
        notify: () => {
          throw new Error('spoke up');
        },
      });
      clock.advance(3_600_000);
    },
  );
});

describe('the unit', () => {
  const facts = {
    node: '/usr/bin/node',
    program: '/opt/a/main.js',
    data: '/var/lib/muster-agent',
    user: 'muster-agent',
    groups: [],
  };

  it('names no groups that are not there', () => {
    expect(unitText(facts)).not.toContain('SupplementaryGroups');
    expect(unitText({ ...facts, groups: ['video', 'render'] })).toContain('SupplementaryGroups=video render\n');
  });

  it.each(['/srv/my data', '/srv/100%', '/srv/$HOME', '/srv/"x"'])(
    'refuses a path that systemd would read differently: %s',
    (data) => {
      expect(() => unitText({ ...facts, data })).toThrow('cannot stand in a service file');
    },
  );
});

describe('installing', () => {
  const stage = () => {
    const root = folder();
    const source = folder();
    const told: string[] = [];
    const system = createSystem({ root, print: (line) => told.push(line) });
    const request: InstallRequest = {
      user: 'muster-agent',
      prefix: '/opt/muster-agent',
      data: '/var/lib/muster-agent',
      data_is_own: true,
      joined: { identity: join(source, 'identity.json'), settings: join(source, 'settings.json') },
      docker: false,
    };
    const files = () => [{ path: 'dist/main.js', mode: 0o644, bytes: Buffer.from('1') }];
    const needs = { system, print: (line: string) => told.push(line), node: '/bin/sh', files, in_place: false };
    return { root, told, request, needs };
  };

  it('keeps an identity that the service has already, and says so', () => {
    const { root, told, request, needs } = stage();
    const kept = join(root, 'var/lib/muster-agent/agent');
    mkdirSync(kept, { recursive: true });
    writeFileSync(join(kept, 'identity.json'), 'of the service');
    writeFileSync(request.joined.identity, 'of the clone');
    install(request, needs);
    expect(readFileSync(join(kept, 'identity.json'), 'utf8')).toBe('of the service');
    expect(told.join('\n')).toContain('is kept as it is');
  });

  it('takes Node along where the service could not come to it', () => {
    const { root, request, needs } = stage();
    const hidden = join(folder(), 'node');
    writeFileSync(hidden, 'node', { mode: 0o700 });
    expect(isHidden(hidden)).toBe(true);
    expect(isHidden('/bin/sh')).toBe(false);
    install(request, { ...needs, node: hidden });
    expect(readFileSync(join(root, 'opt/muster-agent/node'), 'utf8')).toBe('node');
    const unit = readFileSync(join(root, 'etc/systemd/system/muster-agent.service'), 'utf8');
    expect(unit).toContain('ExecStart=/opt/muster-agent/node ');
  });

  it('leaves a user alone that was there before, and whatever else lies in its folders', () => {
    const { root, told, request, needs } = stage();
    mkdirSync(join(root, 'etc'));
    writeFileSync(join(root, 'etc/passwd'), 'someone:x:1000:1000::/:/bin/sh\n');
    install({ ...request, user: 'someone', prefix: '/usr/local' }, needs);
    writeFileSync(join(root, 'usr/local/other'), 'x');
    uninstall({ prefix: '/usr/local', keep_data: false }, needs);
    expect(told.join('\n')).not.toMatch(/useradd|userdel/);
    expect(existsSync(join(root, 'usr/local/other'))).toBe(true);
    expect(existsSync(join(root, 'usr/local/app'))).toBe(false);
    expect(existsSync(join(root, 'var'))).toBe(false);
  });

  it.each(['root', 'a b', '-x', 'Über'])('refuses the user "%s" before it changes anything', (user) => {
    const { root, request, needs } = stage();
    expect(() => install({ ...request, user }, needs)).toThrow("cannot be the service's user");
    expect(existsSync(join(root, 'opt'))).toBe(false);
  });

  it('replaces neither an app nor a data folder that is not of Muster', () => {
    const { root, request, needs } = stage();
    for (const file of ['srv/app/index.html', 'data/agent/letter.txt']) {
      mkdirSync(dirname(join(root, file)), { recursive: true });
      writeFileSync(join(root, file), 'mine');
    }
    expect(() => install({ ...request, prefix: '/srv' }, needs)).toThrow('/srv/app is not of Muster');
    expect(() => install({ ...request, data: '/data' }, needs)).toThrow('/data/agent/letter.txt is not of Muster');
    expect(readFileSync(join(root, 'srv/app/index.html'), 'utf8')).toBe('mine');
    expect(existsSync(join(root, 'etc'))).toBe(false);
  });

  it('removes only its own from the data folder, and no folder right below the root that was there before', () => {
    const { root, request, needs } = stage();
    mkdirSync(join(root, 'srv'));
    install({ ...request, prefix: '/srv', data: '/home' }, needs);
    mkdirSync(join(root, 'home/agent/spool'), { recursive: true });
    uninstall({ prefix: '/srv', keep_data: false }, needs);
    expect(existsSync(join(root, 'srv'))).toBe(true);
    expect(existsSync(join(root, 'home/agent'))).toBe(false);
    install({ ...request, data: '/data/muster' }, needs);
    mkdirSync(join(root, 'data/muster/agent'), { recursive: true });
    writeFileSync(join(root, 'data/muster/agent/notes.txt'), 'mine');
    uninstall({ prefix: request.prefix, keep_data: false }, needs);
    expect(readFileSync(join(root, 'data/muster/agent/notes.txt'), 'utf8')).toBe('mine');
  });

  it('installs again over what a kill left, and while the Node that it brought runs', async () => {
    const { root, request, needs } = stage();
    const node = join(folder(), 'node');
    copyFileSync('/bin/sleep', node);
    chmodSync(node, 0o700);
    install(request, { ...needs, node });
    mkdirSync(join(root, 'opt/muster-agent/app.old/dist'), { recursive: true });
    const running = spawn(join(root, 'opt/muster-agent/node'), ['60']);
    try {
      await once(running, 'spawn');
      install(request, { ...needs, node });
      expect(existsSync(join(root, 'opt/muster-agent/app.old'))).toBe(false);
    } finally {
      running.kill('SIGKILL');
    }
  });

  it('says where it looked when there is nothing to uninstall', () => {
    const { needs } = stage();
    expect(() => uninstall({ prefix: '/opt/muster-agent', keep_data: false }, needs)).toThrow(
      'no installed agent in /opt/muster-agent',
    );
  });
});

describe('the doctor', () => {
  const identity = { device: 'pi-1', key: 'k', address: 'mqtts://192.0.2.1:8883', pin: `sha256:${'A'.repeat(43)}` };
  const well: Patient = {
    node: '20.19.0',
    identity: () => identity,
    identity_path: '/d/identity.json',
    identity_mode: 0o600,
    reach: async () => null,
    clockOffset: async () => 300,
    running: 42,
    login: null,
    folder: '/d',
    writable: () => null,
    free_bytes: 1e9,
    devices: [{ path: '/dev/vcio', what: 'throttling', readable: true, group: 'video' }],
    service: { active: 'active', enabled: 'enabled' },
  };
  const stateOf = async (change: Partial<Patient>, check: string) =>
    (await examine({ ...well, ...change })).find((one) => one.check === check && one.state !== 'ok');

  it('finds nothing to say of a machine that is well', async () => {
    expect((await examine(well)).filter(({ state }) => state !== 'ok')).toEqual([]);
  });

  it.each<[string, Partial<Patient>, string, string]>([
    ['an old Node', { node: '18.20.1' }, 'node', 'fail'],
    ['a hub that is away', { reach: async () => 'it does not answer' }, 'hub', 'fail'],
    ['a key that the hub does not take', { running: null, login: async () => 'refused' }, 'login', 'fail'],
    ['a clock that is off', { clockOffset: async () => -90_000 }, 'clock', 'warn'],
    ['a folder that cannot be written', { writable: () => 'EROFS' }, 'folder', 'fail'],
    ['a full disk', { free_bytes: 1e6 }, 'folder', 'fail'],
    ['a disk that fills', { free_bytes: 1e8 }, 'folder', 'warn'],
    ['a closed device', { devices: [{ path: '/dev/vcio', what: 'x', readable: false, group: 'video' }] }, 'access', 'warn'],
    ['a service that failed', { service: { active: 'failed', enabled: 'enabled' } }, 'service', 'fail'],
    ['a service that does not come back', { service: { active: 'active', enabled: 'disabled' } }, 'service', 'warn'],
  ])('says what to do about %s', async (_what, change, check, state) => {
    expect(await stateOf(change, check)).toMatchObject({ state, todo: expect.any(String) });
  });

  it('says since when the hub is away for the agent that runs, and since when it is there', async () => {
    const now = () => Date.UTC(2026, 0, 2, 12);
    const away = { online: false, why: 'connect ECONNREFUSED', for_s: 11_520 };
    expect(await stateOf({ link: away, now }, 'link')).toMatchObject({
      what: 'The hub is away for the agent since 2026-01-02 08:48:00 UTC (3 h 12 min): connect ECONNREFUSED',
      todo: expect.stringContaining('Rows are kept'),
    });
    const there = { online: true, why: null, for_s: 50 };
    const found = await examine({ ...well, link: there, now });
    expect(found.find(({ check }) => check === 'link')?.what).toBe(
      'The agent is connected to the hub since 2026-01-02 11:59:10 UTC (50 s)',
    );
    expect(await stateOf({ link: away, running: null }, 'link')).toBeUndefined();
  });

  it('sees that the spool cannot be written, or that a part of the folder is not of the service, though root can write it', () => {
    const paths = agentPaths(folder());
    mkdirSync(paths.spool, { recursive: true });
    expect(createPatient(paths, { login: false }).writable()).toBeNull();
    const uid = statSync(paths.spool).uid;
    writeFileSync(join(paths.spool, '00000001.seg'), '');
    expect(notOf(uid, paths.folder)).toBeNull();
    expect(notOf(uid + 1, paths.folder)).toContain('belongs to another user');
    rmSync(paths.spool, { recursive: true });
    writeFileSync(paths.spool, '');
    expect(createPatient(paths, { login: false }).writable()).toContain('EEXIST');
  });

  it('does not log in while the agent runs, nor unless it is asked to', async () => {
    const login = async () => {
      throw new Error('logged in');
    };
    await examine({ ...well, login });
    expect(await stateOf({ running: null }, 'login')).toMatchObject({ state: 'warn' });
  });
});
