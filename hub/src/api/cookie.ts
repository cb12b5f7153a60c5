/** The session cookie, its only one. By hand: @fastify/cookie reads none before its plugin is loaded, and upgrades pass no plugin. */
export const COOKIE = 'muster_session';
/** As long as a session lives unused. */
const LIFE_S = 30 * 86_400;

/** The value as we set it (base64url, nothing to decode); undefined when there is none. */
export const readCookie = (header: string | undefined): string | undefined => {
  const pairs = (header ?? '').split(';').map((pair) => pair.trim());
  return pairs.find((pair) => pair.startsWith(`${COOKIE}=`))?.slice(COOKIE.length + 1);
};

/** `secure` only over TLS: a plain address on this host must be able to sign in too. */
export const writeCookie = (value: string | null, secure: boolean): string =>
  [
    `${COOKIE}=${value ?? ''}`,
    `Max-Age=${value === null ? 0 : LIFE_S}`,
    'Path=/',
    'HttpOnly',
    'SameSite=Strict',
    ...(secure ? ['Secure'] : []),
  ].join('; ');
