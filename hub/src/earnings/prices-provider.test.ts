import { createRecordedHttp, type RecordedExchange } from '@muster/shared/testing/http';
import { describe, expect, it } from 'vitest';
import { coingecko } from './prices-coingecko.js';
import { jupiter } from './prices-jupiter.js';
import type { PriceProvider } from './prices-provider.js';

const NOW = 1_751_330_000_000;
const CURRENCIES = 'usd,eur,gbp,chf,jpy,cad,aud,nzd,cny,inr,brl,mxn,krw,sek,nok,dkk,pln,czk,huf,try,zar,sgd,hkd,thb,idr';
const gecko = (ids: string) =>
  `http://gecko/simple/price?ids=${ids},bitcoin&vs_currencies=${CURRENCIES}&include_last_updated_at=true&precision=full`;

const ask = (provider: PriceProvider, exchange: RecordedExchange, ids: string[], address = 'http://gecko') =>
  provider.fetch({
    ids,
    address,
    key: null,
    http: createRecordedHttp([exchange]),
    now: NOW,
    signal: new AbortController().signal,
  });

describe('CoinGecko', () => {
  it('gives prices as the text of the reply, however small or large', async () => {
    const text = `{"helium":{"usd":0.2712345678901234567,"last_updated_at":1751328000},"dust":{"usd":1e-9,"last_updated_at":1751328000},
      "whale":{"usd":123456789012345678.5},"bitcoin":{"usd":107000.5,"eur":91000.25,"gbp":null}}`;
    const found = await ask(coingecko, { url: gecko('helium,dust,whale'), reply: { text } }, ['helium', 'dust', 'whale']);
    expect([...found.prices]).toEqual([
      ['helium', '0.2712345678901234567'],
      ['dust', '1e-9'],
      ['whale', '123456789012345678.5'],
    ]);
    expect(found.rates).toEqual({ USD: '107000.5', EUR: '91000.25' });
  });

  it('leaves out what is missing, null, zero or half a day old', async () => {
    const text = `{"b":{"usd":null},"c":{"usd":0},"d":{"usd":2,"last_updated_at":${NOW / 1_000 - 50_000}},"e":{}}`;
    const found = await ask(coingecko, { url: gecko('a,b,c,d,e'), reply: { text } }, ['a', 'b', 'c', 'd', 'e']);
    expect([found.prices.size, found.rates]).toEqual([0, undefined]);
  });

  it.each([
    [{ status: 429, headers: { 'retry-after': '30' }, text: '{"status":{"error_code":429}}' }, 'too_many'],
    [{ status: 401, text: '{}' }, 'unauthorized'],
    [{ status: 500, text: 'oops' }, 'bad_reply'],
    [{ text: '<!doctype html><title>Just a moment</title>' }, 'bad_reply'],
  ])('a reply %j is an error that says what to do', async (reply, code) => {
    await expect(ask(coingecko, { url: gecko('helium'), reply }, ['helium'])).rejects.toMatchObject({ code });
  });
});

describe('Jupiter', () => {
  it('gives prices by mint and leaves out what it does not trust', async () => {
    const text = '{"hnt":{"usdPrice":2.7e-1,"blockId":1,"decimals":8},"bad":{"usdPrice":null}}';
    const url = 'http://jup/price/v3?ids=hnt,bad,none';
    const found = await ask(jupiter, { url, reply: { text } }, ['hnt', 'bad', 'none'], 'http://jup');
    expect([...found.prices]).toEqual([['hnt', '2.7e-1']]);
  });
});
