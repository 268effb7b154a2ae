import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keytabPath, parseCcacheName, parseKeytabName } from '../../src/formats/ccacheName.js';
import { expandPathTokens } from '../../src/formats/pathTokens.js';
import { parseServerAddress } from '../../src/formats/serverAddress.js';
import { fuzzRuns } from '../support/fuzz.js';

describe('parseCcacheName', () => {
  it.each([
    ['FILE:/x', 'FILE', '/x'],
    ['/x', 'FILE', '/x'],
    ['/x:y', 'FILE', '/x:y'],
    ['relative', 'FILE', 'relative'],
    ['C:\\cc', 'FILE', 'C:\\cc'],
    ['MEMORY:a', 'MEMORY', 'a'],
    ['DIR::/d/tkt', 'DIR', ':/d/tkt'],
    ['KEYRING:persistent:1000', 'KEYRING', 'persistent:1000'],
    ['KCM:', 'KCM', ''],
    ['API:', 'API', ''],
  ])('%s', (name, type, residual) => {
    expect(parseCcacheName(name)).toEqual({ type, residual });
  });
});

describe('parseKeytabName', () => {
  it('takes WRFILE for a file', () => {
    expect(parseKeytabName('WRFILE:/k')).toEqual({ type: 'FILE', residual: '/k' });
    expect(keytabPath('FILE:/k')).toBe('/k');
    expect(keytabPath('/k')).toBe('/k');
    expect(() => keytabPath('MEMORY:k')).toThrow(expect.objectContaining({ code: 'ERR_KEYTAB_MISSING' }));
  });
});

describe('expandPathTokens', () => {
  const values = { uid: 1000, euid: 0, username: 'alice', temp: '/tmp' };

  it('replaces what it knows', () => {
    const text = 'FILE:%{TEMP}/krb5cc_%{uid}_%{euid}_%{username}%{null}_100%';
    expect(expandPathTokens(text, values)).toBe('FILE:/tmp/krb5cc_1000_0_alice_100%');
    expect(expandPathTokens('%{HOME}', { ...values, home: '/h' })).toBe('/h');
    expect(expandPathTokens('%{uid}', { ...values, username: '%{uid}' })).toBe('1000');
  });

  it.each(['%{nonsense}', '%{uid', '%{HOME}', '%{toString}', '%{}'])('refuses %s', (text) => {
    expect(() => expandPathTokens(text, values)).toThrow(expect.objectContaining({ code: 'ERR_KRB5_CONF' }));
  });
});

describe('parseServerAddress', () => {
  it('gives a host and a usable port, or nothing, for any text', () => {
    const text = fc.string({ unit: fc.constantFrom(...'a1:[]./% @tcpud'), maxLength: 20 });
    fc.assert(
      fc.property(fc.oneof(text, fc.string()), (input) => {
        const server = parseServerAddress(input, 88);
        return server === undefined || (server.host !== '' && server.port >= 1 && server.port <= 65_535);
      }),
      { numRuns: fuzzRuns },
    );
  });
});
