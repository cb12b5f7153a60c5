import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AGENT_FLAGS } from '@muster/agent/flags';
import { AppError } from '@muster/shared/errors';
import { createHubApi, type HubAccess, type HubApi, readControl } from '../api.js';

/** Real programs as their users start them, from the build; each is ended by its pid. */
export const ROOT = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));

export interface Program {
  child: ChildProcess;
  pid: number;
  /** Everything printed so far, both streams. */
  output(): string;
  /** Resolves with the exit code, or the signal's name. */
  ended: Promise<number | string>;
  signal(name: NodeJS.Signals): void;
  /** SIGTERM, then SIGKILL after 8 s; also wakes a stopped one. */
  stop(): Promise<number | string>;
}

export const startProgram = (
  script: string,
  words: readonly string[],
  env: Record<string, string> = {},
  node: readonly string[] = [],
): Program => {
  const { MUSTER_ADMIN_TOKEN: _dropped, INIT_CWD: _other, ...inherited } = process.env;
  const child = spawn(process.execPath, [...node, join(ROOT, script), ...words], {
    env: { ...inherited, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const printed: string[] = [];
  child.stdout.on('data', (chunk) => printed.push(String(chunk)));
  child.stderr.on('data', (chunk) => printed.push(String(chunk)));
  const ended = new Promise<number | string>((resolve) => child.on('exit', (code, signal) => resolve(signal ?? code ?? 1)));
  const signal = (name: NodeJS.Signals) => void child.kill(name);
  return {
    child,
    pid: child.pid ?? 0,
    output: () => printed.join(''),
    ended,
    signal,
    async stop() {
      signal('SIGTERM');
      signal('SIGCONT');
      const timer = setTimeout(() => signal('SIGKILL'), 8_000);
      const result = await ended;
      clearTimeout(timer);
      return result;
    },
  };
};

/** Polls until `look` gives a value; the deadline only ends a broken test, it judges nothing. */
export const until = async <T>(
  what: string,
  look: () => T | null | undefined | false | Promise<T | null | undefined | false>,
  deadline_ms = 60_000,
): Promise<T> => {
  const end = Date.now() + deadline_ms;
  for (;;) {
    const value = await look();
    if (value) return value;
    if (Date.now() > end) throw new Error(`waited ${deadline_ms} ms in vain for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};

export const makeFolder = (): { path: string; remove: () => void } => {
  const path = mkdtempSync(join(tmpdir(), 'muster-e2e-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
};

export interface RunningHub extends Program {
  data: string;
  access: HubAccess;
  api: HubApi;
  /** What the start-up line says of the listeners. */
  addresses: { http: string; https: string | null; mqtt: string; mqtts: string | null; pin: string };
}

const FREE_PORTS = { MUSTER_HTTP_PORT: '0', MUSTER_HTTPS_PORT: '0', MUSTER_MQTT_PORT: '0', MUSTER_MQTTS_PORT: '0' };
export const ADMIN_TOKEN = 'an-admin-token-for-tests';

/** `muster-hub serve`, not waited for. */
export const hubProgram = (
  data: string,
  env: Record<string, string> = {},
  words: readonly string[] = [],
  node: readonly string[] = [],
): Program => {
  const settings = { MUSTER_DATA: data, MUSTER_LOG: 'json', MUSTER_ADMIN_TOKEN: ADMIN_TOKEN, ...FREE_PORTS, ...env };
  return startProgram('hub/dist/main.js', ['serve', ...words], settings, node);
};

/** Starts `muster-hub serve` and waits for its start-up line. */
export const startHub = async (
  data: string,
  env: Record<string, string> = {},
  words: readonly string[] = [],
  node: readonly string[] = [],
): Promise<RunningHub> => {
  const program = hubProgram(data, env, words, node);
  const addresses = await until('the hub to start', () => {
    if (program.child.exitCode !== null) throw new AppError('internal', `the hub ended: ${program.output()}`);
    return startLine(program.output());
  });
  const access = { url: readControl(data).url, token: env['MUSTER_ADMIN_TOKEN'] ?? ADMIN_TOKEN };
  return { ...program, data, access, api: createHubApi(access), addresses };
};

const startLine = (output: string): RunningHub['addresses'] | null => {
  const line = output.split('\n').find((text) => text.includes('"mqtt":'));
  return line ? (JSON.parse(line) as { addresses: RunningHub['addresses'] }).addresses : null;
};

/** The same ports again, for a hub that comes back on the same folder. */
export const samePorts = (hub: RunningHub): Record<string, string> => {
  const port = (address: string | null) => (address ? new URL(address).port : '0');
  const { http, https, mqtt, mqtts } = hub.addresses;
  return {
    MUSTER_HTTP_PORT: port(http),
    MUSTER_HTTPS_PORT: port(https),
    MUSTER_MQTT_PORT: port(mqtt),
    MUSTER_MQTTS_PORT: port(mqtts),
  };
};

/** Joins an agent by an invite of its own and starts it. */
export const startAgent = async (
  hub: RunningHub,
  data: string,
  device: string,
  env: Record<string, string> = {},
): Promise<Program> => {
  const { token } = await hub.api.post<{ token: string }>('/invites', { device });
  const join = agent(['join', '--hub', hub.addresses.http, '--token', token, '--device', device, '--force'], {
    MUSTER_DATA: data,
  });
  if ((await join.ended) !== 0) throw new AppError('internal', `join failed: ${join.output()}`);
  return runAgent(data, env);
};

export const runAgent = (data: string, env: Record<string, string> = {}): Program =>
  agent(['run'], { MUSTER_DATA: data, MUSTER_AGENT_INTERVAL_MS: '1000', ...env });

export const agent = (words: readonly string[], env: Record<string, string>, node: readonly string[] = []): Program =>
  startProgram('agent/dist/main.js', words, env, [...AGENT_FLAGS, ...node]);

export const readText = (path: string): string => readFileSync(path, 'utf8');
