/** `npm run new -- network|probe|rule|notifier <id>`: writes the declaration and its fixture, and touches nothing else. */
import { dirname } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { asAppError } from '@muster/shared/errors';
import { writeNew } from './new/write.js';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

try {
  const files = writeNew(pathToFileURL(`${root}/`), process.argv.slice(2));
  for (const file of files) console.log(`wrote ${file}`);
  console.log('Now fill both in, then run: npm test');
} catch (error) {
  console.error(asAppError(error).message);
  process.exitCode = 1;
}
