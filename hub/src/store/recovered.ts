/**
 * What a start finds, on its way from the storage thread: texts instead of objects, long ones that repeat once, numbers in
 * transferred blocks. As objects 10,000 devices took a second to clone.
 */
import type { Json, Recovered } from './store.js';

/** As the engine reads it: documents are JSON still. */
export interface RawRecovered extends Pick<Recovered, 'numbers'> {
  documents: Iterable<[collection: string, key: string, text: string]>;
  sequences: Iterable<{ device: string; boot: string; spans: readonly number[] }>;
}

export interface PackedRecovered extends Pick<Recovered, 'numbers'> {
  /** One collection after the other: its name and how many documents it has. */
  collections: [name: string, count: number][];
  keys: string[];
  texts: string[];
  /** Of each document the place of its text. */
  places: Uint32Array;
  devices: string[];
  boots: string[];
  /** Of each boot how many numbers of `spans` are its own: from, to, from, to, … */
  counts: Uint32Array;
  spans: Float64Array;
}

/** Shorter texts seldom repeat: they hold the name of their device. */
const REPEATS = 512;

export const packRecovered = ({ documents, sequences, numbers }: RawRecovered): PackedRecovered => {
  const collections: [string, number][] = [];
  const [keys, texts, places]: [string[], string[], number[]] = [[], [], []];
  const known = new Map<string, number>();
  let [last_text, last_place] = ['', -1];
  const placeOf = (text: string): number => {
    if (text.length < REPEATS) return texts.push(text) - 1;
    // A comparison is ten times as fast as the map.
    if (text === last_text) return last_place;
    last_text = text;
    last_place = known.get(text) ?? texts.push(text) - 1;
    known.set(text, last_place);
    return last_place;
  };
  for (const [collection, key, text] of documents) {
    const last = collections.at(-1);
    if (last?.[0] === collection) last[1]++;
    else collections.push([collection, 1]);
    keys.push(key);
    places.push(placeOf(text));
  }
  return { collections, keys, texts, places: Uint32Array.from(places), ...packSequences(sequences), numbers };
};

const packSequences = (sequences: RawRecovered['sequences']) => {
  const [devices, boots, counts, spans]: [string[], string[], number[], number[]] = [[], [], [], []];
  for (const { device, boot, spans: own } of sequences) {
    devices.push(device);
    boots.push(boot);
    counts.push(own.length);
    for (const edge of own) spans.push(edge);
  }
  return { devices, boots, counts: Uint32Array.from(counts), spans: Float64Array.from(spans) };
};

export const blocksOf = ({ places, counts, spans }: PackedRecovered): ArrayBuffer[] =>
  [places, counts, spans].map(({ buffer }) => buffer as ArrayBuffer);

export const unpackRecovered = ({ numbers, ...packed }: PackedRecovered): Recovered => ({
  documents: documentsOf(packed),
  sequences: sequencesOf(packed),
  numbers,
});

const documentsOf = ({ collections, keys, texts, places }: Omit<PackedRecovered, 'numbers'>): Recovered['documents'] => {
  const values = new Map<number, Json>();
  const valueAt = (place: number): Json => {
    const text = texts[place] ?? 'null';
    if (text.length < REPEATS) return JSON.parse(text);
    const value = values.get(place) ?? (JSON.parse(text) as Json);
    values.set(place, value);
    return value;
  };
  const documents: Recovered['documents'] = [];
  for (const [collection, count] of collections)
    for (let i = 0; i < count; i++) {
      const at = documents.length;
      documents.push({ collection, key: keys[at] ?? '', value: valueAt(places[at] ?? 0) });
    }
  return documents;
};

const sequencesOf = ({ devices, boots, counts, spans }: Omit<PackedRecovered, 'numbers'>): Recovered['sequences'] => {
  let at = 0;
  return devices.map((device, index) => {
    const intervals: [from: number, to: number][] = [];
    for (const end = at + (counts[index] ?? 0); at < end; at += 2) intervals.push([spans[at] ?? 0, spans[at + 1] ?? 0]);
    return { device, boot: boots[index] ?? '', intervals };
  });
};
