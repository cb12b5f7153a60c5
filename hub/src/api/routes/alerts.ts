import { AppError } from '@muster/shared/errors';
import { ALERT_STATES, type LiveAlert } from '@muster/shared/wire/live';
import * as v from 'valibot';
import type { Parts, RuleSetting } from '../../parts.js';
import { versionOf } from '../../shelf.js';
import { device, numbered, paging, text } from '../fields.js';
import { pageInOrder } from '../paging.js';
import { defineRoute } from '../route.js';
import { alert, alertEvent, list, rule, ruleDeclaration, rulePreview } from '../shapes.js';
import { nameOf } from './lookup.js';

export const listAlerts = defineRoute({
  method: 'GET',
  path: '/api/v1/alerts',
  role: 'viewer',
  summary: 'Open and recently resolved alerts, newest first',
  query: v.object({
    ...paging,
    state: v.optional(v.picklist(ALERT_STATES, `must be one of ${ALERT_STATES.join(', ')}`)),
    device: v.optional(device),
  }),
  reply: list(alert),
  async handle({ query, parts }) {
    const { state, device } = query;
    const page = pageInOrder(parts.alerts.list({ state, device }), (one) => one.id, query);
    const seen = (one: LiveAlert) => ({ ...(parts.alerts.get(one.id) ?? one), silenced: parts.notify.silenced(one) });
    return { ...page, items: page.items.map(seen) };
  },
});

export const listAlertEvents = defineRoute({
  method: 'GET',
  path: '/api/v1/alerts/events',
  role: 'viewer',
  summary: 'Alert events behind a number, rising; what a client missed',
  query: v.object(numbered),
  reply: list(alertEvent),
  async handle({ query, parts }) {
    const items = await parts.alerts.events(query.after, query.limit);
    const last = items.at(-1)?.number;
    return items.length === query.limit && typeof last === 'number' ? { items, next: String(last) } : { items };
  },
});

const comment = v.optional(v.nullable(text(1_000)), null);
/** Who takes care of it; whoever acknowledges unless said otherwise. */
const owner = v.optional(v.nullable(text(100)), null);
const several = v.pipe(v.array(v.pipe(v.string(), v.maxLength(500))), v.minLength(1), v.maxLength(1_000));

export const acknowledgeAlert = defineRoute({
  method: 'POST',
  path: '/api/v1/alerts/:alert/acknowledge',
  role: 'operator',
  summary: 'Says who takes care of an alert: whoever asks, unless "owner" names another',
  params: v.object({ alert: v.pipe(v.string(), v.maxLength(500)) }),
  body: v.object({ comment, owner }),
  reply: alert,
  errors: ['not_found'],
  audit: ['comment', 'owner'],
  async handle({ params, body: { comment, owner }, parts, exchange }) {
    const by = nameOf(exchange.who);
    return only(params.alert, parts, (ids) => parts.alerts.assign(ids, { by, owner: owner ?? by, comment }));
  },
});

/** One alert after it was changed; an unknown one is an error. */
const only = async (id: string, { alerts }: Parts, change: (ids: string[]) => Promise<LiveAlert[]>): Promise<LiveAlert> => {
  const [changed] = alerts.get(id) ? await change([id]) : [];
  if (changed) return changed;
  throw new AppError('not_found', `There is no alert "${id}"`, { path: 'alert' });
};

export const acknowledgeAlerts = defineRoute({
  method: 'POST',
  path: '/api/v1/alerts/acknowledge',
  role: 'operator',
  summary: 'The same for several; unknown ones are left out of the reply',
  body: v.object({ ids: several, comment, owner }),
  reply: list(alert),
  audit: ['ids', 'comment', 'owner'],
  async handle({ body: { ids, comment, owner }, parts, exchange }) {
    const by = nameOf(exchange.who);
    const known = ids.filter((id) => parts.alerts.get(id));
    return { items: known.length ? await parts.alerts.assign(known, { by, owner: owner ?? by, comment }) : [] };
  },
});

export const unacknowledgeAlert = defineRoute({
  method: 'POST',
  path: '/api/v1/alerts/:alert/unacknowledge',
  role: 'operator',
  summary: 'Says that nobody takes care of an alert any more: it is repeated and escalated again',
  params: v.object({ alert: v.pipe(v.string(), v.maxLength(500)) }),
  body: v.object({ comment }),
  reply: alert,
  errors: ['not_found'],
  audit: ['comment'],
  handle: async ({ params, body, parts, exchange }) =>
    only(params.alert, parts, (ids) => parts.alerts.unacknowledge(ids, nameOf(exchange.who), body.comment)),
});

export const unacknowledgeAlerts = defineRoute({
  method: 'POST',
  path: '/api/v1/alerts/unacknowledge',
  role: 'operator',
  summary: 'The same for several; unknown ones are left out of the reply',
  body: v.object({ ids: several, comment }),
  reply: list(alert),
  audit: ['ids', 'comment'],
  async handle({ body, parts, exchange }) {
    const known = body.ids.filter((id) => parts.alerts.get(id));
    return { items: known.length ? await parts.alerts.unacknowledge(known, nameOf(exchange.who), body.comment) : [] };
  },
});

export const listRules = defineRoute({
  method: 'GET',
  path: '/api/v1/rules',
  role: 'viewer',
  summary: 'The rules that judge, and the declarations that a rule can be made of',
  reply: v.object({ items: v.array(rule), version: v.string(), declarations: v.array(ruleDeclaration) }),
  handle: async ({ parts }) => ({ ...ruleList(parts.alerts.rules()), declarations: parts.alerts.declarations() }),
});

const ruleList = (items: RuleSetting[]) => ({ items, version: versionOf(items) });
const rules = v.pipe(v.array(rule), v.maxLength(500));

/** A rule that was there before its site went must not block every other change. */
const refuseUnknownSites = (rules: readonly RuleSetting[], { registry, alerts }: Parts): void => {
  for (const [index, rule] of rules.entries()) {
    const known = sitesOf(alerts.rules().find((one) => one.id === rule.id));
    for (const [path, site] of sitesOf(rule)) {
      if (registry.sites.get(site) || known.some(([, one]) => one === site)) continue;
      throw new AppError(
        'bad_request',
        `Rule "${rule.id}" ${path === 'scope' ? 'is for' : 'leaves out'} a site, but there is no site "${site}"; add it, or name another`,
        { path: `items.${index}.${path}.site` },
      );
    }
  }
};

const sitesOf = (rule: RuleSetting | undefined): [path: string, site: string][] => {
  if (!rule) return [];
  const scopes = [['scope', rule.scope] as const, ...(rule.except ?? []).map((one, at) => [`except.${at}`, one] as const)];
  return scopes.flatMap(([path, scope]) => ('site' in scope ? [[path, scope.site]] : []));
};

export const setRules = defineRoute({
  method: 'PUT',
  path: '/api/v1/rules',
  role: 'operator',
  summary: 'Replaces all rules; with the version that was read, only where nobody changed them since',
  body: v.object({ items: rules, version: v.optional(v.string()) }),
  reply: v.object({ items: v.array(rule), version: v.string() }),
  errors: ['conflict', 'storage'],
  audit: ['items'],
  async handle({ body, parts, exchange }) {
    refuseTwice(body.items);
    refuseUnknownSites(body.items, parts);
    return ruleList(await parts.alerts.setRules(body.items, nameOf(exchange.who), body.version));
  },
});

const refuseTwice = (items: readonly RuleSetting[]): void => {
  const twice = items.find((one, index) => items.findIndex((other) => other.id === one.id) !== index);
  if (twice) throw new AppError('bad_request', `Two rules have the id "${twice.id}"`, { path: 'items' });
};

export const checkRules = defineRoute({
  method: 'POST',
  path: '/api/v1/rules/check',
  role: 'operator',
  summary: 'The rules as they would be kept, or what is wrong with them; nothing is changed',
  body: v.object({ items: rules }),
  reply: v.object({ items: v.array(rule) }),
  async handle({ body, parts }) {
    refuseTwice(body.items);
    refuseUnknownSites(body.items, parts);
    return { items: parts.alerts.checkRules(body.items) };
  },
});

const PREVIEW_DAYS = 30;

export const previewRule = defineRoute({
  method: 'POST',
  path: '/api/v1/rules/preview',
  role: 'operator',
  summary: 'What a rule would have said of the last days, by stored history; nothing is kept or sent',
  body: v.object({
    rule,
    days: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(PREVIEW_DAYS)), 7),
  }),
  reply: rulePreview,
  handle: async ({ body, parts, exchange }) =>
    parts.alerts.preview(body.rule, { days: body.days, reader: parts.reader, signal: exchange.signal }),
});
