import { effect, type Signal, signal } from '@preact/signals';

/** Dark or light: the system's choice until a person chooses. */
export type Theme = 'auto' | 'light' | 'dark';
const KEY = 'muster.theme';

export interface Themes {
  theme: Signal<Theme>;
  /** Rises when colours change, so that canvases are drawn anew. */
  drawn: Signal<number>;
  turn(): void;
}

/** Storage may be switched off; then a choice lasts as long as the page. */
export const readStored = (key: string): string | null => {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
};
export const writeStored = (key: string, value: string): void => {
  try {
    localStorage.setItem(key, value);
  } catch {}
};

export const createThemes = (): Themes => {
  const stored = readStored(KEY);
  const theme = signal<Theme>(stored === 'light' || stored === 'dark' ? stored : 'auto');
  const drawn = signal(0);
  const system = matchMedia('(prefers-color-scheme: dark)');
  effect(() => {
    document.documentElement.dataset.theme = theme.value;
    drawn.value = drawn.peek() + 1;
  });
  system.addEventListener('change', () => {
    drawn.value += 1;
  });
  return {
    theme,
    drawn,
    turn() {
      const dark = theme.value === 'auto' ? system.matches : theme.value === 'dark';
      theme.value = dark ? 'light' : 'dark';
      writeStored(KEY, theme.value);
    },
  };
};
