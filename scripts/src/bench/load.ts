/** The load generator, a process of its own: told what to do by messages, answers with figures (`load-process`). */
import { LoadClient, type LoadShared, type Mode } from './load-client.js';

export interface LoadPlan {
  host: string;
  port: number;
  keepalive_s: number;
  interval_ms: number;
  boot: string;
  columns: { id: string; list: readonly string[] };
  /** Texts of the values of a row. */
  values: readonly string[];
  devices: readonly { id: string; key: string }[];
  connects_per_s: number;
}

export type LoadOrder =
  | { kind: 'connect'; plan: LoadPlan }
  | { kind: 'run'; mode: Mode }
  /** Each device once in `interval_ms`, spread evenly. */
  | { kind: 'pace'; interval_ms: number }
  | { kind: 'pause' }
  | { kind: 'figures' };

export interface LoadFigures {
  connected: number;
  lost: number;
  messages: number;
  rows: number;
  cpu_s: number;
  /** Paced reports that could not leave, since earlier ones were not acknowledged. */
  skipped: number;
  puback_p50_ms: number;
  puback_p99_ms: number;
  puback_max_ms: number;
}

/** Round trips in steps of 0.1 ms up to 20 s. */
const STEPS_PER_MS = 10;
const LONGEST_MS = 20_000;
const PACE_MS = 10;
const PING_MS = 250;

const createFiguresOf = () => {
  const times = new Uint32Array(LONGEST_MS * STEPS_PER_MS + 1);
  const sum = { messages: 0, rows: 0, lost: 0, skipped: 0, max: 0, count: 0 };
  const at = (share: number): number => {
    let left = sum.count * share;
    const index = times.findIndex((count) => {
      left -= count;
      return left < 0;
    });
    return index / STEPS_PER_MS;
  };
  return {
    sum,
    add(rows: number, took_ms: number) {
      sum.messages++;
      sum.rows += rows;
      sum.count++;
      sum.max = Math.max(sum.max, took_ms);
      const step = Math.min(times.length - 1, Math.floor(took_ms * STEPS_PER_MS));
      times[step] = (times[step] ?? 0) + 1;
    },
    /** Round trips count from one ask to the next. */
    take(connected: number): LoadFigures {
      const { user, system } = process.cpuUsage();
      const { messages, rows, lost, skipped } = sum;
      const round = { puback_p50_ms: at(0.5), puback_p99_ms: at(0.99), puback_max_ms: sum.max };
      times.fill(0);
      Object.assign(sum, { max: 0, count: 0 });
      return { connected, lost, messages, rows, skipped, cpu_s: (user + system) / 1e6, ...round };
    },
  };
};

const createLoad = () => {
  const figures = createFiguresOf();
  const clients: LoadClient[] = [];
  let open = 0;
  let pacer: NodeJS.Timeout | undefined;
  const pace = (interval_ms: number) => {
    const started = performance.now();
    let done = 0;
    pacer = setInterval(() => {
      const due = Math.floor(((performance.now() - started) / interval_ms) * clients.length);
      for (; done < due; done++) if (!clients[done % clients.length]?.send()) figures.sum.skipped++;
    }, PACE_MS);
  };
  setInterval(() => {
    const now = performance.now();
    for (const client of clients) client.ping(now);
  }, PING_MS);
  return {
    async connect(plan: LoadPlan) {
      const shared: LoadShared = {
        ...plan,
        values: plan.values.map((text) => Buffer.from(text)),
        inbox: new Uint8Array(65_536),
        acknowledged: figures.add,
        lost() {
          figures.sum.lost++;
          open--;
        },
      };
      const batch = Math.max(1, Math.ceil(plan.connects_per_s / 20));
      for (let i = 0; i < plan.devices.length; i += batch) {
        const started = performance.now();
        const some = plan.devices.slice(i, i + batch).map((device) => new LoadClient(shared, device));
        open += some.length;
        clients.push(...some);
        await Promise.all(some.map((client) => client.open()));
        await new Promise((resolve) => setTimeout(resolve, Math.max(0, 50 - (performance.now() - started))));
      }
    },
    run(mode: Mode) {
      for (const client of clients) client.run(mode);
    },
    pace(interval_ms: number) {
      for (const client of clients) client.run({ window: 0, rows: 1, ago_ms: 0, step_ms: 0 });
      pace(interval_ms);
    },
    async pause() {
      clearInterval(pacer);
      for (const client of clients) client.pause();
      while (clients.some((client) => !client.idle)) await new Promise((resolve) => setTimeout(resolve, 20));
    },
    figures: () => figures.take(open),
  };
};

const serve = () => {
  const load = createLoad();
  const obey = async (order: LoadOrder): Promise<unknown> => {
    if (order.kind === 'connect') return load.connect(order.plan);
    if (order.kind === 'run') return load.run(order.mode);
    if (order.kind === 'pace') return load.pace(order.interval_ms);
    return order.kind === 'pause' ? load.pause() : load.figures();
  };
  process.on('message', (order: LoadOrder) => {
    obey(order).then(
      (value) => process.send?.({ value }),
      (error: Error) => process.send?.({ error: error.message }),
    );
  });
  process.on('disconnect', () => process.exit(0));
};

if (process.argv[2] === 'load' && process.send) serve();
