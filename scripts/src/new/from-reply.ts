import { expectationOf, type Recorded } from './recorded.js';

/** A coded network and a preset out of one recorded reply: files that pass their tests as they are. */
export const EXAMPLE: Recorded = {
  url: 'http://127.0.0.1:8080/status',
  text: '{"earned":"1500000000000000000","online":true}',
  amount: 'earned',
  form: 'base',
  metrics: [{ path: 'online', metric: 'online', kind: 'flag' }],
};

export const titleOf = (id: string): string => id.charAt(0).toUpperCase() + id.slice(1).replaceAll('_', ' ');
const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
const listed = (lines: readonly string[]): string =>
  lines.length === 0 ? '{}' : `{\n${lines.map((line) => `    ${line},`).join('\n')}\n  }`;

export const networkFrom = async (id: string, recorded: Recorded): Promise<string> => {
  const { readings } = await expectationOf(id, recorded);
  const title = titleOf(id);
  const { metrics, amount, form, url } = recorded;
  const paths = metrics.map(({ path, metric }) => `  ${metric}: ${quoted(path)},`).join('\n');
  const base = amount === null ? '' : `\nconst AMOUNT = ${quoted(amount)};`;
  const units = form === 'base' ? 0 : 18;
  const reading =
    amount === null
      ? '    return { samples: samplesOf(json), readings: [] };'
      : `    const earned = textOf(findAll(json, AMOUNT)[0]);
    if (earned === null) return { samples: samplesOf(json), readings: [] };
    const amount = toBaseUnits(earned, ${units}).toString();
    const stream = { account: config.account, token: 'TOKEN', decimals: 18, exact: ${readings[0]?.exact === true} };
    return { samples: samplesOf(json), readings: [{ kind: 'lifetime', ...stream, amount, resets: 'never' }] };`;
  return `import * as v from 'valibot';
import { findAll, textOf } from '../json-path.js';
import { type LosslessJson, parseLossless } from '../lossless.js';
import { gauge, type Sample } from '../metrics.js';${amount === null ? '' : "\nimport { toBaseUnits } from '../money.js';"}
import { defineNetwork } from '../network.js';
import { sample } from '../parse.js';
import { refuseStatus } from '../refuse-status.js';
import { url } from '../schema.js';

/** ${title}: say here which API answers, in which units, and where that is documented. */
const PATHS = {
${paths}
};${base}

export default defineNetwork({
  id: '${id}',
  title: '${title}',
  docs: 'https://example.org/${id}',
  tokens: ${amount === null ? '{}' : '{ TOKEN: 18 }'},
  config: v.object({ url: v.optional(url(), ${quoted(url)})${amount === null ? '' : ', account: v.string()'} }),
  metrics: ${listed(metrics.map(({ path, metric }) => `${metric}: gauge('1', ${quoted(path)})`))},
  every: 300_000,
  expects: { cadence: 86_400_000, silence_is_normal_for: 2 * 86_400_000 },
  async onDevice({ config, http, now, signal }) {
    const reply = await http.request({ url: config.url, signal });
    if (reply.status === 404) return {};
    refuseStatus(reply, now, '${title}');
    const json = parseLossless(reply.text);
${reading}
  },
});

const samplesOf = (json: LosslessJson): Sample[] =>
  Object.entries(PATHS).flatMap(([metric, path]) => sample(metric, numberOf(textOf(findAll(json, path)[0]))));

const numberOf = (text: string | null): number | null => {
  if (text === 'true' || text === 'false') return text === 'true' ? 1 : 0;
  return text === null || text === '' ? null : Number(text);
};
`;
};

const http = (url: string, reply: object) => [{ url, reply }];

export const networkFixtureFrom = async (id: string, recorded: Recorded) => {
  const { samples, readings } = await expectationOf(id, recorded);
  const { url, text } = recorded;
  const config = { url, ...(recorded.amount === null ? {} : { account: 'account-1' }) };
  // A coded network leaves its own name out.
  const own = readings.map(({ network: _network, ...reading }) => reading);
  return {
    cases: [
      { name: `${id} as it was recorded`, config, http: http(url, { text }), expect: { samples, readings: own } },
      { name: `empty: ${id} does not know the account`, config, http: http(url, { status: 404, text: '' }), expect: {} },
      {
        name: `broken: ${id} answers HTML`,
        config,
        http: http(url, { text: '<html>' }),
        expect: { error: { code: 'bad_reply' } },
      },
    ],
  };
};

export const presetFrom = async (id: string, { url, amount, form, metrics }: Recorded): Promise<string> => {
  const token = { extract: amount, form, token: 'TOKEN', decimals: 18, account: '{{account}}' };
  const preset = {
    id,
    title: titleOf(id),
    docs: `https://example.org/${id}`,
    tokens: amount === null ? {} : { TOKEN: 18 },
    every: 300_000,
    expects: { cadence: 86_400_000, silence_is_normal_for: 2 * 86_400_000 },
    settings: {
      url: { title: 'Address of the service', type: 'url', default: url },
      ...(amount === null ? {} : { account: { title: 'Account that is paid', example: 'account-1' } }),
    },
    parts: {
      status: {
        kind: 'json',
        config: {
          url: '{{url}}',
          ...(amount === null ? {} : token),
          metrics: metrics.map(({ path, metric }) => ({ path, metric, title: path, unit: '1' })),
        },
      },
    },
  };
  return `${JSON.stringify(preset, null, 2)}\n`;
};

export const presetFixtureFrom = async (id: string, recorded: Recorded) => {
  const { samples, readings } = await expectationOf(id, recorded);
  const { url, text } = recorded;
  const config = recorded.amount === null ? {} : { account: 'account-1' };
  const own = readings.map((reading) => ({ ...reading, network: id, source: `${id}-status` }));
  return {
    cases: [
      { name: `${id} as it was recorded`, config, http: http(url, { text }), expect: { samples, readings: own } },
      {
        name: `empty: ${id} has nothing to tell`,
        config,
        http: http(url, { text: '{}' }),
        expect: { samples: [], readings: [] },
      },
      {
        name: `broken: ${id} answers HTML`,
        config,
        http: http(url, { text: '<html>' }),
        expect: { error: { code: 'bad_reply' } },
      },
    ],
  };
};
