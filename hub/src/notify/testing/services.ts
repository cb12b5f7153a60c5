import { strict as assert } from 'node:assert';
import { createHmac } from 'node:crypto';

/** What each service takes and refuses, by its own documentation: the other side of every notifier that speaks HTTP. */
export interface Heard {
  method: string;
  /** Path and query. */
  path: string;
  headers: Record<string, string>;
  body: Buffer;
}

export interface Service {
  config(base: string): Record<string, unknown>;
  /** Texts that may stand in no error. */
  secrets: readonly string[];
  /** Throws where the service would not take it. */
  takes(heard: Heard): void;
  answer: { status?: number; text: string };
}

export const SECRET = 'c0ffee-5ecret-Zq9';
const SIGNING = 'signing-5ecret-Xy7';
const json = (heard: Heard): Record<string, unknown> => {
  assert.equal(heard.headers['content-type'], 'application/json');
  return JSON.parse(heard.body.toString()) as Record<string, unknown>;
};
const textAt = (value: unknown): string => {
  assert.equal(typeof value, 'string');
  const text = String(value);
  assert.equal(/(?!\n)\p{Cc}|\p{Cs}|[\u202a-\u202e]/u.exec(text), null, 'no control character');
  return text;
};
const within = (value: unknown, most: number, size = (text: string) => text.length): string => {
  const text = textAt(value);
  assert.ok(text.trim() !== '', 'is not empty');
  assert.ok(size(text) <= most, `${size(text)} of ${most}`);
  return text;
};
const bytes = (text: string) => Buffer.byteLength(text);
const list = (value: unknown): Record<string, unknown>[] => {
  assert.ok(Array.isArray(value));
  return value as Record<string, unknown>[];
};
const object = (value: unknown): Record<string, unknown> => {
  assert.ok(typeof value === 'object' && value !== null);
  return value as Record<string, unknown>;
};
const isLink = (value: unknown) =>
  value === undefined || value === null || assert.match(textAt(value), /^https?:\/\/[\x21-\x7e]+$/);

/** Only these tags, in pairs, and no character left that could begin another. */
const unmarked = (html: string, tags: RegExp): string => {
  const text = html.replace(tags, '');
  assert.doesNotMatch(text, /[<>]|&(?!(amp|lt|gt|quot);)/);
  return text.replace(/&(amp|lt|gt|quot);/g, '.');
};

const webhook: Service = {
  config: (base) => ({ url: `${base}/hook`, secret: SIGNING, headers: { 'x-key': SECRET } }),
  secrets: [SECRET, SIGNING],
  answer: { status: 204, text: '' },
  takes(heard) {
    const { 'webhook-id': id, 'webhook-timestamp': ts, 'webhook-signature': given } = heard.headers;
    const signature = createHmac('sha256', SIGNING).update(`${id}.${ts}.`).update(heard.body).digest('base64');
    assert.equal(given, `v1,${signature}`);
    assert.ok(Math.abs(Number(ts) * 1_000 - Date.now()) < 60_000, 'signed now');
    const body = json(heard);
    assert.equal(heard.headers['muster-event'], String(body['event']));
    assert.equal(heard.headers['idempotency-key'], id);
    assert.equal(heard.headers['x-key'], SECRET);
    within(body['title'], 1_000);
    within(body['text'], 20_000);
  },
};

const telegram: Service = {
  config: (base) => ({ server: base, token: `123456:${SECRET}`, chat: '-100' }),
  secrets: [SECRET],
  answer: { text: '{"ok":true,"result":{}}' },
  takes(heard) {
    assert.equal(heard.path, `/bot123456:${SECRET}/sendMessage`);
    const { text, parse_mode, reply_markup } = json(heard);
    assert.equal(parse_mode, 'HTML');
    const plain = unmarked(textAt(text), /^<b>|<\/b>(?=\n\n)/g);
    assert.ok(plain.length <= 4_096);
    if (reply_markup) isLink(list(list(object(reply_markup)['inline_keyboard'])[0])[0]?.['url']);
  },
};

const discord: Service = {
  config: (base) => ({ webhook: `${base}/api/webhooks/12/${SECRET}` }),
  secrets: [SECRET],
  answer: { text: '{"id":"1"}' },
  takes(heard) {
    assert.equal(heard.path, `/api/webhooks/12/${SECRET}?wait=true`);
    const body = json(heard);
    assert.deepEqual(body['allowed_mentions'], { parse: [] });
    const [embed = {}] = list(body['embeds']);
    const marked = [within(embed['title'], 256), within(embed['description'], 4_096).replace(/\n\nhttps?:\/\/[\x21-\x7e]+$/, '')];
    for (const text of marked) assert.doesNotMatch(text.replace(/\\[\\*_~`|<>[\]#@]/g, ''), /[*_~`|<>[\]#@\\]/);
    isLink(embed['url']);
    assert.ok(!Number.isNaN(Date.parse(String(embed['timestamp']))));
  },
};

const slack: Service = {
  config: (base) => ({ webhook: `${base}/services/T0/B0/${SECRET}` }),
  secrets: [SECRET],
  answer: { text: 'ok' },
  takes(heard) {
    assert.equal(heard.path, `/services/T0/B0/${SECRET}`);
    const body = json(heard);
    const [header = {}, section = {}, link] = list(body['blocks']).map(({ text }) => object(text));
    for (const { type } of [header, section]) assert.equal(type, 'plain_text');
    const texts = [within(body['text'], 3_000), within(header['text'], 150), within(section['text'], 3_000)];
    for (const text of texts) unmarked(text, /$^/g);
    if (link) assert.match(within(link['text'], 3_000), /^<https?:\/\/[^<>|\s]+\|Open>$/);
  },
};

const teams: Service = {
  config: (base) => ({ webhook: `${base}/workflows/1?api-version=1&sig=${SECRET}` }),
  secrets: [SECRET],
  answer: { status: 202, text: '' },
  takes(heard) {
    assert.ok(heard.body.length <= 28_000);
    const [attachment = {}] = list(json(heard)['attachments']);
    const card = object(attachment['content']);
    for (const { type, inlines } of list(card['body'])) {
      assert.equal(type, 'RichTextBlock');
      within(list(inlines)[0]?.['text'], 28_000);
    }
    if (card['actions']) isLink(list(card['actions'])[0]?.['url']);
  },
};

const ntfy: Service = {
  config: (base) => ({ server: base, topic: 'topic-5ecret-Qw1', token: SECRET }),
  secrets: [SECRET, 'topic-5ecret-Qw1'],
  answer: { text: '{"id":"a"}' },
  takes(heard) {
    assert.equal(heard.headers['authorization'], `Bearer ${SECRET}`);
    const { topic, title, message, priority, tags, click } = json(heard);
    assert.equal(topic, 'topic-5ecret-Qw1');
    within(title, 250, bytes);
    within(message, 4_096, bytes);
    assert.ok(Number(priority) >= 1 && Number(priority) <= 5);
    assert.match(String(tags), /^[a-z_]+$/);
    isLink(click);
  },
};

const gotify: Service = {
  config: (base) => ({ server: base, token: SECRET }),
  secrets: [SECRET],
  answer: { text: '{"id":1}' },
  takes(heard) {
    assert.equal(heard.headers['x-gotify-key'], SECRET);
    assert.equal(heard.path, '/message');
    const { title, message, priority } = json(heard);
    within(title, 250);
    within(message, 8_000);
    assert.ok(Number(priority) >= 0 && Number(priority) <= 10);
  },
};

const pushover: Service = {
  config: (base) => ({ server: base, token: SECRET, user: 'user-5ecret-Er2', emergency: true }),
  secrets: [SECRET, 'user-5ecret-Er2'],
  answer: { text: '{"status":1}' },
  takes(heard) {
    const { title, message, url, priority, retry, expire } = json(heard);
    within(title, 250);
    within(message, 1_024);
    assert.ok(String(url ?? '').length <= 512);
    isLink(url);
    if (priority === 2) assert.ok(Number(retry) >= 30 && Number(expire) <= 10_800);
  },
};

const matrix: Service = {
  config: (base) => ({ server: base, token: SECRET, room: '!a:b.org' }),
  secrets: [SECRET],
  answer: { text: '{"event_id":"$1"}' },
  takes(heard) {
    assert.equal(heard.method, 'PUT');
    assert.match(heard.path, /^\/_matrix\/client\/v3\/rooms\/!a%3Ab\.org\/send\/m\.room\.message\/[\w.~-]{1,64}$/);
    assert.equal(heard.headers['authorization'], `Bearer ${SECRET}`);
    assert.ok(heard.body.length <= 60_000);
    const { body, formatted_body } = json(heard);
    within(body, 60_000);
    unmarked(
      within(formatted_body, 60_000),
      /<\/?strong>|<br>|<a href="https?:\/\/[\x21\x23-\x3b\x3d\x3f-\x7e]+">(?=Open)|(?<=Open)<\/a>/g,
    );
  },
};

const pagerduty: Service = {
  config: (base) => ({ server: base, routing_key: SECRET }),
  secrets: [SECRET],
  answer: { status: 202, text: '{"status":"success"}' },
  takes(heard) {
    const { dedup_key, event_action, payload } = json(heard);
    within(dedup_key, 255);
    if (event_action === 'resolve') return;
    const { summary, severity, timestamp } = object(payload);
    within(summary, 1_024);
    assert.ok(['critical', 'error', 'warning', 'info'].includes(String(severity)));
    assert.ok(!Number.isNaN(Date.parse(String(timestamp))));
  },
};

const opsgenie: Service = {
  config: (base) => ({ server: base, key: SECRET }),
  secrets: [SECRET],
  answer: { status: 202, text: '{"result":"Request will be processed"}' },
  takes(heard) {
    assert.equal(heard.headers['authorization'], `GenieKey ${SECRET}`);
    const body = json(heard);
    if (heard.path !== '/v2/alerts') {
      assert.match(heard.path, /^\/v2\/alerts\/[\w.~-]{1,512}\/close\?identifierType=alias$/);
      return void within(body['note'], 25_000);
    }
    within(body['message'], 130);
    within(body['description'], 15_000);
    within(body['alias'], 512);
  },
};

const apprise: Service = {
  config: (base) => ({ server: base, urls: [`tgram://${SECRET}/1`] }),
  secrets: [SECRET],
  answer: { text: '{}' },
  takes(heard) {
    assert.equal(heard.path, '/notify');
    const { title, body, type, format } = json(heard);
    within(title, 250);
    within(body, 8_000);
    assert.equal(format, 'text');
    assert.ok(['info', 'success', 'warning', 'failure'].includes(String(type)));
  },
};

export const SERVICES: Record<string, Service> = {
  webhook,
  telegram,
  discord,
  slack,
  teams,
  ntfy,
  gotify,
  pushover,
  matrix,
  pagerduty,
  opsgenie,
  apprise,
};
