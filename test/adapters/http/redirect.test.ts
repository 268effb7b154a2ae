/** What goes along with a redirect. */
import { expect, it } from 'vitest';
import { dropHeaders, nextHop } from '../../../src/adapters/http/redirect.js';

const from = new URL('https://www.example.test/a#b');

/** The headers that are left of many. */
function left(hop: Parameters<typeof dropHeaders>[1]): string[] {
  const names = ['authorization', 'proxy-authorization', 'cookie', 'host', 'content-type', 'x-a'];
  const headers = new Headers(names.map((name): [string, string] => [name, '1']));
  dropHeaders(headers, hop);
  return [...headers.keys()];
}

it('to another origin, nothing that was meant for the first', () => {
  const elsewhere = nextHop(307, 'https://other.example.test/', from, 'POST');
  expect(elsewhere).toMatchObject({ crossOrigin: true, keepsBody: true });
  expect(left(elsewhere)).toEqual(['content-type', 'x-a']);
  for (const location of ['http://www.example.test/', 'https://www.example.test:8443/'])
    expect(nextHop(307, location, from, 'GET').crossOrigin).toBe(true);
});

it('to the same origin everything, but for the body that stays behind', () => {
  const here = nextHop(307, '/c', from, 'POST');
  expect([here.crossOrigin, here.url.href]).toEqual([false, 'https://www.example.test/c#b']);
  expect(left(here)).toHaveLength(6);
  const get = nextHop(303, '/c', from, 'POST');
  expect(get).toMatchObject({ method: 'GET', keepsBody: false });
  expect(left(get)).not.toContain('content-type');
});

it.each([
  ['user and password', 'https://a:b@www.example.test/'],
  ['a user', 'https://a@www.example.test/'],
  ['another protocol', 'ftp://www.example.test/'],
  ['data', 'data:text/plain,x'],
  ['no URL', 'https://[/'],
])('never to a URL with %s', (_, location) => {
  expect(() => nextHop(302, location, from, 'GET')).toThrow('fetch failed');
});
