/** The short way for the usual report: known columns, good times, one device. Whatever else it is, the judge takes it (`judge`). */
import { WIRE_LIMITS } from '@muster/shared/wire/limits';
import type { Link, Received } from '../bus/bus.js';
import type { IngestNeeds, Judged } from './judge.js';
import { createQuickReader, type QuickReport } from './quick.js';
import { recent } from './report.js';

/** Null leaves everything as it was. */
export const createExpress = ({ registry, sequences, latest, tracker, now }: IngestNeeds) => {
  const read = createQuickReader();
  return (link: Link, { device, kind, payload }: Received): Judged | null => {
    if (kind !== 'report' || !link.grant.devices.has(device)) return null;
    const registered = registry.get(device);
    const report = registered ? read(payload, (id) => registry.columns(device, id)) : null;
    if (!report) return null;
    const present = now();
    if (!isTimely(report, present) || latest.admit(device, report.columns) !== null) return null;
    const { columns } = report;
    const rows = report.rows.filter(({ boot, seq }) => sequences.add(device, boot ?? '', seq ?? 0) === 'new');
    const live = recent(rows, { now: present, newest: latest.newest(device) ?? 0, device: registered });
    const effect = () => {
      tracker.reported(link, device, live.length > 0);
      if (live.length > 0) latest.put(device, columns, live);
    };
    return { changes: rows.length > 0 ? [{ kind: 'rows', device, columns, rows }] : [], complaints: [], effect };
  };
};

const isTimely = ({ rows }: QuickReport, now: number): boolean => {
  for (const { ts } of rows) if (ts < now - WIRE_LIMITS.past_ms || ts > now + WIRE_LIMITS.future_ms) return false;
  return true;
};
