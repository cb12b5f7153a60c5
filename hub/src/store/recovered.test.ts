import { expect, it } from 'vitest';
import { packRecovered, unpackRecovered } from './recovered.js';

const long = JSON.stringify(Array.from({ length: 100 }, (_, index) => `metric.${index}`));
const other = JSON.stringify(Array.from({ length: 100 }, (_, index) => `other.${index}`));
const raw = () => ({
  documents: [
    ['columns', 'pi-1/aa', long],
    ['columns', 'pi-2/bb', other],
    ['columns', 'pi-3/aa', long],
    ['sites', 'home', '{"tariff":"0.30"}'],
    ['sites', 'mill', 'null'],
  ] as [string, string, string][],
  sequences: [
    { device: 'pi-1', boot: 'aaaabbbb', spans: [1, 4, 7, 7] },
    { device: 'pi-1', boot: 'ccccdddd', spans: [] },
    { device: 'pi-2', boot: 'aaaabbbb', spans: [5, 900_719_925_474_099] },
  ],
  numbers: { alerts: 3, audit: 0, quarantine: 7 },
});

it('arrives as it was found', () => {
  const { documents, sequences, numbers } = unpackRecovered(packRecovered(raw()));
  expect(documents).toEqual(raw().documents.map(([collection, key, text]) => ({ collection, key, value: JSON.parse(text) })));
  expect(sequences).toEqual([
    {
      device: 'pi-1',
      boot: 'aaaabbbb',
      intervals: [
        [1, 4],
        [7, 7],
      ],
    },
    { device: 'pi-1', boot: 'ccccdddd', intervals: [] },
    { device: 'pi-2', boot: 'aaaabbbb', intervals: [[5, 900_719_925_474_099]] },
  ]);
  expect(numbers).toEqual(raw().numbers);
});

it('tells a long text that repeats once, and reads it once', () => {
  const packed = packRecovered(raw());
  expect(packed.texts).toEqual([long, other, '{"tariff":"0.30"}', 'null']);
  const { documents } = unpackRecovered(packed);
  expect(documents[2]?.value).toBe(documents[0]?.value);
});
