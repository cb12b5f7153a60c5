import type { Amount } from '../format.js';
import type { Money } from '../money.js';

/** An amount of fiat: readable here, exact on hover; what is not known is said, never 0. */
export interface FiatProps {
  money: Money;
  text: string | null;
  /** The part that is known, where the whole is not. */
  part?: string | undefined;
  estimated?: boolean;
  /** What is to be done about it, or what else there is to know. */
  hint?: string | undefined;
}

export const Fiat = ({ money, text, part, estimated = false, hint }: FiatProps) => {
  if (text === null && part === undefined) {
    return (
      <span class="none" title={hint ?? 'Not known'}>
        unknown
      </span>
    );
  }
  const known = text ?? part ?? '0';
  const title = [
    money.exact(known),
    estimated ? 'estimated' : '',
    text === null ? 'incomplete: only what is known' : '',
    hint ?? '',
  ];
  return (
    <span class={known.startsWith('-') ? 'fiat loss' : 'fiat'} title={title.filter(Boolean).join('\n')}>
      {estimated && '≈ '}
      {money.shown(known)}
      {text === null && <em class="incomplete"> incomplete</em>}
    </span>
  );
};

export const isEstimated = (streams: readonly Amount[]): boolean => streams.some(({ estimated }) => estimated);

export const NO_PRICE = 'No price of the token is known for these days: set one under Prices';
export const NO_COST = 'The watts of the device or the tariff of its site are not set';
