import { assert } from '@muster/shared/errors';

/** Days a series grows by at once. */
const STEP = 16;
const WORD = 64;

/**
 * Whole amounts by UTC day (as day number), kept as running sums: any span is one subtraction, a day that is added at the end one
 * write. Each slot has as many 64-bit words as its largest sum needs (8 bytes for most tokens, 16 for 18 decimals).
 */
export class DaySums {
  /** Day number of the first slot. */
  #first = 0;
  #used = 0;
  /** Sum of the days before the first slot. */
  #base = 0n;
  #lanes = 1;
  #words = new BigUint64Array(0);

  get bytes(): number {
    return this.#words.byteLength + 64;
  }
  /** The first day that is kept; undefined while empty. */
  get first(): number | undefined {
    return this.#used > 0 ? this.#first : undefined;
  }
  get last(): number | undefined {
    return this.#used > 0 ? this.#first + this.#used - 1 : undefined;
  }

  /** Sum of the days in [from, to). */
  between(from: number, to: number): bigint {
    return to <= from ? 0n : this.#through(to - 1) - this.#through(from - 1);
  }

  add(day: number, amount: bigint): void {
    if (amount === 0n) return;
    if (this.#used === 0) this.#first = day;
    if (day < this.#first) this.#lead(day);
    for (let next = this.#first + this.#used; next <= day; next++) this.#push();
    for (let slot = day - this.#first; slot < this.#used; slot++) this.#put(slot, this.#at(slot) + amount);
  }

  /** Forgets this day and those behind it. */
  cut(day: number): void {
    this.#used = Math.min(this.#used, Math.max(0, day - this.#first));
  }

  /** Forgets the days before this one; sums of spans that begin later stay as they are. */
  trim(day: number): void {
    const gone = Math.min(day - this.#first, this.#used);
    if (gone <= 0) return;
    this.#base = this.#at(gone - 1);
    this.#words = this.#words.slice(gone * this.#lanes);
    this.#first += gone;
    this.#used -= gone;
  }

  #through(day: number): bigint {
    const slot = day - this.#first;
    if (slot < 0 || this.#used === 0) return this.#base;
    return this.#at(Math.min(slot, this.#used - 1));
  }

  #at(slot: number): bigint {
    if (this.#lanes === 1) return BigInt.asIntN(WORD, this.#words[slot] ?? 0n);
    const start = slot * this.#lanes;
    let value = BigInt.asIntN(WORD, this.#words[start + this.#lanes - 1] ?? 0n);
    for (let lane = this.#lanes - 2; lane >= 0; lane--) value = (value << 64n) | (this.#words[start + lane] ?? 0n);
    return value;
  }

  #put(slot: number, value: bigint): void {
    while (BigInt.asIntN(this.#lanes * WORD, value) !== value) this.#widen();
    const start = slot * this.#lanes;
    for (let lane = 0; lane < this.#lanes; lane++) {
      this.#words[start + lane] = BigInt.asUintN(WORD, value >> BigInt(lane * WORD));
    }
  }

  #widen(): void {
    const values = Array.from({ length: this.#used }, (_, slot) => this.#at(slot));
    assert(this.#lanes < 8, 'a sum of amounts has at most 512 bits');
    this.#lanes++;
    this.#words = new BigUint64Array((this.#used + STEP) * this.#lanes);
    for (const [slot, value] of values.entries()) this.#put(slot, value);
  }

  /** One more day with the sum of the one before. */
  #push(): void {
    const sum = this.#used > 0 ? this.#at(this.#used - 1) : this.#base;
    if ((this.#used + 1) * this.#lanes > this.#words.length) {
      const grown = new BigUint64Array((this.#used + STEP) * this.#lanes);
      grown.set(this.#words.subarray(0, this.#used * this.#lanes));
      this.#words = grown;
    }
    this.#used++;
    this.#put(this.#used - 1, sum);
  }

  /** Slots for days before the first: rare, an old entry that came late. */
  #lead(day: number): void {
    const more = this.#first - day;
    const values = Array.from({ length: this.#used }, (_, slot) => this.#at(slot));
    this.#words = new BigUint64Array((this.#used + more + STEP) * this.#lanes);
    this.#used += more;
    this.#first = day;
    for (let slot = 0; slot < more; slot++) this.#put(slot, this.#base);
    for (const [slot, value] of values.entries()) this.#put(slot + more, value);
  }
}
