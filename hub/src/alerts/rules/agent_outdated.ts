import * as v from 'valibot';
import { defineRule, type Facts, type Firing } from '../rule.js';
import { DAY } from './lib/facts.js';
import { called, duration } from './lib/fields.js';

export default defineRule({
  id: 'agent_outdated',
  title: 'Agent is outdated',
  severity: 'info',
  config: v.object({
    /** A fleet is not updated in an hour. */
    after_ms: called(duration(3 * DAY), 'Outdated for'),
  }),
  default_config: { after_ms: 3 * DAY },
  needs: () => [],
  delay: (c) => c.after_ms,
  unseen: 'Which agent ran when is not kept: of this kind of rule a preview shows nothing.',
  judge: (_c, facts) => ({ firing: firingOf(facts), value: null, why: sentence(facts) }),
});

const firingOf = ({ device, presence, newest_version }: Facts): Firing => {
  const newest = newest_version?.();
  // A version without a number, such as of a developer, is neither old nor new.
  if (!device.agent_version || !/\d/.test(device.agent_version) || !newest) return 'no';
  if (!isOlder(device.agent_version, newest)) return 'no';
  return presence.state === 'online' || presence.state === 'quiet' ? 'yes' : 'keep';
};

const numbersOf = (version: string): number[] => (/\d+(\.\d+)*/.exec(version)?.[0] ?? '0').split('.').map(Number);

/** `1.10.0` is newer than `1.9.3`. */
const isOlder = (version: string, than: string): boolean => {
  const mine = numbersOf(version);
  for (const [index, number] of numbersOf(than).entries()) {
    if ((mine[index] ?? 0) !== number) return (mine[index] ?? 0) < number;
  }
  return false;
};

const sentence = ({ device, newest_version }: Facts): string =>
  `${device.name} runs agent ${device.agent_version ?? 'of no known version'}; the newest is ${newest_version?.() ?? 'not known'}.`;
