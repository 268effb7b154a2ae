import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat, fromHex, toHex } from '../../src/bytes.js';
import { decodeKrb5Token, encodeKrb5Token, TOKEN_IDS } from '../../src/gss/token.js';
import { fuzzRuns } from '../support/fuzz.js';
import { bitFlips, codeThrown } from '../support/gssContexts.js';

const OID = '06092a864886f712010202';
const ids = Object.values(TOKEN_IDS);

const refused = (token: Uint8Array): void => {
  expect(
    codeThrown(() => decodeKrb5Token(token)),
    toHex(token),
  ).toBe('ERR_GSS_TOKEN');
};

describe('framing of krb5 tokens', () => {
  it('is [APPLICATION 0], the OID, the identifier and the message', () => {
    expect(toHex(encodeKrb5Token(0x0100, fromHex('6e00')))).toBe(`600f${OID}01006e00`);
    expect(toHex(encodeKrb5Token(0x0300, fromHex('7e00')))).toBe(`600f${OID}03007e00`);
  });

  it.each([
    [114, '607f'],
    [115, '608180'],
    [242, '6081ff'],
    [243, '60820100'],
    [65522, '6082ffff'],
    [65523, '6083010000'],
  ])('writes and reads the length of a message of %i octets', (octets, start) => {
    const message = new Uint8Array(octets).fill(7);
    const token = encodeKrb5Token(0x0200, message);
    expect(toHex(token.subarray(0, start.length / 2))).toBe(start);
    expect(decodeKrb5Token(token)).toEqual({ id: 0x0200, message });
  });

  it('gives every message back', () => {
    fc.assert(
      fc.property(fc.constantFrom(...ids), fc.uint8Array({ maxLength: 400 }), (id, message) => {
        expect(decodeKrb5Token(encodeKrb5Token(id, message))).toEqual({ id, message });
      }),
      { numRuns: fuzzRuns },
    );
  });

  it.each([5, 200, 300])('refuses a token of %i octets that ends anywhere before its end', (octets) => {
    const token = encodeKrb5Token(0x0100, new Uint8Array(octets));
    for (let end = 0; end < token.length; end++) refused(token.subarray(0, end));
  });

  it('refuses octets after its end', () => {
    refused(concat(encodeKrb5Token(0x0100, new Uint8Array(5)), Uint8Array.of(0)));
  });

  it.each([
    ['SPNEGO', '600b06062b06010505020100ff'],
    ['the OID that Windows 2000 wrote', '600d06092a864882f7120102020100'],
    ['a prefix of the OID', '600c06082a864886f71201020100'],
    ['a longer OID', '600e060a2a864886f7120102020001 00'],
    ['no OID', '60020100'],
    ['nothing', '6000'],
  ])('refuses %s in place of krb5', (_, token) => {
    refused(fromHex(token));
  });

  it.each([
    ['indefinite', `6080${OID}01000000`],
    ['longer than the token', `60ff${OID}0100`],
    ['of five octets', `6085000000000d${OID}0100`],
    ['of the OID beyond the token', '600d067f2a864886f7120102020100'],
    ['near 2^32', `6084fffffff0${OID}0100`],
  ])('refuses a length %s', (_, token) => {
    refused(fromHex(token));
  });

  it.each(['0000', '0001', '0400', '0404', '0504', 'ffff', '01', ''])('refuses the identifier %s', (id) => {
    const length = (11 + id.length / 2).toString(16).padStart(2, '0');
    refused(fromHex(`60${length}${OID}${id}`));
  });

  it('refuses every flipped bit of the framing', () => {
    const token = encodeKrb5Token(0x0100, new Uint8Array(40));
    const otherIds = new Set(ids.map((id) => id >> 8));
    for (const flipped of bitFlips(token.subarray(0, 15))) {
      const whole = concat(flipped, token.subarray(15));
      if (toHex(flipped.subarray(0, 13)) === toHex(token.subarray(0, 13)) && otherIds.has(flipped[13]!)) {
        if (flipped[14] === 0) continue;
      }
      refused(whole);
    }
  });

  it('answers any octets with a token or its own error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (octets) => {
        expect(['nothing', 'ERR_GSS_TOKEN']).toContain(codeThrown(() => decodeKrb5Token(octets)));
      }),
      { numRuns: fuzzRuns },
    );
  });
});
