import { describe, expect, it } from 'vitest';
import { readLength } from '../../src/asn1/derLength.js';
import { fromHex } from '../../src/bytes.js';

describe('a length', () => {
  it.each([
    ['00', 0, 1],
    ['7f', 0x7f, 1],
    ['8180', 0x80, 2],
    ['820100', 0x100, 3],
    ['84ffffffff', 0xffffffff, 5],
    ['8105', 5, 2],
    ['8400000005', 5, 5],
  ])('in %s is read wherever it stands', (hex, length, octets) => {
    expect(readLength(fromHex(hex), 0)).toEqual({ length, begin: octets });
    expect(readLength(fromHex(`3030${hex}04`), 2)).toEqual({ length, begin: 2 + octets });
  });

  it.each(['', '80', '81', '8201', '850000000001', 'ff'])('is not there in %j', (hex) => {
    expect(readLength(fromHex(hex), 0)).toBeUndefined();
  });
});
