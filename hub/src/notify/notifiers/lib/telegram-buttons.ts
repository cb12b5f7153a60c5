/** Buttons of the Bot API: asked for by long polling, so that a hub that nobody reaches from outside hears them. */
import { asAppError } from '@muster/shared/errors';
import type { ListenCall } from '../../notifier.js';
import { type Asking, ask, fieldOf, jsonOf, strange } from './ask.js';
import { cut, oneLine } from './text.js';

/** How long the server holds a question that it has no answer to. */
const WAIT_S = 25;
const DEADLINE_MS = 40_000;
/** Updates of one answer: each holds the whole message that was answered, up to 25 kB where letters take six bytes each. */
const AT_ONCE = 5;
/** A server that does not hold the question, or names nothing to go on from, is asked no more often. */
const PACE_MS = 1_000;
const LONGEST_NAME = 60;
/** Of a callback's answer. */
const LONGEST_REPLY = 200;

type Call = Pick<ListenCall, 'now' | 'pause' | 'answered' | 'well' | 'signal'>;

/** Until the signal ends it, or Telegram says no. What was answered is asked for no more; it is kept there for a day. */
export const hearButtons = async (asking: Asking, bot: string, call: Call): Promise<void> => {
  let offset: number | undefined;
  while (!call.signal.aborted) {
    const [begun, before] = [call.now(), offset];
    const updates = await fetchUpdates(asking, bot, offset);
    call.well();
    for (const update of updates) {
      const id = fieldOf(update, 'update_id');
      if (typeof id === 'number') offset = id + 1;
      await press(asking, bot, { query: fieldOf(update, 'callback_query'), call });
    }
    if (offset === before && call.now() - begun < PACE_MS) await call.pause(PACE_MS);
  }
};

const fetchUpdates = async (asking: Asking, bot: string, offset: number | undefined): Promise<unknown[]> => {
  const url = `${bot}/getUpdates`;
  const json = { timeout: WAIT_S, limit: AT_ONCE, allowed_updates: ['callback_query'], ...(offset !== undefined && { offset }) };
  const found = fieldOf(jsonOf(await ask(asking, { url, json, timeout_ms: DEADLINE_MS })), 'result');
  if (!Array.isArray(found)) throw strange(asking, bot);
  return found;
};

const press = async (asking: Asking, bot: string, { query, call }: { query: unknown; call: Call }): Promise<void> => {
  const [id, data] = [fieldOf(query, 'id'), fieldOf(query, 'data')];
  if (typeof id !== 'string' || typeof data !== 'string') return;
  const said = await call
    .answered(data.slice(0, 64), `telegram:${nameOf(fieldOf(query, 'from'))}`)
    .catch((error) => `Not acknowledged: ${asAppError(error).message}`);
  const json = { callback_query_id: id, text: cut(oneLine(said), LONGEST_REPLY) };
  // It is acknowledged whether or not the phone can be told so.
  await ask(asking, { url: `${bot}/answerCallbackQuery`, json }).catch(() => {});
};

const nameOf = (from: unknown): string => {
  const names = ['username', 'first_name', 'id'].map((field) => fieldOf(from, field));
  const name = names.find((one) => (typeof one === 'string' && oneLine(one) !== '') || typeof one === 'number');
  return cut(oneLine(String(name ?? 'somebody')), LONGEST_NAME);
};
