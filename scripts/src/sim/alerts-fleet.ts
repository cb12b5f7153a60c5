/** Where the simulated devices are, and what they earn. */
import type { Device, Stake } from '@muster/hub/parts';
import { formatFiat, parseFiat } from '@muster/shared/money';
import { placeOf } from './alerts-troubles.js';
import { INTERVAL_S } from './alerts-world.js';

export const idOf = (device: number): string => `sim-${device}`;
const indexOf = (id: string): number => Number(id.slice(4));

/** Even places are sites, the others known by the address that their devices share. */
const isSite = (place: number): boolean => place % 2 === 0;
export const siteId = (place: number): string => `site-${place}`;

export const simDevice = (index: number): Device => {
  const place = placeOf(index);
  return {
    ...{ id: idOf(index), name: idOf(index), site: place !== null && isSite(place) ? siteId(place) : null, tags: [], about: {} },
    ...{ agent_version: null, interval_ms: INTERVAL_S * 1_000, carried_by: null, created_at: 0 },
    ...{ watts: null, purchase_price: null, hosting_share: null },
  };
};

export const remoteOf = (id: string): string => {
  const index = indexOf(id);
  const place = placeOf(index);
  return place === null ? `198.51.${index >> 8}.${index & 255}` : `203.0.${place >> 8}.${place & 255}`;
};

const perHour = (index: number): string => `0.${10 + (index % 80)}000000`;

export const stakeOf = (id: string): Stake => ({ currency: 'USD', fiat_per_hour: perHour(indexOf(id)), tokens: [] });

/** As people read it: with two places. */
export const stakeText = (devices: readonly number[]): string => {
  const sum = devices.reduce((total, one) => total + parseFiat(perHour(one)), 0n);
  return `${formatFiat(sum).replace(/(\.\d\d)\d*$/, '$1')} USD an hour`;
};
