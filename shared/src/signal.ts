/** A typed signal: composition roots connect parts with these; there is no global bus. */
export interface Signal<T> {
  emit(value: T): void;
  /** Returns the function that disconnects. */
  on(listener: (value: T) => void): () => void;
}

/** Listeners run in order of connection, synchronously. */
export const createSignal = <T>(): Signal<T> => {
  const listeners = new Set<(value: T) => void>();
  return {
    emit(value) {
      for (const listener of listeners) listener(value);
    },
    on(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
};
