/** Brings a fresh clone to a runnable state with nothing but Node and npm: installs and builds what is missing, and says so. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const INSTALLED = join(ROOT, 'node_modules', '.muster-installed');
const BUILT = join(ROOT, '.build', 'sources.json');
const PACKAGES = ['shared', 'agent', 'hub', 'scripts'];
const SOURCES = ['shared/src', 'agent/src', 'agent/bin', 'hub/src', 'hub/web', 'scripts/src'];
const PACKED = join(ROOT, 'hub/installer/dist/muster-agent.tgz');

const say = (line) => process.stderr.write(`${line}\n`);

const fail = (line) => {
  say(line);
  process.exit(1);
};

/** Installs and builds; quick when nothing changed. */
export const prepare = () => {
  checkNode();
  install();
  build();
};

const checkNode = () => {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const enough = major > 20 || (major === 20 && minor >= 19);
  if (!enough) fail(`Muster needs Node.js 20.19 or later; this is ${process.versions.node}. See https://nodejs.org`);
};

const install = () => {
  const wanted = installKey();
  if (existsSync(INSTALLED) && readFileSync(INSTALLED, 'utf8') === wanted) return;
  say('Installing packages. The first time this takes a minute, or a few where better-sqlite3 must be compiled …');
  const started = Date.now();
  run(
    'npm',
    ['ci', '--no-audit', '--no-fund', '--loglevel=error'],
    'The packages could not be installed; is the package registry reachable?',
  );
  checkSqlite();
  writeFileSync(INSTALLED, wanted);
  say(`Packages installed in ${seconds(started)}.`);
};

const installKey = () => {
  const lock = readFileSync(join(ROOT, 'package-lock.json'));
  return `${createHash('sha256').update(lock).digest('hex')} node-abi ${process.versions.modules} ${process.platform}-${process.arch}\n`;
};

/** better-sqlite3 takes its own prebuilt file where that can be fetched, else it is compiled. */
const checkSqlite = () => {
  const probe = spawnSync(process.execPath, ['-e', "new (require('better-sqlite3'))(':memory:')"], { cwd: ROOT });
  if (probe.status === 0) return;
  fail(
    'better-sqlite3 did not load: its prebuilt file could not be fetched and it was not compiled.\n' +
      'Install a compiler and try again (Debian, Raspberry Pi OS: apt install build-essential python3).',
  );
};

const build = () => {
  const now = listSources();
  const before = readBuilt();
  if (before !== null && JSON.stringify(before) === JSON.stringify(now)) return;
  say('Building …');
  const started = Date.now();
  if (before === null || Object.keys(before).some((file) => !(file in now))) removeOutputs();
  run(process.execPath, [bin('typescript', 'tsc'), '-b'], 'The TypeScript build failed.');
  run(process.execPath, [bin('vite', 'vite'), 'build', 'hub/web', '--logLevel', 'warn'], 'The dashboard build failed.');
  run(process.execPath, [join(ROOT, 'scripts/dist/pack/main.js')], 'The agent could not be packed.');
  mkdirSync(dirname(BUILT), { recursive: true });
  writeFileSync(BUILT, JSON.stringify(now));
  say(`Built in ${seconds(started)}.`);
};

const readBuilt = () =>
  [BUILT, join(ROOT, 'hub/dist/main.js'), PACKED].every((path) => existsSync(path))
    ? JSON.parse(readFileSync(BUILT, 'utf8'))
    : null;

/** A source file that went away would live on in the outputs. */
const removeOutputs = () => {
  for (const name of PACKAGES) rmSync(join(ROOT, name, 'dist'), { recursive: true, force: true });
};

const listSources = () => {
  const files = { 'package-lock.json': mark('package-lock.json'), 'tsconfig.base.json': mark('tsconfig.base.json') };
  for (const folder of SOURCES) walk(folder, files);
  return files;
};

const walk = (folder, files) => {
  for (const entry of readdirSync(join(ROOT, folder), { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) walk(path, files);
    else files[path] = mark(path);
  }
};

const mark = (path) => {
  const { size, mtimeMs } = statSync(join(ROOT, path));
  return `${size} ${Math.round(mtimeMs)}`;
};

const bin = (name, program) => {
  const folder = join(ROOT, 'node_modules', name);
  const { bin: bins } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  return join(folder, typeof bins === 'string' ? bins : bins[program]);
};

const run = (program, args, complaint) => {
  const result = spawnSync(program, args, { cwd: ROOT, stdio: ['ignore', 2, 2] });
  if (result.status !== 0) fail(complaint);
};

const seconds = (started) => `${((Date.now() - started) / 1000).toFixed(1)} s`;
