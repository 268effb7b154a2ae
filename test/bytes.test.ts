import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat, equalBytes, fromHex, toBase64, toHex, utf8, utf8Text } from '../src/bytes.js';
import { fuzzRuns } from './support/fuzz.js';
import { expectOctets } from './support/octets.js';

describe('text', () => {
  it('keeps any octets through utf8Text and back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (octets) => {
        expectOctets(utf8(utf8Text(octets)), octets);
      }),
      { numRuns: fuzzRuns },
    );
  });

  it('reads what is UTF-8 as UTF-8, whatever stands around it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const octets = Buffer.from(text);
        expect(utf8Text(octets)).toBe(text);
        expect(utf8Text(concat(Uint8Array.of(0xff), octets, Uint8Array.of(0xc3)))).toBe(
          `\udcff${text}\udcc3`,
        );
      }),
      { numRuns: fuzzRuns },
    );
  });

  it.each([
    ['overlong', 'c0af', '\udcc0\udcaf'],
    ['surrogate', 'eda080', '\udced\udca0\udc80'],
    ['above U+10FFFF', 'f4908080', '\udcf4\udc90\udc80\udc80'],
    ['byte order mark', 'efbbbf41', '\ufeffA'],
  ])('takes %s octets as they are', (_what, hex, text) => {
    expect(utf8Text(fromHex(hex))).toBe(text);
  });

  it('reads a megabyte of stray octets', () => {
    const octets = new Uint8Array(1 << 20).fill(0x80);
    expectOctets(utf8(utf8Text(octets)), octets);
  });
});

describe('octets', () => {
  it('are compared and written', () => {
    expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2))).toBe(true);
    expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 3))).toBe(false);
    expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1))).toBe(false);
    expect(() => fromHex('0')).toThrow(RangeError);
  });

  it('become base64 and hexadecimal digits as Node.js writes them', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 50 }), (octets) => {
        expect(toBase64(octets)).toBe(Buffer.from(octets).toString('base64'));
        expect(toHex(octets)).toBe(Buffer.from(octets).toString('hex'));
        expectOctets(fromHex(toHex(octets)), octets);
      }),
      { numRuns: fuzzRuns },
    );
  });
});
