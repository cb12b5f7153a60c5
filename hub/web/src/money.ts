import { NOTHING } from './format.js';

/** Fiat as a person reads it; the whole text is for `title` attributes. Texts go to the formatter as they are: no float on the way. */
export interface Money {
  currency: string;
  /** Cents; four places for less than ten of them. */
  shown(text: string): string;
  exact(text: string): string;
}

const sizeOf = (text: string): 'large' | 'small' | 'tiny' => {
  const digits = text.replace('-', '');
  if (/^0*\.0000/.test(digits) && /[1-9]/.test(digits)) return 'tiny';
  return /^0*\.0/.test(digits) && /[1-9]/.test(digits) ? 'small' : 'large';
};

const PLACES: Record<ReturnType<typeof sizeOf>, Intl.NumberFormatOptions> = {
  large: { minimumFractionDigits: 2, maximumFractionDigits: 2 },
  small: { minimumFractionDigits: 4, maximumFractionDigits: 4 },
  tiny: { maximumSignificantDigits: 2 },
};

/** Newer browsers take decimal text whole; the type still asks for a number. */
const asNumber = (text: string): number => text as unknown as number;

export const createMoney = (currency: string, locale?: string): Money => {
  const formats = new Map<string, Intl.NumberFormat>();
  const formatFor = (size: keyof typeof PLACES) => {
    const made =
      formats.get(size) ??
      new Intl.NumberFormat(locale, { style: 'currency', currency, currencyDisplay: 'narrowSymbol', ...PLACES[size] });
    formats.set(size, made);
    return made;
  };
  return {
    currency,
    shown: (text) => formatFor(sizeOf(text)).format(asNumber(text)).replace('-', '−'),
    exact: (text) => `${trimmed(text)} ${currency}`,
  };
};

/** `1.50000000` is `1.5`. */
export const trimmed = (text: string): string => (text.includes('.') ? text.replace(/\.?0+$/, '') : text);

/** A share with its sign: `+12 %`; what is tenfold and more as a factor. */
export const changeText = (share: number | null): string => {
  if (share === null) return NOTHING;
  if (share >= 9) return `× ${Math.round(share + 1)}`;
  const percent = Math.round(share * 100);
  return percent === 0 ? '± 0 %' : `${percent > 0 ? '+' : '−'}${Math.abs(percent)} %`;
};

/** How far one text is from another, as a share; for showing only. */
export const shareOf = (value: string, usual: string): number | null => {
  const middle = Number(usual);
  return middle > 0 ? Number(value) / middle - 1 : null;
};
