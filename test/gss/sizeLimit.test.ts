/** GSS_Wrap_size_limit (RFC 2743 section 2.2.7). */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contextPair, ETYPES } from '../support/establishedPairs.js';
import { fuzzRuns } from '../support/fuzz.js';

describe.each(ETYPES)('wrapSizeLimit under type %i', (etype) => {
  const { initiator } = contextPair({ etype });
  const tokenLength = (octets: number, confidential: boolean): number =>
    initiator.wrap(new Uint8Array(octets), { confidential }).length;

  it('is the largest message whose token fits', () => {
    fc.assert(
      fc.property(fc.nat(1500), fc.boolean(), (tokenOctets, confidential) => {
        const limit = initiator.wrapSizeLimit(tokenOctets, { confidential });
        expect(tokenLength(limit + 1, confidential)).toBeGreaterThan(tokenOctets);
        if (limit > 0) expect(tokenLength(limit, confidential)).toBeLessThanOrEqual(tokenOctets);
      }),
      { numRuns: fuzzRuns / 5 },
    );
  });

  it('is so where the framing grows', () => {
    for (const length of [
      0, 80, 90, 127, 128, 200, 255, 256, 65_480, 65_535, 65_536, 1_048_576, 16_777_216,
    ]) {
      for (const confidential of [true, false]) {
        const token = tokenLength(length, confidential);
        expect(initiator.wrapSizeLimit(token, { confidential })).toBe(length);
        expect(initiator.wrapSizeLimit(token + 1, { confidential })).toBeLessThanOrEqual(length + 1);
      }
    }
  });

  it('seals unless told otherwise', () => {
    expect(initiator.wrapSizeLimit(5000)).toBe(initiator.wrapSizeLimit(5000, { confidential: true }));
  });

  it('takes whole numbers only', () => {
    for (const octets of [-1, 1.5, Number.NaN, 2 ** 60])
      expect(() => initiator.wrapSizeLimit(octets)).toThrow(RangeError);
    expect(initiator.wrapSizeLimit(0)).toBe(0);
    expect(initiator.wrapSizeLimit(2 ** 40)).toBeGreaterThan(2 ** 39);
  });
});
