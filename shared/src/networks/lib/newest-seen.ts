import type { NetworkReply } from '../../network.js';

/** When any of several parts last heard the device; nothing where none knows. */
export const newestSeen = (times: readonly (number | undefined)[]): Pick<NetworkReply, 'seen_at'> => {
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? {} : { seen_at: Math.max(...known) };
};
