import type { SettingValue } from '@muster/shared/settings';
import type { Call } from '../main.js';
import { loadHubSettings } from './options.js';

/** Prints every setting, its value and where the value comes from; secrets as dots. */
export const settings = async ({ flags, env, print }: Call): Promise<void> => {
  const { data, listed } = loadHubSettings({ flags, env });
  const lines = listed.map((entry) => [entry.name, shown(entry, data), entry.origin, entry.help] as const);
  const width = (column: 0 | 1 | 2) => Math.max(...lines.map((line) => line[column].length));
  for (const [name, value, origin, help] of lines)
    print(`${name.padEnd(width(0))}  ${value.padEnd(width(1))}  ${origin.padEnd(width(2))}  ${help}`);
};

const shown = ({ name, value, secret }: SettingValue, data: string): string => {
  if (name === 'data') return data;
  if (value === null) return '-';
  return secret ? '••••••••' : String(value);
};
