import { resolve } from 'node:path';
import { loadSettings, onOff, type SettingSources, setting, wholeNumber, word } from '@muster/shared/settings';
import { WIRE_LIMITS } from '@muster/shared/wire/limits';
import { about, deviceId } from '@muster/shared/wire/messages';
import * as v from 'valibot';

/** Every setting of the agent. */
const words = v.pipe(
  v.union([
    v.array(v.string()),
    v.pipe(
      v.string(),
      v.transform((text) =>
        text
          .split(',')
          .map((one) => one.trim())
          .filter(Boolean),
      ),
    ),
  ]),
  v.array(v.pipe(v.string(), v.regex(/^[a-z][a-z0-9_-]{0,39}$/, 'must be words such as inventory, parted by commas'))),
);

const source = v.object({
  network: v.string(),
  config: v.optional(v.record(v.string(), v.unknown()), {}),
  every: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1_000), v.maxValue(86_400_000))),
});

const sources = v.pipe(
  v.array(source, 'must be a list in the settings file, such as [{"network": "json", "config": {…}}]'),
  v.maxLength(100),
);

const carries = v.pipe(
  v.array(
    v.object({
      device: deviceId,
      name: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(200))),
      about: v.optional(about, {}),
      sources: v.pipe(v.array(source), v.minLength(1, 'must name at least one source'), v.maxLength(20)),
    }),
    'must be a list in the settings file, such as [{"device": "roof-1", "sources": [{"network": "json", "config": {…}}]}]',
  ),
  v.maxLength(WIRE_LIMITS.carried),
  v.check((list) => new Set(list.map(({ device }) => device)).size === list.length, 'must name each device once'),
);

export const AGENT_SETTINGS = {
  data: setting({ name: 'data', help: 'folder for what the agent keeps', schema: word(), default: './data' }),
  interval_ms: setting({
    name: 'agent.interval_ms',
    help: 'milliseconds between report rows',
    schema: wholeNumber(WIRE_LIMITS.interval_ms_min, WIRE_LIMITS.interval_ms_max),
    default: 10_000,
  }),
  keepalive_s: setting({
    name: 'agent.keepalive_s',
    help: 'MQTT keepalive in seconds; a dead link is noticed after one and a half',
    schema: wholeNumber(1, 120),
    default: 5,
  }),
  spool_days: setting({
    name: 'agent.spool_days',
    help: 'days that rows are kept while the hub cannot be reached; the oldest go first',
    // The hub takes nothing that is older than eight.
    schema: wholeNumber(1, 7),
    default: 7,
  }),
  spool_bytes: setting({
    name: 'agent.spool_bytes',
    help: 'most disk space for those rows',
    schema: wholeNumber(1_000_000, 100_000_000_000),
    default: 256_000_000,
  }),
  spool_sync_ms: setting({
    name: 'agent.spool_sync_ms',
    help: 'milliseconds of rows that a power cut may take while the hub cannot be reached; 0 is one report interval, at least 4 s',
    schema: wholeNumber(0, 3_600_000),
    default: 0,
  }),
  commands: setting({ name: 'agent.commands', help: 'commands of the hub that are carried out', schema: words, default: [] }),
  skip_probes: setting({ name: 'agent.skip_probes', help: 'probes that are not read', schema: words, default: [] }),
  probe_settings: setting({
    name: 'probes',
    help: 'settings of single probes, by id (file only)',
    schema: v.record(
      v.string(),
      v.unknown(),
      'must be an object in the settings file, such as {"systemd": {"units": ["docker"]}}',
    ),
    default: {},
    secret: true,
  }),
  inventory: setting({ name: 'agent.inventory', help: 'look up model and operating system', schema: onOff(), default: true }),
  networks: setting({
    name: 'networks',
    help: 'reward sources on this machine (file only)',
    schema: sources,
    default: [],
    secret: true,
  }),
  carries: setting({
    name: 'carries',
    help: 'devices that this agent reports for, each with its sources (file only)',
    schema: carries,
    default: [],
    secret: true,
  }),
  memory_mb: setting({
    name: 'agent.memory_mb',
    help: 'MiB of memory at which the agent ends to be started anew',
    schema: wholeNumber(64, 4_096),
    default: 128,
  }),
  log: setting({ name: 'log', help: 'text or json', schema: word(['text', 'json']), default: 'text' }),
  log_level: setting({
    name: 'log.level',
    help: 'least level that is logged',
    schema: word(['debug', 'info', 'warn', 'error']),
    default: 'info',
  }),
};

export type AgentSettings = ReturnType<typeof loadAgentSettings>['values'];

export interface AgentPaths {
  folder: string;
  identity: string;
  settings: string;
  spool: string;
}

export const agentPaths = (data: string): AgentPaths => {
  const folder = resolve(data, 'agent');
  const inside = (name: string) => resolve(folder, name);
  return { folder, identity: inside('identity.json'), settings: inside('settings.json'), spool: inside('spool') };
};

/** Values, origins and paths; `data` is relative to where the command was typed, which npm says in INIT_CWD. */
export const loadAgentSettings = (flags: SettingSources['flags'], env: SettingSources['env'], cwd: string) => {
  const first = loadSettings({ data: AGENT_SETTINGS.data }, { flags: pick(flags, 'data'), env, file: null });
  const paths = agentPaths(resolve(env['INIT_CWD'] ?? cwd, first.values.data));
  return { paths, ...loadSettings(AGENT_SETTINGS, { flags, env, file: paths.settings }) };
};

const pick = (flags: SettingSources['flags'], name: string): SettingSources['flags'] => {
  const value = flags[name];
  return value === undefined ? {} : { [name]: value };
};
