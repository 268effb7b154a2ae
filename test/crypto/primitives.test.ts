import * as fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { concat, toHex, utf8 } from '../../src/bytes.js';
import { defaultPrimitives } from '../../src/crypto/defaultPrimitives.js';
import { noblePrimitives } from '../../src/crypto/noble.js';
import { nodePrimitives } from '../../src/crypto/nodeCrypto.js';
import { ZERO_IV } from '../../src/crypto/primitives.js';
import { pooledRandom } from '../../src/crypto/randomPool.js';
import { fuzzRuns } from '../support/fuzz.js';
import { expectOctets } from '../support/octets.js';
import { nodeProvider, octets, providers } from './support.js';

const key = fc
  .constantFrom(16, 32)
  .chain((length) => fc.uint8Array({ minLength: length, maxLength: length }));
const iv = fc.uint8Array({ minLength: 16, maxLength: 16 });
const parts = fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 4 });
const blocks = fc
  .nat({ max: 8 })
  .chain((n) => fc.uint8Array({ minLength: 16 * n, maxLength: 16 * n, size: 'max' }));

describe('noble and node:crypto agree on', () => {
  it('AES-CBC', () => {
    fc.assert(
      fc.property(key, iv, blocks, (k, i, data) => {
        const sealed = nodeProvider.aesCbcEncrypt(k, i, data);
        expectOctets(noblePrimitives.aesCbcEncrypt(k, i, data), sealed);
        expectOctets(noblePrimitives.aesCbcDecrypt(k, i, sealed), data);
        expectOctets(nodeProvider.aesCbcDecrypt(k, i, sealed), data);
        for (const provider of [noblePrimitives, nodeProvider]) {
          const decrypt = provider.aesCbcDecrypter(k, i);
          const pieces = [sealed.subarray(0, 16), sealed.subarray(16, 16), sealed.subarray(16)].map(decrypt);
          expectOctets(concat(...pieces), data);
        }
      }),
      { numRuns: fuzzRuns },
    );
  });

  it('HMAC and digests', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), parts, (k, data) => {
        for (const hash of ['md5', 'sha1', 'sha256', 'sha384'] as const) {
          expectOctets(noblePrimitives.hmac(hash, k, ...data), nodeProvider.hmac(hash, k, concat(...data)));
        }
        for (const hash of ['md5', 'sha1', 'sha256', 'sha384', 'sha512'] as const) {
          expectOctets(noblePrimitives.digest(hash, ...data), nodeProvider.digest(hash, concat(...data)));
        }
      }),
      { numRuns: fuzzRuns },
    );
  });

  it('PBKDF2', async () => {
    const octetString = fc.uint8Array({ maxLength: 150 });
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('sha1' as const, 'sha256' as const, 'sha384' as const),
        octetString,
        octetString,
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 64 }),
        async (hash, password, salt, iterations, length) => {
          expect(await noblePrimitives.pbkdf2(hash, password, salt, iterations, length)).toEqual(
            await nodeProvider.pbkdf2(hash, password, salt, iterations, length),
          );
        },
      ),
      { numRuns: fuzzRuns / 10 },
    );
  });
});

describe.each(providers)('provider %s', (name, primitives) => {
  it('has its name', () => expect(primitives.name).toBe(name));

  it('digests "abc" as RFC 1321 and FIPS 180-4 say', () => {
    expect(toHex(primitives.digest('md5', utf8('abc')))).toBe('900150983cd24fb0d6963f7d28e17f72');
    expect(toHex(primitives.digest('sha1', utf8('abc')))).toBe('a9993e364706816aba3e25717850c26c9cd0d89d');
  });

  it('encrypts the block of FIPS 197 appendix C.1', () => {
    const block = Uint8Array.from({ length: 16 }, (_, i) => i * 17);
    const aesKey = Uint8Array.from({ length: 16 }, (_, i) => i);
    const sealed = primitives.aesCbcEncrypt(aesKey, ZERO_IV, block);
    expect(toHex(sealed)).toBe('69c4e0d86a7b0430d8cdb78070b4c55a');
  });

  it('takes no data, and refuses part of a block', () => {
    expect(primitives.aesCbcEncrypt(octets(16), ZERO_IV, octets(0)).length).toBe(0);
    expect(primitives.aesCbcDecrypt(octets(16), ZERO_IV, octets(0)).length).toBe(0);
    expect(() => primitives.aesCbcEncrypt(octets(16), ZERO_IV, octets(17))).toThrow(RangeError);
    expect(() => primitives.aesCbcDecrypt(octets(16), ZERO_IV, octets(15))).toThrow(RangeError);
    expect(() => primitives.aesCbcDecrypter(octets(16), ZERO_IV)(octets(15))).toThrow(RangeError);
  });

  it('takes views at any offset and leaves its arguments alone', () => {
    const memory = octets(200, 9);
    const before = new Uint8Array(memory);
    const [k, i, data] = [memory.subarray(1, 33), memory.subarray(35, 51), memory.subarray(55, 103)];
    const sealed = primitives.aesCbcEncrypt(k, i, data);
    expect(primitives.aesCbcDecrypt(k, i, sealed)).toEqual(new Uint8Array(data));
    expect(memory).toEqual(before);
  });

  it('gives plain Uint8Arrays', async () => {
    const results = [
      primitives.aesCbcEncrypt(octets(16), ZERO_IV, octets(16)),
      primitives.hmac('sha1', octets(3)),
      primitives.digest('md5'),
      await primitives.pbkdf2('sha1', octets(1), octets(1), 1, 16),
      primitives.randomBytes(16),
      primitives.randomBytes(100),
    ];
    for (const result of results) expect(Object.getPrototypeOf(result)).toBe(Uint8Array.prototype);
  });

  it('gives random octets of any length', () => {
    expect(primitives.randomBytes(0).length).toBe(0);
    expect(
      primitives
        .randomBytes(70_000)
        .subarray(65_536)
        .some((o) => o !== 0),
    ).toBe(true);
    const seen = new Set(Array.from({ length: 1000 }, () => toHex(primitives.randomBytes(16))));
    expect(seen.size).toBe(1000);
  });
});

describe('the random pool', () => {
  it('hands out each octet of the source once, in order', () => {
    let next = 0;
    const random = pooledRandom((length) => Uint8Array.from({ length }, () => (next++ * 7) % 251));
    let expected = 0;
    for (let round = 0; round < 200; round++) {
      for (const octet of random(64)) expect(octet).toBe((expected++ * 7) % 251);
    }
  });

  it('gives arrays of their own', () => {
    const random = pooledRandom((length) => new Uint8Array(length).fill(1));
    random(8).fill(0);
    expect(random(16).buffer.byteLength).toBe(16);
    expect([...random(8)]).toEqual([1, 1, 1, 1, 1, 1, 1, 1]);
  });
});

describe('the choice of provider', () => {
  afterEach(() => vi.restoreAllMocks());
  const builtin = process as { getBuiltinModule(name: string): unknown };

  it('is node:crypto here', () => expect(defaultPrimitives().name).toBe('node'));

  it.each([
    ['no such module', () => undefined],
    [
      'a lookup that throws',
      () => {
        throw new Error('no');
      },
    ],
    ['a module without ciphers', () => ({})],
    [
      'a cipher that does not encrypt',
      () => ({
        createCipheriv: () => ({ setAutoPadding() {}, update: (d: Uint8Array) => d, final() {} }),
        createDecipheriv: () => ({ setAutoPadding() {}, update: (d: Uint8Array) => d, final() {} }),
        createHmac: () => ({ digest: () => new Uint8Array(48) }),
      }),
    ],
  ])('passes over %s', (_what, module) => {
    vi.spyOn(builtin, 'getBuiltinModule').mockImplementation(module);
    expect(nodePrimitives()).toBeUndefined();
  });
});
