import { expect, test } from 'vitest';
import { sumOfStakes, withCarried } from './stakes.js';

const stake = (fiat_per_hour: string | null, token: string, amount_per_hour: string) => ({
  ...{ currency: 'EUR', fiat_per_hour },
  tokens: [{ network: 'helium', token, decimals: 8, amount_per_hour }],
});

test('what several devices earn is added by token, and in fiat as far as prices are known', () => {
  const own = stake('0.50000000', 'HNT', '100');
  expect(sumOfStakes([null, null])).toBeNull();
  expect(sumOfStakes([null, own])).toEqual(own);
  expect(sumOfStakes([own, null, stake('0.25000000', 'HNT', '50'), stake(null, 'IOT', '7')])).toEqual({
    ...{ currency: 'EUR', fiat_per_hour: '0.75000000' },
    tokens: [...stake(null, 'HNT', '150').tokens, ...stake(null, 'IOT', '7').tokens],
  });
  expect(sumOfStakes([stake(null, 'IOT', '7'), stake(null, 'IOT', '7')])?.fiat_per_hour).toBeNull();
});

test('an agent that is away costs what the devices that it speaks for earn, too', () => {
  let state: 'online' | 'lost' = 'online';
  const presence = { get: () => ({ state, since: 0, last_seen: 0, boot: null }) };
  const carried = (agent: string) => (agent === 'pi' ? ['hotspot'] : []);
  const of = withCarried((device) => stake(device === 'pi' ? '0.50000000' : '2.00000000', 'HNT', '1'), { presence, carried });
  expect(of('pi')?.fiat_per_hour).toBe('0.50000000');
  state = 'lost';
  expect(of('pi')?.fiat_per_hour).toBe('2.50000000');
  expect(of('hotspot')?.fiat_per_hour).toBe('2.00000000');
});
