/** Commits reports as fast as it can and prints each acknowledged seq, until it is killed: FILE BOOT. */
import { createSystemClock } from '@muster/shared/clock';
import { createLog } from '@muster/shared/log';
import { openStore } from '../open.js';

const [file = '', boot = ''] = process.argv.slice(2);
const log = createLog({ format: 'text', level: 'warn', write: (line) => process.stderr.write(line), now: Date.now });
const { writer } = await openStore({ file, clock: createSystemClock(), log }, { commit_ms: 5, group_items: 8 });

let seq = 0;
let ts = 0;
const send = (): void => {
  const own = ++seq;
  // No two rows of one time: they would be one row.
  ts = Math.max(ts + 1, Date.now());
  const rows = [{ boot, seq: own, ts, values: [own, own / 7] }];
  writer.queue([{ kind: 'rows', device: 'pi-1', columns: ['count', 'part'], rows }], {
    bytes: 60,
    done: () => {
      process.stdout.write(`${own}\n`);
      send();
    },
  });
};
for (let n = 0; n < 20; n++) send();
