import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matchesGlob, parseK5identity, selectCache } from '../../src/formats/cacheSelection.js';
import { parsePrincipal } from '../../src/formats/principal.js';
import { fuzzRuns } from '../support/fuzz.js';

const cache = (name: string) => ({ name, principal: parsePrincipal(name) });
const alice = cache('alice@EXAMPLE.TEST');
const oscar = cache('oscar@OTHER.TEST');
const deep = cache('dora@DEEP.OTHER.TEST');
const service = (name: string) => parsePrincipal(name, { nameType: 3 });

describe('selectCache', () => {
  it("prefers the client of the service's realm", () => {
    const choice = selectCache([alice, oscar], service('HTTP/www@OTHER.TEST'));
    expect(choice).toEqual({ cache: oscar, principal: oscar.principal, reason: 'realm' });
  });

  it('takes the longest realm at the end of the host name when the realm is not known', () => {
    const caches = [alice, oscar, deep];
    const chosen = (name: string) => selectCache(caches, service(name))?.cache;
    expect(chosen('HTTP/www.deep.other.test@')).toBe(deep);
    expect(chosen('HTTP/www.other.test@')).toBe(oscar);
    expect(chosen('HTTP/other.test@NOSUCH')).toBe(oscar);
    expect(chosen('HTTP/www.another.test@')).toBeUndefined();
    expect(selectCache(caches, parsePrincipal('HTTP/www.other.test@'))).toBeUndefined();
  });

  it('obeys .k5identity first, in the order of its lines', () => {
    const rules = parseK5identity(
      [
        '# comment',
        '',
        'oscar@OTHER.TEST host=*.Example.Test',
        '  oscar@OTHER.TEST  service=host host=*.example.test\r',
        'eve@OTHER.TEST realm=NO*',
        'dora@DEEP.OTHER.TEST service=imap nonsense',
        'dora@DEEP.OTHER.TEST unknown=*',
        'a@b@c',
      ].join('\n'),
    );
    expect(rules.length).toBe(4);
    const caches = [alice, oscar, deep];
    const chosen = selectCache(caches, service('host/A.EXAMPLE.test@EXAMPLE.TEST'), rules);
    expect([chosen?.cache, chosen?.reason]).toEqual([oscar, 'k5identity']);
    expect(selectCache(caches, service('HTTP/a.example.test@EXAMPLE.TEST'), rules)?.cache).toBe(alice);
    const missing = selectCache(caches, service('HTTP/x@NOSUCH'), rules);
    expect([missing?.cache, missing?.principal.components]).toEqual([undefined, ['eve']]);
  });

  it('reads names without a realm in the default one', () => {
    expect(parseK5identity('alice', 'EXAMPLE.TEST')[0]?.principal).toEqual(alice.principal);
    expect(parseK5identity('alice')).toEqual([]);
  });
});

describe('matchesGlob', () => {
  it.each([
    ['', '', true],
    ['*', '', true],
    ['*.test', 'a.b.test', true],
    ['*.test', '.tests', false],
    ['a?c', 'abc', true],
    ['a?c', 'ac', false],
    ['[a-c]x', 'bx', true],
    ['[!a-c]x', 'bx', false],
    ['[]]', ']', true],
    ['[a', '[a', true],
    ['\\*', '*', true],
    ['\\*', 'a', false],
    ['[a-]', '-', true],
  ])('%s and %s: %s', (pattern, text, expected) => {
    expect(matchesGlob(pattern, text)).toBe(expected);
  });

  it('takes bounded time for many stars', () => {
    const before = process.cpuUsage();
    expect(matchesGlob(`${'*a'.repeat(200)}b`, 'a'.repeat(2000))).toBe(false);
    // What this process has worked, however busy the machine is; microseconds.
    expect(process.cpuUsage(before).user).toBeLessThan(2_000_000);
  });

  it('matches a text with its own letters escaped, and never throws', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (text, pattern) => {
        expect(matchesGlob([...text].map((letter) => `\\${letter}`).join(''), text)).toBe(true);
        expect(matchesGlob(pattern, text)).toBeTypeOf('boolean');
        expect(parseK5identity(pattern, 'R')).toBeInstanceOf(Array);
      }),
      { numRuns: fuzzRuns },
    );
  });
});
