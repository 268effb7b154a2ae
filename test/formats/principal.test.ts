import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatPrincipal,
  krbtgtPrincipal,
  type Principal,
  parsePrincipal,
  samePrincipal,
} from '../../src/formats/principal.js';
import { fuzzRuns } from '../support/fuzz.js';
import { principal, valueOrFormatError } from './arbitraries.js';

const inR = (text: string, enterprise = false): Principal =>
  parsePrincipal(text, { defaultRealm: 'R', enterprise });

describe('parsePrincipal', () => {
  // Results of krb5_parse_name_flags of MIT krb5 1.20.1.
  it.each<[string, boolean, string[], string, number]>([
    ['a', false, ['a'], 'R', 1],
    ['a@', false, ['a'], '', 1],
    ['@S', false, [''], 'S', 1],
    ['a/', false, ['a', ''], 'R', 1],
    ['/a', false, ['', 'a'], 'R', 1],
    ['a b@S', false, ['a b'], 'S', 1],
    ['a\\q\\n\\t\\b\\0\\\\\\/\\@x@S\\@T\\/U', false, ['aq\n\t\b\0\\/@x'], 'S@T/U', 1],
    ['krbtgt/R', false, ['krbtgt', 'R'], 'R', 2],
    ['krbtgt/R/x', false, ['krbtgt', 'R', 'x'], 'R', 1],
    ['krbtgt', false, ['krbtgt'], 'R', 1],
    ['WELLKNOWN/ANONYMOUS', false, ['WELLKNOWN', 'ANONYMOUS'], 'R', 11],
    ['a@b', true, ['a@b'], 'R', 10],
    ['a@b@S', true, ['a@b'], 'S', 10],
    ['a/b@c@S', true, ['a/b@c'], 'S', 10],
  ])('%j (enterprise %s)', (text, enterprise, components, realm, nameType) => {
    expect(inR(text, enterprise)).toEqual({ nameType, components, realm });
  });

  it.each([
    ['', false],
    ['a/b@R/S', false],
    ['a@b@R', false],
    ['a\\', false],
    ['a@b@R@S', true],
  ])('refuses %j (enterprise %s)', (text, enterprise) => {
    expect(() => inR(text, enterprise)).toThrow(expect.objectContaining({ code: 'ERR_PRINCIPAL_NAME' }));
  });

  it('needs a realm from somewhere', () => {
    expect(() => parsePrincipal('a')).toThrow(expect.objectContaining({ code: 'ERR_PRINCIPAL_NAME' }));
  });

  it('takes the name type that the caller asks for', () => {
    expect(parsePrincipal('host/h@R', { nameType: 3 }).nameType).toBe(3);
  });

  it('gives a principal or a FormatError for any text', () => {
    const text = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom('a', '/', '@', '\\') }));
    fc.assert(
      fc.property(text, fc.boolean(), (name, enterprise) => valueOrFormatError(() => inR(name, enterprise))),
      { numRuns: fuzzRuns },
    );
  });
});

describe('formatPrincipal', () => {
  it('is undone by parsePrincipal', () => {
    fc.assert(
      fc.property(principal, (name) => samePrincipal(parsePrincipal(formatPrincipal(name)), name)),
      { numRuns: fuzzRuns },
    );
  });

  it('escapes as MIT krb5 does', () => {
    const name = { nameType: 1, components: ['a\n\t\b\0\\/@x', 'y'], realm: 'S@T' };
    expect(formatPrincipal(name)).toBe('a\\n\\t\\b\\0\\\\\\/\\@x/y@S\\@T');
    expect(formatPrincipal(name, { omitRealm: true })).toBe('a\\n\\t\\b\\0\\\\\\/\\@x/y');
  });

  it('keeps octets that are no UTF-8', () => {
    const name = { nameType: 1, components: ['caf\udce9'], realm: 'R' };
    expect(parsePrincipal(formatPrincipal(name))).toEqual(name);
  });
});

describe('samePrincipal', () => {
  const name = inR('a/b');
  it('does not look at the name type', () => {
    expect(samePrincipal(name, { ...name, nameType: 7 })).toBe(true);
  });
  it.each([inR('a'), inR('a/c'), inR('a/b/c'), parsePrincipal('a/b@r')])('tells %j apart', (other) => {
    expect(samePrincipal(name, other)).toBe(false);
  });
});

describe('krbtgtPrincipal', () => {
  it('names the local and the cross-realm service', () => {
    expect(formatPrincipal(krbtgtPrincipal('A'))).toBe('krbtgt/A@A');
    expect(krbtgtPrincipal('A', 'B')).toEqual({ nameType: 2, components: ['krbtgt', 'B'], realm: 'A' });
  });
});
