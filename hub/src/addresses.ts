import { networkInterfaces } from 'node:os';
import type { Addresses } from './parts.js';

/** How devices and browsers reach this hub, from where its listeners are. */
export interface Listening {
  http: { host: string; port: number };
  https: { host: string; port: number } | null;
  /** As the bus says them: `mqtt://host:port`. */
  mqtt: string | null;
  mqtts: string | null;
  /** Of MUSTER_PUBLIC_URL; stands for the outward address where one is needed. */
  public_host: string | null;
}

/** Plain addresses are for this machine; those over TLS name an address of the network where they listen on all. */
export const addressesOf = (at: Listening, outward = outwardAddress): Omit<Addresses, 'pin'> => {
  const far = (host: string) => (isAny(host) ? (at.public_host ?? outward() ?? '127.0.0.1') : host);
  return {
    http: `http://${bracket(near(at.http.host))}:${at.http.port}`,
    https: at.https && `https://${bracket(far(at.https.host))}:${at.https.port}`,
    mqtt: at.mqtt && withHost(at.mqtt, near),
    mqtts: at.mqtts && withHost(at.mqtts, far),
  };
};

const isAny = (host: string): boolean => host === '0.0.0.0' || host === '::';
const near = (host: string): string => (isAny(host) ? '127.0.0.1' : host);
const bracket = (host: string): string => (host.includes(':') ? `[${host}]` : host);

const withHost = (url: string, change: (host: string) => string): string => {
  const { protocol, hostname, port } = new URL(url);
  return `${protocol}//${bracket(change(hostname.replace(/^\[|\]$/g, '')))}:${port}`;
};

const outwardAddress = (): string | null => {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return all.find((address) => address.family === 'IPv4' && !address.internal)?.address ?? null;
};
