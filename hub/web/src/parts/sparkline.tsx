/** A trend without axes: a gap where a day is not known. */
const WIDTH = 84;
const HEIGHT = 20;

/** Pieces of a line between gaps, as points of a polyline. */
export const pieces = (points: readonly (string | null)[]): string[] => {
  const numbers = points.map((point) => (point === null ? null : Math.max(0, Number(point))));
  const most = Math.max(...numbers.map((value) => value ?? 0), Number.MIN_VALUE);
  const step = (WIDTH - 2) / Math.max(1, points.length - 1);
  const found: string[][] = [[]];
  numbers.forEach((value, i) => {
    if (value === null) found.push([]);
    else found.at(-1)?.push(`${(1 + i * step).toFixed(1)},${(HEIGHT - 1 - (value / most) * (HEIGHT - 2)).toFixed(1)}`);
  });
  return found.filter((piece) => piece.length > 1).map((piece) => piece.join(' '));
};

export const Sparkline = ({ points, title }: { points: readonly (string | null)[]; title: string }) => (
  <svg class="sparkline" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={title}>
    <title>{title}</title>
    {pieces(points).map((piece) => (
      <polyline key={piece} points={piece} />
    ))}
  </svg>
);
