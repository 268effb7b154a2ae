/** What a caller without a type checker gets wrong is a TypeError that names the argument. */
import { describe, expect, it } from 'vitest';
import * as library from '../../src/index.js';

const CONFIG = library.parseConfig('[libdefaults]\ndefault_realm = EXAMPLE.TEST\n');
/** The library as JavaScript sees it. */
const untyped = library as unknown as Readonly<Record<string, (...args: unknown[]) => unknown>>;
const client = (): Readonly<Record<string, (...args: unknown[]) => Promise<unknown>>> =>
  library.fromPassword('alice', 'secret', { config: CONFIG }) as never;

describe('a wrong argument', () => {
  it.each([
    ['fromPassword', [], /^principal must/],
    ['fromPassword', ['', 'secret'], /^principal must/],
    ['fromPassword', ['alice', undefined, { config: CONFIG }], /^password must/],
    ['fromPassword', ['alice', 5, { config: CONFIG }], /^password must/],
    ['fromPassword', ['alice', 'secret', { config: '[libdefaults]' }], /^config must/],
    ['fromPassword', ['alice', 'secret', '/etc/krb5.conf'], /^options must/],
    ['fromKey', [undefined], /^principal must/],
  ])('of %s(%o) is named', (name, args, message) => {
    expect(() => untyped[name]!(...args)).toThrowError(TypeError);
    expect(() => untyped[name]!(...args)).toThrowError(message);
  });

  it.each([
    ['fromKeytab', '/etc/krb5.keytab'],
    ['fromCcache', '/tmp/krb5cc_0'],
    ['fromCcache', null],
  ])('of %s(%o) is not taken for the default', async (name, argument) => {
    await expect(untyped[name]!(argument)).rejects.toThrowError(/^options must be an object such as/);
  });

  it.each([[undefined], [5], [{}]])('of serviceTicket(%o) is named', async (service) => {
    await expect(client().serviceTicket!(service)).rejects.toThrowError(/^service must/);
  });

  it('names a mechanism that does not exist', async () => {
    const context = client().securityContext!('HTTP@localhost', { mechanism: 'ntlm' });
    await expect(context).rejects.toThrowError(/^mechanism must be 'spnego' or 'krb5'/);
  });
});
