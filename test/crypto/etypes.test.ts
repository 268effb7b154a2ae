import { describe, expect, it } from 'vitest';
import { encryptionType, encryptionTypes, STRONG_ETYPES, SUPPORTED_ETYPES } from '../../src/crypto/etypes.js';
import { encryptionTypeName } from '../../src/iana/encryptionTypes.js';
import { octets, providers } from './support.js';

describe('the table of encryption types', () => {
  it('is in the default order of MIT krb5', () => {
    expect(SUPPORTED_ETYPES).toEqual([18, 17, 20, 19, 23]);
    expect(STRONG_ETYPES).toEqual([18, 17, 20, 19]);
    for (const [, primitives] of providers) {
      expect([...encryptionTypes(primitives).keys()]).toEqual(SUPPORTED_ETYPES);
    }
  });

  // RFC 3962 sections 6 and 7, RFC 8009 sections 5 to 7.
  it.each([
    [17, 16, 15, 12, 4096],
    [18, 32, 16, 12, 4096],
    [19, 16, 19, 16, 32_768],
    [20, 32, 20, 24, 32_768],
  ])('has the facts of etype %i', (etype, keyLength, checksumType, checksumLength, defaultIterations) => {
    expect(encryptionType(etype)).toMatchObject({
      number: etype,
      name: encryptionTypeName(etype),
      keyLength,
      seedLength: keyLength,
      checksumType,
      checksumLength,
      confounderLength: 16,
      defaultIterations,
      weak: false,
    });
  });

  it.each([0, 1, 3, 16, 24, 25, 26, -1, -128, 1.5])('refuses etype %d, naming what it knows', (etype) => {
    expect(() => encryptionType(etype)).toThrow(
      expect.objectContaining({
        code: 'ERR_ETYPE_UNSUPPORTED',
        message: expect.stringContaining('aes256-cts-hmac-sha1-96 (18)'),
      }),
    );
  });

  it('makes keys of random octets as they are', () => {
    const seed = octets(32);
    const key = encryptionType(18).randomToKey(seed);
    expect(key).toEqual(seed);
    expect(key).not.toBe(seed);
    expect(() => encryptionType(18).randomToKey(octets(16))).toThrow(RangeError);
  });
});
