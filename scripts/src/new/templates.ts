/** What `npm run new` writes: a declaration that works and a fixture with a good, an empty and a broken case. */
export const NEW_KINDS = ['network', 'probe', 'rule', 'notifier'] as const;
export type NewKind = (typeof NEW_KINDS)[number];

export interface Template {
  folder: string;
  declaration: (id: string) => string;
  fixture: (id: string) => object;
}

const titleOf = (id: string): string => id.charAt(0).toUpperCase() + id.slice(1).replaceAll('_', ' ');

const network = (id: string) => `import * as v from 'valibot';
import { AppError } from '../errors.js';
import { gauge } from '../metrics.js';
import { defineNetwork } from '../network.js';
import { url } from '../schema.js';

/** ${titleOf(id)}: say here which API answers, in which units, and where that is documented. */
const reply = v.object({ earned: v.pipe(v.string(), v.regex(/^\\d+$/)), online: v.boolean() });

export default defineNetwork({
  id: '${id}',
  title: '${titleOf(id)}',
  docs: 'https://example.org/${id}',
  tokens: { TOKEN: 18 },
  config: v.object({ url: v.optional(url(), 'http://127.0.0.1:8080/status'), account: v.string() }),
  metrics: { online: gauge('1', 'Seen as online by the network') },
  every: 300_000,
  expects: { cadence: 86_400_000, silence_is_normal_for: 2 * 86_400_000 },
  async onDevice({ config, http }) {
    const { status, text } = await http.request({ url: config.url });
    if (status === 404) return {};
    const parsed = status === 200 ? v.safeParse(v.pipe(v.string(), v.parseJson(), reply), text) : null;
    if (!parsed?.success) throw new AppError('bad_reply', \`${titleOf(id)} answered \${status} with something else than its status\`);
    const { earned, online } = parsed.output;
    return {
      samples: [{ metric: 'online', value: online ? 1 : 0 }],
      readings: [{ kind: 'lifetime', account: config.account, token: 'TOKEN', decimals: 18, exact: true, amount: earned, resets: 'never' }],
    };
  },
});
`;

const networkFixture = (id: string) => {
  const config = { url: 'http://127.0.0.1:8080/status', account: 'account-1' };
  const http = (reply: object) => [{ url: config.url, reply }];
  const reading = { kind: 'lifetime', account: 'account-1', token: 'TOKEN', decimals: 18, exact: true, resets: 'never' };
  return {
    cases: [
      {
        name: `${id} has earned`,
        config,
        http: http({ text: '{"earned":"1500000000000000000","online":true}' }),
        expect: { samples: [{ metric: 'online', value: 1 }], readings: [{ ...reading, amount: '1500000000000000000' }] },
      },
      {
        name: `${id} does not know the account`,
        config,
        http: http({ status: 404, text: '' }),
        expect: { samples: [], readings: [] },
      },
      { name: `${id} answers HTML`, config, http: http({ text: '<html>' }), expect: { error: { code: 'bad_reply' } } },
    ],
  };
};

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
  network: { folder: 'shared/src/networks', declaration: network, fixture: networkFixture },
  probe: { folder: 'agent/src/probes', declaration: probe, fixture: probeFixture },
  rule: { folder: 'hub/src/alerts/rules', declaration: rule, fixture: ruleFixture },
  notifier: { folder: 'hub/src/notify/notifiers', declaration: notifier, fixture: notifierFixture },
};
