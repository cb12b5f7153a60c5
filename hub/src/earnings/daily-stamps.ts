/** A count that rises, for each day: what was made of a day is as good as new while its stamp is the same. */
export const createStamps = (last: () => number, most_days: number) => {
  const days = new Map<number, number>();
  let count = 0;
  const touchFrom = (from: number) => {
    count++;
    const oldest = last() - most_days;
    for (let day = Math.max(from, oldest); day <= last(); day++) days.set(day, count);
    for (const day of days.keys()) if (day < oldest) days.delete(day);
  };
  return {
    of: (day: number): number => days.get(day) ?? 0,
    touchFrom,
    /** A device that is there from an earlier day on, or earns another token, has other costs on other days too. */
    earned(first_before: number | undefined, day: number, oldest: number) {
      if (first_before !== undefined && day >= first_before) days.set(day, ++count);
      else touchFrom(first_before === undefined ? oldest : day);
    },
  };
};
