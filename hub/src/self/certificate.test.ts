import { createPublicKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { pinOf, samePin } from '@muster/shared/pin';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadCertificate } from './certificate.js';

const DAY = 86_400_000;
const NOW = Date.UTC(2026, 0, 1);

describe('certificate of the hub', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'muster-tls-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const file = (name: string) => join(folder, 'tls', name);
  const load = (now = NOW, names: string[] = []) => loadCertificate({ folder: join(folder, 'tls'), now, names });

  it('is made at first start: EC P-256, key for the owner only, names for browsers', async () => {
    const made = await load(NOW, ['hub.local', '192.168.1.20', 'fe80::1']);
    expect(made.origin).toBe('made');
    expect(createPublicKey(made.key).asymmetricKeyDetails?.namedCurve).toBe('prime256v1');
    expect(statSync(file('key.pem')).mode & 0o777).toBe(0o600);
    const cert = new X509Certificate(made.cert);
    for (const name of ['localhost', 'hub.local']) expect(cert.checkHost(name)).toBe(name);
    for (const ip of ['127.0.0.1', '192.168.1.20', '::1', 'fe80::1']) expect(cert.checkIP(ip)).toBe(ip);
    expect(Date.parse(cert.validFrom)).toBeLessThan(NOW);
    expect(made.valid_to).toBeGreaterThan(NOW + 800 * DAY);
  });

  it('is kept from start to start', async () => {
    const made = await load();
    expect(await load(NOW + 700 * DAY)).toEqual({ ...made, origin: 'kept' });
  });

  it('differs between two hubs', async () => {
    const made = await load();
    const other = await loadCertificate({ folder: join(folder, 'other'), now: NOW, names: [] });
    expect(samePin(made.pin, other.pin)).toBe(false);
  });

  it('is renewed under the same key when it is about to expire, and the pin stays', async () => {
    const made = await load();
    const later = NOW + 800 * DAY;
    const renewed = await load(later);
    expect(renewed).toMatchObject({ origin: 'renewed', pin: made.pin, key: made.key });
    expect(renewed.valid_to).toBeGreaterThan(later + 800 * DAY);
    expect(await load(later)).toMatchObject({ origin: 'kept', cert: renewed.cert });
  });

  it('is renewed under the same key when the certificate is damaged, missing, of another key, or from the future', async () => {
    const made = await load();
    const other = await loadCertificate({ folder: join(folder, 'other'), now: NOW, names: [] });
    for (const damage of ['-----BEGIN CERTIFICATE-----\nAAAA\n', '', other.cert]) {
      writeFileSync(file('cert.pem'), damage);
      expect(await load()).toMatchObject({ origin: 'renewed', pin: made.pin });
    }
    rmSync(file('cert.pem'));
    expect(await load()).toMatchObject({ origin: 'renewed', pin: made.pin });
    expect(await load(NOW - 100 * DAY)).toMatchObject({ origin: 'renewed', pin: made.pin });
  });

  it('refuses a damaged key in clear words and overwrites nothing', async () => {
    await load();
    const cert = readFileSync(file('cert.pem'), 'utf8');
    for (const text of ['', '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n']) {
      writeFileSync(file('key.pem'), text);
      await expect(load()).rejects.toMatchObject({ code: 'damaged', message: expect.stringContaining(file('key.pem')) });
      expect(readFileSync(file('key.pem'), 'utf8')).toBe(text);
      expect(readFileSync(file('cert.pem'), 'utf8')).toBe(cert);
    }
    rmSync(file('key.pem'));
    await expect(load()).rejects.toMatchObject({ code: 'damaged', message: expect.stringContaining('backup') });
  });

  it('takes the key away from others who may read it', async () => {
    await load();
    chmodSync(file('key.pem'), 0o644);
    await load();
    expect(statSync(file('key.pem')).mode & 0o777).toBe(0o600);
  });

  it('shows the pin of the key that a TLS client really meets', async () => {
    const made = await load();
    const server = createServer({ key: made.key, cert: made.cert });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const socket: TLSSocket = await new Promise((resolve, reject) => {
      const client = connect({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => resolve(client)).on('error', reject);
    });
    const seen = new X509Certificate(socket.getPeerCertificate().raw).publicKey.export({ type: 'spki', format: 'der' });
    expect(pinOf(seen)).toBe(made.pin);
    socket.destroy();
    server.close();
  });

  describe("of the operator's own files", () => {
    const own = (key_file: string | null, cert_file: string | null) =>
      loadCertificate({ folder: join(folder, 'unused'), now: NOW, names: [], own: { key_file, cert_file } });

    it('is used as it is', async () => {
      const made = await load();
      const used = await own(file('key.pem'), file('cert.pem'));
      expect(used).toMatchObject({ origin: 'operator', pin: made.pin, cert: made.cert });
    });

    it('names the setting that is missing, unreadable or does not fit', async () => {
      await load();
      await expect(own(file('key.pem'), null)).rejects.toMatchObject({
        code: 'bad_settings',
        details: { path: 'tls.cert_file' },
      });
      await expect(own(null, file('cert.pem'))).rejects.toMatchObject({ details: { path: 'tls.key_file' } });
      await expect(own(file('none.pem'), file('cert.pem'))).rejects.toMatchObject({ details: { path: 'tls.key_file' } });
      const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      writeFileSync(file('other.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }));
      await expect(own(file('other.pem'), file('cert.pem'))).rejects.toMatchObject({
        code: 'bad_settings',
        message: expect.stringContaining('belong together'),
      });
    });
  });
});
