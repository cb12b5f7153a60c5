import { hardware } from '@muster/shared/hardware';
import { gauge, type Sample } from '@muster/shared/metrics';
import { byNumber, countIn, labelText, mapped, numberIn, ratioOfPercent, sample } from '@muster/shared/parse';
import { defineProbe, type Host } from '../probe.js';

const SUPPLIES = '/sys/class/power_supply';
const MOST_SUPPLIES = 16;
const LOOK_AGAIN_MS = 300_000;

interface Supply {
  name: string;
  kind: 'battery' | 'mains';
}

interface Memory {
  supplies: Supply[];
  looked_at: number | null;
}

export default defineProbe<Memory>({
  id: 'battery',
  title: 'Battery and mains',
  every: 30_000,
  metrics: {
    ...hardware('hw.battery.charge', 'hw.voltage'),
    'hw.battery.health': gauge('1', 'What a full battery holds, of what it held when new', { resolution: 0.01 }),
    'hw.battery.discharging': gauge('1', 'Whether a battery is being drained'),
    'hw.battery.power': gauge('W', 'Power into a battery, below zero out of it', { resolution: 0.1 }),
    'hw.power_supply.online': gauge('1', 'Whether a power supply gives power'),
  },
  silent: 'There is no battery on this machine; one of a UPS is read through NUT by the probe "ups".',
  memory: () => ({ supplies: [], looked_at: null }),
  async read({ host, memory }) {
    const first = memory.looked_at === null;
    if (first || host.monotonic() - (memory.looked_at ?? 0) >= LOOK_AGAIN_MS) look(host, memory);
    if (first && memory.supplies.length === 0) return null;
    return memory.supplies.flatMap((supply) => samplesOf(host, supply));
  },
});

const look = (host: Host, memory: Memory): void => {
  const names = [...host.list(SUPPLIES)].sort(byNumber).slice(0, MOST_SUPPLIES);
  memory.supplies = names.flatMap((name) => supplyOf(host, name));
  memory.looked_at = host.monotonic();
};

/** With `scope` Device it belongs to a mouse or a pen. */
const supplyOf = (host: Host, name: string): Supply[] => {
  const type = host.read(`${SUPPLIES}/${name}/type`)?.trim() ?? '';
  if (host.read(`${SUPPLIES}/${name}/scope`)?.trim() === 'Device') return [];
  if (type === 'Battery' || type === 'UPS') return [{ name, kind: 'battery' }];
  return type === 'Mains' || type === 'USB' ? [{ name, kind: 'mains' }] : [];
};

const samplesOf = (host: Host, { name, kind }: Supply): Sample[] => {
  const read = (file: string) => host.read(`${SUPPLIES}/${name}/${file}`);
  if (kind === 'mains') return online(read('online'), labelText(name));
  if (read('present')?.trim() === '0') return [];
  const state = read('status')?.trim();
  const micro = (file: string) => mapped(countIn(read(file)), (value) => value / 1_000_000);
  const battery = labelText(name);
  return [
    ...sample('hw.battery.charge', ratioOfPercent(numberIn(read('capacity'))), { battery }),
    ...sample('hw.battery.health', ratio(read, 'energy') ?? ratio(read, 'charge'), { battery }),
    ...(state ? sample('hw.battery.discharging', Number(state === 'Discharging'), { battery }) : []),
    ...sample('hw.battery.power', flow(state, micro('power_now') ?? product(micro('voltage_now'), flowing(read))), { battery }),
    ...sample('hw.voltage', micro('voltage_now'), { battery }),
  ];
};

/** A USB port says 2 when its voltage is agreed on. */
const online = (text: string | null, supply: string): Sample[] =>
  sample(
    'hw.power_supply.online',
    mapped(countIn(text), (value) => Number(value > 0)),
    { supply },
  );

type Read = (file: string) => string | null;

/** Some drivers sign the current, some do not: the state tells the direction. */
const flowing = (read: Read): number | null => mapped(numberIn(read('current_now')), (value) => Math.abs(value) / 1_000_000);

const product = (a: number | null, b: number | null): number | null => (a === null || b === null ? null : a * b);

const flow = (state: string | undefined, watts: number | null): number | null =>
  mapped(watts, (value) => (state === 'Discharging' ? -value : value));

const ratio = (read: Read, what: 'energy' | 'charge'): number | null => {
  const [full, design] = [countIn(read(`${what}_full`)), countIn(read(`${what}_full_design`))];
  return full === null || !design || full > 2 * design ? null : full / design;
};
