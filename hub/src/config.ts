import { resolve } from 'node:path';
import { onOff, portNumber, setting, wholeNumber, word } from '@muster/shared/settings';
import * as v from 'valibot';

/** The hub's settings (DESIGN §5): flag `--http.port` = `MUSTER_HTTP_PORT` = `http.port` in DATA/hub/settings.json. */
const optionalText = v.nullable(v.pipe(v.string(), v.minLength(1, 'must not be empty')));
const publicUrl = v.nullable(
  v.pipe(
    v.string(),
    v.check(
      (text) => /^https?:\/\/[^/]/i.test(text) && URL.canParse(text),
      'must be an address such as https://muster.example.org',
    ),
  ),
);
const adminToken = v.nullable(v.pipe(v.string(), v.minLength(16, 'must have at least 16 characters')));

/** A century. */
const MOST_DAYS = 36_500;

export const HUB_SETTINGS = {
  data: setting({ name: 'data', help: 'Folder for everything the hub keeps', schema: word(), default: './data' }),
  lan: setting({ name: 'lan', help: 'Open the dashboard, HTTPS and MQTTS to the network', schema: onOff(), default: false }),
  http_host: setting({ name: 'http.host', help: 'Address of the dashboard and API', schema: word(), default: '127.0.0.1' }),
  http_port: setting({
    name: 'http.port',
    help: 'Port of the dashboard and API; 0 takes a free one',
    schema: portNumber(),
    default: 7480,
  }),
  https_host: setting({
    name: 'https.host',
    help: 'Address of the dashboard and API over TLS',
    schema: word(),
    default: '127.0.0.1',
  }),
  https_port: setting({
    name: 'https.port',
    help: 'Port of the dashboard and API over TLS',
    schema: portNumber(),
    default: 7443,
  }),
  mqtt_host: setting({
    name: 'mqtt.host',
    help: 'Address of plain MQTT; keep it on this machine',
    schema: word(),
    default: '127.0.0.1',
  }),
  mqtt_port: setting({ name: 'mqtt.port', help: 'Port of plain MQTT', schema: portNumber(), default: 1883 }),
  mqtts_host: setting({ name: 'mqtts.host', help: 'Address of MQTT over TLS', schema: word(), default: '127.0.0.1' }),
  mqtts_port: setting({ name: 'mqtts.port', help: 'Port of MQTT over TLS', schema: portNumber(), default: 8883 }),
  public_url: setting({
    name: 'public_url',
    help: 'Address of this hub in commands and notices',
    schema: publicUrl,
    default: null,
  }),
  admin_token: setting({
    name: 'admin_token',
    help: 'An API token with the admin role, for automation',
    schema: adminToken,
    default: null,
    secret: true,
  }),
  tls_key_file: setting({
    name: 'tls.key_file',
    help: 'Own TLS key (PEM) instead of the hub-made one',
    schema: optionalText,
    default: null,
  }),
  tls_cert_file: setting({ name: 'tls.cert_file', help: 'Own TLS certificate (PEM)', schema: optionalText, default: null }),
  commit_ms: setting({
    name: 'store.commit_ms',
    help: 'Longest wait of a report for its group commit',
    schema: wholeNumber(0, 60_000),
    default: 2_500,
  }),
  store_raw_days: setting({
    name: 'store.raw_days',
    help: 'Days that reported values are kept as they came; 0 keeps them for ever',
    schema: wholeNumber(0, MOST_DAYS),
    default: 30,
  }),
  store_five_minute_days: setting({
    name: 'store.five_minute_days',
    help: 'Days that 5-minute values are kept; 0 keeps them for ever',
    schema: wholeNumber(0, MOST_DAYS),
    default: 365,
  }),
  store_hour_days: setting({
    name: 'store.hour_days',
    help: 'Days that 1-hour values are kept; 0 keeps them for ever',
    schema: wholeNumber(0, MOST_DAYS),
    default: 0,
  }),
  log: setting({ name: 'log', help: 'Form of the log: text or json', schema: word(['text', 'json']), default: 'text' }),
  log_level: setting({
    name: 'log.level',
    help: 'debug, info, warn or error',
    schema: word(['debug', 'info', 'warn', 'error']),
    default: 'info',
  }),
};

/** Flags that take no value. */
export const BARE_FLAGS: ReadonlySet<string> = new Set(['lan', 'json', 'force', 'help']);

/** The data folder, relative to where the command was typed (npm runs scripts elsewhere and says so in INIT_CWD). */
export const dataFolder = (value: string, env: Record<string, string | undefined>, cwd: string): string =>
  resolve(env['INIT_CWD'] ?? cwd, value);
