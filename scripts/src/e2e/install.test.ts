import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LiveListener, listenLive } from '../testing/live.js';
import { makeFolder, ROOT, type RunningHub, startHub, startProgram, until } from '../testing/processes.js';

/** A machine with Node and little else: the hub brings the agent, over another address of this machine and pinned HTTPS. */
const folders: ReturnType<typeof makeFolder>[] = [];
const running: { stop(): Promise<unknown> }[] = [];
let hub: RunningHub;
let live: LiveListener;

const outward = Object.values(networkInterfaces())
  .flat()
  .find((address) => address?.family === 'IPv4' && !address.internal)?.address;

const folder = (): string => {
  const made = makeFolder();
  folders.push(made);
  return made.path;
};

beforeAll(async () => {
  hub = await startHub(folder(), {}, ['--lan']);
  live = await listenLive(hub.access);
}, 60_000);

afterAll(async () => {
  live?.close();
  await Promise.all(running.map((one) => one.stop()));
  await hub?.stop();
  for (const one of folders) one.remove();
});

interface Invited {
  token: string;
  install: string;
}

const invite = (device: string) => hub.api.post<Invited>('/invites', { device });

const which = (program: string): string | null =>
  (process.env['PATH'] ?? '')
    .split(':')
    .map((one) => join(one, program))
    .find((path) => existsSync(path)) ?? null;

/** A PATH with a shell, Node, what coreutils has of it, and the programs named. */
const bareMachine = (extra: readonly string[]) => {
  const home = folder();
  const bin = join(home, 'bin');
  mkdirSync(bin);
  for (const program of ['sh', 'env', 'id', ...extra]) {
    const path = which(program);
    if (path) symlinkSync(path, join(bin, program));
  }
  symlinkSync(process.execPath, join(bin, 'node'));
  return { home, env: { PATH: bin, HOME: home } };
};

type Machine = ReturnType<typeof bareMachine>;

const runShell = ({ env }: Machine, words: readonly string[], input = '') => {
  const child = spawn('/bin/sh', words, { env, stdio: ['pipe', 'pipe', 'pipe'] });
  const printed: string[] = [];
  child.stdout.on('data', (chunk) => printed.push(String(chunk)));
  child.stderr.on('data', (chunk) => printed.push(String(chunk)));
  // A script that ends early does not read on.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  return { ended, output: () => printed.join(''), child };
};

/** What the last line tells a person to type. */
const startAs = (machine: Machine, output: string) => {
  const line = /^Start it: {2}(.*)$/m.exec(output)?.[1] ?? 'false';
  const program = runShell({ ...machine, env: { ...machine.env } }, ['-c', `exec ${line}`]);
  running.push({
    stop: () => {
      program.child.kill('SIGTERM');
      return program.ended;
    },
  });
  return program;
};

const script = () => fetch(`${hub.addresses.http}/install.sh`).then((reply) => reply.text());
const wrongPin = `sha256:${'A'.repeat(43)}`;
const onlyUser = (line: string, machine: Machine) =>
  line.replace('sh -s --', `sh -s -- --no-service --prefix ${machine.home}/muster --data ${machine.home}/data`);

describe.skipIf(!outward)('a machine with nothing but Node', { timeout: 120_000 }, () => {
  it.skipIf(!which('curl'))('is brought the agent by the line of an invite, over pinned HTTPS, and reports', async () => {
    const machine = bareMachine(['curl']);
    const { install } = await invite('bare');
    expect(install).toContain(`https://${outward}:`);
    const installed = runShell(machine, ['-c', onlyUser(install, machine)]);
    expect(await installed.ended, installed.output()).toBe(0);
    startAs(machine, installed.output());
    await live.state('bare', 'online');
    expect(statSync(join(machine.home, 'data/agent/identity.json')).mode & 0o777).toBe(0o600);
  });

  it('needs no curl once it has the script, and can be brought up to date without joining again', async () => {
    const machine = bareMachine([]);
    const { install } = await invite('no-curl');
    const words = onlyUser(install, machine)
      .replace(/^.*sh -s -- /, '')
      .split(' ');
    const installed = runShell(machine, ['-s', '--', ...words], await script());
    expect(await installed.ended, installed.output()).toBe(0);
    startAs(machine, installed.output());
    await live.state('no-curl', 'online');
    const fresh = words.filter((word, index) => word !== '--token' && words[index - 1] !== '--token');
    const again = runShell(machine, ['-s', '--', ...fresh], await script());
    expect(await again.ended, again.output()).toBe(0);
    expect(readdirSync(join(machine.home, 'muster'))).toEqual(['app']);
  });

  it('runs nothing of a hub that shows another key, neither the script nor the agent', async () => {
    const machine = bareMachine(['curl']);
    const { install, token } = await invite('wary');
    const wrong = install.replace(/sha256\/\/[^']+/, `sha256//${'A'.repeat(43)}=`);
    const refused = runShell(machine, ['-c', onlyUser(wrong, machine)]);
    await refused.ended;
    expect(refused.output()).toMatch(/^curl: \(90\)/);
    const words = onlyUser(install, machine)
      .replace(/^.*sh -s -- /, '')
      .replace(/--pin \S+/, `--pin ${wrongPin}`)
      .split(' ');
    const stopped = runShell(machine, ['-s', '--', ...words], await script());
    expect(await stopped.ended).toBe(1);
    expect(stopped.output()).toContain('another key than the pin says');
    expect(readdirSync(machine.home)).toEqual(['bin']);
    await hub.api.post('/join', { token, device: 'wary' });
  });

  it('does nothing with half a script, or a file that was changed on its way', async () => {
    const machine = bareMachine([]);
    const { install } = await invite('half');
    const words = onlyUser(install, machine)
      .replace(/^.*sh -s -- /, '')
      .split(' ');
    const whole = await script();
    const half = runShell(machine, ['-s', '--', ...words], whole.slice(0, whole.length - 12));
    await half.ended;
    const changed = runShell(machine, ['-s', '--', ...words], whole.replace(/^SHA256=\w{8}/m, 'SHA256=00000000'));
    expect(await changed.ended).toBe(1);
    expect(changed.output()).toContain('damaged');
    expect(readdirSync(machine.home)).toEqual(['bin']);
  });

  it('is told what to do where Node is missing or too old', async () => {
    const machine = bareMachine([]);
    const { PATH } = machine.env;
    execFileSync('rm', [join(PATH, 'node')]);
    const without = runShell(machine, ['-s', '--', '--hub', 'https://192.0.2.1:7443'], await script());
    expect(await without.ended).toBe(1);
    expect(without.output()).toMatch(/Node\.js is missing.*apt install nodejs/);
    writeFileSync(join(PATH, 'node'), '#!/bin/sh\n[ "$1" = -v ] && echo v18.19.0\nexit 1\n', { mode: 0o755 });
    const old = runShell(machine, ['-s', '--', '--hub', 'https://192.0.2.1:7443'], await script());
    expect(await old.ended).toBe(1);
    expect(old.output()).toMatch(/20\.19 or later is needed; this is v18\.19\.0/);
  });

  it('gets neither script nor agent over plain HTTP from another address', async () => {
    const plain = `http://${outward}:${new URL(hub.addresses.http).port}`;
    for (const path of ['/install.sh', '/install/muster-agent.tgz']) expect((await fetch(plain + path)).status).toBe(403);
  });
});

describe('the packed agent', { timeout: 120_000 }, () => {
  const packed = join(ROOT, 'hub/installer/dist/muster-agent.tgz');

  it('is installed by npm without asking any registry, and runs', async () => {
    console.log(`figure: packed agent ${Math.ceil(statSync(packed).size / 1024)} KiB`);
    const prefix = folder();
    const words = ['install', '--global', '--offline', '--no-audit', '--no-fund', '--prefix', prefix, packed];
    execFileSync('npm', words, { stdio: 'pipe', env: { ...process.env, npm_config_cache: join(prefix, 'cache') } });
    const help = execFileSync(join(prefix, 'bin/muster-agent'), ['help']).toString();
    expect(help).toContain('muster-agent: reports this machine');
  });

  it('holds no tests, no native code and no source maps', () => {
    const names = execFileSync('tar', ['-tzf', packed]).toString().split('\n');
    expect(names.filter((name) => /\.test\.|\.node$|\.map$|better-sqlite3|\.d\.ts$/.test(name))).toEqual([]);
    expect(names).toContain('package/dist/main.js');
  });
});

/** Every path with its mode and content. */
const tree = (root: string, below = ''): Record<string, string> =>
  Object.assign(
    {},
    ...readdirSync(join(root, below), { withFileTypes: true }).map((entry) => {
      const path = join(below, entry.name);
      if (entry.isDirectory()) return { [path]: 'folder', ...tree(root, path) };
      if (entry.isSymbolicLink()) return { [path]: readlinkSync(join(root, path)) };
      return { [path]: `${statSync(join(root, path)).mode} ${readFileSync(join(root, path), 'latin1').length}` };
    }),
  );

const agentVerb = async (words: readonly string[], data: string): Promise<string> => {
  const program = startProgram('agent/dist/main.js', words, { MUSTER_DATA: data });
  expect(await program.ended, program.output()).toBe(0);
  return program.output();
};

describe('muster-agent install', { timeout: 120_000 }, () => {
  const stage = () => {
    const root = folder();
    mkdirSync(join(root, 'etc'));
    writeFileSync(join(root, 'etc/group'), 'root:x:0:\nvideo:x:44:\nsystemd-journal:x:101:\ndocker:x:999:\n');
    writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0::/:/bin/sh\n');
    return root;
  };
  const joinedFolder = () => {
    const data = folder();
    mkdirSync(join(data, 'agent'));
    const identity = { device: 'staged', key: 'k', address: 'mqtts://192.0.2.1:8883', pin: wrongPin };
    writeFileSync(join(data, 'agent/identity.json'), JSON.stringify(identity), { mode: 0o600 });
    return data;
  };
  const UNIT = 'etc/systemd/system/muster-agent.service';

  it('puts unit, files and identity in their places, and uninstall leaves nothing behind', async () => {
    const root = stage();
    const data = joinedFolder();
    const before = tree(root);
    const said = await agentVerb(['install', '--root', root], data);
    expect(said).toMatch(/not run: useradd --system .* muster-agent\n/);
    expect(said).toMatch(/not run: chown -R muster-agent:muster-agent .*\/agent\n/);
    expect(said).toContain('not run: systemctl enable muster-agent');
    const unit = readFileSync(join(root, UNIT), 'utf8');
    expect(unit).toContain('SupplementaryGroups=video systemd-journal\n');
    expect(unit).toContain('--lite-mode --max-semi-space-size=1 --max-old-space-size=32 /opt/muster-agent/app/dist/main.js run');
    expect(statSync(join(root, data, 'agent/identity.json')).mode & 0o777).toBe(0o600);
    const help = execFileSync(process.execPath, [join(root, 'opt/muster-agent/app/dist/main.js'), 'help']).toString();
    expect(help).toContain('muster-agent: reports');
    expect(await agentVerb(['uninstall', '--root', root], data)).toContain('not run: userdel muster-agent');
    expect(tree(root)).toEqual(before);
  });

  it('installs twice, keeps the identity when asked to, and gives the group docker only when asked to', async () => {
    const root = stage();
    const data = joinedFolder();
    await agentVerb(['install', '--root', root], data);
    await agentVerb(['install', '--root', root, '--docker'], data);
    expect(readFileSync(join(root, UNIT), 'utf8')).toContain('SupplementaryGroups=video systemd-journal docker\n');
    await agentVerb(['uninstall', '--root', root, '--keep-data'], data);
    expect(Object.keys(tree(join(root, data)))).toEqual(['agent', 'agent/identity.json']);
    expect(existsSync(join(root, 'opt'))).toBe(false);
  });

  it('shows what it would do and changes nothing', async () => {
    const root = stage();
    const before = tree(root);
    const said = await agentVerb(['install', '--print', '--root', root], joinedFolder());
    expect(said).toContain('NoNewPrivileges=yes');
    expect(said).toContain('run systemctl enable muster-agent');
    expect(tree(root)).toEqual(before);
  });

  it.skipIf(!which('systemd-analyze'))('writes a unit that systemd-analyze finds right and well closed', async () => {
    const root = stage();
    await agentVerb(['install', '--root', root], joinedFolder());
    // A user that every machine has.
    const unit = readFileSync(join(root, UNIT), 'utf8')
      .replace('User=muster-agent', 'User=daemon')
      .replace('Group=muster-agent', 'Group=daemon');
    const copy = join(folder(), 'muster-agent.service');
    writeFileSync(copy, unit);
    const verified = spawnSync('systemd-analyze', ['verify', '--man=no', copy], { encoding: 'utf8' });
    expect(verified).toMatchObject({ status: 0, stdout: '', stderr: '' });
    const lines = execFileSync('systemd-analyze', ['security', '--offline=true', '--no-pager', copy]).toString();
    const score = Number(/Overall exposure level for .*: ([\d.]+)/.exec(lines)?.[1]);
    console.log(`figure: systemd-analyze security ${score}`);
    expect(score).toBeLessThan(2.5);
  });

  it.skipIf(process.getuid?.() !== 0 || !which('setpriv'))(
    'says the whole command with sudo to whoever is not root',
    async () => {
      const words = [
        '--reuid=65534',
        '--clear-groups',
        process.execPath,
        join(ROOT, 'agent/dist/main.js'),
        'install',
        '--docker',
      ];
      const child = spawn('setpriv', words, { stdio: ['ignore', 'pipe', 'pipe'] });
      let said = '';
      child.stderr.on('data', (chunk) => {
        said += String(chunk);
      });
      expect(await new Promise((resolve) => child.on('close', resolve))).toBe(1);
      expect(said).toContain(`Type: sudo ${process.execPath} ${join(ROOT, 'agent/dist/main.js')} install --docker`);
    },
  );
});

describe('muster-agent doctor', { timeout: 120_000 }, () => {
  it('finds a joined machine well, sees the running agent and leaves its connection alone', async () => {
    const data = folder();
    const { token } = await hub.api.post<{ token: string }>('/invites', { device: 'patient' });
    await agentVerb(['join', '--hub', hub.addresses.http, '--token', token, '--device', 'patient'], data);
    const idle = await agentVerb(['doctor', '--json', '--login'], data);
    const state = (said: string, check: string) =>
      (JSON.parse(said) as { check: string; state: string; what: string }[]).find((one) => one.check === check);
    expect(state(idle, 'login')).toMatchObject({ state: 'ok', what: 'The hub takes the key of this device' });
    expect(state(idle, 'clock')).toMatchObject({ state: 'ok' });
    const agent = startProgram('agent/dist/main.js', ['run'], { MUSTER_DATA: data });
    running.push(agent);
    await until(
      'the agent to be online',
      async () => (await hub.api.get<{ state: string }>('/devices/patient')).state === 'online',
    );
    const busy = await agentVerb(['doctor', '--json', '--login'], data);
    expect(state(busy, 'login')?.what).toContain(`process ${agent.pid}`);
    expect(agent.output()).not.toContain('lost');
    expect((await hub.api.get<{ state: string }>('/devices/patient')).state).toBe('online');
  });

  it('fails with advice where the hub is away, the key file is open or nothing is joined', async () => {
    const data = folder();
    const doctor = async () => {
      const program = startProgram('agent/dist/main.js', ['doctor'], { MUSTER_DATA: data });
      return { code: await program.ended, said: program.output() };
    };
    expect(await doctor()).toMatchObject({
      code: 1,
      said: expect.stringMatching(/fail {2}identity[\s\S]*→ On the hub run "muster-hub invite"/),
    });
    const identity = { device: 'd', key: 'k', address: 'mqtt://127.0.0.1:1', pin: null };
    mkdirSync(join(data, 'agent'), { recursive: true });
    writeFileSync(join(data, 'agent/identity.json'), JSON.stringify(identity), { mode: 0o644 });
    const { code, said } = await doctor();
    expect(code).toBe(1);
    expect(said).toMatch(/fail {2}identity.*others can read it[\s\S]*→ chmod 600/);
    expect(said).toMatch(/fail {2}hub.*cannot be reached/);
  });
});
