import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, extname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A fixture beside a plugin: `{ "cases": [ … ] }`; at least one good, one empty, one broken. */
export interface FixtureCase {
  name: string;
  [field: string]: unknown;
}

export interface PluginFixture<C extends FixtureCase> {
  id: string;
  /** Null when the fixture file is missing: `file` says which to add. */
  cases: C[] | null;
  file: string;
}

/** The fixtures of a plugin folder (a `src` folder, also when asked from the build), one per plugin file. */
export const readFixtures = <C extends FixtureCase>(folder: URL): PluginFixture<C>[] => {
  const path = fileURLToPath(folder).replace(/\/dist\//, '/src/');
  const plugins = readdirSync(path).filter((file) => /\.ts$/.test(file) && !/\.(test|d)\.ts$/.test(file));
  return plugins.sort().map((file) => {
    const id = basename(file, extname(file));
    const fixture = `${path}/${id}.fixture.json`;
    const cases = existsSync(fixture) ? (JSON.parse(readFileSync(fixture, 'utf8')) as { cases: C[] }).cases : null;
    return { id, cases, file: `${id}.fixture.json` };
  });
};
