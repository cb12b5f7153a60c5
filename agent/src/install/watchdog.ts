import { execFile } from 'node:child_process';
import type { Clock } from '@muster/shared/clock';

/**
 * Tells systemd that the agent still turns. Node cannot write to a datagram socket of the file system, so `systemd-notify` does:
 * one short process in 200 s (docs/decisions/0007). Does nothing unless systemd asked for it.
 */
export interface Watchdog {
  stop(): void;
}

export interface WatchdogNeeds {
  clock: Clock;
  env: Record<string, string | undefined>;
  /** Runs `systemd-notify`; its own errors are its own. */
  notify?: (env: Record<string, string>) => void;
}

export const createWatchdog = ({ clock, env, notify = runNotify }: WatchdogNeeds): Watchdog => {
  const every_ms = Math.floor(Number(env['WATCHDOG_USEC'] ?? 0) / 3_000);
  const socket = env['NOTIFY_SOCKET'];
  if (!socket || !(every_ms >= 1_000)) return { stop() {} };
  const beat = () => notify({ NOTIFY_SOCKET: socket, PATH: '/usr/bin:/bin' });
  return { stop: clock.every(every_ms, beat) };
};

const runNotify = (env: Record<string, string>): void => {
  // Without --no-block it waits until systemd has read the message: who is gone by then cannot be told apart from strangers.
  execFile('systemd-notify', ['WATCHDOG=1'], { env, timeout: 10_000 }, () => {}).unref();
};
