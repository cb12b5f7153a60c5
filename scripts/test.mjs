/** `npm test`: prepares, then runs every check; the last line holds the real counts. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { prepare, ROOT } from './bootstrap.mjs';

prepare();

const counts = { passed: 1, failed: 0 }; // the build, which ends the program when it fails
const node = (script, args) =>
  spawnSync(process.execPath, [join(ROOT, script), ...args], { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] });

const lint = node('node_modules/@biomejs/biome/bin/biome', ['check', '--error-on-warnings', '.']);
counts[lint.status === 0 ? 'passed' : 'failed'] += 1;

const report = join(ROOT, '.build', 'tests.json');
mkdirSync(join(ROOT, '.build'), { recursive: true });
rmSync(report, { force: true });
const only = process.argv.slice(2);
const tests = node('node_modules/vitest/vitest.mjs', [
  'run',
  '--reporter=default',
  '--reporter=json',
  `--outputFile.json=${report}`,
  ...only,
]);

const readReport = () => {
  try {
    return JSON.parse(readFileSync(report, 'utf8'));
  } catch {
    return null;
  }
};

const results = readReport();
if (results === null) counts.failed += 1;
else {
  const all = results.testResults.flatMap((file) => file.assertionResults);
  const brokenFiles = results.testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.every((one) => one.status !== 'failed'),
  );
  counts.passed += all.filter((one) => one.status === 'passed').length;
  counts.failed += all.filter((one) => one.status === 'failed').length + brokenFiles.length;
  for (const one of all.filter((test) => test.status === 'pending' || test.status === 'skipped'))
    console.log(`skipped: ${one.fullName}`);
}
if (tests.status !== 0 && counts.failed === 0) counts.failed += 1;

console.log(`${counts.passed} passed, ${counts.failed} failed`);
process.exit(counts.failed === 0 ? 0 : 1);
