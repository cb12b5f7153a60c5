import { join } from 'node:path';
import { loadSettings, type SettingSources } from '@muster/shared/settings';
import { dataFolder, HUB_SETTINGS } from '../config.js';
import type { Retention } from '../store/engines/sqlite/sweep.js';

/** The hub's settings for one command: flags over environment over DATA/hub/settings.json. */
export interface VerbSources {
  flags: Record<string, string | true>;
  env: Record<string, string | undefined>;
}

export const folderOf = ({ flags, env }: VerbSources): string => {
  const typed = typeof flags['data'] === 'string' ? flags['data'] : env['MUSTER_DATA'];
  return dataFolder(typed || './data', env, process.cwd());
};

/** Splits a verb's own options from the settings, so that a stray one is still refused. */
export const splitOptions = (flags: Record<string, string | true>, own: readonly string[]) => {
  const entries = Object.entries(flags);
  return {
    options: Object.fromEntries(entries.filter(([name]) => own.includes(name))),
    flags: Object.fromEntries(entries.filter(([name]) => !own.includes(name))),
  };
};

export const loadHubSettings = (sources: VerbSources) => {
  const data = folderOf(sources);
  const files: SettingSources = { ...sources, file: join(data, 'hub', 'settings.json') };
  const { values, listed } = loadSettings(HUB_SETTINGS, files);
  return { data, values, listed };
};

const DAY_MS = 86_400_000;

/** How long each tier of values is kept. */
export const retentionOf = (values: ReturnType<typeof loadHubSettings>['values']): Retention => {
  const kept = (days: number) => (days === 0 ? null : days * DAY_MS);
  return {
    raw_ms: kept(values.store_raw_days),
    five_ms: kept(values.store_five_minute_days),
    hour_ms: kept(values.store_hour_days),
  };
};
