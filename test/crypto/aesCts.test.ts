import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../../src/bytes.js';
import { ctsDecrypt, ctsEncrypt } from '../../src/crypto/aesCts.js';
import { ZERO_IV } from '../../src/crypto/primitives.js';
import { octets, providers, vectors } from './support.js';

interface Vector {
  key: string;
  input: string;
  output: string;
}
const rfc = vectors<{ vectors: Vector[] }>('rfc3962-cts.json').vectors;

describe.each(providers)('AES-CTS on %s', (_name, primitives) => {
  it.each(rfc)('RFC 3962 appendix B: $input', ({ key, input, output }) => {
    expect(toHex(ctsEncrypt(primitives, fromHex(key), [fromHex(input)]))).toBe(output);
    expect(toHex(ctsDecrypt(primitives, fromHex(key), fromHex(output)))).toBe(input);
  });

  it('is plain CBC for one block', () => {
    const key = octets(32);
    const cbc = primitives.aesCbcEncrypt(key, ZERO_IV, octets(16, 1));
    expect(ctsEncrypt(primitives, key, [octets(16, 1)])).toEqual(cbc);
  });

  it('swaps the last two blocks even when they are whole', () => {
    const key = octets(32);
    const cbc = primitives.aesCbcEncrypt(key, ZERO_IV, octets(48, 1));
    const swapped = [...cbc.subarray(0, 16), ...cbc.subarray(32), ...cbc.subarray(16, 32)];
    expect([...ctsEncrypt(primitives, key, [octets(48, 1)])]).toEqual(swapped);
  });

  it('leaves room without changing the ciphertext, and takes parts as one', () => {
    for (let length = 16; length <= 80; length++) {
      const data = octets(length, 3);
      const whole = ctsEncrypt(primitives, octets(16), [data]);
      const parts = [data.subarray(0, 5), data.subarray(5, 5), data.subarray(5)];
      for (const room of [0, 1, 12, 16, 24]) {
        const roomy = ctsEncrypt(primitives, octets(16), parts, room);
        expect(roomy.length).toBe(length + room);
        expect(roomy.subarray(0, length)).toEqual(whole);
      }
      expect(ctsDecrypt(primitives, octets(16), whole)).toEqual(data);
    }
  });

  it('needs a block', () => {
    expect(() => ctsEncrypt(primitives, octets(16), [octets(15)])).toThrow(RangeError);
    expect(() => ctsDecrypt(primitives, octets(16), octets(15))).toThrow(RangeError);
  });
});
