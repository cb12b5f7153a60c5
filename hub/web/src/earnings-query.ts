import type { CompareSort, EarningsRow } from '@muster/hub/parts';

/** What the earnings page shows, as its address says it. Pure. */
export const DAY_MS = 86_400_000;
export const PAGE = 50;

export interface Asked {
  /** `30d` or `2026-01-01..2026-01-31`, UTC days. */
  period: string;
  network: string;
  site: string;
  tag: string;
  sort: CompareSort;
  order: 'asc' | 'desc';
  /** Rows before the page. */
  after: number;
}

export const PERIODS = { '7d': '7 d', '30d': '30 d', '90d': '90 d' } as const;
const SORTS: readonly string[] = [
  'fiat',
  'net',
  'cost',
  'per_day',
  'per_watt',
  'change',
  'z',
  'tokens',
  'device',
] satisfies CompareSort[];
const DAYS = /^\d{4}-\d{2}-\d{2}\.\.\d{4}-\d{2}-\d{2}$/;

export const askedFrom = (query: URLSearchParams): Asked => {
  const text = (name: string) => query.get(name) ?? '';
  const [period, sort, after] = [text('period'), text('sort'), Number(text('after'))];
  return {
    period: period in PERIODS || DAYS.test(period) ? period : '30d',
    ...{ network: text('network'), site: text('site'), tag: text('tag') },
    sort: SORTS.includes(sort) ? (sort as CompareSort) : 'fiat',
    order: text('order') === 'asc' ? 'asc' : 'desc',
    after: Number.isSafeInteger(after) && after > 0 ? after : 0,
  };
};

/** What is usual is left out of the address. */
export const addressOf = (asked: Asked): Record<string, string> => ({
  period: asked.period === '30d' ? '' : asked.period,
  ...{ network: asked.network, site: asked.site, tag: asked.tag },
  sort: asked.sort === 'fiat' ? '' : asked.sort,
  order: asked.order === 'desc' ? '' : asked.order,
  after: asked.after === 0 ? '' : String(asked.after),
});

export const dayText = (ts: number): string => new Date(ts).toISOString().slice(0, 10);

/** [from, to) in ms. */
export const spanOf = (period: string, now: number): { from: number; to: number } => {
  const [first = '', last = ''] = period.split('..');
  if (last !== '') return { from: Date.parse(first), to: Date.parse(last) + DAY_MS };
  const to = Math.floor(now / DAY_MS) * DAY_MS + DAY_MS;
  return { from: to - Number.parseInt(period, 10) * DAY_MS, to };
};

/** Filters without what is empty. */
export const filtersOf = ({ network, site, tag }: Asked): { network?: string; site?: string; tag?: string } => ({
  ...(network && { network }),
  ...(site && { site }),
  ...(tag && { tag }),
});

export interface Stack {
  /** Seconds of each UTC day. */
  times: number[];
  /** Fiat by network and day, as numbers to draw and as text to say. */
  layers: { network: string; values: number[]; texts: (string | null)[] }[];
  /** Networks with income of unknown price. */
  unknown: string[];
}

/** Days as columns, networks one upon the other; what is unknown has no height and is said. */
export const stackOf = (
  parts: readonly { network: string; rows: readonly EarningsRow[] }[],
  span: { from: number; to: number },
): Stack => {
  const days = Array.from({ length: Math.max(0, Math.round((span.to - span.from) / DAY_MS)) }, (_, i) => span.from + i * DAY_MS);
  const layers = parts.map(({ network, rows }) => {
    const byDay = new Map(rows.map((row) => [row.key, row]));
    const found = days.map((day) => byDay.get(dayText(day)));
    const texts = found.map((row) => (row === undefined || row.streams.length === 0 ? '0' : row.fiat));
    const values = found.map((row) => (row && row.streams.length > 0 ? Number(row.fiat ?? row.incomplete?.fiat ?? 0) : 0));
    return { network, values, texts };
  });
  const unknown = layers.filter(({ texts }) => texts.includes(null)).map(({ network }) => network);
  return { times: days.map((day) => day / 1000), layers, unknown };
};

/** Tops of the layers, the highest first, as they are drawn one over the other. */
export const topsOf = ({ layers, times }: Stack): number[][] => {
  const sums = times.map(() => 0);
  const tops = layers.map(({ values }) =>
    values.map((value, i) => {
      sums[i] = (sums[i] ?? 0) + Math.max(0, value);
      return sums[i] ?? 0;
    }),
  );
  return tops.reverse();
};
