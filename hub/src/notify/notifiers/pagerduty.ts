import * as v from 'valibot';
import { defineNotifier, type Notice } from '../notifier.js';
import { ask } from './lib/ask.js';
import { addressOr, base, key } from './lib/fields.js';
import { linkOf, textOf, threadOf, timeOf, titleOf } from './lib/notice.js';

const config = v.object({
  routing_key: key('Integration key of a service (Events API v2)'),
  server: addressOr('https://events.pagerduty.com', 'In Europe https://events.eu.pagerduty.com'),
});

const MOST_SUMMARY = 1_024;
const MOST_TEXT = 8_000;

/** Events API v2: an incident per alert or group, resolved by its end. */
export default defineNotifier({
  id: 'pagerduty',
  title: 'PagerDuty',
  docs: 'https://developer.pagerduty.com/docs/events-api-v2-overview',
  config,
  async send({ config: { routing_key, server }, notice, http, signal, now }) {
    const asking = { http, signal, now, who: 'PagerDuty', secrets: [routing_key] };
    const event = notice.resolved ? { event_action: 'resolve' } : triggerOf(notice);
    const json = { routing_key, dedup_key: threadOf(notice), ...event };
    await ask(asking, { url: `${base(server)}/v2/enqueue`, json });
  },
});

const triggerOf = (notice: Notice) => {
  const link = linkOf(notice);
  return {
    event_action: 'trigger',
    client: 'Muster',
    payload: {
      summary: titleOf(notice, { max: MOST_SUMMARY }),
      source: 'Muster',
      severity: notice.severity,
      timestamp: timeOf(notice),
      custom_details: { text: textOf(notice, { max: MOST_TEXT }), event: notice.event },
    },
    ...(link !== null && { links: [{ href: link, text: 'Open' }] }),
  };
};
