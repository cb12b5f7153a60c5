// Brings the agent's files over HTTPS; the pin alone judges the hub, and the SHA-256 from the script the file.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { get as getPlain } from 'node:http';
import { get as getTls } from 'node:https';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';

const [hub, pin, sha256, prefix] = process.argv.slice(2);
const MOST_BYTES = 64e6;

const fail = (why) => {
  process.stderr.write(`install.sh: ${why}\n`);
  process.exit(1);
};

const checkPin = (socket) => {
  const key = socket.getPeerX509Certificate()?.publicKey.export({ type: 'spki', format: 'der' });
  const shown = key && createHash('sha256').update(key).digest('base64url');
  const wanted = pin
    .replace(/^sha256(:|\/\/)/, '')
    .replace(/=+$/, '')
    .replaceAll('+', '-')
    .replaceAll('/', '_');
  if (shown !== wanted) fail(`${hub} shows another key than the pin says; nothing was taken from it`);
};

const download = (url) =>
  new Promise((resolve, reject) => {
    const tls = url.protocol === 'https:';
    if (!tls && !/^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname)) fail(`${hub} is not https`);
    const get = tls ? getTls : getPlain;
    const sent = get(url, { rejectUnauthorized: pin === '', agent: false, timeout: 60_000 });
    sent.on('socket', (socket) => tls && pin !== '' && socket.once('secureConnect', () => checkPin(socket)));
    sent.on('timeout', () => sent.destroy(new Error('it does not answer')));
    sent.on('error', reject);
    sent.on('response', async (reply) => {
      try {
        const parts = [];
        let size = 0;
        for await (const part of reply) {
          parts.push(part);
          size += part.length;
          if (size > MOST_BYTES) throw new Error('it sends too much');
        }
        if (reply.statusCode !== 200) throw new Error(`it answers with status ${reply.statusCode}`);
        resolve(Buffer.concat(parts));
      } catch (error) {
        reject(error);
      }
    });
  });

const text = (block, from, length) => block.toString('utf8', from, from + length).replace(/\0.*$/s, '');

/** Plain files of a tar in the ustar form; all lie in `package/`. */
const unpack = (tar, folder) => {
  for (let at = 0; at + 512 <= tar.length && tar[at] !== 0; ) {
    const block = tar.subarray(at, at + 512);
    const path = [text(block, 345, 155), text(block, 0, 100)].filter(Boolean).join('/');
    const size = Number.parseInt(text(block, 124, 12), 8);
    if (!/^package\/(?!.*\.\.)/s.test(path)) fail(`${path} has no place in this file`);
    const target = join(folder, path.slice('package/'.length));
    mkdirSync(dirname(target), { recursive: true, mode: 0o755 });
    writeFileSync(target, tar.subarray(at + 512, at + 512 + size), { mode: Number.parseInt(text(block, 100, 8), 8) });
    at += 512 + Math.ceil(size / 512) * 512;
  }
};

/** With a prefix such as the home folder, `app` may be somebody's own. */
const refuseForeign = (folder) => {
  if (!existsSync(folder)) return;
  const manifest = join(folder, 'package.json');
  if (existsSync(manifest) && /"name": *"@muster\/agent"/.test(readFileSync(manifest, 'utf8'))) return;
  fail(`${folder} is not of Muster and would be replaced; name a folder of its own with --prefix`);
};

try {
  process.umask(0o022);
  const packed = await download(new URL('/install/muster-agent.tgz', hub));
  if (createHash('sha256').update(packed).digest('hex') !== sha256)
    fail('the file is damaged, or the hub was changed meanwhile; try again');
  const [app, fresh, old] = ['app', 'app.new', 'app.old'].map((name) => join(prefix, name));
  for (const folder of [app, old]) refuseForeign(folder);
  for (const folder of [fresh, old]) rmSync(folder, { recursive: true, force: true });
  unpack(gunzipSync(packed), fresh);
  try {
    renameSync(app, old);
  } catch {
    // The first time there is none.
  }
  renameSync(fresh, app);
  rmSync(old, { recursive: true, force: true });
} catch (error) {
  fail(`the agent could not be brought from ${hub}: ${error.message}`);
}
