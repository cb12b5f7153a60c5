import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { AppError } from '@muster/shared/errors';

/** What a password is typed into: a terminal, or a pipe. */
export interface PasswordInput {
  input: NodeJS.ReadableStream & { isTTY?: boolean };
  print(line: string): void;
}

/** One line; on a terminal nothing of it is shown. */
export const readPassword = async ({ input, print }: PasswordInput): Promise<string> => {
  if (!input.isTTY) return firstLine(input);
  print('Password (at least 10 characters; it is not shown), then Enter:');
  // The line editor handles backspace and writes what it echoes here.
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const editor = createInterface({ input, output: nowhere, terminal: true, historySize: 0 });
  try {
    return await new Promise<string>((resolve, reject) => {
      const stop = () => reject(new AppError('bad_request', 'Stopped; nothing was changed'));
      editor.once('line', resolve);
      editor.once('SIGINT', stop);
      editor.once('close', stop);
    });
  } finally {
    editor.close();
  }
};

const firstLine = async (input: NodeJS.ReadableStream): Promise<string> => {
  let text = '';
  for await (const part of input) {
    text += part;
    if (text.includes('\n')) break;
  }
  return text.split('\n')[0] ?? '';
};
