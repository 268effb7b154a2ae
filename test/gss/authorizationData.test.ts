import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../src/bytes.js';
import { offersData, readOffers } from '../../src/gss/authorizationData.js';
import { encode } from '../../src/messages/module.js';
import { fuzzRuns } from '../support/fuzz.js';
import { codeThrown } from '../support/gssContexts.js';

describe('authorization data of an authenticator', () => {
  it('is absent when there is nothing to say', () => {
    expect(offersData({ etypes: [], channelBound: false })).toBeUndefined();
    expect(readOffers(undefined)).toEqual({ etypes: [], channelBound: false });
  });

  it('is one AD-IF-RELEVANT with the list of RFC 4537 and the options of MS-KILE', () => {
    const data = offersData({ etypes: [18, 17], channelBound: true })!;
    expect(data).toHaveLength(1);
    expect(data[0]!.adType).toBe(1);
    // The numbers 129 and 143, SEQUENCE { 18, 17 }, and 0x4000 with its least octet first.
    expect(toHex(data[0]!.adData)).toContain('a00402020081');
    expect(toHex(data[0]!.adData)).toContain('a0040202008f');
    expect(toHex(data[0]!.adData)).toContain('3006020112020111');
    expect(toHex(data[0]!.adData)).toContain('040400400000');
  });

  it('is read beside other elements, and outside of AD-IF-RELEVANT too', () => {
    const etypes = { adType: 129, adData: encode('EtypeList', [20]) };
    const other = { adType: -7, adData: Uint8Array.of(1) };
    expect(readOffers([other, etypes])).toEqual({ etypes: [20], channelBound: false });
    const options = { adType: 143, adData: Uint8Array.of(0xff, 0xbf, 0, 0) };
    const inside = { adType: 1, adData: encode('AdIfRelevant', [other, etypes, options]) };
    expect(readOffers([other, inside])).toEqual({ etypes: [20], channelBound: false });
  });

  it('that is malformed is refused', () => {
    const refused = (adType: number, ...octets: number[]): string =>
      codeThrown(() => readOffers([{ adType, adData: Uint8Array.from(octets) }]));
    expect(refused(143, 0, 0x40, 0)).toBe('ERR_GSS_TOKEN');
    expect(refused(129, 0x30, 1)).toBe('ERR_ASN1');
    expect(refused(1, 0x31, 0)).toBe('ERR_ASN1');
  });

  it('gives a typed error for any octets', () => {
    const element = fc.record({
      adType: fc.constantFrom(1, 129, 143),
      adData: fc.uint8Array({ maxLength: 24 }),
    });
    fc.assert(
      fc.property(fc.array(element, { maxLength: 3 }), (data) => {
        expect(['nothing', 'ERR_ASN1', 'ERR_GSS_TOKEN']).toContain(codeThrown(() => readOffers(data)));
      }),
      { numRuns: fuzzRuns },
    );
  });

  it('says the same when it is read again', () => {
    const etype = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
    fc.assert(
      fc.property(fc.array(etype, { maxLength: 8 }), fc.boolean(), (etypes, channelBound) => {
        expect(readOffers(offersData({ etypes, channelBound }))).toEqual({ etypes, channelBound });
      }),
      { numRuns: fuzzRuns },
    );
  });
});
