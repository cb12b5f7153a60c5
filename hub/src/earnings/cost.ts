import { divideEven, parseDecimal, scaled } from '@muster/shared/money';
import type { Device, Registry, Site } from '../parts.js';
import type { Energy, MeasuredDays } from './cost-energy.js';
import type { Tariffs } from './cost-tariff.js';
import { DAY_MS, dayOf } from './daily.js';
import type { PowerSource } from './fiat-port.js';

/** mW × (1e-8 per kWh) × ms → 1e-8. */
const MW_MS = 1_000_000n * 3_600_000n;
/** A measured day speaks for the unmeasured ones after it for this long. */
const RECENT_DAYS = 7;

export interface Power {
  mw: bigint;
  from: PowerSource;
}
export interface Cost {
  /** 1e-8 of the currency; null: watts or tariff are not known. */
  cost: bigint | null;
  /** mWh; null: watts are not known. */
  energy: bigint | null;
  power: Power | null;
}

export interface CostNeeds {
  registry: Pick<Registry, 'sites'>;
  energy: Pick<Energy, 'of'>;
  tariffs: Tariffs;
  now: () => number;
  watts_by_tag: () => Record<string, number>;
}

/** What a device's electricity costs: by what was measured, else by its nameplate; never before it was there, never beyond now. */
export const createCosts = (needs: CostNeeds) => {
  const tariff = createTariffOf(needs);
  const { nameplate, usual } = createPowers(needs);
  const costByWatts = (device: Device, power: Power | null, [from, to]: Span): bigint | null => {
    if (to <= from) return 0n;
    if (!power) return null;
    const price = power.mw === 0n ? 0n : tariff(device, from, to);
    return price === null ? null : divideEven(power.mw * price, MW_MS);
  };
  const byWatts = (device: Device, power: Power | null, [from, to]: Span): Cost => {
    if (to <= from) return { cost: 0n, energy: 0n, power };
    if (!power) return { cost: null, energy: null, power };
    const energy = divideEven(power.mw * BigInt(to - from), 3_600_000n);
    return { cost: costByWatts(device, power, [from, to]), energy, power };
  };
  const byDays = (device: Device, measured: MeasuredDays, [from, to]: Span): Cost => {
    const power = usual(device, measured);
    const parts: Cost[] = [];
    const [first, end] = [Math.ceil(from / DAY_MS), Math.max(Math.ceil(from / DAY_MS), dayOf(to))];
    parts.push(byWatts(device, power, [from, Math.min(to, first * DAY_MS)]));
    if (measured.costed.between(first, end) === BigInt(end - first)) {
      parts.push({ cost: measured.cost.between(first, end), energy: measured.energy.between(first, end), power });
    } else {
      for (let day = first; day < end; day++) parts.push(oneDay(device, { measured, power, day }));
    }
    parts.push(byWatts(device, power, [Math.max(from, end * DAY_MS), to]));
    return parts.reduce((sum, part) => ({ cost: plus(sum.cost, part.cost), energy: plus(sum.energy, part.energy), power }));
  };
  const oneDay = (device: Device, of: { measured: MeasuredDays; power: Power | null; day: number }): Cost => {
    const { measured, power, day } = of;
    const span: Span = [day * DAY_MS, (day + 1) * DAY_MS];
    if (measured.days.between(day, day + 1) === 0n) return byWatts(device, power, span);
    const energy = measured.energy.between(day, day + 1);
    if (measured.costed.between(day, day + 1) > 0n) return { cost: measured.cost.between(day, day + 1), energy, power };
    // Measured while no tariff was set: at the mean price of that day.
    const price = energy === 0n ? 0n : tariff(device, ...span);
    return { cost: price === null ? null : divideEven(energy * price, 1_000_000n * BigInt(DAY_MS)), energy, power };
  };

  return {
    power: (device: Device): Power | null => usual(device, needs.energy.of(device.id)),
    /** Of the part of [from, to) in which the device was there and that is over. */
    between(device: Device, there: Stay): Cost {
      const measured = needs.energy.of(device.id);
      const span = within(there);
      return measured ? byDays(device, measured, span) : byWatts(device, nameplate(device), span);
    },
    /** The cost alone, which is what a ranking of all devices needs. */
    cost(device: Device, there: Stay): bigint | null {
      const measured = needs.energy.of(device.id);
      const span = within(there);
      return measured ? byDays(device, measured, span).cost : costByWatts(device, nameplate(device), span);
    },
    tariff,
  };
};
export type Costs = ReturnType<typeof createCosts>;

/** Price × time at the site of a device; null without a site or a tariff. */
const createTariffOf = (needs: Pick<CostNeeds, 'registry' | 'tariffs'>) => {
  /** Many devices share a site and a span. */
  const memos = new WeakMap<Site, Map<number, Map<number, bigint | null>>>();
  return (device: Device, from: number, to: number): bigint | null => {
    const site = device.site === null ? undefined : needs.registry.sites.get(device.site);
    if (!site) return to > from ? null : 0n;
    const memo = memos.get(site) ?? new Map<number, Map<number, bigint | null>>();
    memos.set(site, memo);
    const ends = memo.get(from) ?? new Map<number, bigint | null>();
    const known = ends.get(to);
    if (known !== undefined) return known;
    const made = needs.tariffs(site, from, to);
    if (memo.size > MEMO) memo.clear();
    if (ends.size > MEMO) ends.clear();
    memo.set(from, ends.set(to, made));
    return made;
  };
};

/** Watts of devices: the nameplate, and what holds for days that were not measured. */
const createPowers = (needs: CostNeeds) => {
  /** A device that changes is another object. */
  const plates = new WeakMap<Device, { of: unknown; power: Power | null }>();
  const nameplate = (device: Device): Power | null => {
    const of = needs.watts_by_tag();
    const known = plates.get(device);
    if (known?.of === of) return known.power;
    const power = plateOf(device, of);
    plates.set(device, { of, power });
    return power;
  };
  const plateOf = (device: Device, of: Record<string, number>): Power | null => {
    const by_tag = device.tags.flatMap((tag) => (Object.hasOwn(of, tag) ? [of[tag] ?? 0] : []));
    const watts = device.watts ?? (by_tag.length > 0 ? Math.max(...by_tag) : null);
    // The shortest decimal text of the number is what was typed.
    return watts === null ? null : { mw: scaled(parseDecimal(String(watts)), 3), from: 'nameplate' };
  };
  /** Watts of days that were not measured. */
  const usual = (device: Device, measured: MeasuredDays | undefined): Power | null => {
    const last = measured?.days.last;
    if (measured === undefined || last === undefined) return nameplate(device);
    const days = measured.days.between(last - RECENT_DAYS + 1, last + 1);
    const recent = dayOf(needs.now()) - last <= RECENT_DAYS + 1 && days > 0n;
    if (!recent) return nameplate(device);
    return { mw: divideEven(measured.energy.between(last - RECENT_DAYS + 1, last + 1), days * 24n), from: measured.source };
  };
  return { nameplate, usual };
};

type Span = [from: number, to: number];
/** `since`: when the device began; `now`: one and the same for all devices of a question. */
export interface Stay {
  from: number;
  to: number;
  since: number;
  now: number;
}
const within = ({ from, to, since, now }: Stay): Span => {
  const start = Math.max(from, since);
  return [start, Math.max(start, Math.min(to, now))];
};
const MEMO = 1_000;

const plus = (a: bigint | null, b: bigint | null): bigint | null => (a === null || b === null ? null : a + b);
