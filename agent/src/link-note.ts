/** A small file that says whether the hub is there, and since when: for whoever looks at this machine while the hub is away. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { check } from '@muster/shared/schema';
import * as v from 'valibot';

/** What the uplink tells of its connection. */
export interface LinkState {
  online: boolean;
  /** Why it is not; null while it is. */
  why: string | null;
}

const note = v.object({ online: v.boolean(), why: v.nullable(v.string()), uptime_s: v.number() });

/** Seconds since this machine started: its clock may be set meanwhile. */
type Uptime = () => number;

const fileOf = (folder: string): string => join(folder, 'link.json');

/** Written when it changes, never for every try: an SD card pays for each. */
export const createLinkNote = (folder: string, uptime: Uptime): ((state: LinkState) => void) => {
  let online: boolean | null = null;
  return (state) => {
    if (state.online === online) return;
    online = state.online;
    try {
      writeFileSync(fileOf(folder), `${JSON.stringify({ ...state, uptime_s: Math.floor(uptime()) })}\n`, { mode: 0o600 });
    } catch {
      // A full disk has its own alarm; the log says the same.
    }
  };
};

/** Null where no agent wrote it since this machine started. */
export const readLinkNote = (folder: string, uptime: Uptime): (LinkState & { for_s: number }) | null => {
  try {
    const { online, why, uptime_s } = check(note, JSON.parse(readFileSync(fileOf(folder), 'utf8')), 'The note');
    const for_s = Math.floor(uptime()) - uptime_s;
    return for_s < 0 ? null : { online, why, for_s };
  } catch {
    return null;
  }
};
