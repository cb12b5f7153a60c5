import * as v from 'valibot';

/** Shapes that routes and silences of notices share. */
export const severity = v.picklist(['critical', 'warning', 'info']);

export const noticeScope = v.union(
  [
    v.strictObject({ all: v.literal(true) }),
    v.strictObject({ tag: v.string() }),
    v.strictObject({ site: v.string() }),
    v.strictObject({ device: v.string() }),
    v.strictObject({ network: v.string() }),
    v.strictObject({ rule: v.string() }),
  ],
  'must be {"all": true}, {"tag": …}, {"site": …}, {"device": …}, {"network": …} or {"rule": …}',
);

export const weekly = v.object({ days: v.array(v.number()), from: v.string(), to: v.string(), time_zone: v.string() });
