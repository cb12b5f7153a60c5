import { ALERT_STATES, PRESENCE_STATES } from '@muster/shared/wire/live';
import { about } from '@muster/shared/wire/messages';
import * as v from 'valibot';
import { ROLES } from '../parts.js';
import { decimal, json } from './fields.js';

/** Shapes of replies that several routes share; the port types say the same, held equal by the compiler. */
export const list = <S extends v.GenericSchema>(item: S) => v.object({ items: v.array(item), next: v.optional(v.string()) });

export const done = v.object({ ok: v.literal(true) });
export const DONE = { ok: true } as const;

export const amount = v.object({
  network: v.string(),
  token: v.string(),
  decimals: v.number(),
  amount: v.string(),
  estimated: v.boolean(),
});

/** What an hour without a device costs, by its own last days; null: nothing to go by. */
export const stake = v.nullable(
  v.object({
    currency: v.string(),
    fiat_per_hour: v.nullable(v.string()),
    tokens: v.array(v.object({ network: v.string(), token: v.string(), decimals: v.number(), amount_per_hour: v.string() })),
  }),
);

export const deviceLine = v.object({
  id: v.string(),
  name: v.string(),
  state: v.picklist(PRESENCE_STATES),
  since: v.number(),
  last_seen: v.nullable(v.number()),
  boot: v.nullable(v.string()),
  site: v.nullable(v.string()),
  tags: v.array(v.string()),
  carried_by: v.nullable(v.string()),
  main: v.record(v.string(), v.number()),
  earnings_today: v.array(amount),
  alerts: v.object({ firing: v.number(), pending: v.number() }),
});

export const devicePage = v.object({
  ...deviceLine.entries,
  about,
  agent_version: v.nullable(v.string()),
  interval_ms: v.nullable(v.number()),
  created_at: v.number(),
  watts: v.nullable(v.number()),
  purchase_price: v.nullable(v.string()),
  hosting_share: v.nullable(v.number()),
  /** Devices that it speaks for beside itself. */
  carries: v.array(v.string()),
  /** Devices that its birth names and its credential does not hold: an admin may allow them. */
  waiting: v.array(v.string()),
  earnings_lifetime: v.array(amount),
  stake,
});

export const labels = v.record(v.string(), v.string());
export const alert = v.object({
  id: v.string(),
  rule: v.string(),
  device: v.string(),
  device_name: v.string(),
  title: v.string(),
  why: v.string(),
  severity: v.picklist(['critical', 'warning', 'info']),
  state: v.picklist(ALERT_STATES),
  value: v.nullable(v.number()),
  since: v.number(),
  fired_at: v.nullable(v.number()),
  resolved_at: v.nullable(v.number()),
  acknowledged: v.nullable(
    v.object({ by: v.string(), at: v.number(), comment: v.nullable(v.string()), owner: v.optional(v.string()) }),
  ),
  event: v.number(),
  subject: v.optional(v.string()),
  snoozed: v.optional(v.nullable(v.object({ by: v.string(), at: v.number(), until: v.number() }))),
  silenced: v.optional(v.nullable(v.string())),
  unknown: v.optional(v.boolean()),
  stake: v.optional(stake),
  flapping: v.optional(v.boolean()),
});

export const alertEvent = v.object({
  number: v.nullable(v.number()),
  ts: v.number(),
  change: v.picklist(['pending', 'firing', 'resolved', 'cancelled', 'acknowledged', 'unacknowledged', 'snoozed']),
  by: v.string(),
  comment: v.optional(v.nullable(v.string())),
  alert,
});

const ruleParts = [
  v.strictObject({ network: v.string() }),
  v.strictObject({ kind: v.string() }),
  v.strictObject({ tag: v.string() }),
  v.strictObject({ site: v.string() }),
  v.strictObject({ device: v.string() }),
] as const;
export const rule = v.object({
  id: v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, 'must be 1-63 of a-z, 0-9, _ and -')),
  rule: v.pipe(v.string(), v.maxLength(63)),
  title: v.pipe(v.string(), v.minLength(1), v.maxLength(200)),
  enabled: v.boolean(),
  severity: v.picklist(['critical', 'warning', 'info']),
  scope: v.union(
    [v.strictObject({ all: v.literal(true) }), ...ruleParts],
    'must be {"all": true}, {"network": …}, {"kind": …}, {"tag": …}, {"site": …} or {"device": …}',
  ),
  except: v.optional(
    v.pipe(
      v.array(v.union(ruleParts, 'must be {"network": …}, {"kind": …}, {"tag": …}, {"site": …} or {"device": …}')),
      v.maxLength(100),
    ),
  ),
  config: json,
});
export const rulePreview = v.object({
  from: v.number(),
  to: v.number(),
  devices: v.number(),
  looked_at: v.number(),
  complete: v.boolean(),
  unseen: v.optional(v.array(v.string())),
  items: v.array(
    v.object({
      device: v.string(),
      subject: v.string(),
      from: v.number(),
      to: v.nullable(v.number()),
      value: v.nullable(v.number()),
      why: v.string(),
      severity: v.picklist(['critical', 'warning', 'info']),
    }),
  ),
});
export const ruleDeclaration = v.object({
  id: v.string(),
  title: v.string(),
  severity: v.picklist(['critical', 'warning', 'info']),
  config: json,
  default_config: json,
  many: v.boolean(),
});

const quarter = v.pipe(
  v.string(),
  v.regex(/^(([01]\d|2[0-3]):(00|15|30|45)|24:00)$/, 'must be a time such as 22:00, on a quarter of an hour'),
);
export const tariffPeriod = v.object({
  days: v.pipe(v.array(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(7))), v.minLength(1), v.maxLength(7)),
  from: quarter,
  to: quarter,
  tariff: decimal,
});
export const site = v.object({
  id: v.string(),
  name: v.string(),
  tariff: v.nullable(v.string()),
  time_zone: v.string(),
  tariff_periods: v.optional(v.array(tariffPeriod)),
});

export const role = v.picklist(ROLES, `must be one of ${ROLES.join(', ')}`);
export const session = v.object({
  user: v.object({ name: v.string(), role }),
  kind: v.picklist(['session', 'token', 'control', 'admin_token']),
});
export const user = v.object({ name: v.string(), role, created_at: v.number() });
export const token = v.object({
  id: v.string(),
  title: v.string(),
  role,
  created_at: v.number(),
  created_by: v.string(),
  last_used: v.nullable(v.number()),
});

/** What else it holds depends on the log. */
export const record = v.looseObject({ number: v.number(), ts: v.number(), device: v.nullable(v.string()) });

export const failure = v.object({
  error: v.object({
    code: v.string(),
    message: v.string(),
    path: v.optional(v.string()),
    hint: v.optional(v.string()),
    setup_needed: v.optional(v.boolean()),
  }),
});
