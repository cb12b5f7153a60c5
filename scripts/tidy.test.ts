import { describe, expect, it } from 'vitest';
import { readTree } from './src/tidy/files.js';
import { findViolations, type SourceFile } from './src/tidy/rules.js';

/** The house rules as a test; the second half plants one violation of each and sees it caught. */
const file = (path: string, text: string): SourceFile => ({ path, text });
const rules = (files: SourceFile[]) => findViolations(files).map((violation) => violation.rule);
const longFunction = `export const long = () => {\n${'  console.log(1);\n'.repeat(75)}};\n`;

describe('the house', () => {
  it('holds every rule of layers, cycles, sizes, fixtures and words', () => {
    const violations = findViolations(readTree(new URL('..', import.meta.url)));
    expect(violations.map(({ path, rule, detail }) => `${path}: ${rule}: ${detail}`)).toEqual([]);
  });
});

describe('a planted violation is caught', () => {
  it.each([
    ['the agent importing the hub', file('agent/src/a.ts', "import { x } from '@muster/hub/hub';")],
    ['the hub importing the agent', file('hub/src/a.ts', "import { x } from '@muster/agent/agent';")],
    ['shared importing the hub', file('shared/src/a.ts', "import { x } from '@muster/hub/hub';")],
    ['one part importing another', file('hub/src/alerts/engine.ts', "import { x } from '../store/committer.js';")],
    ['a part importing the composition root', file('hub/src/alerts/engine.ts', "import { x } from '../hub.js';")],
    ['a relative path into another workspace', file('agent/src/a.ts', "import { x } from '../../shared/src/errors.js';")],
    ['the web importing hub values', file('hub/web/src/a.ts', "import { x } from '@muster/hub/parts';")],
    ['the web importing node', file('hub/web/src/a.ts', "import { x } from 'node:fs';")],
    ['a plugin importing beyond its port', file('agent/src/probes/cpu.ts', "import { x } from '../runner.js';")],
  ])('%s', (_name, planted) => {
    expect(rules([planted, file('agent/src/probes/cpu.fixture.json', '{"cases":[{},{},{}]}')])).toEqual(['layers']);
  });

  it('an import cycle', () => {
    const a = file('shared/src/a.ts', "import { b } from './b.js';\nexport const a = b;");
    const b = file('shared/src/b.ts', "import { a } from './a.js';\nexport const b = a;");
    expect(rules([a, b])).toEqual(['cycles']);
  });

  it('a function above 70 lines', () => {
    expect(rules([file('hub/src/a.ts', longFunction)])).toEqual(['function size']);
  });

  it('a file above 400 lines', () => {
    expect(rules([file('hub/src/a.ts', 'export const a = 1;\n'.repeat(401))])).toEqual(['file size']);
  });

  it('a plugin without a fixture', () => {
    const found = findViolations([file('hub/src/alerts/rules/offline.ts', 'export default {};')]);
    expect(found).toEqual([
      { rule: 'fixtures', path: 'hub/src/alerts/rules/offline.ts', detail: 'add offline.fixture.json beside it' },
    ]);
  });

  it('a fixture with fewer than three cases', () => {
    const files = [
      file('shared/src/networks/x.ts', 'export default {};'),
      file('shared/src/networks/x.fixture.json', '{"cases":[{}]}'),
    ];
    expect(rules(files)).toEqual(['fixtures']);
  });

  it.each([
    ['any', 'export const a = (b: any) => b;'],
    ['a note to do later', `export const a = 1; // ${'TO'}${'DO'} mend`],
    ['a module mock', "import { vi } from 'vitest';\nvi.mock('./b.js');"],
    ['a file name that is not kebab-case', null],
  ])('%s', (_name, text) => {
    expect(rules([text === null ? file('hub/src/someThing.ts', '') : file('hub/src/a.ts', text)])).toEqual(['words']);
  });
});
