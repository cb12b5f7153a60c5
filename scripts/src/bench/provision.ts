import type { HubApi } from '../api.js';

/** Joins of one invite; as many as the API allows. */
const PER_INVITE = 10_000;
const AT_ONCE = 64;

/** Joins so many devices through the API; many at a time, since each waits for its commit. */
export const provision = async (api: HubApi, count: number, name = 'bench'): Promise<{ id: string; key: string }[]> => {
  const ids = Array.from({ length: count }, (_, index) => `${name}-${String(index + 1).padStart(5, '0')}`);
  const { token } = await api.post<{ token: string }>('/invites', { uses: PER_INVITE });
  const devices: { id: string; key: string }[] = [];
  const joiner = async () => {
    for (let id = ids.pop(); id !== undefined; id = ids.pop()) {
      const { key } = await api.post<{ key: string }>('/join', { token, device: id });
      devices.push({ id, key });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, joiner));
  return devices;
};
