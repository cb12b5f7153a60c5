import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '@muster/shared/errors';
import { createHttp, type Http } from '@muster/shared/http';

/** A hub's API as scripts use it. */
export interface HubApi {
  url: string;
  get<T>(path: string): Promise<T>;
  post<T>(path: string, body: unknown): Promise<T>;
  put<T>(path: string, body: unknown): Promise<T>;
  patch<T>(path: string, body: unknown): Promise<T>;
}

export interface HubAccess {
  url: string;
  token: string;
}

/** What a running hub left for the commands on its own machine. */
export const readControl = (data: string): HubAccess => {
  const file = join(data, 'hub', 'control.json');
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as HubAccess;
  } catch (cause) {
    throw new AppError(
      'unreachable',
      `No hub is running on ${data} (${file} is missing); start one with "npm start" or name it by --hub and --token`,
      {},
      { cause },
    );
  }
};

export const createHubApi = ({ url, token }: HubAccess, http: Http = createHttp()): HubApi => {
  const call = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const text = body === undefined ? {} : { body: JSON.stringify(body) };
    const headers = { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) };
    const reply = await http.request({ url: `${url}/api/v1${path}`, method, headers, ...text });
    if (reply.status >= 400)
      throw new AppError('bad_reply', `${method} ${path} answered ${reply.status}: ${reply.text.slice(0, 300)}`);
    return (reply.text === '' ? undefined : JSON.parse(reply.text)) as T;
  };
  return {
    url,
    get: (path) => call('GET', path),
    post: (path, body) => call('POST', path, body),
    put: (path, body) => call('PUT', path, body),
    patch: (path, body) => call('PATCH', path, body),
  };
};
