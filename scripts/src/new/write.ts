import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { AppError } from '@muster/shared/errors';
import { NEW_KINDS, type NewKind, TEMPLATES } from './templates.js';

const USAGE = `Say what to make: npm run new -- ${NEW_KINDS.join('|')} <id>`;
const ID = /^[a-z][a-z0-9_]{1,38}$/;

/** Writes both files below `root`; the paths written, relative to it. Never overwrites. */
export const writeNew = (root: URL, words: readonly string[]): string[] => {
  const [kind = '', id = ''] = words;
  if (!NEW_KINDS.includes(kind as NewKind) || words.length !== 2) throw new AppError('bad_request', USAGE);
  if (!ID.test(id))
    throw new AppError('bad_request', `"${id}" cannot be an id: use 2 to 39 of a-z, 0-9 and _, starting with a letter`);
  const { folder, declaration, fixture } = TEMPLATES[kind as NewKind];
  const files = [
    { path: `${folder}/${id}.ts`, text: declaration(id) },
    { path: `${folder}/${id}.fixture.json`, text: `${JSON.stringify(fixture(id), null, 2)}\n` },
  ];
  const there = files.find(({ path }) => existsSync(new URL(path, root)));
  if (there) throw new AppError('conflict', `${there.path} exists already; choose another id or edit it`);
  mkdirSync(new URL(`${folder}/`, root), { recursive: true });
  for (const { path, text } of files) writeFileSync(new URL(path, root), text);
  return files.map(({ path }) => path);
};
