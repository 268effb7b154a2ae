import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex, utf8 } from '../../src/bytes.js';
import { bindingsHash, type ChannelBindings, contextChecksum } from '../../src/gss/bindings.js';
import { fuzzRuns } from '../support/fuzz.js';
import { expectedBindingsHash } from '../support/scriptedAcceptor.js';

const md5 = (hex: string): string => createHash('md5').update(hex, 'hex').digest('hex');

describe('checksum of type 0x8003', () => {
  it('is length, bindings and flags, little-endian, 24 octets', () => {
    const { cksumtype, checksum } = contextChecksum(0x3e, undefined);
    expect(cksumtype).toBe(0x8003);
    expect(toHex(checksum)).toBe(`10000000${'00'.repeat(16)}3e000000`);
  });

  it('keeps all 32 flags in order', () => {
    expect(toHex(contextChecksum(0x81020304, undefined).checksum.subarray(20))).toBe('04030281');
  });

  it('holds the hash of bindings', () => {
    const bindings = { applicationData: utf8('tls-server-end-point:x') };
    const { checksum } = contextChecksum(2, bindings);
    expect(checksum.subarray(4, 20)).toEqual(bindingsHash(bindings));
  });
});

describe('hash of channel bindings', () => {
  it('covers five empty fields when the bindings are empty, and is not zero', () => {
    expect(toHex(bindingsHash({}))).toBe(md5('00'.repeat(20)));
    expect(toHex(contextChecksum(0, {}).checksum.subarray(4, 20))).toBe(md5('00'.repeat(20)));
  });

  it('covers application data alone', () => {
    expect(toHex(bindingsHash({ applicationData: Uint8Array.of(1, 2, 3) }))).toBe(
      md5(`${'00'.repeat(16)}03000000010203`),
    );
  });

  it('covers types, lengths and octets, little-endian', () => {
    const hash = bindingsHash({
      initiatorAddrType: 2,
      initiatorAddress: Uint8Array.of(192, 0, 2, 1),
      acceptorAddrType: 0x01020304,
      acceptorAddress: Uint8Array.of(10),
      applicationData: Uint8Array.of(0xff, 0xfe),
    });
    expect(toHex(hash)).toBe(md5('0200000004000000c00002010403020101000000 0a02000000fffe'.replace(' ', '')));
  });

  it.each<[string, unknown]>([
    ['a text', 'tls-server-end-point:x'],
    ['octets', utf8('tls-server-end-point:x')],
    ['no octets', new Uint8Array(0)],
    ['an ArrayBuffer', new ArrayBuffer(8)],
    ['a list', [utf8('tls-server-end-point:x')]],
    ['null', null],
    ['unknown members only', { appData: utf8('tls-server-end-point:x') }],
    ['application data as a text', { applicationData: 'tls-server-end-point:x' }],
    ['application data as an ArrayBuffer', { applicationData: new ArrayBuffer(8) }],
    ['application data that is null', { applicationData: null }],
    ['an address as a list of numbers', { acceptorAddress: [192, 0, 2, 1] }],
    ['a type of more than 32 bits', { initiatorAddrType: 2 ** 32 }],
    ['a type that is no number', { acceptorAddrType: Number.NaN }],
  ])('is refused for %s, which would bind to nothing', (_, bindings) => {
    expect(() => bindingsHash(bindings as ChannelBindings)).toThrow(/^channelBindings/);
  });

  it('agrees with node:crypto for any bindings', () => {
    const address = fc.tuple(fc.nat(0x7fffffff), fc.string({ maxLength: 20 }));
    fc.assert(
      fc.property(address, address, fc.string({ maxLength: 300 }), (initiator, acceptor, data) => {
        const hash = bindingsHash({
          initiatorAddrType: initiator[0],
          initiatorAddress: utf8(initiator[1]),
          acceptorAddrType: acceptor[0],
          acceptorAddress: utf8(acceptor[1]),
          applicationData: utf8(data),
        });
        expect(hash).toEqual(expectedBindingsHash(initiator, acceptor, data));
      }),
      { numRuns: fuzzRuns },
    );
  });
});
