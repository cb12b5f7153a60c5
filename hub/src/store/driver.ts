/** Calls an engine's background work: a slice after each commit, slices one after the other while there is more, and by a timer. */
export interface Driver {
  /** Something was committed. */
  soon(): void;
  stop(): void;
}

export interface DriverNeeds {
  /** One bounded slice; true: there is more to do at once. */
  work: (now: number) => boolean;
  now: () => number;
}

/** Between two looks while nothing happens. */
const IDLE_MS = 1_000;

/** Slices go through the event loop: what has arrived meanwhile is answered in between. */
export const createDriver = ({ work, now }: DriverNeeds): Driver => {
  let planned: NodeJS.Immediate | null = null;
  const run = () => {
    planned = null;
    if (work(now())) soon();
  };
  const soon = () => {
    planned ??= setImmediate(run);
  };
  const timer = setInterval(soon, IDLE_MS);
  return {
    soon,
    stop() {
      clearInterval(timer);
      if (planned) clearImmediate(planned);
      planned = null;
    },
  };
};
