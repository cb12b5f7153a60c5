/** The notifiers that the operator set up: what was set, what follows from it, and how each fares. */
import { AppError } from '@muster/shared/errors';
import type { Log } from '@muster/shared/log';
import { check } from '@muster/shared/schema';
import { type Config, createScrubber, masked, secretsIn, withKeptSecrets } from '@muster/shared/secrets';
import type { NotifierSetting, NotifierView } from '../parts.js';
import { documentsOf, keep } from '../shelf.js';
import type { Json, Recovered, Writer } from '../store/store.js';
import { NOTIFY_LIMITS as L } from './limits.js';
import type { NotifierDeclaration } from './notifier.js';
import { NO_TEMPLATES, parseTemplates, type Templates, type TemplateTexts } from './template.js';

const COLLECTION = 'notifiers';

interface ChannelRecord {
  id: string;
  kind: string;
  config: Config;
  enabled: boolean;
  per_minute: number;
  /** Missing in records of before. */
  templates?: TemplateTexts | undefined;
  acknowledge?: boolean | undefined;
}

export interface Channel {
  record: ChannelRecord;
  declaration: NotifierDeclaration;
  /** As the declaration's schema gives it. */
  config: unknown;
  templates: Templates;
  scrub(text: string): string;
  ended: AbortController;
  busy: boolean;
  failures: number;
  last_ok: number | null;
  last_error: string | null;
  /** Monotonic; not tried before. */
  next: number;
  /** Monotonic times of what it sent in the last minute. */
  sent: number[];
  /** Something waits for room in the minute. */
  limited: boolean;
  held_back: number;
  given_up: number;
  /** Why its answers are not heard. */
  listen_error: string | null;
}

export interface ChannelNeeds {
  notifiers: ReadonlyMap<string, NotifierDeclaration>;
  writer: Pick<Writer, 'queue' | 'accepts' | 'healthy'>;
  log: Log;
}

export const createChannels = ({ notifiers, writer, log }: ChannelNeeds, documents: Recovered['documents']) => {
  const channels = new Map<string, Channel>();
  const unusable = new Map<string, string>();
  for (const [id, record] of documentsOf<ChannelRecord>(documents, COLLECTION)) {
    try {
      channels.set(id, channelOf(declarationOf(notifiers, record.kind), record));
    } catch (error) {
      const why = error instanceof AppError ? error.message : 'it is damaged';
      unusable.set(id, why);
      log.warn('A notifier cannot be used; set it anew', { notifier: id, error: why });
    }
  }
  const end = (id: string) => {
    channels.get(id)?.ended.abort();
    channels.delete(id);
  };
  return {
    all: () => channels.values(),
    get: (id: string) => channels.get(id),
    has: (id: string) => channels.has(id),
    /** Stored ones that this version cannot use, and why; what waits for one is kept until it is set anew. */
    unusable: unusable as ReadonlyMap<string, string>,
    async put(id: string, setting: NotifierSetting): Promise<Channel> {
      const before = channels.get(id);
      if (!before && channels.size >= L.notifiers)
        throw new AppError('too_many', `At most ${L.notifiers} notifiers are allowed; remove one first`);
      const declaration = declarationOf(notifiers, setting.kind);
      const old = before?.declaration.id === declaration.id ? before.record.config : null;
      const config = withKeptSecrets(declaration.config, setting.config, old);
      const { enabled = true, per_minute = L.per_minute } = setting;
      if (JSON.stringify(config).length > L.config_bytes)
        throw new AppError('bad_request', `The configuration is larger than ${L.config_bytes} bytes`, { path: 'config' });
      const wording = templatesOf(setting, before?.record);
      const acknowledge = setting.acknowledge ?? before?.record.acknowledge ?? true;
      const made = { id, kind: declaration.id, config, enabled, per_minute, templates: wording, acknowledge };
      const channel = channelOf(declaration, made);
      await keep(writer, 10_000, () => {
        end(id);
        unusable.delete(id);
        channels.set(id, channel);
        return [{ kind: 'document', collection: COLLECTION, key: id, value: channel.record as unknown as Json }];
      });
      return channel;
    },
    async delete(id: string): Promise<boolean> {
      if (!channels.has(id)) return false;
      await keep(writer, 1_000, () => {
        end(id);
        return [{ kind: 'document', collection: COLLECTION, key: id, value: null }];
      });
      return true;
    },
    stop() {
      for (const { ended } of channels.values()) ended.abort();
    },
  };
};
export type Channels = ReturnType<typeof createChannels>;

const templatesOf = ({ templates }: NotifierSetting, before: ChannelRecord | undefined): TemplateTexts => {
  const old = before?.templates ?? NO_TEMPLATES;
  const one = (given: string | null | undefined, kept: string | null) => (given === undefined ? kept : given?.trim() || null);
  return { title: one(templates?.title, old.title), text: one(templates?.text, old.text) };
};

const declarationOf = (notifiers: ReadonlyMap<string, NotifierDeclaration>, kind: string): NotifierDeclaration => {
  const found = notifiers.get(kind);
  if (found) return found;
  const known = [...notifiers.keys()].join(', ');
  throw new AppError('bad_request', `There is no notifier of the kind "${kind.slice(0, 40)}"; known are ${known}`, {
    path: 'kind',
  });
};

const channelOf = (declaration: NotifierDeclaration, record: ChannelRecord): Channel => {
  const config = check(declaration.config, record.config, `config of ${record.id} (${declaration.id})`);
  return {
    ...{ record, declaration, config, templates: parseTemplates(record.templates ?? NO_TEMPLATES) },
    scrub: createScrubber([...secretsIn(declaration.config, record.config), ...secretsIn(declaration.config, config)]),
    ended: new AbortController(),
    ...{ busy: false, failures: 0, last_ok: null, last_error: null, next: 0, sent: [], limited: false },
    ...{ held_back: 0, given_up: 0, listen_error: null },
  };
};

export const viewOfChannel = (channel: Channel, times: { waiting: number; next_at: number | null }): NotifierView => {
  const { record, declaration, failures, last_ok, last_error, held_back, given_up, listen_error } = channel;
  const { templates = NO_TEMPLATES, acknowledge = true } = record;
  const state = failures > 0 ? 'failed' : last_ok === null ? 'waiting' : 'ok';
  return {
    ...record,
    config: masked(declaration.config, record.config),
    ...{ templates, acknowledge, listen_error },
    state,
    last_ok,
    last_error,
    held_back,
    given_up,
    ...times,
  };
};
