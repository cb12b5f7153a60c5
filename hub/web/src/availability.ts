import { FIAT_PLACES, formatUnits, toBaseUnits } from '@muster/shared/money';

/** The availability report: order, sums and the way to its file. Pure. */

/** One line of `GET /availability`. */
export interface AvailabilityRow {
  key: string;
  name: string;
  site: string | null;
  /** 0 to 1; null: it was not watched in this time. */
  uptime: number | null;
  watched_ms: number;
  down_ms: number;
  planned_ms: number;
  outages: number;
  longest_ms: number;
  cost: { amount: string; currency: string } | null;
}

export const REPORT_SORTS = ['name', 'uptime', 'down', 'outages', 'longest', 'cost'] as const;
export type ReportSort = (typeof REPORT_SORTS)[number];

export interface ReportAsked {
  by: 'device' | 'site';
  /** `30d` or `2026-01-01..2026-01-31`, UTC days. */
  period: string;
  site: string;
  q: string;
  sort: ReportSort;
  order: 'asc' | 'desc';
}

const PERIOD = /^(7d|30d|90d|\d{4}-\d{2}-\d{2}\.\.\d{4}-\d{2}-\d{2})$/;

/** Names rise; of everything else the worst is first. */
export const usualOrder = (sort: ReportSort): 'asc' | 'desc' => (sort === 'name' || sort === 'uptime' ? 'asc' : 'desc');

export const reportFrom = (query: URLSearchParams): ReportAsked => {
  const text = (name: string) => query.get(name) ?? '';
  const sort = REPORT_SORTS.find((each) => each === text('sort')) ?? 'uptime';
  const order = text('order');
  return {
    by: text('by') === 'site' ? 'site' : 'device',
    period: PERIOD.test(text('period')) ? text('period') : '30d',
    ...{ site: text('site'), q: text('q'), sort },
    order: order === 'asc' || order === 'desc' ? order : usualOrder(sort),
  };
};

/** What is usual is left out of the address. */
export const reportAddress = (asked: ReportAsked): Record<string, string> => ({
  by: asked.by === 'device' ? '' : asked.by,
  period: asked.period === '30d' ? '' : asked.period,
  ...{ site: asked.site, q: asked.q },
  sort: asked.sort === 'uptime' ? '' : asked.sort,
  order: asked.order === usualOrder(asked.sort) ? '' : asked.order,
});

const names = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });

/** For ordering only. */
const MEASURES: Record<Exclude<ReportSort, 'name'>, (row: AvailabilityRow) => number | null> = {
  uptime: (row) => row.uptime,
  down: (row) => (row.uptime === null ? null : row.down_ms),
  outages: (row) => (row.uptime === null ? null : row.outages),
  longest: (row) => (row.uptime === null ? null : row.longest_ms),
  cost: (row) => (row.cost === null ? null : Number(row.cost.amount)),
};

/** What has no value goes last in either direction. */
export const sortReport = (rows: readonly AvailabilityRow[], { sort, order }: Pick<ReportAsked, 'sort' | 'order'>) => {
  const turn = order === 'desc' ? -1 : 1;
  const byName = (a: AvailabilityRow, b: AvailabilityRow) => names.compare(a.name, b.name) || names.compare(a.key, b.key);
  if (sort === 'name') return [...rows].sort((a, b) => turn * byName(a, b));
  const measured = rows.map((row) => ({ row, value: MEASURES[sort](row) }));
  measured.sort((a, b) => {
    if (a.value === null || b.value === null) return Number(a.value === null) - Number(b.value === null) || byName(a.row, b.row);
    return turn * (a.value - b.value) || byName(a.row, b.row);
  });
  return measured.map(({ row }) => row);
};

export const fitsReport = ({ site, q }: Pick<ReportAsked, 'site' | 'q'>): ((row: AvailabilityRow) => boolean) => {
  const words = q.toLowerCase().split(/\s+/).filter(Boolean);
  return (row) => {
    const text = `${row.name} ${row.key}`.toLowerCase();
    return (site === '' || row.site === site) && words.every((word) => text.includes(word));
  };
};

/** Three nines are told from four: never rounded up to 100 %. */
export const uptimeText = (share: number): string => {
  if (share >= 1) return '100 %';
  const percent = share * 100;
  const places = percent >= 99.9 ? 3 : percent >= 99 ? 2 : percent >= 10 ? 1 : 2;
  const cut = Math.floor(percent * 10 ** places) / 10 ** places;
  return `${cut.toFixed(places)} %`;
};

/** Of all together, by the time that each was watched. */
export const uptimeTogether = (rows: readonly AvailabilityRow[]): number | null => {
  let [watched, down] = [0, 0];
  for (const row of rows) {
    if (row.uptime === null) continue;
    watched += row.watched_ms;
    down += row.watched_ms * (1 - row.uptime);
  }
  return watched > 0 ? 1 - down / watched : null;
};

/** Of all together; null: no row's is known, or they are in several currencies. */
export const costTogether = (rows: readonly AvailabilityRow[]): { amount: string; currency: string } | null => {
  const costs = rows.flatMap(({ cost }) => cost ?? []);
  const [first] = costs;
  if (!first || costs.some(({ currency }) => currency !== first.currency)) return null;
  const sum = costs.reduce((total, { amount }) => total + toBaseUnits(amount, FIAT_PLACES, { floor: true }), 0n);
  return { amount: formatUnits(sum, FIAT_PLACES), currency: first.currency };
};

/** Where the hub gives the same of all as a file. */
export const exportPath = (
  { by, site }: Pick<ReportAsked, 'by' | 'site'>,
  { from, to }: { from: number; to: number },
): string => {
  const query = new URLSearchParams({ from: String(from), to: String(to), by });
  if (site !== '') query.set('site', site);
  return `/api/v1/availability/export.csv?${query}`;
};
