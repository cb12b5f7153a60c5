/** node_exporter as Debian ships it, scraped at the pace of the agent. */
import { spawn, spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { until } from '../testing/processes.js';

export interface Peer {
  pid: number;
  version: string;
  stop(): void;
}

const PATHS = ['/usr/bin/prometheus-node-exporter', '/usr/local/bin/node_exporter', '/usr/bin/node_exporter'];

/** Null when it is not on this machine. */
export const startPeer = async (given: string | null, every_ms: number): Promise<Peer | null> => {
  const path = (given ? [given] : PATHS).find(isExecutable);
  if (path === undefined) return null;
  const address = `127.0.0.1:${await freePort()}`;
  const child = spawn(path, [`--web.listen-address=${address}`, '--log.level=error'], { stdio: 'ignore' });
  const scrape = () => fetch(`http://${address}/metrics`).then((reply) => reply.text());
  await until('node_exporter to answer', () => scrape().catch(() => null));
  const scraping = setInterval(() => void scrape().catch(() => {}), every_ms);
  const stop = () => {
    clearInterval(scraping);
    child.kill('SIGKILL');
  };
  return { pid: child.pid ?? 0, version: versionOf(path), stop };
};

const isExecutable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

const versionOf = (path: string): string => {
  const { stdout, stderr } = spawnSync(path, ['--version'], { encoding: 'utf8' });
  return `${stdout}${stderr}`.split('\n')[0] ?? path;
};

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
