import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createHttp } from '@muster/shared/http';
import { createLog } from '@muster/shared/log';
import { afterEach, describe, expect, it } from 'vitest';
import { loadNotifiers } from './notifier-plugins.js';
import { createHarness, type Harness } from './testing/harness.js';

const TOKEN = '123456:AAbbCCddEEffGG-5ecret';
const notifiers = await loadNotifiers();
const open: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

interface Update {
  update_id: number;
  callback_query?: { id: string; from: object; data: string; message?: { text: string } };
}
type Fault = 'conflict' | 'echo' | 'hang up' | 'garbage' | 'nameless' | null;

/** As Telegram writes it: six bytes for every letter that is not ASCII. */
const escaped = (json: string): string =>
  json.replace(/[\u0080-\uffff]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** The Bot API: holds a question until it has an update, and forgets what a later offset confirms. */
const startBotApi = async () => {
  let updates: Update[] = [];
  const waiting: { response: ServerResponse; offset: number; limit: number }[] = [];
  const state = {
    polls: 0,
    sent: [] as Record<string, unknown>[],
    answered: [] as Record<string, unknown>[],
    fault: null as Fault,
  };
  const reply = (response: ServerResponse, result: unknown) => void response.end(escaped(JSON.stringify({ ok: true, result })));
  const hand = () => {
    for (const { response, offset, limit } of waiting.splice(0)) {
      updates = updates.filter(({ update_id }) => update_id >= offset);
      if (updates.length > 0) reply(response, updates.slice(0, limit));
      else waiting.push({ response, offset, limit });
    }
  };
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const part of request) body += part;
    const method = request.url?.split('/').at(-1);
    const json = JSON.parse(body) as Record<string, unknown>;
    if (method === 'sendMessage') state.sent.push(json);
    if (method === 'answerCallbackQuery') state.answered.push(json);
    if (method !== 'getUpdates') return reply(response, {});
    state.polls++;
    expect(json['allowed_updates']).toEqual(['callback_query']);
    if (state.fault === 'hang up') return void request.socket.destroy();
    if (state.fault === 'garbage') return void response.end('<html>log in</html>');
    if (state.fault === 'nameless') return reply(response, [{}]);
    if (state.fault === 'conflict') response.statusCode = 409;
    if (state.fault === 'echo') response.statusCode = 500;
    if (state.fault)
      return void response.end(JSON.stringify({ ok: false, description: `Conflict ${request.url} ${TOKEN.split(':')[1]}` }));
    waiting.push({ response, offset: Number(json['offset'] ?? 0), limit: Number(json['limit']) });
    hand();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  open.push(() => {
    server.closeAllConnections();
    server.close();
  });
  let count = 700;
  const press = (data: string, from: object, text = '') => {
    updates.push({ update_id: ++count, callback_query: { id: `q${count}`, from, data, message: { text } } });
    hand();
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, state, press, waiting };
};

const setUp = async (config: object = { buttons: true }) => {
  const bot = await startBotApi();
  const lines: string[] = [];
  const log = createLog({ format: 'json', level: 'debug', write: (line) => void lines.push(line), now: () => 0 });
  const hub = createHarness({ notifiers, http: createHttp(), log, base: null });
  open.push(() => hub.notify.stop());
  await hub.start([]);
  const set = (id: string, more: object = {}, enabled = true) =>
    hub.notify.putNotifier(id, {
      kind: 'telegram',
      config: { token: TOKEN, chat: '-100', server: bot.url, ...config, ...more },
      enabled,
    });
  await set('chat');
  return { bot, hub, lines, set };
};

const codeOf = (sent: Record<string, unknown> | undefined): string =>
  /"callback_data":"([^"]+)"/.exec(JSON.stringify(sent ?? {}))?.[1] ?? '';

const told = async (hub: Harness, bot: Awaited<ReturnType<typeof startBotApi>>, id: string): Promise<string> => {
  const before = bot.state.sent.length;
  hub.fire(id, `pi-${id}`);
  await hub.until(() => bot.state.sent.length > before, 'Telegram got the notice');
  return codeOf(bot.state.sent.at(-1));
};

const acknowledgements = (hub: Harness) =>
  hub.log.flatMap(({ change, by, alert }) => (change === 'acknowledged' ? [[alert.id, by, alert.acknowledged?.comment]] : []));

describe('a button in Telegram', () => {
  it('acknowledges for a hub that nobody reaches from outside, by the name of who pressed it, and tells them', async () => {
    const { bot, hub } = await setUp();
    const code = await told(hub, bot, '1');
    expect(Buffer.byteLength(code)).toBeLessThanOrEqual(64);
    bot.press(code, { id: 5, username: 'ada_l', first_name: 'Ada' });
    await hub.until(() => bot.state.answered.length === 1, 'the press was answered');
    expect(acknowledgements(hub)).toEqual([['1', 'telegram:ada_l', 'Acknowledged from the notice']]);
    expect(bot.state.answered).toEqual([{ callback_query_id: 'q701', text: 'Acknowledged.' }]);
    bot.press(code, { id: 6, first_name: 'Bob\u202e\nEvil' });
    await hub.until(() => bot.state.answered.length === 2, 'the second press was answered');
    expect(bot.state.answered[1]).toMatchObject({ text: 'Acknowledged already by telegram:ada_l.' });
    expect(acknowledgements(hub)).toHaveLength(1);
  });

  it('that was forged, or is about what is over, acknowledges nothing and says so', async () => {
    const { bot, hub } = await setUp();
    const code = await told(hub, bot, '1');
    await told(hub, bot, '2');
    bot.press(`${code.slice(0, -1)}x`, { id: 5 });
    bot.press('a.zzz.2.aaaaaaaaaaaaaaaaaaaaaa', { id: 5 });
    hub.resolve('1');
    bot.press(code, { id: 5 });
    await hub.until(() => bot.state.answered.length === 3, 'all were answered');
    expect(bot.state.answered.map(({ text }) => text)).toEqual([
      'Not acknowledged: This link or button is not one of this hub',
      'Not acknowledged: This link or button is not one of this hub',
      'This is over already.',
    ]);
    expect(acknowledgements(hub)).toEqual([]);
  });

  it('is asked for once, whoever shares the bot, only while such a channel is on', async () => {
    const { bot, hub, set } = await setUp();
    await set('family');
    await hub.until(() => bot.waiting.length === 1, 'it is asked');
    await hub.pass(30_000);
    expect(bot.state.polls).toBe(1);
    await set('family', { buttons: false });
    await set('chat', {}, false);
    const code = await told(hub, bot, '1');
    expect(code).toBe('');
    bot.press('a.b.c', { id: 5 });
    await hub.pass(120_000, 5_000);
    expect(bot.state.answered).toEqual([]);
    expect(bot.state.polls).toBe(1);
  });

  it('that was pressed while the hub was away is heard when it is back', async () => {
    const { bot, hub } = await setUp();
    const code = await told(hub, bot, '1');
    hub.notify.stop();
    bot.waiting.splice(0);
    bot.press(code, { id: 5, username: 'ada' });
    await hub.crash();
    await hub.until(() => bot.state.answered.length === 1, 'the press was answered');
    expect(acknowledgements(hub).map(([, by]) => by)).toEqual(['telegram:ada']);
  });

  it('is heard behind twenty others below the longest notices, in letters that take six bytes each', async () => {
    const { bot, hub } = await setUp();
    const code = await told(hub, bot, '1');
    await hub.until(() => bot.waiting.length === 1, 'it is asked');
    const asked = bot.waiting.splice(0);
    for (let press = 0; press < 20; press++) bot.press('a.b.c', { id: 5 }, 'ж'.repeat(4_000));
    bot.waiting.push(...asked);
    bot.press(code, { id: 5, username: 'ada' });
    await hub.until(() => bot.state.answered.length === 21, 'all were answered');
    expect(acknowledgements(hub)).toHaveLength(1);
  });

  it('of a server that answers at once and names nothing is asked for once a second', async () => {
    const { bot, hub, set } = await setUp({});
    bot.state.fault = 'nameless';
    const begun = hub.clock.now();
    await set('chat', { buttons: true });
    await hub.until(() => bot.state.polls > 8, 'it is asked again and again');
    expect(hub.clock.now() - begun).toBeGreaterThanOrEqual(7_000);
  });

  it.each([
    ['conflict', 'give Muster a bot of its own'],
    ['echo', 'answered with status 500'],
    ['hang up', 'cannot be reached'],
    ['garbage', 'answered something else than Telegram does'],
  ] as const)(
    'that cannot be heard (%s) shows why, without the token anywhere, and is heard once it can be',
    async (fault, sentence) => {
      const { bot, hub, lines, set } = await setUp({});
      bot.state.fault = fault;
      await set('chat', { buttons: true });
      await hub.until(() => hub.notify.notifier('chat')?.listen_error, 'it is known');
      expect(hub.notify.notifier('chat')?.listen_error).toContain(sentence);
      await hub.until(() => bot.state.polls > 2, 'it is tried again');
      expect(lines.filter((line) => line.includes('cannot be heard'))).toHaveLength(1);
      const shown = JSON.stringify([lines, hub.notify.notifiers(), hub.hubAlerts, hub.audited]);
      for (const secret of [TOKEN, TOKEN.split(':')[1] ?? '', encodeURIComponent(TOKEN)]) expect(shown).not.toContain(secret);
      bot.state.fault = null;
      const code = await told(hub, bot, '1');
      bot.press(code, { id: 5, username: 'ada' });
      await hub.until(() => bot.state.answered.length === 1, 'the press was answered');
      expect(hub.notify.notifier('chat')?.listen_error).toBe(null);
    },
  );
});
