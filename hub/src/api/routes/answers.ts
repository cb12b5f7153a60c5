/** Acknowledging from a notice: no session, but a token that is good for what that notice told of. */
import { asAppError } from '@muster/shared/errors';
import * as v from 'valibot';
import { answerPage } from '../answer-page.js';
import { defineRoute, type Exchange } from '../route.js';

const token = v.pipe(v.string(), v.maxLength(300), v.regex(/^[\w.-]+$/, 'must be the token of a notice'));
const query = v.object({ token });

/** A person reads the reply, whatever it is. */
const shown = async (exchange: Exchange, page: () => Promise<string>): Promise<string> => {
  try {
    return await page();
  } catch (thrown) {
    const { status, message, code } = asAppError(thrown);
    exchange.status(status);
    return answerPage.failed(code === 'internal' ? 'The hub could not do it; try again in the dashboard' : message);
  }
};

export const askAcknowledge = defineRoute({
  method: 'GET',
  path: '/acknowledge',
  role: 'open',
  by_token: true,
  summary: 'A page that asks whether to acknowledge; opening it changes nothing: mail scanners and previews follow links',
  query,
  reply: v.string(),
  content_type: 'text/html; charset=utf-8',
  handle: ({ query, parts, exchange }) =>
    shown(exchange, async () => answerPage.ask(parts.notify.asked(query.token), query.token)),
});

export const acknowledgeByNotice = defineRoute({
  method: 'POST',
  path: '/acknowledge',
  role: 'open',
  by_token: true,
  summary: 'Acknowledges what a notice told of, by the token in its link',
  query,
  reply: v.string(),
  content_type: 'text/html; charset=utf-8',
  errors: ['not_found', 'expired', 'storage'],
  handle: ({ query, parts, exchange }) => shown(exchange, async () => answerPage.done(await parts.notify.answered(query.token))),
});
