import { AppError } from '@muster/shared/errors';
import { createHttp } from '@muster/shared/http';
import { type Control, requireHub } from '../control.js';
import type { Call } from '../main.js';
import { folderOf, splitOptions, type VerbSources } from './options.js';
import { readPassword } from './password.js';

/** Verbs that talk to the running hub over its API, with the right that its control file gives. */
type Hub = Control & { data: string };

const hubOf = (sources: VerbSources): Hub => {
  const data = folderOf(sources);
  return { ...requireHub(data), data };
};

const ask = async <T>({ url, token, data }: Hub, method: string, path: string, body?: object): Promise<T> => {
  const headers = { authorization: `Bearer ${token}`, ...(body ? { 'content-type': 'application/json' } : {}) };
  const sent = body ? { body: JSON.stringify(body) } : {};
  const silent = (cause: unknown): never => {
    throw new AppError('unreachable', `The hub of ${data} does not answer; start it with npm start`, {}, { cause });
  };
  const { status, text } = await createHttp()
    .request({ url: `${url}/api/v1${path}`, method, headers, ...sent })
    .catch(silent);
  const reply = readJson(text);
  // Its address may be another program's by now.
  if (reply === null) return silent(text);
  if (status >= 400)
    throw new AppError('bad_request', reply.error?.message ?? `the hub answered ${status}`, { hint: reply.error?.hint });
  return reply as T;
};

const readJson = (text: string): { error?: { message?: string; hint?: string } } | null => {
  try {
    return text ? JSON.parse(text) : {};
  } catch {
    return null;
  }
};

const number = (text: string | true | undefined, name: string): number | undefined => {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text === true || !Number.isSafeInteger(value)) throw new AppError('bad_request', `--${name} needs a whole number`);
  return value;
};

const known = (value: object) => Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== undefined));

interface Invited {
  token: string;
  command: string;
  install: string;
  expires: number;
  hint: string | null;
}

export const invite = async ({ flags: all, env, print }: Call): Promise<void> => {
  const { options, flags } = splitOptions(all, ['device', 'uses', 'ttl', 'carries', 'json']);
  const carries = typeof options['carries'] === 'string' ? options['carries'].split(',') : undefined;
  const body = known({
    device: options['device'],
    uses: number(options['uses'], 'uses'),
    ttl_s: number(options['ttl'], 'ttl'),
    carries,
  });
  const reply = await ask<Invited>(hubOf({ flags, env }), 'POST', '/invites', body);
  if (options['json']) return print(JSON.stringify(reply));
  const until = new Date(reply.expires).toLocaleString();
  print(`In a clone of Muster on the machine that joins, type this before ${until}:\n\n  ${reply.command}\n`);
  print('Then start its agent:\n\n  npm run agent -- run\n');
  print(
    `Where there is Node 20.19 or later but no clone, this brings the agent too (with sudo sh, as a service):\n\n  ${reply.install}\n`,
  );
  if (reply.hint !== null) print(reply.hint);
};

const usage = (line: string): never => {
  throw new AppError('bad_request', `Say: muster-hub ${line}`);
};

interface TokenLine {
  id: string;
  title: string;
  role: string;
}

export const token = async ({ words, flags: all, env, print }: Call): Promise<void> => {
  const { options, flags } = splitOptions(all, ['title', 'role']);
  const hub = hubOf({ flags, env });
  const [what, id] = words;
  if (what === 'add') {
    const body = { title: options['title'] ?? 'command line', role: options['role'] ?? 'viewer' };
    return print((await ask<{ token: string }>(hub, 'POST', '/tokens', body)).token);
  }
  if (what === 'remove' && id) {
    await ask(hub, 'DELETE', `/tokens/${encodeURIComponent(id)}`);
    return print(`Removed ${id}`);
  }
  if (what !== 'list') usage('token add --title T --role viewer|operator|admin, token list, or token remove ID');
  for (const one of (await ask<{ items: TokenLine[] }>(hub, 'GET', '/tokens')).items)
    print(`${one.id}  ${one.role}  ${one.title}`);
};

export const user = async ({ words, flags: all, env, print }: Call): Promise<void> => {
  const { options, flags } = splitOptions(all, ['role']);
  const hub = hubOf({ flags, env });
  const [what, name] = words;
  if (what === 'add' && name) {
    const password = await readPassword({ input: process.stdin, print });
    await ask(hub, 'POST', '/users', { name, role: options['role'] ?? 'viewer', password });
    return print(`${name} can sign in now`);
  }
  if (what === 'remove' && name) {
    await ask(hub, 'DELETE', `/users/${encodeURIComponent(name)}`);
    return print(`Removed ${name}`);
  }
  if (what !== 'list') usage('user add NAME --role viewer|operator|admin, user list, or user remove NAME');
  for (const one of (await ask<{ items: { name: string; role: string }[] }>(hub, 'GET', '/users')).items)
    print(`${one.role}  ${one.name}`);
};
