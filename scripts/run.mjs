/** `npm run hub|agent|sim|demo|bench|new -- …`: prepares, then becomes that program. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { prepare, ROOT } from './bootstrap.mjs';

const PROGRAMS = {
  hub: 'hub/dist/main.js',
  agent: 'agent/dist/main.js',
  sim: 'scripts/dist/sim/main.js',
  demo: 'scripts/dist/demo.js',
  bench: 'scripts/dist/bench/main.js',
  new: 'scripts/dist/new.js',
};

const [name = '', ...args] = process.argv.slice(2);
if (!(name in PROGRAMS)) {
  process.stderr.write(`"${name}" is not one of ${Object.keys(PROGRAMS).join(', ')}\n`);
  process.exit(1);
}
prepare();
const flags = name === 'agent' ? (await import(pathToFileURL(join(ROOT, 'agent/dist/flags.js')).href)).AGENT_FLAGS : [];
const child = spawn(process.execPath, [...flags, join(ROOT, PROGRAMS[name]), ...args], { stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(signal ? 1 : (code ?? 1)));
