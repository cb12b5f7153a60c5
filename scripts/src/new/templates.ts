import { networkFixtureFrom, networkFrom, presetFixtureFrom, presetFrom, titleOf } from './from-reply.js';
import type { Recorded } from './recorded.js';

/** What `npm run new` writes: a declaration that works and a fixture with a good, an empty and a broken case. */
export const NEW_KINDS = ['network', 'preset', 'probe', 'rule', 'notifier'] as const;
/** Those that are made out of a recorded reply. */
export const FROM_REPLY: readonly NewKind[] = ['network', 'preset'];
export type NewKind = (typeof NEW_KINDS)[number];

export interface Template {
  folder: string;
  /** How the declaration's file ends. */
  ending: '.ts' | '.json';
  declaration: (id: string, recorded: Recorded) => string | Promise<string>;
  fixture: (id: string, recorded: Recorded) => object | Promise<object>;
}

const probe = (id: string) => `import { gauge } from '@muster/shared/metrics';
import { defineProbe } from '../probe.js';

/** ${titleOf(id)}: say here which file it reads, its units, and where that is documented. */
const PATH = '/sys/class/${id}/value';

export default defineProbe({
  id: '${id}',
  title: '${titleOf(id)}',
  every: 10_000,
  metrics: { '${id}.value': gauge('1', '${titleOf(id)}') },
  async read({ host }) {
    const text = host.read(PATH);
    if (text === null) return null;
    const value = Number.parseFloat(text);
    return Number.isFinite(value) ? [{ metric: '${id}.value', value }] : [];
  },
});
`;

const probeFixture = (id: string) => {
  const read = (files: Record<string, string>) => [{ at_ms: 0, files }];
  const path = `/sys/class/${id}/value`;
  return {
    cases: [
      { name: `a machine with ${id}`, reads: read({ [path]: '42\n' }), expect: [{ metric: `${id}.value`, value: 42 }] },
      { name: `a machine without ${id}`, reads: read({}), expect: null },
      { name: `a driver that prints garbage`, reads: read({ [path]: 'error\n' }), expect: [] },
    ],
  };
};

const rule = (id: string) => `import * as v from 'valibot';
import { defineRule } from '../rule.js';

/** ${titleOf(id)}: say here when it fires and what an operator should do. */
export default defineRule({
  id: '${id}',
  title: '${titleOf(id)}',
  severity: 'warning',
  config: v.object({ limit: v.optional(v.number(), 100), for_ms: v.optional(v.number(), 60_000) }),
  default_config: null,
  needs: () => ['${id}.value'],
  delay: (config) => config.for_ms,
  judge: (config, { device, samples }) =>
    samples.map(({ series, value }) => ({
      subject: series,
      firing: value > config.limit ? ('yes' as const) : ('no' as const),
      value,
      why: \`\${device.name}: \${series} is \${value}, above \${config.limit}\`,
    })),
});
`;

const ruleFixture = (id: string) => {
  const sample = (at_ms: number, value: number) => ({ at_ms, samples: { [`${id}.value`]: value } });
  const config = { limit: 100, for_ms: 60_000 };
  return {
    cases: [
      {
        name: 'it fires after its delay and resolves',
        config,
        timeline: [sample(0, 150), sample(60_000, 150), sample(70_000, 50)],
        expect: [
          { at_ms: 0, change: 'pending' },
          { at_ms: 60_000, change: 'firing' },
          { at_ms: 70_000, change: 'resolved' },
        ],
      },
      { name: 'a device that has no such metric is left alone', config, timeline: [], expect: [] },
      {
        name: 'a short peak is cancelled',
        config,
        timeline: [sample(0, 150), sample(10_000, 50)],
        expect: [
          { at_ms: 0, change: 'pending' },
          { at_ms: 10_000, change: 'cancelled' },
        ],
      },
    ],
  };
};

const notifier = (id: string) => `import { AppError } from '@muster/shared/errors';
import { secret, url } from '@muster/shared/schema';
import * as v from 'valibot';
import { defineNotifier } from '../notifier.js';

/** ${titleOf(id)}: say here which API takes the message and where that is documented. */
export default defineNotifier({
  id: '${id}',
  title: '${titleOf(id)}',
  docs: 'https://example.org/${id}',
  config: v.object({ server: url(), token: secret() }),
  async send({ config, notice, http, signal }) {
    const headers = { authorization: \`Bearer \${config.token}\`, 'content-type': 'application/json' };
    const body = JSON.stringify({ title: notice.title, text: notice.text });
    const { status } = await http.request({ url: config.server, method: 'POST', headers, body, signal });
    if (status === 429 || status >= 500) throw new AppError('busy', \`${titleOf(id)} answered \${status}; the notice is sent again later\`);
    if (status >= 400) throw new AppError('bad_settings', \`${titleOf(id)} answered \${status}; check its address and token\`);
  },
});
`;

const notifierFixture = (id: string) => {
  const config = { server: 'http://127.0.0.1:8080/message', token: 'token-1' };
  const http = (status: number) => [{ url: config.server, method: 'POST', reply: { status, text: '' } }];
  return {
    cases: [
      { name: `${id} takes the notice`, config, http: http(200), expect: 'sent' },
      { name: `${id} is busy`, config, http: http(503), expect: { error: { code: 'busy' } } },
      { name: `${id} refuses the token`, config, http: http(401), expect: { error: { code: 'bad_settings' } } },
    ],
  };
};

export const TEMPLATES: Record<NewKind, Template> = {
  network: { folder: 'shared/src/networks', ending: '.ts', declaration: networkFrom, fixture: networkFixtureFrom },
  preset: { folder: 'shared/src/presets', ending: '.json', declaration: presetFrom, fixture: presetFixtureFrom },
  probe: { folder: 'agent/src/probes', ending: '.ts', declaration: probe, fixture: probeFixture },
  rule: { folder: 'hub/src/alerts/rules', ending: '.ts', declaration: rule, fixture: ruleFixture },
  notifier: { folder: 'hub/src/notify/notifiers', ending: '.ts', declaration: notifier, fixture: notifierFixture },
};
