import { BlockList, isIPv6 } from 'node:net';

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** Whether an address of a socket is this host itself; X-Forwarded-For is never asked. */
export const isLoopback = (address: string | undefined): boolean => {
  if (!address) return false;
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '');
  return loopback.check(plain, isIPv6(plain) ? 'ipv6' : 'ipv4');
};

/** Whether an address that a person would type leads to this host only. */
export const isLoopbackUrl = (url: string): boolean => {
  const host = new URL(url).hostname.replace(/^\[|\]$/g, '');
  return host === 'localhost' || isLoopback(host);
};

const HOST = /^([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i;

/** The name in a Host header without its port; null when it is not one. */
export const hostNameOf = (header: string | undefined): string | null => HOST.exec(header ?? '')?.[1] ?? null;
