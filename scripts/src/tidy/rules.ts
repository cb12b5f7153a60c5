import { findCycles } from './cycles.js';
import { functionSizes } from './functions.js';
import { importsOf, type SourceFile } from './imports.js';
import { layerFault } from './layers.js';

export type { SourceFile } from './imports.js';

/** The rules of the house (layers, cycles, sizes, fixtures, words) over a set of files. */
export interface Violation {
  rule: 'layers' | 'cycles' | 'function size' | 'file size' | 'fixtures' | 'words';
  path: string;
  detail: string;
}

const FUNCTION_LINES = 70;
const FILE_LINES = 400;
const FIXTURE_CASES = 3;

/** Folders of plugins: each file there needs a fixture beside it. */
export const PLUGIN_FOLDERS = ['shared/src/networks/', 'agent/src/probes/', 'hub/src/alerts/rules/', 'hub/src/notify/notifiers/'];

const isCode = (file: SourceFile): boolean => /\.(ts|tsx|mjs)$/.test(file.path);
const isTest = (path: string): boolean => /\.test\.tsx?$/.test(path);

export const findViolations = (files: readonly SourceFile[]): Violation[] => {
  const code = files.filter(isCode);
  return [
    ...code.flatMap(checkLayers),
    ...checkCycles(code),
    ...code.flatMap(checkSizes),
    ...checkFixtures(files),
    ...files.flatMap(checkWords),
  ];
};

const checkLayers = (file: SourceFile): Violation[] =>
  importsOf(file).flatMap((entry) => {
    const fault = isTest(file.path) ? null : layerFault(file.path, entry);
    return fault ? [{ rule: 'layers' as const, path: file.path, detail: fault }] : [];
  });

const checkCycles = (code: readonly SourceFile[]): Violation[] =>
  findCycles(code).map((cycle) => ({ rule: 'cycles', path: cycle[0] ?? '', detail: cycle.join(' → ') }));

const checkSizes = (file: SourceFile): Violation[] => {
  const lines = file.text.split('\n').length - 1;
  const long = isTest(file.path) ? [] : functionSizes(file.text).filter((one) => one.lines > FUNCTION_LINES);
  const found: Violation[] = long.map((one) => ({
    rule: 'function size',
    path: file.path,
    detail: `line ${one.line}: ${one.lines} lines, at most ${FUNCTION_LINES}`,
  }));
  if (lines > FILE_LINES) found.push({ rule: 'file size', path: file.path, detail: `${lines} lines, at most ${FILE_LINES}` });
  return found;
};

const checkFixtures = (files: readonly SourceFile[]): Violation[] => {
  const texts = new Map(files.map((file) => [file.path, file.text]));
  const plugins = files.filter(
    ({ path }) => PLUGIN_FOLDERS.some((folder) => isPluginOf(folder, path)) && path.endsWith('.ts') && !isTest(path),
  );
  return plugins.flatMap(({ path }) => {
    const fixture = path.replace(/\.ts$/, '.fixture.json');
    const name = fixture.split('/').at(-1);
    const text = texts.get(fixture);
    if (text === undefined) return [{ rule: 'fixtures' as const, path, detail: `add ${name} beside it` }];
    const { cases } = JSON.parse(text) as { cases: unknown[] };
    const few = cases.length < FIXTURE_CASES;
    return few ? [{ rule: 'fixtures' as const, path, detail: `${name} needs a good, an empty and a broken case` }] : [];
  });
};

/** What plugins of a folder share stands in its `lib/`. */
const isPluginOf = (folder: string, path: string): boolean => path.startsWith(folder) && !path.startsWith(`${folder}lib/`);

/** Words that have no place here; written apart so that this file does not hold them. */
const FORBIDDEN: readonly (readonly [RegExp, string, RegExp])[] = [
  [/[:<,]\s*any\b(?!\w)|\bas any\b/, 'the type any', /\.tsx?$/],
  [
    new RegExp(`\\b(${['TO', 'DO'].join('')}|${['FIX', 'ME'].join('')})\\b`),
    'a note to do later: do it or file an issue',
    /\.(tsx?|mjs|css|html)$/,
  ],
  [/\bvi\.mock\(/, 'a module mock: pass the thing in as an argument', /\.tsx?$/],
  [new RegExp(['registry', 'npmjs'].join('\\.')), 'a package registry host', /./],
  [
    new RegExp(`(^|[\\s"'(])/(${['work', 'root', 'home'].join('|')})/[a-z]`),
    'an absolute path of a machine',
    /\.(tsx?|mjs|md|json)$/,
  ],
];

const checkWords = (file: SourceFile): Violation[] => {
  const found: Violation[] = FORBIDDEN.flatMap(([pattern, what, where]) => {
    const line =
      where.test(file.path) && !isTidy(file.path)
        ? file.text.split('\n').findIndex((text) => pattern.test(withoutComment(text)))
        : -1;
    return line < 0 ? [] : [{ rule: 'words' as const, path: file.path, detail: `line ${line + 1}: ${what}` }];
  });
  const name = file.path.split('/').at(-1) ?? '';
  const kebab = /^[a-z0-9.-]+\.(ts|tsx)$/.test(name) || !/\.tsx?$/.test(name) || isPluginId(file.path);
  return kebab ? found : [...found, { rule: 'words', path: file.path, detail: 'file names are kebab-case' }];
};

const isTidy = (path: string): boolean => path.startsWith('scripts/tidy.test') || path.startsWith('scripts/src/tidy/');
/** A plugin's file name is its id, which is snake_case. */
const isPluginId = (path: string): boolean => PLUGIN_FOLDERS.some((folder) => path.startsWith(folder));
/** Prose may say "any"; only notes to do later are looked for in comments. */
const withoutComment = (line: string): string =>
  line.replace(/^\s*(\/?\*.*)$/, (all) => (new RegExp(['TO', 'DO'].join('')).test(all) ? all : ''));
