import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { AppError, asAppError } from '@muster/shared/errors';
import { EXAMPLE } from './from-reply.js';
import { type Recorded, readRecorded } from './recorded.js';
import { FROM_REPLY, NEW_KINDS, type NewKind, TEMPLATES } from './templates.js';

const USAGE = `Say what to make: npm run new -- ${NEW_KINDS.join('|')} <id>; a network or preset also from a recorded reply: --reply FILE [--url ADDRESS]`;
const ID = /^[a-z][a-z0-9_]{1,38}$/;

interface Wanted {
  kind: NewKind;
  id: string;
  recorded: Recorded;
}

/** Writes both files below `root`; the paths written, relative to it. Never overwrites. */
export const writeNew = async (root: URL, words: readonly string[]): Promise<string[]> => {
  const { kind, id, recorded } = readWords(words);
  const { folder, ending, declaration, fixture } = TEMPLATES[kind];
  const files = [
    { path: `${folder}/${id}${ending}`, text: await declaration(id, recorded) },
    { path: `${folder}/${id}.fixture.json`, text: `${JSON.stringify(await fixture(id, recorded), null, 2)}\n` },
  ];
  const there = files.find(({ path }) => existsSync(new URL(path, root)));
  if (there) throw new AppError('conflict', `${there.path} exists already; choose another id or edit it`);
  mkdirSync(new URL(`${folder}/`, root), { recursive: true });
  for (const { path, text } of files) writeFileSync(new URL(path, root), text);
  return files.map(({ path }) => path);
};

const readWords = (words: readonly string[]): Wanted => {
  const { positionals, values } = parsed(words);
  const [kind = '', id = ''] = positionals;
  const known = NEW_KINDS.find((one) => one === kind);
  if (!known || positionals.length !== 2) throw new AppError('bad_request', USAGE);
  if (!ID.test(id))
    throw new AppError('bad_request', `"${id}" cannot be an id: use 2 to 39 of a-z, 0-9 and _, starting with a letter`);
  const { reply, url = EXAMPLE.url } = values;
  if (reply !== undefined && !FROM_REPLY.includes(known))
    throw new AppError('bad_request', `A ${known} is not made from a reply; leave --reply out`);
  if (!/^https?:\/\//.test(url) || !URL.canParse(url))
    throw new AppError('bad_request', `--url "${url}" is not an address; write for example ${EXAMPLE.url}`);
  return { kind: known, id, recorded: reply === undefined ? { ...EXAMPLE, url } : readRecorded(readReply(reply), url) };
};

const parsed = (words: readonly string[]) => {
  try {
    const options = { reply: { type: 'string' }, url: { type: 'string' } } as const;
    return parseArgs({ args: [...words], options, allowPositionals: true });
  } catch (error) {
    throw new AppError('bad_request', `${asAppError(error).message}. ${USAGE}`);
  }
};

const readReply = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new AppError(
      'bad_request',
      `The recorded reply ${path} cannot be read; give the file with the body of an answer`,
      {},
      { cause },
    );
  }
};
