/** PORT: what a listener says that cannot open; one line that names the setting to change. */
import { AppError } from '@muster/shared/errors';
import { envName } from '@muster/shared/settings';

/** The setting group that the error names. */
export type ListenerName = 'http' | 'https' | 'mqtt' | 'mqtts';

export const listenError = (
  name: ListenerName,
  { host, port }: { host: string; port: number },
  cause: NodeJS.ErrnoException,
): AppError => {
  const set = (part: 'host' | 'port') => `set ${name}.${part} (${envName(`${name}.${part}`)})`;
  const at = `Port ${port} on ${host}`;
  const address = `to an address of this machine, or to 0.0.0.0 for all`;
  const known: Record<string, ['host' | 'port', string]> = {
    EADDRINUSE: ['port', `${at} is in use by another program; stop it, or ${set('port')} to another one (0 for any free one)`],
    EACCES: ['port', `${at} may not be opened by this user; ${set('port')} to one above 1023 (0 for any free one)`],
    EADDRNOTAVAIL: ['host', `${host} is not an address of this machine; ${set('host')} ${address}`],
    ENOTFOUND: ['host', `${host} is not a known host name; ${set('host')} ${address}`],
  };
  const unknown = [
    'host',
    `Cannot listen on ${host} port ${port} (${cause.code ?? cause.message}); ${set('host')} ${address}`,
  ] as const;
  const [part, sentence] = known[cause.code ?? ''] ?? unknown;
  return new AppError('bad_settings', sentence, { path: `${name}.${part}` }, { cause });
};
