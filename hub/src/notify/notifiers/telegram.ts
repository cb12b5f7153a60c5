import { AppError, asAppError } from '@muster/shared/errors';
import type { HttpReply } from '@muster/shared/http';
import { secret } from '@muster/shared/schema';
import * as v from 'valibot';
import { defineNotifier, type Notice } from '../notifier.js';
import { type Asking, ask, fieldOf, jsonOf, strange } from './lib/ask.js';
import { escapeHtml } from './lib/escape.js';
import { addressOr, base, words } from './lib/fields.js';
import { acknowledgeLinkOf, answerSecretsOf, dotted, dottedLinkOf, textOf, textWithLink, titleOf } from './lib/notice.js';
import { hearButtons } from './lib/telegram-buttons.js';

const config = v.object({
  token: v.pipe(
    secret(),
    v.regex(/^\d{1,20}:[\w-]{10,100}$/, 'must be a token such as 123456:ABC-DEF…, as @BotFather gives it'),
    v.description('Token of the bot, from @BotFather'),
  ),
  chat: v.pipe(
    words('Number of the chat or @name of the channel; the bot must be in it'),
    v.regex(/^(-?\d{1,20}|@\w{4,64})$/, 'must be a number such as -1001234567890, or @channel'),
  ),
  thread: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.description('Topic of a forum group'))),
  buttons: v.optional(
    v.pipe(v.boolean(), v.description('A button acknowledges; the hub asks Telegram for it, so nothing else may read this bot')),
    false,
  ),
  server: addressOr('https://api.telegram.org', 'Bot API; another one when you run your own'),
});

/** Of the 4,096 characters that the Bot API takes, counted after the markup is read. */
const MOST_TITLE = 200;
const MOST_TEXT = 3_800;
const units = (text: string) => text.length;

/** The Bot API: one message in HTML, silent for information, with a button that opens the alert. */
export default defineNotifier({
  id: 'telegram',
  title: 'Telegram',
  docs: 'https://core.telegram.org/bots/api#sendmessage',
  config,
  async send({ config: { token, chat, thread, server, buttons }, notice, http, signal, now }) {
    const secrets = [...secretsOf(token), ...answerSecretsOf(notice)];
    const asking = { http, signal, now, who: 'Telegram', secrets };
    const url = `${base(server)}/bot${token}/sendMessage`;
    const to = { chat_id: chat, ...(thread !== undefined && { message_thread_id: thread }) };
    const say = async (message: object) => accepted(asking, url, await ask(asking, { url, json: { ...to, ...message } }));
    const whole = { open: dottedLinkOf(notice), acknowledge: acknowledgeOf(notice, buttons) };
    const plain = { open: null, acknowledge: whole.acknowledge && 'url' in whole.acknowledge ? null : whole.acknowledge };
    // A link that Telegram does not like refuses the whole message: then it goes without.
    await say(messageOf(notice, whole))
      .catch((error) => (hasLinks(whole) && isButtonRefused(error) ? say(messageOf(notice, plain)) : Promise.reject(error)))
      .catch(explain);
  },
  hears: ({ buttons, token, server }) => (buttons ? `${base(server)} ${token}` : null),
  async listen({ config: { token, server }, ...call }) {
    const asking = { http: call.http, signal: call.signal, now: call.now(), who: 'Telegram', secrets: secretsOf(token) };
    await hearButtons(asking, `${base(server)}/bot${token}`, call).catch(explain);
  },
});

const secretsOf = (token: string) => [token, token.split(':')[1]];

type Acknowledge = { text: string } & ({ url: string } | { callback_data: string });
interface Buttons {
  open: string | null;
  acknowledge: Acknowledge | null;
}

const acknowledgeOf = (notice: Notice, buttons: boolean): Acknowledge | null => {
  const code = notice.resolved ? undefined : notice.acknowledge_code;
  if (buttons && code !== undefined) return { text: 'Acknowledge', callback_data: code };
  const url = dotted(acknowledgeLinkOf(notice));
  return url === null ? null : { text: 'Acknowledge', url };
};

const hasLinks = ({ open, acknowledge }: Buttons): boolean => open !== null || (acknowledge !== null && 'url' in acknowledge);

const messageOf = (notice: Notice, { open, acknowledge }: Buttons) => {
  const title = escapeHtml(titleOf(notice, { max: MOST_TITLE }));
  const text = escapeHtml(
    open === null ? textWithLink(notice, { max: MOST_TEXT, cost: units }) : textOf(notice, { max: MOST_TEXT }),
  );
  const row = [...(open === null ? [] : [{ text: 'Open', url: open }]), ...(acknowledge === null ? [] : [acknowledge])];
  return {
    text: `<b>${title}</b>\n\n${text}`,
    parse_mode: 'HTML',
    link_preview_options: { is_disabled: true },
    disable_notification: notice.severity === 'info',
    ...(row.length > 0 && { reply_markup: { inline_keyboard: [row] } }),
  };
};

const accepted = (asking: Asking, url: string, reply: HttpReply): void => {
  if (fieldOf(jsonOf(reply), 'ok') !== true) throw strange(asking, url);
};

const isButtonRefused = (error: unknown): boolean =>
  asAppError(error).code === 'bad_request' && /button|url/i.test(String(error));

/** What a new operator meets first. */
const explain = (error: unknown): never => {
  const { code, message, details } = asAppError(error);
  if (code === 'not_found' || code === 'unauthorized') throw new AppError(code, `${message}; check the token`, details);
  if (/chat not found/i.test(message)) throw new AppError(code, `${message}; check the chat, and write to the bot once`, details);
  if (details['status'] === 409)
    throw new AppError(
      code,
      `${message}; another program reads this bot, or it has a webhook: give Muster a bot of its own`,
      details,
    );
  if (/upgraded to a supergroup/i.test(message)) throw new AppError(code, `${message}; the group has a new number`, details);
  throw error;
};
