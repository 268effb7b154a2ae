import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../../src/bytes.js';
import { nfold } from '../../src/crypto/nfold.js';
import { vectors } from './support.js';

interface Vector {
  bits: number;
  input: string;
  text: string;
  output: string;
}

describe('n-fold', () => {
  it.each(vectors<{ vectors: Vector[] }>('rfc3961-nfold.json').vectors)(
    '$bits-fold("$text")',
    ({ bits, input, output }) => {
      expect(toHex(nfold(fromHex(input), bits / 8))).toBe(output);
    },
  );

  it('keeps an input of the right length', () => {
    expect(toHex(nfold(fromHex('00ff10'), 3))).toBe('00ff10');
  });

  it('adds in ones complement, where all ones stay all ones', () => {
    expect(toHex(nfold(fromHex('ffffff'), 2))).toBe('ffff');
  });

  it('refuses nothing to fold and a length that is none', () => {
    expect(() => nfold(new Uint8Array(0), 8)).toThrow(RangeError);
    expect(() => nfold(Uint8Array.of(1), 0)).toThrow(RangeError);
    expect(() => nfold(Uint8Array.of(1), 1.5)).toThrow(RangeError);
  });
});
