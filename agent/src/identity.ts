import { chownSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { AppError } from '@muster/shared/errors';
import { isPin } from '@muster/shared/pin';
import { check } from '@muster/shared/schema';
import { deviceId } from '@muster/shared/wire/messages';
import * as v from 'valibot';

/** Who this agent is to its hub; kept in a file that only its owner reads. */
export const identity = v.object({
  device: deviceId,
  key: v.pipe(v.string(), v.minLength(1)),
  /** `mqtt://host:port` or `mqtts://host:port`. */
  address: v.pipe(v.string(), v.regex(/^mqtts?:\/\/[^/\s]+$/, 'must look like mqtts://host:8883')),
  pin: v.nullable(v.pipe(v.string(), v.check(isPin, 'must look like sha256:…'))),
  /** Where it joined, `https://host:7443`; missing in files of before. */
  hub: v.optional(v.string()),
});
const JOIN_HINT = '"muster-hub invite" on the hub prints the command to join with';
export type Identity = v.InferOutput<typeof identity>;

/** Null when this machine has not joined a hub. */
export const readIdentity = (path: string): Identity | null => {
  const text = readIfThere(path);
  if (text === null) return null;
  try {
    return check(identity, JSON.parse(text), `The identity file ${path}`, 'damaged');
  } catch (cause) {
    const why = cause instanceof AppError ? cause.message : `The identity file ${path} is not valid JSON`;
    throw new AppError('damaged', `${why}; join again with --force`, { hint: JOIN_HINT }, { cause });
  }
};

const readIfThere = (path: string): string | null => {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new AppError('damaged', `The identity file ${path} cannot be read; check its permissions`, {}, { cause });
  }
};

/** Whole or not at all: a power cut leaves the old one. */
export const writeIdentity = (path: string, value: Identity): void => {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(`${path}.new`, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600, flush: true });
    keepOwner(`${path}.new`, dirname(path));
    renameSync(`${path}.new`, path);
  } catch (cause) {
    throw new AppError('storage', `The identity file ${path} cannot be written; check the folder's permissions`, {}, { cause });
  }
};

/** Root may join for a service that has a user of its own. */
const keepOwner = (path: string, folder: string): void => {
  const { uid, gid } = statSync(folder);
  if (process.getuid?.() === 0 && uid !== 0) chownSync(path, uid, gid);
};
