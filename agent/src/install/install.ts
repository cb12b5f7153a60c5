/** The agent as a service of systemd: what is put where, and how all of it goes again. */
import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { AppError } from '@muster/shared/errors';
import { AGENT_FLAGS } from '../flags.js';
import type { PackedFile } from './package.js';
import type { System } from './system.js';
import { unitText } from './unit.js';

export const SERVICE = 'muster-agent';
export const UNIT = `/etc/systemd/system/${SERVICE}.service`;
export const PREFIX = '/opt/muster-agent';
export const DATA = '/var/lib/muster-agent';
const PROGRAM = '/usr/local/bin/muster-agent';
/** video, render: the Raspberry Pi's firmware and GPUs; systemd-journal: what the kernel says of faults. */
const GROUPS = ['video', 'render', 'systemd-journal'];

export interface InstallRequest {
  user: string;
  prefix: string;
  /** Holds `agent/`; may be shared with a hub, which is left alone. */
  data: string;
  /** Nobody else keeps anything in `data`. */
  data_is_own: boolean;
  /** Of this machine, where it joined. */
  joined: { identity: string; settings: string };
  /** The group docker is as good as root: only when asked for. */
  docker: boolean;
}

export interface InstallNeeds {
  system: System;
  print(line: string): void;
  /** Of the program that runs Node. */
  node: string;
  files(): readonly PackedFile[];
  /** The agent that runs this already lies in `prefix`. */
  in_place: boolean;
}

/** What uninstalling must know; lies in the prefix. */
interface Installed {
  user: string;
  user_made: boolean;
  data: string;
  folders: string[];
}

const manifestIn = (prefix: string) => join(prefix, 'installed.json');

export const install = (request: InstallRequest, needs: InstallNeeds): void => {
  const { system, print } = needs;
  const { prefix, user, data } = request;
  const before = readInstalled(system, prefix);
  const user_made = !hasEntry(system, '/etc/passwd', user);
  // Before anything is changed: a bad path or name is refused here.
  const node = isHidden(needs.node) ? join(prefix, 'node') : needs.node;
  const program = join(prefix, 'app', 'dist', 'main.js');
  const unit = unitText({ node, program, data, user: name(user), groups: groupsOf(system, request) });
  refuseForeign(system, { prefix, data, is_ours: before !== null });
  if (user_made)
    system.run('useradd', [
      '--system',
      '--user-group',
      '--no-create-home',
      '--home-dir',
      data,
      '--shell',
      '/usr/sbin/nologin',
      user,
    ]);
  if (node !== needs.node) system.copy(needs.node, node, 0o755);
  if (!needs.in_place) putFiles(needs, prefix);
  keepIdentity(request, needs);
  system.run('chown', ['-R', `${user}:${user}`, join(data, 'agent')]);
  system.run('chmod', ['700', join(data, 'agent')]);
  // Joining as root closed it to all others, the service's user too.
  if (request.data_is_own) system.run('chmod', ['755', data]);
  system.write(UNIT, unit);
  system.write(PROGRAM, launcher(program, node, data), 0o755);
  const installed: Installed = {
    user,
    user_made: user_made || before?.user_made === true,
    data,
    folders: [...new Set([...(before?.folders ?? []), ...system.made()])],
  };
  system.write(manifestIn(prefix), `${JSON.stringify(installed, null, 2)}\n`);
  system.run('systemctl', ['daemon-reload']);
  system.run('systemctl', ['enable', SERVICE]);
  system.run('systemctl', ['restart', SERVICE]);
  print(`Installed ${SERVICE}: it reports now and after every start of this machine.`);
  print(`  look at it   systemctl status ${SERVICE}   or   ${SERVICE} doctor`);
  print(`  settings     ${join(data, 'agent', 'settings.json')}`);
  print(`  remove it    ${SERVICE} uninstall`);
};

const putFiles = ({ system, files }: InstallNeeds, prefix: string): void => {
  const [app, fresh, old] = ['app', 'app.new', 'app.old'].map((part) => join(prefix, part)) as [string, string, string];
  // Also what a kill left of an earlier try.
  for (const rest of [fresh, old]) system.remove(rest);
  for (const { path, bytes, mode } of files()) system.write(join(fresh, path), bytes, mode);
  if (system.exists(app)) system.rename(app, old);
  system.rename(fresh, app);
  system.remove(old);
};

/** All that an agent keeps in its folder. */
const KEPT = ['identity.json', 'identity.json.new', 'settings.json', 'settings.json.new', 'spool', 'sources', '.doctor'];

/** `/opt` or `/home` as a folder: an `app` or an `agent` in it may be somebody else's, to be neither replaced nor given away. */
const refuseForeign = (system: System, { prefix, data, is_ours }: { prefix: string; data: string; is_ours: boolean }): void => {
  const app = join(prefix, 'app');
  const own = /"name": *"@muster\/agent"/.test(system.read(join(app, 'package.json')) ?? '');
  if (system.list(app).length > 0 && !is_ours && !own) {
    throw new AppError('conflict', `${app} is not of Muster and would be replaced`, {
      hint: 'Name a folder of its own: --prefix …',
    });
  }
  const stray = system.list(join(data, 'agent')).find((one) => !KEPT.includes(one));
  if (stray === undefined) return;
  throw new AppError(
    'conflict',
    `${join(data, 'agent', stray)} is not of Muster, and all in that folder would be given to the service`,
    {
      hint: 'Move it away, or name a folder of its own: --data …',
    },
  );
};

const keepIdentity = ({ data, joined }: InstallRequest, { system, print }: InstallNeeds): void => {
  for (const [from, file] of [
    [joined.identity, 'identity.json'],
    [joined.settings, 'settings.json'],
  ] as const) {
    const to = join(data, 'agent', file);
    if (!existsSync(from) || (system.exists(to) && system.read(to) === read(from))) continue;
    if (system.exists(to)) print(`${to} is kept as it is; ${from} says something else`);
    else system.copy(from, to, 0o600);
  }
};

const read = (path: string): string | null => (existsSync(path) ? readFileSync(path, 'utf8') : null);

const groupsOf = (system: System, { docker }: InstallRequest): string[] =>
  [...GROUPS, ...(docker ? ['docker'] : [])].filter((group) => hasEntry(system, '/etc/group', group));

const hasEntry = (system: System, file: string, name: string): boolean =>
  (system.read(file) ?? '').split('\n').some((line) => line.startsWith(`${name}:`));

const name = (user: string): string => {
  if (/^[a-z_][a-z0-9_-]{0,30}$/.test(user) && user !== 'root') return user;
  throw new AppError('bad_request', `--user "${user}" cannot be the service's user; choose a name such as muster-agent`, {
    path: 'user',
  });
};

/** Whether a service's user could not come to this path: something above it, or itself, is closed to others. */
export const isHidden = (path: string): boolean => {
  const real = realpathSync(path);
  for (let at = real; at !== '/'; at = dirname(at)) if ((statSync(at).mode & 0o001) === 0) return true;
  return false;
};

const launcher = (program: string, node: string, data: string): string => `#!/bin/sh
# Written by "${SERVICE} install".
MUSTER_DATA="\${MUSTER_DATA:-${data}}" exec ${[node, ...AGENT_FLAGS, program].join(' ')} "$@"
`;

/** Stops and removes the service, its user and its files; `keep_data` leaves what it knows (identity, spool, settings). */
export const uninstall = (
  { prefix, keep_data }: { prefix: string; keep_data: boolean },
  { system, print }: Pick<InstallNeeds, 'system' | 'print'>,
): void => {
  const installed = readInstalled(system, prefix);
  if (!installed) {
    throw new AppError('not_found', `There is no installed agent in ${prefix}`, {
      hint: 'Name the folder that it was installed to: --prefix …',
    });
  }
  const { user, user_made, data, folders } = installed;
  system.run('systemctl', ['disable', '--now', SERVICE], { may_fail: true });
  for (const path of [UNIT, PROGRAM, join(prefix, 'app'), join(prefix, 'node'), manifestIn(prefix)]) system.remove(path);
  system.run('systemctl', ['daemon-reload'], { may_fail: true });
  if (keep_data) system.run('chown', ['-R', 'root:root', join(data, 'agent')], { may_fail: true });
  else for (const one of KEPT) system.remove(join(data, 'agent', one));
  if (user_made) system.run('userdel', [user], { may_fail: true });
  // Joining and the installer made these before; one right below the root was there before them.
  const likely = [join(data, 'agent'), data, prefix].filter((folder) => dirname(folder) !== '/');
  for (const folder of [...new Set([...folders, ...likely])].sort().reverse()) system.removeEmpty(folder);
  print(keep_data ? `Removed ${SERVICE}; ${join(data, 'agent')} is kept` : `Removed ${SERVICE} and all that it knew`);
};

const readInstalled = (system: System, prefix: string): Installed | null => {
  const text = system.read(manifestIn(prefix));
  return text === null ? null : (JSON.parse(text) as Installed);
};
