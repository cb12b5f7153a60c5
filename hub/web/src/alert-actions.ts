import type { NoticeScope } from '@muster/hub/parts';
import type { Alert } from './alert-groups.js';
import { type Client, FormError, type Taking } from './client.js';

/** What a person does to alerts, one or thousands. */
export interface ActionNeeds {
  client: Pick<Client, 'acknowledge' | 'unacknowledge' | 'snooze' | 'addSilence'>;
  put(alerts: readonly Alert[]): void;
  now(): number;
}
export type SilenceBy = 'device' | 'site' | 'rule';

/** The API takes a thousand at once. */
const AT_ONCE = 1000;
/** Questions under way at a time. */
const SIDE_BY_SIDE = 6;
/** Each silence is a line that somebody must read later. */
const SILENCES_MOST = 50;

const inChunks = async (ids: readonly string[], act: (chunk: readonly string[]) => Promise<void>): Promise<void> => {
  for (let at = 0; at < ids.length; at += AT_ONCE) await act(ids.slice(at, at + AT_ONCE));
};

const sideBySide = async <T>(list: readonly T[], act: (one: T) => Promise<void>): Promise<void> => {
  const rest = [...list].reverse();
  const worker = async () => {
    for (let one = rest.pop(); one !== undefined; one = rest.pop()) await act(one);
  };
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, worker));
};

/** One silence for each device, site or rule of the alerts. Devices without a site are left out. */
export const scopesOf = (
  alerts: readonly Alert[],
  by: SilenceBy,
  siteOf: (device: string) => string | null | undefined,
): NoticeScope[] => {
  const distinct = (values: readonly (string | null | undefined)[]) => [
    ...new Set(values.filter((value) => typeof value === 'string')),
  ];
  if (by === 'device') return distinct(alerts.map(({ device }) => device || null)).map((device) => ({ device }));
  if (by === 'rule') return distinct(alerts.map(({ rule }) => rule)).map((rule) => ({ rule }));
  return distinct(alerts.map(({ device }) => siteOf(device))).map((site) => ({ site }));
};

export const createActions = ({ client, put, now }: ActionNeeds) => ({
  acknowledge: (ids: readonly string[], taking: Taking) =>
    inChunks(ids, async (chunk) => put((await client.acknowledge(chunk, taking)).items)),
  unacknowledge: (ids: readonly string[]) => inChunks(ids, async (chunk) => put((await client.unacknowledge(chunk)).items)),
  /** Null wakes them. */
  snooze: (ids: readonly string[], for_ms: number | null) =>
    sideBySide(ids, async (id) => put([await client.snooze(id, for_ms)])),
  async silence(scopes: readonly NoticeScope[], { for_ms, comment }: { for_ms: number; comment: string }): Promise<void> {
    if (scopes.length === 0) throw new FormError('None of these alerts has one: silence the devices or the rule instead.');
    if (scopes.length > SILENCES_MOST)
      throw new FormError(`That would be ${scopes.length} silences: choose the site or the rule instead, or fewer alerts.`);
    await sideBySide(scopes, async (scope) => void (await client.addSilence({ scope, to: now() + for_ms, comment })));
  },
});
