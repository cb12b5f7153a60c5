import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { readPassword } from './password.js';

/** A terminal as Node gives it: it echoes what is typed until it is in raw mode. */
const createTerminal = () => {
  const input = new PassThrough();
  const modes: boolean[] = [];
  const terminal = Object.assign(input, { isTTY: true, setRawMode: (raw: boolean) => modes.push(raw) });
  return { terminal, modes };
};

describe('a password', () => {
  it('typed on a terminal is read without its echo, with corrections', async () => {
    const { terminal, modes } = createTerminal();
    const printed: string[] = [];
    const password = readPassword({ input: terminal, print: (line) => printed.push(line) });
    expect(modes).toEqual([true]);
    terminal.write('a long passwordx\u007f\r');
    expect(await password).toBe('a long password');
    expect(modes).toEqual([true, false]);
    expect(printed.join('')).not.toContain('long');
  });

  it.each(['\u0003', '\u0004'])('given up with %j changes nothing and leaves the terminal as it was', async (key) => {
    const { terminal, modes } = createTerminal();
    const password = readPassword({ input: terminal, print: () => {} });
    terminal.write(key);
    await expect(password).rejects.toThrow('nothing was changed');
    expect(modes.at(-1)).toBe(false);
  });

  it('comes from a pipe as its first line', async () => {
    const input = new PassThrough();
    input.end('a long password\nand more');
    expect(await readPassword({ input, print: () => {} })).toBe('a long password');
  });
});
