import type { Severity } from '@muster/shared/wire/live';
import * as v from 'valibot';
import { defineNotifier, type Notice } from '../notifier.js';
import { ask } from './lib/ask.js';
import { addressOr, base, key } from './lib/fields.js';
import { linkOf, textOf, textWithLink, threadOf, titleOf } from './lib/notice.js';

const config = v.object({
  key: key('Key of an API integration'),
  server: addressOr('https://api.opsgenie.com', 'In Europe https://api.eu.opsgenie.com'),
});

const MOST_TITLE = 130;
const MOST_TEXT = 15_000;
const PRIORITIES: Record<Severity, string> = { critical: 'P1', warning: 'P3', info: 'P5' };
const units = (text: string) => text.length;

/** Alerts API: one alert per alias, closed by its end; the service itself drops a second one of the same alias. */
export default defineNotifier({
  id: 'opsgenie',
  title: 'Opsgenie',
  docs: 'https://docs.opsgenie.com/docs/alert-api',
  config,
  async send({ config: { key: secret, server }, notice, http, signal, now }) {
    const asking = { http, signal, now, who: 'Opsgenie', secrets: [secret] };
    const headers = { authorization: `GenieKey ${secret}` };
    const alias = threadOf(notice);
    const close = `${base(server)}/v2/alerts/${alias}/close?identifierType=alias`;
    if (notice.resolved)
      await ask(asking, { url: close, headers, json: { source: 'Muster', note: textOf(notice, { max: MOST_TEXT }) } });
    else await ask(asking, { url: `${base(server)}/v2/alerts`, headers, json: { ...alertOf(notice), alias } });
  },
});

const alertOf = (notice: Notice) => {
  const link = linkOf(notice);
  return {
    message: titleOf(notice, { max: MOST_TITLE }),
    description: textWithLink(notice, { max: MOST_TEXT, cost: units }),
    priority: PRIORITIES[notice.severity],
    source: 'Muster',
    details: { event: `${notice.event}`, ...(link !== null && { link }) },
  };
};
