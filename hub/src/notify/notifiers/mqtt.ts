import * as v from 'valibot';
import { defineNotifier } from '../notifier.js';
import { password, serverOf, words } from './lib/fields.js';
import { publishMqtt } from './lib/mqtt.js';
import { asJson } from './lib/notice.js';

const isTopic = (topic: string): boolean => !/[+#]/.test(topic) && Buffer.byteLength(topic) <= 65_535 && !topic.startsWith('$');

const config = v.object({
  server: serverOf(['mqtt', 'mqtts'], 'mqtt://host:1883 or mqtts://host:8883'),
  topic: v.optional(v.pipe(words('Where notices go'), v.check(isTopic, 'must be a topic without + and #')), 'muster/notices'),
  user: v.optional(words('User name')),
  password: v.optional(password('Password')),
  qos: v.optional(v.pipe(v.picklist([0, 1, 2]), v.description('1: the broker confirms')), 1),
  retain: v.optional(v.pipe(v.boolean(), v.description('The broker keeps the newest notice')), false),
  ca: v.optional(v.pipe(v.string(), v.maxLength(100_000), v.description('Certificate (PEM) of your own authority'))),
});

/** The same JSON as the webhook's. */
export default defineNotifier({
  id: 'mqtt',
  title: 'MQTT topic',
  docs: 'https://mqtt.org/mqtt-specification/',
  config,
  async send({ config, notice, signal, mqtt = publishMqtt }) {
    await mqtt({ ...config, payload: JSON.stringify(asJson(notice)) }, signal);
  },
});
