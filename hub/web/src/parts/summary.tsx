import { useComputed } from '@preact/signals';
import { useApp } from '../app.js';
import { countStandings, STANDING_WORDS, STANDINGS } from '../fleet.js';
import { sumAmounts } from '../format.js';
import { Amounts } from './amounts.js';
import { StandingMark } from './icons.js';

/** How many devices stand how; each count filters the list. */
export const Summary = ({ standing, onPick }: { standing: string; onPick(standing: string): void }) => {
  const { board } = useApp();
  const counts = useComputed(() => {
    board.places.value;
    return countStandings(board.devices.values());
  });
  const shown = STANDINGS.filter((each) => counts.value.has(each) || each === standing || each === 'online');
  return (
    <section class="summary" aria-label="Devices by state">
      <div>
        <button type="button" aria-pressed={standing === ''} onClick={() => onPick('')}>
          <b>{board.devices.size}</b> All
        </button>
        {shown.map((each) => (
          <button
            type="button"
            key={each}
            class={`s-${each}`}
            aria-pressed={standing === each}
            onClick={() => onPick(standing === each ? '' : each)}
          >
            <StandingMark standing={each} />
            <b>{counts.value.get(each) ?? 0}</b> {STANDING_WORDS[each]}
          </button>
        ))}
      </div>
      <EarnedToday />
    </section>
  );
};

const EarnedToday = () => {
  const { board, clock } = useApp();
  // Summing the whole fleet at every delta would be wasted: once in two seconds is enough for a total.
  const beat = useComputed(() => Math.floor(clock.value / 2000));
  const sums = useComputed(() => {
    beat.value;
    board.places.value;
    return sumAmounts([...board.devices.values()].map((device) => device.earnings_today));
  });
  if (sums.value.length === 0) return null;
  return (
    <span class="earned">
      <span class="quiet">Today</span> <Amounts list={sums.value} most={4} />
    </span>
  );
};
