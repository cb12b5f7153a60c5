/** Packs the agent for machines that have nothing but Node; the hub hands it out. Part of every build. */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { packAgent } from '@muster/agent/install/package';
import { writeTar } from './tar.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const target = join(root, 'hub', 'installer', 'dist', 'muster-agent.tgz');

const files = packAgent(join(root, 'agent'));
const bytes = gzipSync(writeTar(files.map((file) => ({ ...file, path: `package/${file.path}` }))), { level: 9 });
mkdirSync(dirname(target), { recursive: true });
// A hub that starts meanwhile sees the old one or the new one.
writeFileSync(`${target}.new`, bytes);
renameSync(`${target}.new`, target);
if (process.argv.includes('--verbose')) process.stdout.write(`${files.length} files, ${Math.ceil(bytes.length / 1024)} KiB\n`);
