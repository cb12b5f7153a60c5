import { expect, it } from 'vitest';
import { addressesOf } from './addresses.js';

const loopback = { host: '127.0.0.1', port: 7480 };
const all = (port: number) => ({ host: '0.0.0.0', port });

it('names the loopback where the hub listens on it alone', () => {
  const at = {
    http: loopback,
    https: { ...loopback, port: 7443 },
    mqtt: 'mqtt://127.0.0.1:1883',
    mqtts: null,
    public_host: null,
  };
  expect(addressesOf(at)).toEqual({
    http: 'http://127.0.0.1:7480',
    https: 'https://127.0.0.1:7443',
    mqtt: 'mqtt://127.0.0.1:1883',
    mqtts: null,
  });
});

it('names an address of the network for what listens on all, over TLS only', () => {
  const at = {
    http: all(7480),
    https: all(7443),
    mqtt: 'mqtt://127.0.0.1:1883',
    mqtts: 'mqtts://0.0.0.0:8883',
    public_host: null,
  };
  expect(addressesOf(at, () => '192.0.2.7')).toEqual({
    http: 'http://127.0.0.1:7480',
    https: 'https://192.0.2.7:7443',
    mqtt: 'mqtt://127.0.0.1:1883',
    mqtts: 'mqtts://192.0.2.7:8883',
  });
});

it('prefers the public host, and brackets IPv6', () => {
  const at = {
    http: { host: '::1', port: 1 },
    https: { host: '::', port: 2 },
    mqtt: null,
    mqtts: 'mqtts://[::]:3',
    public_host: 'hub.example.org',
  };
  expect(addressesOf(at)).toEqual({
    http: 'http://[::1]:1',
    https: 'https://hub.example.org:2',
    mqtt: null,
    mqtts: 'mqtts://hub.example.org:3',
  });
});
