/** `npm run new -- network|preset|probe|rule|notifier <id>`: writes the declaration and its fixture, and touches nothing else. */
import { dirname, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { asAppError } from '@muster/shared/errors';
import { writeNew } from './new/write.js';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** A file is named from where the command was typed, which npm says in INIT_CWD. */
const typed = (words: readonly string[]): string[] =>
  words.map((word, index) => (words[index - 1] === '--reply' ? resolve(process.env['INIT_CWD'] ?? '.', word) : word));

try {
  const files = await writeNew(pathToFileURL(`${root}/`), typed(process.argv.slice(2)));
  for (const file of files) console.log(`wrote ${file}`);
  console.log(
    `${files.length} files, nothing else touched. Now fill both in (units, token, decimals, titles), then run: npm test`,
  );
} catch (error) {
  console.error(asAppError(error).message);
  process.exitCode = 1;
}
