import type { DeviceEvent } from '@muster/shared/wire/messages';
import type { NetworkState } from '../parts.js';
import type { Change, Recovered } from '../store/store.js';

/** Reward sources that their agents say do not answer, by device and source; kept over a restart of the hub. */
const COLLECTION = 'source_failures';
/** Sources remembered; the oldest make room. */
const MOST = 1_000;

interface Said {
  device: string;
  /** As its agent calls it: the network it reads. */
  source: string;
  boot: string;
  ts: number;
  /** What it reads and for whom, as far as its agent knows. */
  network?: string;
  accounts?: string[];
  /** Null: it answers again; remembered against an older event that comes late. */
  error: string | null;
}
export type Failure = Said & { error: string };

export const createFailures = (documents: Recovered['documents']) => {
  const said = new Map<string, Said>();
  const boots = new Map<string, string>();
  for (const { collection, key, value } of documents) if (collection === COLLECTION) said.set(key, value as unknown as Said);

  const drop = (key: string): Change[] => {
    const had = said.get(key)?.error ?? null;
    said.delete(key);
    return had === null ? [] : [{ kind: 'document', collection: COLLECTION, key, value: null }];
  };
  const dropWhere = (goes: (one: Said) => boolean): Change[] => [...said].flatMap(([key, one]) => (goes(one) ? drop(key) : []));

  return {
    /** Answers what to queue. */
    heard(device: string, { boot, ts, event, detail = '', of }: DeviceEvent): Change[] {
      const [source = '', error = null] = event === 'source_failed' ? splitDetail(detail) : [detail];
      const whose = of && of.accounts.length > 0 ? { network: of.network, accounts: of.accounts } : {};
      const key = keyOf(device, source);
      if ((event !== 'source_failed' && event !== 'source_recovered') || source === '') return [];
      if ((boots.get(device) ?? boot) !== boot || (said.get(key)?.ts ?? 0) > ts) return [];
      const gone = drop(key);
      const one = { device, source, boot, ts, error, ...whose };
      said.set(key, one);
      const oldest = said.size > MOST ? said.keys().next().value : undefined;
      const evicted = oldest === undefined ? [] : drop(oldest);
      return error === null ? [...gone, ...evicted] : [{ kind: 'document', collection: COLLECTION, key, value: one }, ...evicted];
    },
    /** An agent that started anew says again what fails. */
    born(device: string, boot: string): Change[] {
      boots.set(device, boot);
      return dropWhere((one) => one.device === device && one.boot !== boot);
    },
    forget(device: string): Change[] {
      boots.delete(device);
      return dropWhere((one) => one.device === device);
    },
    devices: (): string[] => [...said.values()].map((one) => one.device),
    all: (): Failure[] => [...said.values()].filter((one): one is Failure => one.error !== null),
  };
};

const keyOf = (device: string, source: string): string => JSON.stringify([device, source]);

/** `source: why`; an id holds no colon. */
const splitDetail = (detail: string): [string, string] => {
  const at = detail.indexOf(': ');
  return at < 0 ? [detail, 'it does not answer'] : [detail.slice(0, at), detail.slice(at + 2)];
};

/** Streams of a failed source say so unless a newer reading came; a source that never gave one has its own line. */
export const withFailures = (
  states: readonly NetworkState[],
  failures: readonly Failure[],
  { agentOf, idOf }: { agentOf(device: string): string; idOf(...parts: string[]): string },
): NetworkState[] => {
  const byDevice = new Map<string, Failure[]>();
  for (const one of failures) byDevice.set(one.device, [...(byDevice.get(one.device) ?? []), one]);
  const spoken = new Set<Failure>();
  const agentsOf = ({ device, shares }: NetworkState) => new Set((shares ?? [{ device }]).map((one) => agentOf(one.device)));
  const failureOf = (state: NetworkState) =>
    state.by === 'hub'
      ? undefined
      : [...agentsOf(state)].flatMap((agent) => byDevice.get(agent) ?? []).find((one) => isAbout(one, state));
  const shown = states.map((state): NetworkState => {
    const failure = failureOf(state);
    if (!failure) return state;
    spoken.add(failure);
    const is_over = (state.last_reading ?? 0) > failure.ts;
    return is_over || state.state !== 'ok' ? state : { ...state, state: 'failed', last_error: failure.error };
  });
  const nothing = { account: '', token: '', booked: false, last_reading: null };
  const alone = failures.filter((one) => !spoken.has(one));
  const lines = alone.map(({ device, source, error }): NetworkState => {
    const id = idOf(source, 'source', device);
    return { id, network: source, device, source, ...nothing, state: 'failed', last_error: error };
  });
  return [...shown, ...lines];
};

/** Without accounts: of an older agent, or of one that has not had an answer since it started. */
const isAbout = ({ source, network, accounts }: Failure, state: NetworkState): boolean =>
  accounts ? state.network === network && accounts.includes(state.account) : state.network === source;
