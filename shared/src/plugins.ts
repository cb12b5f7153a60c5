import { readdir } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { assert } from './errors.js';

/** Loads an open set: every module of a folder whose default export has the file's name as its id. */
export const loadPlugins = async <T extends { id: string }>(
  folder: URL,
  /** Only these of them. */
  wanted: (id: string) => boolean = () => true,
): Promise<Map<string, T>> => {
  const listed = (await readdir(fileURLToPath(folder))).filter(isPlugin).sort();
  const files = listed.filter((file) => wanted(basename(file, extname(file))));
  const plugins = await Promise.all(files.map((file) => load<T>(folder, file)));
  return new Map(plugins.map((plugin) => [plugin.id, plugin]));
};

const isPlugin = (file: string): boolean => /\.(js|ts)$/.test(file) && !/\.(test|d)\.ts$|\.test\.js$/.test(file);

const load = async <T extends { id: string }>(folder: URL, file: string): Promise<T> => {
  const module: { default?: T } = await import(new URL(file, folder).href);
  const id = basename(file, extname(file));
  assert(module.default?.id === id, `${file} must export default a plugin with id "${id}"`);
  return module.default;
};
