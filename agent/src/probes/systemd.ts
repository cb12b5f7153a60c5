import { counter, gauge, type Sample } from '@muster/shared/metrics';
import { countIn, linesOf, sample } from '@muster/shared/parse';
import * as v from 'valibot';
import { defineProbe, type Host } from '../probe.js';

/** `systemctl` is a process of some 5 ms of processor time: without units to watch it runs twelve times an hour. */
const COUNT_EVERY_MS = 300_000;
const RUN_MS = 4_000;
const FACTS = ['Id', 'LoadState', 'ActiveState', 'NRestarts'];

const settings = v.object({
  units: v.optional(
    v.pipe(
      v.array(
        v.pipe(
          v.string(),
          v.regex(/^[A-Za-z0-9][A-Za-z0-9:_.\\@-]{0,200}$/, 'must be the name of a unit, such as gateway-rs.service'),
        ),
      ),
      v.maxLength(50),
      v.description('Units that must run, such as gateway-rs.service; each is asked for once a minute'),
    ),
    [],
  ),
});

interface Memory {
  counted_at: number | null;
  failed: number | null;
}

export default defineProbe<Memory, v.InferOutput<typeof settings>>({
  id: 'systemd',
  title: 'Services',
  every: 60_000,
  deadline: 10_000,
  metrics: {
    'systemd.units.failed': gauge('{unit}', 'Units of systemd that have failed'),
    'systemd.unit.active': gauge('1', 'Whether a watched unit runs'),
    'systemd.unit.failed': gauge('1', 'Whether a watched unit has failed'),
    'systemd.service.restarts': counter('{restart}', 'Restarts of a watched service by systemd'),
  },
  settings,
  silent: 'This machine was not started by systemd, or "systemctl" does not answer (in a container it never does)',
  memory: () => ({ counted_at: null, failed: null }),
  async read({ host, memory, settings: { units } }) {
    if (!host.list('/run/systemd').includes('system')) return null;
    const first = memory.counted_at === null;
    if (first || host.monotonic() - (memory.counted_at ?? 0) >= COUNT_EVERY_MS) {
      memory.counted_at = host.monotonic();
      memory.failed = await failedUnits(host);
      if (first && memory.failed === null) return null;
    }
    return [...sample('systemd.units.failed', memory.failed), ...(await watched(host, units))];
  },
});

/** The manager counts them itself; a list of all units would be long. */
const failedUnits = async (host: Host): Promise<number | null> => {
  const result = await host.run('systemctl', ['show', '--property=NFailedUnits', '--value'], RUN_MS);
  return result?.code === 0 ? countIn(result.text) : null;
};

const watched = async (host: Host, units: readonly string[]): Promise<Sample[]> => {
  if (units.length === 0) return [];
  const result = await host.run('systemctl', ['show', `--property=${FACTS.join(',')}`, '--', ...units], RUN_MS);
  const blocks = result?.code === 0 ? result.text.split(/\n\n+/) : [];
  const shown = blocks.map(factsIn).filter((facts) => facts.has('Id'));
  // An alias is shown under the name of what it stands for, so that two names can be one unit.
  const byId = new Map(shown.map((facts) => [(facts.get('Id') ?? '').slice(0, 100), facts]));
  return [...byId].slice(0, units.length).flatMap(([unit, facts]) => unitSamples(unit, facts));
};

const factsIn = (block: string): Map<string, string> =>
  new Map(
    linesOf(block).flatMap((line) => {
      const at = line.indexOf('=');
      return at < 1 ? [] : [[line.slice(0, at), line.slice(at + 1).trim()] as const];
    }),
  );

/** A unit that does not exist is not active: whoever watches it wants to know. */
const unitSamples = (unit: string, facts: ReadonlyMap<string, string>): Sample[] => {
  const state = facts.get('ActiveState');
  if (unit === '' || state === undefined) return [];
  return [
    ...sample('systemd.unit.active', ['active', 'reloading', 'refreshing'].includes(state) ? 1 : 0, { unit }),
    ...sample('systemd.unit.failed', state === 'failed' || facts.get('LoadState') === 'not-found' ? 1 : 0, { unit }),
    ...sample('systemd.service.restarts', countIn(facts.get('NRestarts')), { unit }),
  ];
};
