import { loadSettings, type SettingDeclaration, setting, wholeNumber } from '@muster/shared/settings';

/** `--devices 100`: a whole number of a bench. */
export const amount = (name: string, value: number, most: number, help: string): SettingDeclaration<number> =>
  setting({ name, help, schema: wholeNumber(0, most), default: value });

export const readOptions = <T extends Record<string, SettingDeclaration<number>>>(
  table: T,
  flags: Readonly<Record<string, string | true>>,
): { [K in keyof T]: number } =>
  loadSettings(table, { flags: { ...flags }, env: {}, file: null }).values as { [K in keyof T]: number };
