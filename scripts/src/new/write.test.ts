import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findViolations } from '../tidy/rules.js';
import { NEW_KINDS } from './templates.js';
import { writeNew } from './write.js';

let folder: string;
let root: URL;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'muster-new-'));
  root = pathToFileURL(`${folder}/`);
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('npm run new', () => {
  it.each(NEW_KINDS)('writes a %s of two files that keep the rules of the house', async (kind) => {
    const paths = await writeNew(root, [kind, 'acme']);
    expect(paths).toHaveLength(2);
    const files = paths.map((path) => ({ path, text: readFileSync(new URL(path, root), 'utf8') }));
    expect(findViolations(files)).toEqual([]);
    expect(files[0]?.text).toMatch(/"?id"?: ['"]acme['"]/);
  });

  it('overwrites nothing', async () => {
    await writeNew(root, ['probe', 'acme']);
    await expect(writeNew(root, ['probe', 'acme'])).rejects.toThrow('exists already');
  });

  it.each([
    [[]],
    [['network']],
    [['planet', 'acme']],
    [['probe', 'Acme']],
    [['probe', '../acme']],
    [['probe', 'acme', '--reply', 'x.json']],
    [['network', 'acme', '--reply', '/nowhere/x.json']],
    [['network', 'acme', '--url', 'ftp://x']],
    [['network', 'acme', '--wrong']],
  ])('refuses %j and says what to write', async (words) => {
    await expect(writeNew(root, words)).rejects.toThrow(
      /npm run new|cannot be an id|leave --reply out|give the file|write for example/,
    );
  });

  it('refuses a reply that has nothing to pick', async () => {
    writeFileSync(join(folder, 'reply.json'), '<html>');
    await expect(writeNew(root, ['network', 'acme', '--reply', join(folder, 'reply.json')])).rejects.toThrow('not JSON');
    writeFileSync(join(folder, 'reply.json'), '{"name":"x"}');
    await expect(writeNew(root, ['preset', 'acme', '--reply', join(folder, 'reply.json')])).rejects.toThrow('record another one');
  });
});

const REPO = fileURLToPath(new URL('../../../', import.meta.url));
/** As a service really answers: the amount as a bare number beyond 2^53, beside a rounded twin. */
const REPLY = `{"node":"n-1","state":{"isOnline":true,"peers":12,"temperature":48.5},
 "rewards":{"today":1.25,"total_earned":177441154036585529047,"total_earned_display":"177.44"},"history":[{"day":"2026-01-01","earned":5}]}`;

describe('a network from one recorded reply', () => {
  it('is two new files, coded or as a preset, and the fixture tests of the repository pass over both', async () => {
    // Inside the repository, so that the copy finds the installed packages.
    const copy = join(REPO, '.build', `new-${process.pid}`);
    try {
      mkdirSync(join(copy, 'scripts'), { recursive: true });
      for (const path of ['shared/src', 'shared/package.json', 'vitest.config.ts'])
        cpSync(join(REPO, path), join(copy, path), { recursive: true });
      writeFileSync(join(copy, 'reply.json'), REPLY);
      const at = pathToFileURL(`${copy}/`);
      const from = ['--reply', join(copy, 'reply.json'), '--url', 'http://127.0.0.1:9000/rewards'];
      expect(await writeNew(at, ['network', 'acme', ...from])).toEqual([
        'shared/src/networks/acme.ts',
        'shared/src/networks/acme.fixture.json',
      ]);
      expect(await writeNew(at, ['preset', 'bolt', ...from])).toEqual([
        'shared/src/presets/bolt.json',
        'shared/src/presets/bolt.fixture.json',
      ]);
      expect(await writeNew(at, ['network', 'plain'])).toHaveLength(2);
      expect(readFileSync(join(copy, 'shared/src/networks/acme.fixture.json'), 'utf8')).toContain(
        '"amount": "177441154036585529047"',
      );
      const output = await runVitest(copy);
      expect(output).toMatch(/✓.*network '?acme'? > '?acme as it was recorded/);
      expect(output).toMatch(/✓.*preset '?bolt'? > '?bolt as it was recorded/);
      expect(output).toMatch(/✓.*network '?plain'? > /);
      expect(output).not.toMatch(/[✗×]|FAIL/);
    } finally {
      rmSync(copy, { recursive: true, force: true });
    }
  });
});

const runVitest = async (copy: string): Promise<string> => {
  const words = ['run', '--root', copy, '--reporter=verbose', 'shared/src/networks.test.ts', 'shared/src/presets.test.ts'];
  const vitest = join(REPO, 'node_modules', 'vitest', 'vitest.mjs');
  const { VITEST: _vitest, NODE_OPTIONS: _options, ...env } = process.env;
  const run = promisify(execFile)(process.execPath, [vitest, ...words], { env: { ...env, NO_COLOR: '1' }, cwd: copy });
  return run.then(
    ({ stdout }) => stdout,
    (error: { stdout: string; stderr: string }) => `FAIL ${error.stdout}${error.stderr}`,
  );
};
