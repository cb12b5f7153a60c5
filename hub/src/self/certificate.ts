import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import { AppError } from '@muster/shared/errors';
import { pinOf } from '@muster/shared/pin';

/** The hub's own certificate: agents pin its key, browsers are told its names; made at first start, renewed under the same key. */
export interface Certificate {
  /** PEM. */
  key: string;
  cert: string;
  /** Of the public key, as `pinOf` gives it. */
  pin: string;
  valid_to: number;
  /** What this start did. */
  origin: 'made' | 'kept' | 'renewed' | 'operator';
}

export interface CertificateSettings {
  /** DATA/hub/tls. */
  folder: string;
  now: number;
  /** DNS names and IP addresses for browsers; loopback is always among them. */
  names: readonly string[];
  /** The operator's own PEM files (`tls.key_file`, `tls.cert_file`); both or none. */
  own?: { key_file: string | null; cert_file: string | null } | undefined;
}

const DAY_MS = 86_400_000;
/** Apple's limit for a certificate that a person trusts by hand. */
const LIFE_MS = 825 * DAY_MS;
const RENEW_BEFORE_MS = 30 * DAY_MS;
/** A browser's clock may be behind ours. */
const BACKDATE_MS = DAY_MS;

export const loadCertificate = async (settings: CertificateSettings): Promise<Certificate> => {
  const { key_file = null, cert_file = null } = settings.own ?? {};
  if (key_file && cert_file) return operatorsOwn(key_file, cert_file);
  if (key_file || cert_file) throw half(key_file ? 'tls.cert_file' : 'tls.key_file', key_file ? 'tls.key_file' : 'tls.cert_file');
  return hubsOwn(settings);
};

const half = (missing: string, given: string): AppError =>
  new AppError('bad_settings', `${given} is set and ${missing} is not; set both, or none to use the hub's own certificate`, {
    path: missing,
  });

// ---- made by the hub

const hubsOwn = async (settings: CertificateSettings): Promise<Certificate> => {
  const paths = { key: join(settings.folder, 'key.pem'), cert: join(settings.folder, 'cert.pem') };
  mkdirSync(settings.folder, { recursive: true, mode: 0o700 });
  const found = readIfThere(paths.key);
  const key = found === null ? makeKey(paths) : readKey(found, paths.key);
  // A key that others may read is no secret; a copy from a backup often is.
  chmodSync(paths.key, 0o600);
  const kept = found === null ? null : usable(readIfThere(paths.cert), key, settings.now);
  if (kept) return describe(key, kept, 'kept');
  const cert = await sign(key, settings);
  writeWhole(paths.cert, cert, 0o644);
  return describe(key, cert, found === null ? 'made' : 'renewed');
};

const makeKey = (paths: { key: string; cert: string }): KeyObject => {
  if (readIfThere(paths.cert) !== null)
    throw damaged(paths.key, 'is missing while its certificate is there', 'put it back from a backup');
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  writeWhole(paths.key, pemOf(privateKey), 0o600);
  return privateKey;
};

const readKey = (pem: string, path: string): KeyObject => {
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    throw damaged(path, 'cannot be read as a private key', 'put it back from a backup', cause);
  }
};

const damaged = (path: string, what: string, first: string, cause?: unknown): AppError =>
  new AppError(
    'damaged',
    `The hub's TLS key ${path} ${what}. Agents know the hub by this key: ${first}, or remove the whole folder for a new key and join every agent again`,
    { path },
    { cause },
  );

/** Null: absent, damaged, of another key, or about to expire. */
const usable = (pem: string | null, key: KeyObject, now: number): string | null => {
  const cert = pem === null ? null : parseCertificate(pem);
  if (!pem || !cert?.checkPrivateKey(key)) return null;
  const fresh = now >= Date.parse(cert.validFrom) && now < Date.parse(cert.validTo) - RENEW_BEFORE_MS;
  return fresh ? pem : null;
};

const sign = async (key: KeyObject, { now, names }: CertificateSettings): Promise<string> => {
  const all = [...new Set(['localhost', '127.0.0.1', '::1', ...names])];
  const altNames = all.map((name) => (isIP(name) ? { type: 7 as const, ip: name } : { type: 2 as const, value: name }));
  // Loaded for the one start in years that needs it: it takes 50 ms.
  const { generate } = await import('selfsigned');
  const made = await generate([{ name: 'commonName', value: 'Muster hub' }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notBeforeDate: new Date(now - BACKDATE_MS),
    notAfterDate: new Date(now - BACKDATE_MS + LIFE_MS),
    keyPair: { privateKey: pemOf(key), publicKey: createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString() },
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      { name: 'subjectAltName', altNames },
    ],
  });
  return made.cert;
};

// ---- the operator's own

const operatorsOwn = (key_file: string, cert_file: string): Certificate => {
  const [key, cert] = [readOwn(key_file, 'tls.key_file'), readOwn(cert_file, 'tls.cert_file')];
  try {
    createSecureContext({ key, cert });
    return { ...describe(createPrivateKey(key), cert, 'operator'), key };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const hint = 'Both must be PEM, without a passphrase, and belong together';
    throw new AppError(
      'bad_settings',
      `tls.key_file ${key_file} and tls.cert_file ${cert_file} cannot be used (${why}). ${hint}.`,
      { path: 'tls.cert_file', hint },
      { cause },
    );
  }
};

const readOwn = (path: string, setting: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new AppError(
      'bad_settings',
      `Setting ${setting} is "${path}", which cannot be read; check path and permissions`,
      { path: setting },
      { cause },
    );
  }
};

// ---- both

const describe = (key: KeyObject, cert: string, origin: Certificate['origin']): Certificate => ({
  key: pemOf(key),
  cert,
  pin: pinOf(createPublicKey(key).export({ type: 'spki', format: 'der' })),
  valid_to: Date.parse(new X509Certificate(cert).validTo),
  origin,
});

const pemOf = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }).toString();

const parseCertificate = (pem: string): X509Certificate | null => {
  try {
    return new X509Certificate(pem);
  } catch {
    return null;
  }
};

const readIfThere = (path: string): string | null => {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new AppError('storage', `${path} cannot be read; check its permissions`, { path }, { cause });
  }
};

/** A crash leaves the old file or the new one, never half of it. */
const writeWhole = (path: string, text: string, mode: number): void => {
  const fresh = `${path}.new`;
  rmSync(fresh, { force: true });
  writeFileSync(fresh, text, { mode, flush: true });
  renameSync(fresh, path);
};
