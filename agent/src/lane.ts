export interface LaneNeeds {
  /** False when there is nothing left to do. */
  step(): Promise<boolean>;
  isClosed(): boolean;
  failed(): void;
}

export interface Lane {
  /** Looks again for something to do. */
  wake(): void;
  /** Resolves when nothing is under way. */
  idle(): Promise<void>;
}

/** One message after the other. */
export const createLane = ({ step, isClosed, failed }: LaneNeeds): Lane => {
  let running: Promise<void> | null = null;
  let again = false;
  const run = async () => {
    try {
      while (again) {
        again = false;
        while (!isClosed() && (await step()));
      }
    } catch {
      failed();
    } finally {
      // In the same turn as the last look: what comes from now on wakes it anew.
      running = null;
    }
  };
  return {
    wake() {
      again = true;
      running ??= run();
    },
    idle: () => running ?? Promise.resolve(),
  };
};
