/** `npm start`: hub, dashboard and an agent for this machine, from a clean clone. Ctrl-C ends all of it. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { prepare, ROOT } from './bootstrap.mjs';

prepare();

const load = (path) => import(pathToFileURL(join(ROOT, path)).href);
const { AGENT_FLAGS } = await load('agent/dist/flags.js');
const { asDeviceId } = await load('shared/dist/wire/topics.js');
const { parseArguments } = await load('shared/dist/settings.js');
const { BARE_FLAGS } = await load('hub/dist/config.js');

const args = process.argv.slice(2);
const { flags } = parseArguments(args, BARE_FLAGS);
const typed = typeof flags.data === 'string' ? flags.data : (process.env.MUSTER_DATA ?? './data');
const data = resolve(process.env.INIT_CWD ?? process.cwd(), typed);
const { MUSTER_ADMIN_TOKEN: _hubOnly, ...agentEnv } = { ...process.env, MUSTER_DATA: data };

const children = new Set();
let stopping = false;

/** In a group of their own, so that Ctrl-C reaches this program alone and it ends them in order; over the channel they notice when it dies. */
const launch = (script, words, { node = [], env = agentEnv } = {}) => {
  const child = spawn(process.execPath, [...node, join(ROOT, script), ...words], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env,
    detached: true,
  });
  children.add(child);
  child.on('exit', () => children.delete(child));
  return child;
};

const ended = (child) => new Promise((done) => child.on('exit', (code) => done(code ?? 1)));

const readControl = (pid) => {
  try {
    const control = JSON.parse(readFileSync(join(data, 'hub', 'control.json'), 'utf8'));
    return control.pid === pid ? control : null;
  } catch {
    return null;
  }
};

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

const untilReady = async (hub) => {
  let control = readControl(hub.pid);
  while (!control && hub.exitCode === null && hub.signalCode === null) {
    await pause(25);
    control = readControl(hub.pid);
  }
  return control;
};

const api = async (control, path, body) => {
  const headers = { authorization: `Bearer ${control.token}`, 'content-type': 'application/json' };
  const reply = await fetch(
    `${control.url}/api/v1${path}`,
    body ? { method: 'POST', headers, body: JSON.stringify(body) } : { headers },
  );
  return { status: reply.status, body: await reply.json() };
};

const readIdentity = () => {
  const file = join(data, 'agent', 'identity.json');
  if (!existsSync(file)) return null;
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    console.error(`${file} is damaged; this machine joins anew.`);
    return null;
  }
};

const isKnown = async (control, identity) =>
  identity?.address === control.mqtt && (await api(control, `/devices/${identity.device}`)).status === 200;

/** Joins this machine unless the hub, where it was, already knows it; false after saying why not. */
const joinHere = async (control) => {
  const identity = readIdentity();
  if (await isKnown(control, identity)) return true;
  const device = identity?.device ?? asDeviceId(hostname());
  const { status, body } = await api(control, '/invites', { device });
  if (status !== 200) {
    console.error(`The hub gave no invite for this machine: ${body.error?.message ?? status}`);
    return false;
  }
  const words = ['join', '--hub', control.url, '--token', body.token, '--device', device, '--force', '--quiet'];
  return (await ended(launch('agent/dist/main.js', words, { node: AGENT_FLAGS }))) === 0;
};

const stopAll = async (code) => {
  if (stopping) return;
  stopping = true;
  for (const child of [...children].reverse()) {
    const gone = ended(child);
    child.kill('SIGTERM');
    await Promise.race([gone, pause(8_000).then(() => child.kill('SIGKILL'))]);
  }
  process.exit(code);
};

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => stopAll(0));

const hub = launch('hub/dist/main.js', ['serve', ...args], { env: { ...process.env, MUSTER_DATA: data } });
hub.on('exit', (code) => stopAll(code ?? 1));
const control = await untilReady(hub);
if (control && (await joinHere(control)) && !stopping) {
  const agent = launch('agent/dist/main.js', ['run'], { node: AGENT_FLAGS });
  agent.on('exit', (code, signal) => {
    if (!stopping)
      console.error(
        `The agent of this machine ended (${signal ?? `exit code ${code}`}). Start it again with: npm run agent -- run`,
      );
  });
} else if (!stopping)
  console.error('The agent of this machine could not join; the hub goes on without it. See the message above.');
