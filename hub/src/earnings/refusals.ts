import type { Log } from '@muster/shared/log';
import type { Reading } from '@muster/shared/wire/messages';
import type { NetworkState } from '../parts.js';
import { stateId } from './stream.js';

/** Refused streams that are shown; the oldest make room. */
const MOST = 1_000;

/** Readings that were not booked, by device and stream, with the reason; one that is taken again leaves the list. */
export const createRefusals = (log: Log) => {
  const states = new Map<string, NetworkState>();
  return {
    note({ device, reading, refused }: { device: string; reading: Reading; refused: string | null }) {
      const { network, account, token, source, as_of } = reading;
      if (refused === null && states.size === 0) return;
      const id = stateId(network, 'refused', device, account, token, source);
      const before = states.get(id);
      states.delete(id);
      if (refused === null) return;
      if (before?.last_error !== refused)
        log.warn('A reward reading was refused', { device, network, account, source, reason: refused });
      states.set(id, {
        ...{
          id,
          network,
          device,
          account,
          token,
          source,
          booked: false,
          state: 'refused',
          last_reading: as_of,
          last_error: refused,
        },
      });
      for (const oldest of states.keys()) if (states.size > MOST) states.delete(oldest);
    },
    forget(device: string) {
      for (const [id, state] of states) if (state.device === device) states.delete(id);
    },
    all: (): NetworkState[] => [...states.values()],
  };
};
