import type { Log } from '@muster/shared/log';
import type { SpoolFiles } from './files.js';
import { type DoneSpan, FORMAT_VERSION, type Line } from './lines.js';
import { writeSummary } from './roll.js';
import { createSegment, nameOf, numberOf, readSummary, type Segment, takeLine, takeSummary, walkLines } from './segment.js';
import type { Shelf } from './shelf.js';

/** Takes up what an earlier run left: of whole segments the last line, of the newest every line; cuts a torn end off. */
export const recover = (shelf: Shelf, needs: { files: SpoolFiles; log: Log }): void => {
  const { files, log } = needs;
  shelf.segments = [];
  const numbers = files
    .list()
    .flatMap((name) => numberOf(name) ?? [])
    .sort((a, b) => a - b);
  const done: DoneSpan[] = [];
  const note = (line: Line | null) => {
    if (line?.kind === 'done') done.push(...line.segments);
    if (line?.kind === 'time') shelf.times.add(line);
  };
  for (const number of numbers) {
    const segment = attempt(
      () => load(files, number, { is_newest: number === numbers.at(-1), note }),
      (error) =>
        log.warn('A file of the spool cannot be read and stays as it is', { file: nameOf(number), error: error.message }),
    );
    if (segment === 'newer')
      log.warn('A file of the spool is of a newer version of Muster and stays as it is', { file: nameOf(number) });
    else if (segment) shelf.segments.push(segment);
  }
  shelf.next_number = (numbers.at(-1) ?? 0) + 1;
  const byNumber = new Map(shelf.segments.map((segment) => [segment.number, segment]));
  for (const { segment, from, to, items } of done) take(byNumber.get(segment), { from, to, items });
};

/** Of this file alone: another user's, a bad place of the card. A disk that is full or read-only fails the whole. */
const OF_ONE_FILE = /^E(ACCES|PERM|IO|ISDIR|LOOP|NXIO)$/;

const attempt = <T>(act: () => T, failed: (error: Error) => void): T | null => {
  try {
    return act();
  } catch (error) {
    if (!OF_ONE_FILE.test((error as NodeJS.ErrnoException).code ?? '')) throw error;
    failed(error as Error);
    return null;
  }
};

const take = (segment: Segment | undefined, { from, to, items }: { from: number; to: number; items: number }): void => {
  if (!segment || to > segment.size || segment.done.gapFrom(from) >= to) return;
  segment.done.add(from, to);
  segment.items = Math.max(0, segment.items - items);
  segment.removed += items;
};

interface Load {
  is_newest: boolean;
  note(line: Line | null): void;
}

const load = (files: SpoolFiles, number: number, { is_newest, note }: Load): Segment | 'newer' | null => {
  const file = files.open(nameOf(number));
  try {
    const size = files.size(file);
    const segment = createSegment(number);
    if (isNewer(files, file, size)) return 'newer';
    const known = is_newest ? null : readSummary(files, file, size);
    if (known) {
      takeSummary(segment, known.summary);
      segment.size = size;
      segment.done.add(known.from, size);
    } else scan(files, { segment, file, size }, note);
    if (segment.size > 0) return segment;
    files.remove(nameOf(number));
    return null;
  } finally {
    files.close(file);
  }
};

const isNewer = (files: SpoolFiles, file: number, size: number): boolean => {
  let newer = false;
  walkLines({ files, file, from: 0, to: Math.min(size, 1_000) }, (line) => {
    newer = line?.kind === 'header' && line.version > FORMAT_VERSION;
    return Number.POSITIVE_INFINITY;
  });
  return newer;
};

const scan = (
  files: SpoolFiles,
  { segment, file, size }: { segment: Segment; file: number; size: number },
  note: Load['note'],
) => {
  let is_whole = false;
  const ended = walkLines({ files, file, from: 0, to: size }, (line, from, to) => {
    takeLine(segment, line, from, to);
    is_whole = line?.kind === 'summary';
    note(line);
    return to;
  });
  if (ended < size) files.truncate(file, ended);
  if (!is_whole && segment.size > 0) writeSummary(files, { segment, file });
};
