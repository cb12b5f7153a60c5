/** What a day is worth, as part of a sentence: `; about 0.42 USD a day at stake`. Empty where nothing is known or nothing is earned. */
export const stakeText = (stake: StakeOfDay | null | undefined): string => {
  if (!stake) return '';
  const { fiat, tokens } = stake;
  if (fiat && fiat.amount > 0) return `; ${about(fiat.amount, fiat.currency, 0.01)} a day at stake`;
  const known = tokens.filter(({ amount }) => amount > 0).map(({ token, amount }) => about(amount, token, 0));
  return known.length > 0 ? `; ${known.join(' and ')} a day at stake` : '';
};

interface StakeOfDay {
  fiat: { amount: number; currency: string } | null;
  tokens: readonly { token: string; amount: number }[];
}

const about = (amount: number, unit: string, least: number): string =>
  amount < least ? `less than ${least} ${unit}` : `about ${readable(amount, least > 0)} ${unit}`;

/** Money with two places, tokens with three digits that count. */
const readable = (amount: number, money: boolean): string => {
  if (money) return amount.toFixed(2);
  if (amount >= 1_000) return amount.toFixed(0);
  const text = amount.toPrecision(3);
  return text.includes('e') ? `${Number(text)}` : text.replace(/\.?0+$/, '');
};
