import { existsSync, readdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AppError } from '@muster/shared/errors';
import type { VerbCall } from '../verbs.js';
import { DATA, type InstallNeeds, type InstallRequest, install, isHidden, PREFIX, SERVICE, uninstall } from './install.js';
import { packAgent } from './package.js';
import { createDrySystem, createSystem, type System } from './system.js';

type Flag = string | true | undefined;
export type InstallFlags = Record<'user' | 'prefix' | 'root' | 'print' | 'docker', Flag>;
export type UninstallFlags = Record<'prefix' | 'root' | 'print' | 'keep-data', Flag>;

/** What the process says of itself. */
export interface Around {
  print(line: string): void;
  uid: number | null;
  node: string;
  /** The whole command, to be typed again behind sudo. */
  command: readonly string[];
  cwd: string;
}

const PACKAGE = fileURLToPath(new URL('../../', import.meta.url));

export const installVerb = ({ paths, listed }: VerbCall, flags: InstallFlags, around: Around): void => {
  const root = folder('root', flags.root, around) ?? '/';
  const prefix = folder('prefix', flags.prefix, around) ?? PREFIX;
  const chosen = listed.find(({ name }) => name === 'data')?.origin !== 'default';
  const data = chosen ? dirname(paths.folder) : DATA;
  const request: InstallRequest = {
    user: text('user', flags.user) ?? SERVICE,
    prefix,
    data,
    data_is_own: !existsSync(data) || readdirSync(data).every((one) => one === 'agent'),
    joined: paths,
    docker: flags.docker === true,
  };
  if (!flags.print && root === '/') refuseUnlessReady(request, around);
  const needs: InstallNeeds = {
    system: systemFor(root, flags.print, around),
    print: around.print,
    node: around.node,
    files: () => packAgent(PACKAGE),
    in_place: root === '/' && resolve(PACKAGE) === resolve(prefix, 'app'),
  };
  install(request, needs);
};

export const uninstallVerb = (flags: UninstallFlags, around: Around): void => {
  const root = folder('root', flags.root, around) ?? '/';
  if (!flags.print && root === '/') refuseUnlessRoot('uninstall', around);
  const prefix = folder('prefix', flags.prefix, around) ?? PREFIX;
  uninstall(
    { prefix, keep_data: flags['keep-data'] === true },
    { system: systemFor(root, flags.print, around), print: around.print },
  );
};

const systemFor = (root: string, dry: Flag, { print }: Around): System => {
  const system = createSystem({ root, print });
  return dry ? createDrySystem(system, print) : system;
};

const refuseUnlessReady = ({ data, data_is_own, joined }: InstallRequest, around: Around): void => {
  refuseUnlessRoot('install', around);
  if (!existsSync('/run/systemd/system')) {
    throw new AppError('not_found', 'systemd does not run here, so there is nothing to install the agent to', {
      hint: `Let what starts your services run: muster-agent run --data ${dirname(dirname(joined.identity))}`,
    });
  }
  if (!existsSync(joined.identity) && !existsSync(resolve(data, 'agent', 'identity.json'))) {
    throw new AppError('not_found', `This machine has not joined a hub (no ${joined.identity})`, {
      hint: 'On the hub run "muster-hub invite", type here the command that it prints, then install again',
    });
  }
  const outer = data_is_own ? dirname(data) : data;
  if (existsSync(outer) && isHidden(outer)) {
    throw new AppError('bad_request', `${data} is closed to other users, so the service could not read it`, {
      path: 'data',
      hint: `Leave out --data: the service keeps its own in ${DATA} and takes this machine's identity from ./data`,
    });
  }
};

const refuseUnlessRoot = (verb: string, { uid, command }: Around): void => {
  if (uid === 0) return;
  throw new AppError('forbidden', `To ${verb} the agent needs root`, { hint: `Type: sudo ${command.map(quoted).join(' ')}` });
};

const quoted = (word: string): string => (/^[\w./+:@=,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

const folder = (name: string, flag: Flag, { cwd }: Around): string | null => {
  const given = text(name, flag);
  return given === null ? null : resolve(cwd, given);
};

const text = (name: string, flag: Flag): string | null => {
  if (flag === true || flag === '') throw new AppError('bad_request', `--${name} needs a value after it`, { path: name });
  return flag ?? null;
};
