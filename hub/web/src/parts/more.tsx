/** The rest of a long list is asked for. */
export const More = ({ left, onMore }: { left: number; onMore(): void }) =>
  left <= 0 ? null : (
    <button type="button" class="button more" onClick={onMore}>
      Show more: {left} left
    </button>
  );
