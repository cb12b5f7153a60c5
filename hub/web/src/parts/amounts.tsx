import { type Amount, exactAmount, NOTHING, shownAmount } from '../format.js';

/** Amounts side by side: readable here, exact on hover. */
export const Amounts = ({ list, most = 2 }: { list: readonly Amount[]; most?: number }) => {
  if (list.length === 0) return <span class="none">{NOTHING}</span>;
  const rest = list.length - most;
  return (
    <span class="amounts" title={list.map(exactAmount).join('\n')}>
      {list.slice(0, most).map((amount) => (
        <span key={`${amount.network}${amount.token}`}>{shownAmount(amount)}</span>
      ))}
      {rest > 0 && <span class="quiet">+{rest}</span>}
    </span>
  );
};
