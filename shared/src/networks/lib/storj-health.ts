import { textOf } from '../../json-path.js';
import { type LosslessJson, NumberText } from '../../lossless.js';
import { gauge, type Sample } from '../../metrics.js';
import { sample } from '../../parse.js';
import { field } from './json-field.js';

/** Health of a Storj node from `/api/sno/` and `/api/sno/satellites`. Nodes differ by version: every field may be missing. */
const bytes = (title: string) => gauge('By', title, { resolution: 1_048_576 });
const flag = (title: string) => gauge('1', title);
const score = (title: string) => gauge('1', title, { resolution: 0.0001 });

export const STORJ_METRICS = {
  space_allocated: bytes('Space allocated to the node'),
  space_used: bytes('Space used by pieces'),
  space_available: bytes('Space still free for pieces'),
  space_trash: bytes('Space held by deleted pieces'),
  space_overused: bytes('Space used beyond the allocation'),
  space_reclaimable: bytes('Space of expired pieces that can be freed'),
  bandwidth: bytes('Bandwidth used this month'),
  bandwidth_egress: bytes('Egress this month'),
  bandwidth_ingress: bytes('Ingress this month'),
  last_ping_age: gauge('s', 'Time since a satellite last reached the node', { resolution: 1 }),
  uptime: gauge('s', 'Time since the node started', { resolution: 1 }),
  up_to_date: flag('Version is recent enough for the satellites'),
  quic_ok: flag('QUIC is reachable'),
  satellites: gauge('1', 'Satellites that the node works for'),
  disqualified: flag('Disqualified by a satellite'),
  suspended: flag('Suspended by a satellite'),
  vetted: flag('Vetted by a satellite'),
  audit_score: score('Audit score; below 0.96 a satellite disqualifies'),
  suspension_score: score('Suspension score; below 0.6 a satellite suspends'),
  online_score: score('Online score; below 0.6 a satellite suspends'),
  payout_undistributed: gauge('{USD}', 'Owed to the wallet, not sent yet', { resolution: 0.000001 }),
  payout_estimate: gauge('{USD}', 'Estimated payout of the current month', { resolution: 0.0001 }),
};

const MOST_SATELLITES = 50;

export const dashboardSamples = (json: LosslessJson, now: number): Sample[] => [
  ...spaceSamples(field(json, 'diskSpace') ?? null),
  ...sample('bandwidth', numberAt(field(json, 'bandwidth') ?? null, 'used')),
  ...sample('last_ping_age', ageAt(json, 'lastPinged', now)),
  ...sample('uptime', ageAt(json, 'startedAt', now)),
  ...flagAt(json, 'upToDate', 'up_to_date', (text) => text === 'true'),
  ...flagAt(json, 'quicStatus', 'quic_ok', (text) => text === 'OK'),
  ...satelliteSamples(listAt(json, 'satellites')),
];

/** Old nodes call the allocation "available" and have no field "allocated". */
const spaceSamples = (disk: LosslessJson): Sample[] => {
  const [used, available, trash] = [numberAt(disk, 'used'), numberAt(disk, 'available'), numberAt(disk, 'trash')];
  const allocated = numberAt(disk, 'allocated');
  const is_old = allocated === null && available !== null;
  return [
    ...sample('space_used', used),
    ...sample('space_trash', trash),
    ...sample('space_allocated', is_old ? available : allocated),
    ...sample('space_available', is_old ? Math.max(0, (available ?? 0) - (used ?? 0) - (trash ?? 0)) : available),
    ...sample('space_overused', numberAt(disk, 'overused')),
    ...sample('space_reclaimable', numberAt(disk, 'reclaimable')),
  ];
};

const satelliteSamples = (satellites: readonly LosslessJson[]): Sample[] => [
  { metric: 'satellites', value: satellites.length },
  ...satellites.slice(0, MOST_SATELLITES).flatMap((one) => {
    const labels = { satellite: shortName(textOf(field(one, 'url')) ?? textOf(field(one, 'id')) ?? '') };
    const isSet = (name: string) => (textOf(field(one, name)) === null ? 0 : 1);
    const vetted = field(one, 'vettedAt') === undefined ? [] : sample('vetted', isSet('vettedAt'), labels);
    return [
      ...sample('disqualified', isSet('disqualified'), labels),
      ...sample('suspended', isSet('suspended'), labels),
      ...vetted,
    ];
  }),
];

export const reputationSamples = (json: LosslessJson): Sample[] => [
  ...sample('bandwidth_egress', numberAt(json, 'egressSummary')),
  ...sample('bandwidth_ingress', numberAt(json, 'ingressSummary')),
  ...listAt(json, 'audits')
    .slice(0, MOST_SATELLITES)
    .flatMap((one) => {
      const labels = { satellite: shortName(textOf(field(one, 'satelliteName')) ?? '') };
      return [
        ...sample('audit_score', numberAt(one, 'auditScore'), labels),
        ...sample('suspension_score', numberAt(one, 'suspensionScore'), labels),
        ...sample('online_score', numberAt(one, 'onlineScore'), labels),
      ];
    }),
];

/** `us1.storj.io:7777` as both endpoints name it, without its port. */
const shortName = (text: string): string => text.replace(/^.*@/, '').replace(/:\d+$/, '').slice(0, 90);

const numberAt = (json: LosslessJson, name: string): number | null => {
  const found = field(json, name);
  return found instanceof NumberText && Number.isFinite(Number(found.text)) ? Number(found.text) : null;
};

const listAt = (json: LosslessJson, name: string): LosslessJson[] => {
  const found = field(json, name);
  return Array.isArray(found) ? found : [];
};

const flagAt = (json: LosslessJson, name: string, metric: string, isWell: (text: string) => boolean): Sample[] => {
  const text = textOf(field(json, name));
  return text === null || text === '' ? [] : [{ metric, value: isWell(text) ? 1 : 0 }];
};

/** Go writes year 1 for "never". */
const ageAt = (json: LosslessJson, name: string, now: number): number | null => {
  const at = Date.parse(textOf(field(json, name)) ?? '');
  return Number.isNaN(at) || at <= 0 ? null : Math.max(0, (now - at) / 1_000);
};
