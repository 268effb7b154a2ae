/** Redirects as the Fetch standard follows them (section 4.4, HTTP-redirect fetch). */
import { isHttp } from './settings.js';

/** What a redirect changes in a request. */
export interface Hop {
  readonly url: URL;
  readonly method: string;
  /** Whether the body goes along; otherwise its headers do not either. */
  readonly keepsBody: boolean;
  /** Whether the origin is another one: then credentials do not go along. */
  readonly crossOrigin: boolean;
}

/** Redirects that are followed at most. */
export const MOST_REDIRECTS = 20;

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Headers that belong to a body. */
const BODY_HEADERS = [
  'content-encoding',
  'content-language',
  'content-location',
  'content-type',
  'content-length',
];
/** Headers that are meant for one origin. */
const CREDENTIALS = ['authorization', 'proxy-authorization', 'cookie', 'host'];

/** Whether the status with a Location leads elsewhere. */
export function isRedirect(status: number, location: string | null | undefined): location is string {
  return REDIRECTS.has(status) && typeof location === 'string';
}

/**
 * The next request.
 * @throws TypeError for a Location that is no URL of HTTP
 */
export function nextHop(status: number, location: string, from: URL, method: string): Hop {
  const url = parse(location, from);
  if (url.hash === '') url.hash = from.hash;
  const crossOrigin = url.origin !== from.origin;
  const becomesGet =
    (status === 303 && method !== 'GET' && method !== 'HEAD') ||
    ((status === 301 || status === 302) && method === 'POST');
  return { url, method: becomesGet ? 'GET' : method, keepsBody: !becomesGet, crossOrigin };
}

/** Removes from `headers` what does not go along. */
export function dropHeaders(headers: Headers, { keepsBody, crossOrigin }: Hop): void {
  const names = [...(keepsBody ? [] : BODY_HEADERS), ...(crossOrigin ? CREDENTIALS : [])];
  for (const name of names) headers.delete(name);
}

/** What fetch rejects with when the network, in its sense, fails. */
export function fetchFailed(problem: string): TypeError {
  return new TypeError('fetch failed', { cause: new Error(problem) });
}

function parse(location: string, from: URL): URL {
  // A header's octets come as Latin-1; Location holds UTF-8 where it holds anything but ASCII.
  const text = /^[\0-\x7f]*$/.test(location) ? location : Buffer.from(location, 'latin1').toString();
  if (!URL.canParse(text, from.href)) throw fetchFailed('a redirect to what is no URL');
  const url = new URL(text, from.href);
  if (!isHttp(url)) throw fetchFailed('a redirect to what is no URL of HTTP');
  if (url.username !== '' || url.password !== '') throw fetchFailed('a redirect to a URL with credentials');
  return url;
}
