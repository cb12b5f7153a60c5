import type { RefObject } from 'preact';
import { Icon } from './icons.js';

export interface Searching {
  field: RefObject<HTMLInputElement | null>;
  /** What is looked through. */
  label: string;
  text: string;
  onText(text: string): void;
}

/** The search of a list; Escape leaves it. */
export const SearchField = ({ field, label, text, onText }: Searching) => (
  <label class="field slash">
    <Icon name="search" />
    <input
      ref={field}
      type="search"
      placeholder="Search"
      aria-label={label}
      value={text}
      onInput={(event) => onText(event.currentTarget.value)}
      onKeyDown={(event) => event.key === 'Escape' && event.currentTarget.blur()}
    />
  </label>
);
