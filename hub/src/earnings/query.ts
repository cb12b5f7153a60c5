import type { Device, EarningsQuery, EarningsRow, Registry } from '../parts.js';
import type { EntryQuery, LedgerEntry, Reader } from '../store/store.js';
import { createTally, type Tally } from './tally.js';

/** Entries per read of the store. */
const PAGE = 1_000;

/** Every entry of a query, page by page. */
export async function* pages(
  reader: Pick<Reader, 'entries'>,
  query: Omit<EntryQuery, 'limit' | 'after'>,
): AsyncGenerator<LedgerEntry[]> {
  let behind: { after: string; from: number } | undefined;
  for (;;) {
    const page = await reader.entries({ ...query, limit: PAGE, ...behind });
    if (page.length > 0) yield page;
    const last = page.at(-1);
    if (!last || page.length < PAGE) return;
    // They come by time: saying so spares the store a walk over all that came before.
    behind = { after: last.id, from: last.ts };
  }
}

/** Income in [from, to) by group; history from before Muster watched belongs to no period. A device counts for each of its tags. */
export const queryEarnings = async (
  reader: Pick<Reader, 'entries'>,
  registry: Pick<Registry, 'get'>,
  query: EarningsQuery,
): Promise<EarningsRow[]> => {
  const { from, to, device, network } = query;
  const rows = new Map<string, Tally>();
  const wanted = {
    from,
    to,
    without_opening: true,
    ...(device !== undefined && { device }),
    ...(network !== undefined && { network }),
  };
  for await (const page of pages(reader, wanted)) {
    for (const entry of page) {
      for (const key of keysOf(entry, registry.get(entry.device), query)) {
        const tally = rows.get(key) ?? createTally();
        tally.add(entry, BigInt(entry.amount));
        rows.set(key, tally);
      }
    }
  }
  return [...rows]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, tally]) => ({ key, streams: tally.amounts(), fiat: null, cost: null, net: null }));
};

/** '' stands for no site or no tag. */
const keysOf = (entry: LedgerEntry, device: Device | undefined, query: EarningsQuery): string[] => {
  if (query.site !== undefined && device?.site !== query.site) return [];
  if (query.tag !== undefined && !device?.tags.includes(query.tag)) return [];
  if (query.by === 'device') return [entry.device];
  if (query.by === 'network') return [entry.network];
  if (query.by === 'site') return [device?.site ?? ''];
  if (query.by === 'day') return [new Date(entry.ts).toISOString().slice(0, 10)];
  return device?.tags.length ? [...new Set(device.tags)] : [''];
};
