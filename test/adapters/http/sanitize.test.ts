/** What is left of an error response whose server did not prove itself. */
import { expect, it } from 'vitest';
import { keptHeaders, sanitizedHeaders } from '../../../src/adapters/http/sanitize.js';

const ALL = {
  date: 'Sun, 22 Nov 2026 09:00:00 GMT',
  server: 'test',
  'www-authenticate': ['Negotiate', 'Basic'],
  'proxy-authenticate': 'Negotiate',
  'content-length': '5',
  'content-type': 'text/html',
  'content-encoding': 'gzip',
  'transfer-encoding': 'chunked',
  'set-cookie': ['a=b'],
  location: 'http://elsewhere.test/',
  refresh: '0; url=http://elsewhere.test/',
  'retry-after': '1',
  'x-secret': '1',
};

it.each([
  [400, []],
  [401, ['www-authenticate']],
  [403, []],
  [407, ['proxy-authenticate']],
  [500, []],
  [503, []],
])('of status %i: date, server, and %j', (status, challenges) => {
  const names = ['date', 'server', ...challenges] as (keyof typeof ALL)[];
  expect(keptHeaders(status)).toEqual(names);
  expect(sanitizedHeaders(status, ALL)).toEqual({
    ...Object.fromEntries(names.map((name) => [name, ALL[name]])),
    'content-length': '0',
  });
  expect(sanitizedHeaders(status, {})).toEqual({ 'content-length': '0' });
});
