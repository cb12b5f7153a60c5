/** PORT: reward sources that the hub itself asks. */
import type { GenericSchema } from 'valibot';
import type { Json } from '../store/store.js';

export interface HubSourceSetting {
  network: string;
  config: { [field: string]: Json | undefined };
  /** Milliseconds between questions; the network's own pace when left out. */
  every?: number | undefined;
  /** Of which devices it speaks; missing ones are made. */
  devices?: readonly string[] | undefined;
  enabled?: boolean | undefined;
}
/** As the API shows it: every secret masked. */
export interface HubSourceView {
  id: string;
  network: string;
  config: { [field: string]: Json | undefined };
  every: number | null;
  devices: readonly string[];
  enabled: boolean;
  state: 'ok' | 'failed' | 'waiting';
  last_error: string | null;
  last_ok: number | null;
  next_at: number | null;
  /** What its last answer held. */
  readings: number;
  samples: number;
}
export interface HubSources {
  /** Networks that the hub can ask, with the schema of their configuration. */
  kinds(): { id: string; title: string; docs: string; every: number; config: GenericSchema }[];
  all(): HubSourceView[];
  get(id: string): HubSourceView | undefined;
  /** Answers which devices were made for it. */
  put(id: string, setting: HubSourceSetting): Promise<{ source: HubSourceView; made: string[] }>;
  delete(id: string): Promise<boolean>;
}
