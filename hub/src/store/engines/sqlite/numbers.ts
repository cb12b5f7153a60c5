/** One rising row of numbers for journal records and seals: a seal holds all journal rows of its slot before its number. */
export interface Numbers {
  next(): number;
  readonly newest: number;
}

export const createNumbers = (from: number): Numbers => {
  let newest = from;
  return {
    next: () => ++newest,
    get newest() {
      return newest;
    },
  };
};
