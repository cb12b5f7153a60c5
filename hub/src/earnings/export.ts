/** Receipts at the fiat value of their day, for people and tax programs; an entry's id stays the same in every export. */
import { formatFiat, formatUnits } from '@muster/shared/money';
import { textCell } from '@muster/shared/text';
import type { Registry } from '../parts.js';
import type { LedgerEntry, Reader } from '../store/store.js';
import { dayOf } from './daily.js';
import { fiatOf } from './fiat.js';
import type { ExportFormat, ExportQuery } from './fiat-port.js';
import type { Prices } from './prices.js';
import { dayText, type FoundPrice } from './prices-table.js';
import { pages } from './query.js';

export interface ExportNeeds {
  reader: Pick<Reader, 'entries'>;
  registry: Pick<Registry, 'get'>;
  prices: Pick<Prices, 'find' | 'settings'>;
}

/** An entry with what it was worth; empty text where that is not known. */
interface Receipt {
  entry: LedgerEntry;
  name: string;
  /** Whole tokens and fiat, without their sign. */
  amount: string;
  fiat: string;
  negative: boolean;
  currency: string;
  price: FoundPrice | null;
}

/** Text in pieces of one page of entries: memory for a page, however long the span is. */
export async function* exportReceipts(needs: ExportNeeds, query: ExportQuery): AsyncGenerator<string> {
  const { from, to, format, device, network } = query;
  const layout = LAYOUTS[format];
  yield layout.head;
  let first = true;
  const wanted = {
    from,
    to,
    without_opening: true,
    ...(device !== undefined && { device }),
    ...(network !== undefined && { network }),
  };
  for await (const page of pages(needs.reader, wanted)) {
    const lines = page.map((entry, index) => layout.line(receiptOf(needs, entry), first && index === 0));
    first = false;
    yield lines.join('');
  }
  yield layout.end;
}

const receiptOf = ({ registry, prices }: ExportNeeds, entry: LedgerEntry): Receipt => {
  const price = prices.find(entry, dayOf(entry.ts));
  const amount = BigInt(entry.amount);
  const size = amount < 0n ? -amount : amount;
  return {
    ...{ entry, price, negative: amount < 0n, name: registry.get(entry.device)?.name ?? entry.device },
    amount: formatUnits(size, entry.decimals),
    fiat: price ? formatFiat(fiatOf(size, entry.decimals, price.factor)) : '',
    currency: prices.settings().currency,
  };
};

// ---- layouts

interface Layout {
  head: string;
  line: (receipt: Receipt, first: boolean) => string;
  end: string;
}

const row = (cells: readonly string[]): string => `${cells.join(',')}\r\n`;
const seconds = (ts: number): string => new Date(ts).toISOString().slice(0, 19).replace('T', ' ');

const GENERIC = [
  ...[
    'id',
    'time',
    'device',
    'name',
    'network',
    'account',
    'token',
    'amount',
    'amount_base_units',
    'decimals',
    'kind',
    'provenance',
  ],
  ...['source', 'currency', 'fiat', 'price', 'price_currency', 'price_provider', 'price_day', 'price_label'],
];
const generic = ({ entry, name, amount, fiat, negative, currency, price }: Receipt): string[] => {
  const sign = negative ? '-' : '';
  const words = [entry.device, name, entry.network, entry.account, entry.token].map(textCell);
  return [
    ...[textCell(entry.id), new Date(entry.ts).toISOString(), ...words, sign + amount, entry.amount, `${entry.decimals}`],
    ...[entry.kind, entry.exact ? 'exact' : 'estimated', textCell(entry.source), currency, fiat && sign + fiat],
    ...(price ? [price.price, price.currency, price.provider, dayText(price.day), price.label] : ['', '', '', '', '']),
  ];
};

const KOINLY = [
  ...['Date', 'Sent Amount', 'Sent Currency', 'Received Amount', 'Received Currency', 'Fee Amount', 'Fee Currency'],
  ...['Net Worth Amount', 'Net Worth Currency', 'Label', 'Description', 'TxHash'],
];
/** Its universal form; a penalty or fee goes out as a cost, a correction of what came in as well. */
const koinly = ({ entry, name, amount, fiat, negative, currency }: Receipt): string[] => {
  const token = textCell(entry.token);
  const sides = negative ? [amount, token, '', ''] : ['', '', amount, token];
  const worth = fiat ? [fiat, currency] : ['', ''];
  const words = textCell(`${name}, ${entry.network}${entry.exact ? '' : ', estimated'}`);
  return [`${seconds(entry.ts)} UTC`, ...sides, '', '', ...worth, negative ? 'cost' : 'reward', words, textCell(entry.id)];
};

const COINTRACKING = [
  ...['Type', 'Buy Amount', 'Buy Currency', 'Sell Amount', 'Sell Currency', 'Fee', 'Fee Currency', 'Exchange', 'Trade-Group'],
  ...['Comment', 'Date', 'Tx-ID', 'Buy Value in Account Currency', 'Sell Value in Account Currency'],
];
/** Its custom import; times are UTC. */
const cointracking = ({ entry, name, amount, fiat, negative }: Receipt): string[] => {
  const token = textCell(entry.token);
  const sides = negative ? ['', '', amount, token] : [amount, token, '', ''];
  const words = [textCell(entry.network), textCell(entry.device), textCell(`${name}${entry.exact ? '' : ', estimated'}`)];
  const worth = negative ? ['', fiat] : [fiat, ''];
  return [negative ? 'Other Fee' : 'Reward / Bonus', ...sides, '', '', ...words, seconds(entry.ts), textCell(entry.id), ...worth];
};

const json = ({ entry, name, fiat, negative, currency, price }: Receipt): string => {
  const { seen: _seen, ...known } = entry;
  const paid = price && {
    ...{ price: price.price, currency: price.currency, provider: price.provider },
    ...{ day: dayText(price.day), label: price.label, at: price.at },
  };
  return JSON.stringify({ ...known, name, currency, fiat: fiat === '' ? null : (negative ? '-' : '') + fiat, price: paid });
};

const table = (names: readonly string[], cells: (receipt: Receipt) => string[]): Layout => ({
  head: row(names),
  line: (receipt) => row(cells(receipt)),
  end: '',
});

const LAYOUTS: Record<ExportFormat, Layout> = {
  generic: table(GENERIC, generic),
  koinly: table(KOINLY, koinly),
  cointracking: table(COINTRACKING, cointracking),
  json: { head: '[', line: (receipt, first) => `${first ? '\n' : ',\n'}${json(receipt)}`, end: '\n]\n' },
};
