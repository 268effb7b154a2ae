import { inspect } from 'node:util';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat, toHex } from '../../src/bytes.js';
import { encryptionType, SUPPORTED_ETYPES } from '../../src/crypto/etypes.js';
import { Key } from '../../src/crypto/key.js';
import { noblePrimitives } from '../../src/crypto/noble.js';
import { fuzzRuns } from '../support/fuzz.js';
import { expectOctets } from '../support/octets.js';
import { nodeProvider, octets, providers } from './support.js';

const confounder = octets(16, 5);
const confounderOf = (etype: number): Uint8Array => octets(encryptionType(etype).confounderLength, 5);
const INTEGRITY = expect.objectContaining({ code: 'ERR_INTEGRITY' });

function keyOf(etype: number, primitives = nodeProvider): Key {
  return new Key(etype, octets(encryptionType(etype).keyLength, etype), primitives);
}

describe.each(providers.flatMap(([name, p]) => SUPPORTED_ETYPES.map((etype) => [name, etype, p] as const)))(
  'sealing on %s with etype %i',
  (_name, etype, primitives) => {
    const key = keyOf(etype, primitives);
    const { checksumLength, confounderLength } = encryptionType(etype);
    const confounder = confounderOf(etype);

    it('round-trips every length from 0 to 80, and long ones', () => {
      for (const length of [...Array(81).keys(), 1024, 65_535, 65_536]) {
        const plaintext = octets(length, length);
        const sealed = key.encrypt(7, plaintext, confounder);
        expect(sealed.length).toBe(confounderLength + length + checksumLength);
        expect(Buffer.compare(key.decrypt(7, sealed), plaintext)).toBe(0);
      }
    });

    it('refuses a message with any one bit flipped', () => {
      for (const length of [0, 1, 15, 16, 17, 40]) {
        const sealed = key.encrypt(3, octets(length), confounder);
        for (let bit = 0; bit < sealed.length * 8; bit++) {
          const changed = new Uint8Array(sealed);
          changed[bit >> 3]! ^= 0x80 >> (bit & 7);
          expect(() => key.decrypt(3, changed)).toThrow(INTEGRITY);
        }
      }
    });

    it('refuses octets appended, cut off and put in front', () => {
      const sealed = key.encrypt(3, octets(40), confounder);
      for (const extra of [1, 4, 15, 16, 32]) {
        expect(() => key.decrypt(3, concat(sealed, new Uint8Array(extra)))).toThrow(INTEGRITY);
        expect(() => key.decrypt(3, concat(new Uint8Array(extra), sealed))).toThrow(INTEGRITY);
      }
      for (let length = 0; length < sealed.length; length++) {
        expect(() => key.decrypt(3, sealed.subarray(0, length))).toThrow(INTEGRITY);
      }
    });

    it('refuses another usage, another key and another type', () => {
      const sealed = key.encrypt(8, octets(40), confounder);
      expect(() => key.decrypt(9, sealed)).toThrow(INTEGRITY);
      const other = new Key(etype, octets(key.value.length, etype + 1), primitives);
      expect(() => other.decrypt(8, sealed)).toThrow(INTEGRITY);
      const sibling = SUPPORTED_ETYPES.find(
        (n) => n !== etype && encryptionType(n).keyLength === key.value.length,
      );
      expect(() => new Key(sibling!, key.value, primitives).decrypt(8, sealed)).toThrow(INTEGRITY);
    });

    it('gives the same message for every cause', () => {
      const sealed = key.encrypt(8, octets(40), confounder);
      const messages = new Set<string>();
      for (const [usage, message] of [
        [8, sealed.subarray(1)],
        [9, sealed],
        [8, sealed.subarray(0, 3)],
      ] as const) {
        expect(() => {
          try {
            key.decrypt(usage, message);
          } catch (error) {
            messages.add((error as Error).message);
            throw error;
          }
        }).toThrow();
      }
      expect(messages.size).toBe(1);
    });

    it('wants a confounder of its length and leaves its arguments alone', () => {
      expect(key.confounderLength).toBe(confounderLength);
      expect(() => key.encrypt(1, octets(3), octets(confounderLength - 1))).toThrow(RangeError);
      expect(() => key.encrypt(1, octets(3), octets(confounderLength + 1))).toThrow(RangeError);
      const plaintext = octets(40);
      const sealed = key.encrypt(1, plaintext, confounder);
      const copy = new Uint8Array(sealed);
      key.decrypt(1, sealed);
      expect([plaintext, confounder, sealed]).toEqual([octets(40), confounderOf(etype), copy]);
    });

    it('checks checksums whole', () => {
      const mac = key.checksum(6, octets(50));
      expect(mac.length).toBe(checksumLength);
      expect(key.verifyChecksum(6, octets(50), mac)).toBe(true);
      expect(key.verifyChecksum(10, octets(50), mac)).toBe(false);
      expect(key.verifyChecksum(6, octets(51), mac)).toBe(false);
      expect(key.verifyChecksum(6, octets(50), mac.subarray(0, -1))).toBe(false);
      expect(key.verifyChecksum(6, octets(50), new Uint8Array(0))).toBe(false);
      for (let bit = 0; bit < mac.length * 8; bit++) {
        const changed = new Uint8Array(mac);
        changed[bit >> 3]! ^= 0x80 >> (bit & 7);
        expect(key.verifyChecksum(6, octets(50), changed)).toBe(false);
      }
    });
  },
);

describe('properties', () => {
  const etype = fc.constantFrom(...SUPPORTED_ETYPES);
  const usage = fc.oneof(fc.nat({ max: 60 }), fc.constantFrom(0, 1024, 0x7fffffff, 0xffffffff));

  it('both providers seal, check and derive alike', () => {
    fc.assert(
      fc.property(etype, usage, fc.uint8Array({ maxLength: 300 }), (number, u, plaintext) => {
        const [a, b] = [keyOf(number, nodeProvider), keyOf(number, noblePrimitives)];
        const sealed = a.encrypt(u, plaintext, confounderOf(number));
        expectOctets(b.encrypt(u, plaintext, confounderOf(number)), sealed);
        expectOctets(b.decrypt(u, sealed), plaintext);
        expectOctets(b.checksum(u, plaintext), a.checksum(u, plaintext));
        expectOctets(b.prf(plaintext), a.prf(plaintext));
      }),
      { numRuns: fuzzRuns },
    );
  });

  it('arbitrary octets decrypt to nothing but ERR_INTEGRITY', () => {
    fc.assert(
      fc.property(etype, fc.uint8Array({ maxLength: 300 }), (number, message) => {
        expect(() => keyOf(number).decrypt(3, message)).toThrow(INTEGRITY);
      }),
      { numRuns: fuzzRuns },
    );
  });
});

describe('Key', () => {
  it('copies its octets', () => {
    const value = octets(32);
    const key = new Key(18, value);
    value.fill(0);
    expect(key.value).toEqual(octets(32));
  });

  it('can hold any type and length; only use throws', () => {
    const unknown = new Key(99, octets(5));
    expect(unknown.value).toEqual(octets(5));
    const unsupported = expect.objectContaining({ code: 'ERR_ETYPE_UNSUPPORTED' });
    expect(() => unknown.encrypt(1, octets(1), confounder)).toThrow(unsupported);
    expect(() => unknown.prf(octets(1))).toThrow(unsupported);
    const short = new Key(18, octets(16));
    const length = expect.objectContaining({ code: 'ERR_KEY_LENGTH' });
    expect(() => short.decrypt(1, octets(99))).toThrow(length);
    expect(() => short.checksum(1, octets(99))).toThrow(length);
  });

  it('refuses usages that are no 32-bit number', () => {
    for (const usage of [-1, 1.5, 2 ** 32, Number.NaN]) {
      expect(() => keyOf(18).checksum(usage, octets(1))).toThrow(RangeError);
    }
  });

  it('shows its type and not its octets', () => {
    const key = keyOf(18);
    key.encrypt(1, octets(1), confounder);
    const shown = [
      inspect(key, { showHidden: true, depth: 9, getters: true }),
      JSON.stringify({ key }),
      `${key}`,
      JSON.stringify(structuredClone({ ...key })),
    ].join();
    expect(inspect(key)).toBe('Key { aes256-cts-hmac-sha1-96 }');
    expect(JSON.stringify(key)).toBe('{"etype":"aes256-cts-hmac-sha1-96"}');
    expect(shown).not.toContain(toHex(key.value).slice(0, 8));
    expect(shown).not.toContain([...key.value.subarray(0, 4)].join(','));
    expect(shown).not.toContain([...key.value.subarray(0, 4)].join(', '));
  });

  it('compares type and octets', () => {
    expect(keyOf(18).equals(keyOf(18))).toBe(true);
    expect(keyOf(18).equals(new Key(20, keyOf(18).value))).toBe(false);
    expect(keyOf(18).equals(new Key(18, octets(32)))).toBe(false);
    expect(keyOf(18).equals(new Key(18, octets(16)))).toBe(false);
  });

  it('can be wiped, and is of no use then', () => {
    const key = keyOf(18);
    key.checksum(1, octets(1));
    key.wipe();
    expect(key.value).toEqual(new Uint8Array(32));
    expect(() => key.checksum(1, octets(1))).toThrow(TypeError);
    expect(() => key.decrypt(1, octets(99))).toThrow(TypeError);
    expect(() => key.prf(octets(1))).toThrow(TypeError);
  });

  it('uses the default provider when none is named', () => {
    const sealed = new Key(18, octets(32)).encrypt(1, octets(9), confounder);
    expect(new Key(18, octets(32), noblePrimitives).decrypt(1, sealed)).toEqual(octets(9));
  });
});
