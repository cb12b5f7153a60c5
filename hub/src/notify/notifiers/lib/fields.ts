/** Settings that notifiers share; each with the sentence that the form shows. */
import { secret, url } from '@muster/shared/schema';
import * as v from 'valibot';

const LONGEST = 2_000;
const NO_LOGIN = 'must hold no user name or password; there are settings for them';
const hasNoLogin = (address: string): boolean => {
  const { username, password } = URL.canParse(address) ? new URL(address) : { username: '', password: '' };
  return username === '' && password === '';
};

/** An http(s) address. */
export const address = (help: string) => v.pipe(url(), v.maxLength(LONGEST), v.check(hasNoLogin, NO_LOGIN), v.description(help));

export const addressOr = (usual: string, help: string) => v.optional(address(help), usual);

/** The address of an incoming webhook, which is the secret itself. */
export const secretAddress = (help: string) =>
  v.pipe(
    secret(),
    v.url('must be an address such as https://example.com/hook'),
    v.regex(/^https?:\/\//i, 'must start with http:// or https://'),
    v.check(hasNoLogin, NO_LOGIN),
    v.maxLength(LONGEST),
    v.description(help),
  );

/** A key that goes into a header or an address. */
export const key = (help: string) =>
  v.pipe(
    secret(),
    v.maxLength(LONGEST),
    v.regex(/^[\x21-\x7e]+$/, 'must be letters, digits and signs without blanks'),
    v.description(help),
  );

export const password = (help: string) => v.pipe(secret(), v.maxLength(LONGEST), v.description(help));

export const words = (help: string) =>
  v.pipe(v.string(), v.minLength(1), v.maxLength(500), v.regex(/^[^\p{Cc}]+$/u, 'must be one line of text'), v.description(help));

/** An address without the slash at its end. */
export const base = (address: string): string => address.replace(/\/+$/, '');

/** An address of a server that does not speak HTTP. */
export const serverOf = (schemes: readonly string[], help: string) =>
  v.pipe(
    v.string(),
    v.url(`must be an address such as ${schemes[0]}://example.org`),
    v.maxLength(LONGEST),
    v.check(
      (text) => schemes.some((scheme) => text.toLowerCase().startsWith(`${scheme}://`)),
      `must start with ${schemes.join(':// or ')}://`,
    ),
    v.check((text) => URL.canParse(text) && new URL(text).hostname !== '', 'must name a host'),
    v.check(hasNoLogin, NO_LOGIN),
    v.description(help),
  );
