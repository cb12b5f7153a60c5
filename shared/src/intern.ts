/** Keeps one copy of equal things: what nobody holds any more is forgotten by itself. */
export interface Interner<T extends object> {
  /** The thing known under `key`, or the one that `make` gives. Equal keys must mean equal things. */
  intern(key: string, make: () => T): T;
  readonly size: number;
}

export const createInterner = <T extends object>(): Interner<T> => {
  const known = new Map<string, WeakRef<T>>();
  const cleaner = new FinalizationRegistry<string>((key) => {
    if (known.get(key)?.deref() === undefined) known.delete(key);
  });
  return {
    intern(key, make) {
      const old = known.get(key)?.deref();
      if (old !== undefined) return old;
      const made = make();
      known.set(key, new WeakRef(made));
      cleaner.register(made, key);
      return made;
    },
    get size() {
      return known.size;
    },
  };
};
