import type { Sample } from '../../metrics.js';

/** Curio's `/debug/metrics` as samples: counters and gauges by name, everything else left alone. */
const NAMES: Record<string, { metric: string; labels: readonly string[]; scale?: number }> = {
  curio_harmonytask_uptime: { metric: 'curio.uptime', labels: [] },
  curio_harmonytask_cpu_usage: { metric: 'curio.usage', labels: ['cpu'] },
  curio_harmonytask_gpu_usage: { metric: 'curio.usage', labels: ['gpu'] },
  curio_harmonytask_ram_usage: { metric: 'curio.usage', labels: ['ram'] },
  curio_harmonytask_active_tasks: { metric: 'curio.tasks_active', labels: ['task_name'] },
  curio_harmonytask_tasks_completed: { metric: 'curio.tasks_completed', labels: ['task_name'] },
  curio_harmonytask_tasks_failed: { metric: 'curio.tasks_failed', labels: ['task_name'] },
  curio_mining_wins_total: { metric: 'curio.wins', labels: ['miner'] },
  curio_mining_blocks_submitted_total: { metric: 'curio.blocks_submitted', labels: ['miner'] },
  curio_mining_blocks_included_total: { metric: 'curio.blocks_included', labels: ['miner'] },
  curio_stor_available_bytes: { metric: 'curio.storage_available', labels: ['id'] },
  curio_stor_capacity_bytes: { metric: 'curio.storage_capacity', labels: ['id'] },
  curio_stor_used_bytes: { metric: 'curio.storage_used', labels: ['id'] },
  curio_db_errors: { metric: 'curio.database_errors', labels: [] },
  curio_sealsupra_nvme_temperature_celsius: { metric: 'curio.nvme_temperature', labels: ['nvme_device'] },
  // The exporter of wallets counts in nanoFIL.
  curio_wallet_balance_nfil: { metric: 'curio.wallet_balance', labels: ['name'], scale: 1e-9 },
};

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*?)\})?\s+([^\s#]+)(?:\s+-?\d+)?(?:\s+#.*)?$/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;
/** A node with thousands of task names would fill the device's series. */
const MOST_SAMPLES = 300;

/** The texts of all nodes together. Families need not be grouped, values may be NaN or have exponents, series may come twice. */
export const readCurio = (texts: readonly string[]): Sample[] => {
  const sums = new Map<string, Sample>();
  for (const found of texts.flatMap(seriesOf)) {
    const key = `${found.metric} ${JSON.stringify(found.labels)}`;
    const before = sums.get(key);
    if (before || sums.size < MOST_SAMPLES) sums.set(key, { ...found, value: joined(found, before) });
  }
  return [...sums.values()];
};

/** Counters and tasks of nodes add up; of a wallet, a path or a use the larger one holds. */
const joined = ({ metric, value }: Sample, before: Sample | undefined): number => {
  if (!before) return value;
  return /tasks|wins|blocks|errors/.test(metric) ? before.value + value : Math.max(before.value, value);
};

const seriesOf = (text: string): Sample[] => {
  const seen = new Map<string, Sample>();
  for (const line of text.split(/\r?\n/)) {
    const found = parseLine(line);
    if (found && !seen.has(found.series)) seen.set(found.series, found.sample);
  }
  return [...seen.values()];
};

const parseLine = (line: string): { series: string; sample: Sample } | null => {
  const match = line.startsWith('#') ? null : LINE.exec(line.trim());
  const [, name = '', labels = '', text = ''] = match ?? [];
  const known = Object.hasOwn(NAMES, name) ? NAMES[name] : undefined;
  const value = Number(text) * (known?.scale ?? 1);
  if (!known || text === '' || !Number.isFinite(value)) return null;
  return { series: `${name}{${labels}}`, sample: { metric: known.metric, ...labelsOf(known, labels), value } };
};

const labelsOf = ({ metric, labels }: { metric: string; labels: readonly string[] }, text: string): Pick<Sample, 'labels'> => {
  if (labels.length === 0) return {};
  if (metric === 'curio.usage') return { labels: { part: labels[0] ?? '' } };
  const all = Object.fromEntries([...text.matchAll(LABEL)].map(([, name, value = '']) => [name, unescaped(value)]));
  return { labels: Object.fromEntries(labels.map((name) => [name, all[name] ?? ''])) };
};

const unescaped = (text: string): string => text.replace(/\\(.)/g, (_, char: string) => (char === 'n' ? '\n' : char));
