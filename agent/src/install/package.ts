/** What an agent needs to run with Node alone: its own build and every package below it, in the layout that npm unpacks. */
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface PackedFile {
  /** Relative to the package's folder. */
  path: string;
  mode: number;
  bytes: Buffer;
}

interface Manifest {
  name: string;
  dependencies?: Record<string, string>;
  [key: string]: unknown;
}

interface Placed {
  folder: string;
  at: string;
  manifest: Manifest;
}

/** Sorted by path; `root` is the agent's package folder in a clone, or one unpacked before. */
export const packAgent = (root: string): PackedFile[] => {
  const files = placeAll(realpathSync(root)).flatMap((one) => filesOf(one));
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
};

/** Every package once; where two versions of a name are needed, the second lies below its user. */
const placeAll = (root: string): Placed[] => {
  const placed: Placed[] = [{ folder: root, at: '', manifest: manifestOf(root) }];
  const seen = new Map<string, string>();
  for (const user of placed) {
    for (const name of Object.keys(user.manifest.dependencies ?? {}).sort()) {
      if (name.startsWith('@types/')) continue;
      const folder = findPackage(name, user.folder);
      const top = `node_modules/${name}`;
      const at = (seen.get(top) ?? folder) === folder ? top : join(user.at, top);
      if (seen.get(at) === folder) continue;
      seen.set(at, folder);
      placed.push({ folder, at, manifest: manifestOf(folder) });
    }
  }
  return placed;
};

const manifestOf = (folder: string): Manifest => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));

const findPackage = (name: string, from: string): string => {
  for (let folder = from; ; folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules', name);
    if (existsSync(join(candidate, 'package.json'))) return realpathSync(candidate);
    if (dirname(folder) === folder) throw new Error(`The package ${name} is not installed; run npm ci`);
  }
};

const filesOf = ({ folder, at, manifest }: Placed): PackedFile[] => {
  const own = at === '' || manifest.name.startsWith('@muster/');
  const wanted = own
    ? isWantedOfOurs
    : (path: string) => isWanted(path) && !(manifest.name === 'mqtt' && path.startsWith('dist/'));
  return list(folder, '')
    .filter((path) => path === 'package.json' || wanted(path))
    .map((path) => ({
      path: join(at, path),
      mode: path.startsWith('bin/') ? 0o755 : 0o644,
      bytes: path === 'package.json' && own ? shipped(manifest, at === '') : readFileSync(join(folder, path)),
    }));
};

const list = (folder: string, below: string): string[] =>
  readdirSync(join(folder, below), { withFileTypes: true }).flatMap((entry) => {
    if (entry.name === 'node_modules') return [];
    const path = join(below, entry.name);
    return entry.isDirectory() ? list(folder, path) : [path];
  });

const isWantedOfOurs = (path: string): boolean =>
  /^(bin|dist)\/.*\.m?js$|^dist\/presets\/[a-z0-9_]+\.json$/.test(path) && !/\.test\.js$|^dist\/testing\//.test(path);

/** What programs load, and the licence; mqtt's `dist` is for browsers. */
const isWanted = (path: string): boolean =>
  (/\.(js|mjs|cjs|json)$/.test(path) || /^licen[cs]e/i.test(path)) &&
  !/\.min\.|\.umd\.|^(tests?|testRandom|docs?|examples?|benchmarks?)(\/|\.js$)/.test(path);

/** Bundled, so that `npm install --global FILE` asks no registry. */
const shipped = (manifest: Manifest, top: boolean): Buffer => {
  const { private: _private, devDependencies: _development, ...kept } = manifest;
  const bundled = top ? { bundleDependencies: Object.keys(manifest.dependencies ?? {}) } : {};
  return Buffer.from(`${JSON.stringify({ ...kept, ...bundled }, null, 2)}\n`);
};
