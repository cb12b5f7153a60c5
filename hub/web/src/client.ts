import type {
  AccountView,
  ComparePage,
  CompareSort,
  Device,
  EarningsRow,
  Incident,
  PriceChange,
  PricesView,
  Role,
  Site,
  Stake,
} from '@muster/hub/parts';
import { type Labels, type MetricDeclaration, seriesKey } from '@muster/shared/metrics';
import type { LiveAlertEvent, LiveDevice, LiveValue } from '@muster/shared/wire/live';
import type { Alert } from './alert-groups.js';
import type { AvailabilityRow } from './availability.js';
import type { Point, Tier } from './chart-data.js';
import { settingsCalls } from './client-settings.js';
import type { Amount } from './format.js';

export type * from './client-settings.js';

/** The API as the dashboard uses it (DESIGN §5): one function per route, errors as sentences with a hint. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly hint: string | null;
  readonly setup_needed: boolean;

  constructor(status: number, body: ErrorBody) {
    super(body.error?.message ?? `The hub answered with status ${status}.`);
    this.status = status;
    this.code = body.error?.code ?? 'internal';
    this.hint = body.error?.hint ?? null;
    this.setup_needed = body.error?.setup_needed === true;
  }
}
interface ErrorBody {
  error?: { code?: string; message?: string; hint?: string; setup_needed?: boolean };
}

export interface SessionUser {
  name: string;
  role: Role;
}
export interface SessionReply {
  user: SessionUser;
}
/** `GET /devices/{id}`. */
export type DeviceDetail = Device &
  LiveDevice & { carries: string[]; waiting: string[]; earnings_lifetime: Amount[]; stake: Stake | null };
export interface Listing<T> {
  items: T[];
  next?: string | number | null;
}
export interface Invited {
  token: string;
  command: string;
  /** Brings the agent as well, to a machine without Muster. */
  install: string;
  expires: number;
  /** What to know before typing the command. */
  hint: string | null;
}
export type CatalogueEntry = { metric: string } & MetricDeclaration;
export interface SeriesReply {
  metric: string;
  unit: string;
  tier: Tier;
  points: Point[];
}
/** All series of some metrics of a device. */
export interface SeveralReply {
  items: (SeriesReply & { labels: Labels })[];
}
export interface SeriesRequest {
  device: string;
  metric: string;
  labels: Labels;
  from: number;
  to: number;
  points: number;
}
/** `GET /store`. */
export interface StoreReply {
  version: string;
  healthy: boolean;
  bytes: number;
  rows: number;
  samples: number;
  damaged: number;
  fault: string | null;
  forecast: { per_day: { raw: number; five: number; hour: number }; after: { days: number; bytes: number }[] } | null;
}
/** `GET /quarantine`: `payload` is the beginning of the message. */
export interface Refused {
  number: number;
  ts: number;
  device: string | null;
  agent: string;
  reason: string;
  detail: string;
  bytes: number;
  payload: string;
}
/** `GET /networks`. */
export interface RewardSource {
  id: string;
  network: string;
  device: string;
  account: string;
  token: string;
  source: string;
  state: 'ok' | 'refused' | 'failed' | 'waiting';
  last_reading: number | null;
  last_error: string | null;
  /** On the line of a source of the hub itself. */
  next_at?: number | null;
  /** Where the income is several devices'. */
  shares?: { device: string; parts: number }[];
}
/** `GET /networks/kinds`: what the hub can ask, with the JSON schema of its configuration. */
export interface SourceKind {
  id: string;
  title: string;
  docs: string;
  config: ConfigSchema;
}
export interface ConfigSchema {
  type?: string;
  properties?: Record<string, ConfigSchema>;
  required?: string[];
  enum?: unknown[];
  default?: unknown;
  format?: string;
  title?: string;
  description?: string;
  /** UCUM. */
  unit?: string;
  minimum?: number;
  maximum?: number;
  anyOf?: ConfigSchema[];
  items?: ConfigSchema;
  additionalProperties?: ConfigSchema | boolean;
}
/** `GET|PUT /networks/{id}`; secrets come masked. */
export interface HubSource {
  network: string;
  config: Record<string, unknown>;
  devices: string[];
  every: number | null;
  enabled: boolean;
}
/** `GET /earnings/compare`. */
export interface CompareRequest {
  period: string;
  network?: string;
  tag?: string;
  site?: string;
  device?: string;
  sort?: CompareSort;
  order?: string;
  limit?: number;
  after?: number;
}
export interface EarningsRequest {
  from: number;
  to: number;
  by: string;
  device?: string;
  network?: string;
  tag?: string;
  site?: string;
}
/** What a person says of alerts as he takes them. */
export interface Taking {
  comment: string;
  owner: string;
}
type Query = Record<string, string | number | undefined>;

/** No answer of the hub takes longer than this on a link that works. */
const DEADLINE_MS = 20_000;
const BASE = '/api/v1';

const queryText = (query: Query): string => {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, String(value));
  const text = parameters.toString();
  return text ? `?${text}` : '';
};
/** `a=b,c=d`, encoded as in a series key. */
const labelsText = (labels: Labels): string => seriesKey('m', labels).slice(2, -1);

const readBody = async (response: Response): Promise<unknown> => {
  const text = await response.text();
  try {
    return text === '' ? {} : JSON.parse(text);
  } catch {
    return {};
  }
};

const send = async <T>(request: {
  method: string;
  path: string;
  body?: unknown;
  signal?: AbortSignal | undefined;
}): Promise<T> => {
  const deadline = AbortSignal.timeout(DEADLINE_MS);
  const init: RequestInit = {
    method: request.method,
    credentials: 'same-origin',
    signal: request.signal ? AbortSignal.any([request.signal, deadline]) : deadline,
  };
  if (request.body !== undefined) {
    init.headers = { 'content-type': 'application/json' };
    init.body = JSON.stringify(request.body);
  }
  const response = await fetch(`${BASE}${request.path}`, init);
  const body = await readBody(response);
  if (!response.ok) throw new ApiError(response.status, body as ErrorBody);
  return body as T;
};

const id = encodeURIComponent;

export const createClient = (on: { unauthorized(): void }) => {
  const call = async <T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> => {
    try {
      return await send<T>({ method, path, body, signal });
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) on.unauthorized();
      throw error;
    }
  };
  const get = <T>(path: string, query: Query = {}, signal?: AbortSignal) =>
    call<T>('GET', `${path}${queryText(query)}`, undefined, signal);

  return {
    session: () => send<SessionReply>({ method: 'GET', path: '/session' }),
    login: (user: { name: string; password: string }) => send<SessionReply>({ method: 'POST', path: '/session', body: user }),
    setup: (user: { code: string; name: string; password: string }) =>
      send<SessionReply>({ method: 'POST', path: '/setup', body: user }),
    logout: () => send<unknown>({ method: 'DELETE', path: '/session' }),

    device: (device: string) => get<DeviceDetail>(`/devices/${id(device)}`),
    latest: (device: string) => get<{ device: string; ts: number | null; values: LiveValue[] }>(`/devices/${id(device)}/latest`),
    catalogue: () => get<Listing<CatalogueEntry>>('/catalogue'),
    sites: () => get<Listing<Site>>('/sites'),
    series: ({ device, metric, labels, ...query }: SeriesRequest, signal?: AbortSignal) =>
      get<SeriesReply>(
        `/devices/${id(device)}/series/${id(metric)}`,
        { ...query, labels: Object.keys(labels).length > 0 ? labelsText(labels) : undefined },
        signal,
      ),
    earnings: (query: EarningsRequest, signal?: AbortSignal) => get<Listing<EarningsRow>>('/earnings', { ...query }, signal),
    compare: (query: CompareRequest, signal?: AbortSignal) => get<ComparePage>('/earnings/compare', { ...query }, signal),
    prices: () => get<PricesView>('/prices'),
    setPrices: (change: PriceChange) => call<PricesView>('PUT', '/prices', change),
    share: (of: { network: string; account: string }, shares: readonly { device: string; parts: number }[]) =>
      call<AccountView>('PUT', `/accounts/${id(of.network)}/${id(of.account)}`, { shares }),
    several: (
      { device, metrics, ...query }: Omit<SeriesRequest, 'metric' | 'labels'> & { metrics: string[] },
      signal?: AbortSignal,
    ) => get<SeveralReply>(`/devices/${id(device)}/series`, { ...query, metrics: metrics.join(',') }, signal),

    alerts: (query: { state?: string; device?: string; after?: string } = {}) => get<Listing<Alert>>('/alerts', query),
    alertEvents: (after: number, limit = 500) => get<Listing<LiveAlertEvent>>('/alerts/events', { after, limit }),
    acknowledge: (ids: readonly string[], { comment, owner }: Taking) =>
      call<Listing<Alert>>('POST', '/alerts/acknowledge', { ids, ...(comment && { comment }), ...(owner && { owner }) }),
    unacknowledge: (ids: readonly string[]) => call<Listing<Alert>>('POST', '/alerts/unacknowledge', { ids }),
    incidents: () => get<Listing<Incident>>('/incidents'),
    availability: (query: { from: number; to: number; by: string; after?: string }, signal?: AbortSignal) =>
      get<Listing<AvailabilityRow>>('/availability', query, signal),
    store: () => get<StoreReply>('/store'),
    quarantine: (after?: string | number) => get<Listing<Refused>>('/quarantine', { limit: 50, after }),
    networks: () => get<Listing<RewardSource>>('/networks'),
    sourceKinds: () => get<Listing<SourceKind>>('/networks/kinds'),
    source: (name: string) => get<HubSource>(`/networks/${id(name)}`),
    putSource: (name: string, body: Omit<HubSource, 'every'> & { every?: number }) =>
      call<HubSource>('PUT', `/networks/${id(name)}`, body),
    deleteSource: (name: string) => call<unknown>('DELETE', `/networks/${id(name)}`),
    ...settingsCalls({ call, get }),
    snooze: (alert: string, for_ms: number | null) =>
      call<Alert>('POST', `/alerts/${id(alert)}/snooze`, for_ms === null ? { until: null } : { for_ms }),
    invite: (body: { device?: string }) => call<Invited>('POST', '/invites', body),
  };
};
export type Client = ReturnType<typeof createClient>;

/** Every page of a list. */
export const allPages = async <T>(page: (after?: string) => Promise<Listing<T>>): Promise<T[]> => {
  const items: T[] = [];
  for (let after: string | undefined; ; ) {
    const reply = await page(after);
    items.push(...reply.items);
    if (reply.next === undefined || reply.next === null) return items;
    after = String(reply.next);
  }
};

/** What a person must put right in a form before it is sent. */
export class FormError extends Error {}

/** What to tell a person about a failure. */
export const sentenceOf = (error: unknown): string => {
  if (error instanceof ApiError) return error.hint ? `${error.message} ${error.hint}` : error.message;
  if (error instanceof FormError) return error.message;
  if (error instanceof DOMException && error.name === 'TimeoutError') return 'The hub did not answer in time. Try again.';
  return 'The hub cannot be reached. Check that it runs and that this device is online.';
};
