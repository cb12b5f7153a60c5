import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { createLinkNote, readLinkNote } from './link-note.js';

const folders: string[] = [];
afterEach(() => {
  for (const one of folders.splice(0)) rmSync(one, { recursive: true, force: true });
});
const folder = () => {
  const path = mkdtempSync(join(tmpdir(), 'muster-note-'));
  folders.push(path);
  return path;
};

it('the note says since when the hub is away, and is not written again for every try', () => {
  const path = folder();
  let now_s = 100;
  const uptime = () => now_s;
  const tell = createLinkNote(path, uptime);
  expect(readLinkNote(path, uptime)).toBe(null);
  tell({ online: true, why: null });
  now_s = 150;
  tell({ online: false, why: 'ECONNREFUSED' });
  const written = readFileSync(join(path, 'link.json'), 'utf8');
  now_s = 400;
  tell({ online: false, why: 'ETIMEDOUT' });
  expect(readFileSync(join(path, 'link.json'), 'utf8')).toBe(written);
  expect(readLinkNote(path, uptime)).toEqual({ online: false, why: 'ECONNREFUSED', for_s: 250 });
  tell({ online: true, why: null });
  expect(readLinkNote(path, uptime)).toEqual({ online: true, why: null, for_s: 0 });
  expect(readdirSync(path)).toEqual(['link.json']);
});

it('a note of before the machine started, or a damaged one, says nothing; a folder that cannot be written harms nobody', () => {
  const path = folder();
  createLinkNote(path, () => 5_000)({ online: false, why: 'x' });
  expect(readLinkNote(path, () => 20)).toBe(null);
  writeFileSync(join(path, 'link.json'), '{"online"');
  expect(readLinkNote(path, () => 20)).toBe(null);
  createLinkNote(join(path, 'none'), () => 1)({ online: true, why: null });
});
