import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat, fromHex, toHex } from '../../src/bytes.js';
import { Key } from '../../src/crypto/key.js';
import { decodeKeytab, encodeKeytab, findKeytabEntry, type KeytabEntry } from '../../src/formats/keytab.js';
import { formatPrincipal, parsePrincipal } from '../../src/formats/principal.js';
import { fuzzRuns } from '../support/fuzz.js';
import { keytabEntry, mutated, valueOrFormatError } from './arbitraries.js';
import { mitKeytab, mitKeytabKeys } from './mitFiles.js';

function plain(entries: readonly KeytabEntry[]): unknown {
  return entries.map(({ key, ...rest }) => ({ ...rest, etype: key.etype, key: toHex(key.value) }));
}

describe('the keytab that MIT krb5 wrote', () => {
  const entries = decodeKeytab(mitKeytab);

  it('has the keys that klist -kK shows', () => {
    expect(entries.map((entry) => [formatPrincipal(entry.principal), entry.kvno, entry.key.etype])).toEqual([
      ['HTTP/www.fmt.test@FMT.TEST', 2, 18],
      ['HTTP/www.fmt.test@FMT.TEST', 2, 17],
    ]);
    expect(entries.map((entry) => toHex(entry.key.value))).toEqual(mitKeytabKeys);
  });

  it('is encoded to the same octets', () => {
    expect(toHex(encodeKeytab(entries))).toBe(toHex(mitKeytab));
  });

  it('cut off at any octet gives the entries before or a FormatError', () => {
    for (let length = 0; length < mitKeytab.length; length++) {
      expect(valueOrFormatError(() => decodeKeytab(mitKeytab.subarray(0, length)))).toBe(true);
    }
  });

  it('mutated gives a value or a FormatError', () => {
    fc.assert(
      fc.property(mutated(mitKeytab), (octets) => valueOrFormatError(() => decodeKeytab(octets))),
      { numRuns: fuzzRuns },
    );
  });
});

describe('decodeKeytab', () => {
  /** a@R, timestamp 1, 8-bit kvno 3, etype 17, key AB; without the length before it. */
  const entry = fromHex('0001 0001 52 0001 61 00000001 00000001 03 0011 0001 ab');
  const withLength = (record: Uint8Array) => concat(Uint8Array.of(0, 0, 0, record.length), record);
  const kvnos = (octets: Uint8Array) => decodeKeytab(octets).map(({ kvno }) => kvno);
  const v2 = fromHex('0502');

  it('gives back what was encoded', () => {
    fc.assert(
      fc.property(fc.array(keytabEntry, { maxLength: 4 }), (entries) => {
        expect(plain(decodeKeytab(encodeKeytab(entries)))).toEqual(plain(entries));
      }),
      { numRuns: fuzzRuns },
    );
  });

  it('gives a value or a FormatError for any octets', () => {
    const octets = fc
      .tuple(fc.constantFrom(1, 2), fc.uint8Array({ maxLength: 100 }))
      .map(([version, rest]) => Uint8Array.of(5, version, 0, 0, 0, ...rest));
    fc.assert(
      fc.property(fc.oneof(octets, fc.uint8Array({ maxLength: 16 })), (input) =>
        valueOrFormatError(() => decodeKeytab(input)),
      ),
      { numRuns: fuzzRuns },
    );
  });

  it('reads the key version from 32 bits only where they are there and not zero', () => {
    expect(kvnos(concat(v2, withLength(entry)))).toEqual([3]);
    expect(kvnos(concat(v2, withLength(concat(entry, fromHex('00000000')))))).toEqual([3]);
    expect(kvnos(concat(v2, withLength(concat(entry, fromHex('000102')))))).toEqual([3]);
    expect(kvnos(concat(v2, withLength(concat(entry, fromHex('00000103')))))).toEqual([0x103]);
  });

  it('goes on at the length of the record, whatever follows the entry', () => {
    const long = concat(entry, fromHex('00000004 ffffffffffff'));
    expect(kvnos(concat(v2, withLength(long), withLength(entry)))).toEqual([4, 3]);
  });

  it('refuses more keys than memory is meant for', () => {
    const many = concat(v2, ...new Array<Uint8Array>(65_537).fill(withLength(entry)));
    expect(() => decodeKeytab(many)).toThrow(expect.objectContaining({ code: 'ERR_KEYTAB_FORMAT' }));
  });

  it('skips holes, and stops at a length of 0', () => {
    const hole = fromHex('fffffffb 0102030405');
    expect(kvnos(concat(v2, hole, withLength(entry), hole))).toEqual([3]);
    expect(kvnos(concat(v2, withLength(entry), fromHex('00000000'), withLength(entry)))).toEqual([3]);
    expect(kvnos(concat(v2, withLength(entry), fromHex('80000000')))).toEqual([3]);
  });

  it('reads version 0x0501 in both octet orders', () => {
    const big = fromHex('0501 00000014 0002 0001 52 0001 61 00000001 03 0011 0001 ab 00 00');
    const little = fromHex('0501 14000000 0200 0100 52 0100 61 01000000 03 1100 0100 ab 00 00');
    const expected = {
      principal: { nameType: 1, components: ['a'], realm: 'R' },
      timestamp: 1,
      kvno: 3,
      key: expect.any(Key),
    };
    expect(decodeKeytab(big, { byteOrder: 'big' })).toEqual([expected]);
    expect(decodeKeytab(little)).toEqual([expected]);
  });

  it.each([
    '',
    '05',
    '0500',
    '0503',
    '0402',
    '0502 00000001 00',
    '0502 00000008 0000 0001 52 000000',
    '0502 00000010 0001 ffff',
  ])('refuses %j with an offset', (hex) => {
    const expected = { code: 'ERR_KEYTAB_FORMAT', file: 'x', offset: expect.any(Number) };
    expect(() => decodeKeytab(fromHex(hex), { file: 'x' })).toThrow(expect.objectContaining(expected));
  });
});

describe('encodeKeytab', () => {
  const valid = decodeKeytab(mitKeytab)[0]!;
  it.each([
    { principal: { ...valid.principal, components: [] } },
    { principal: { ...valid.principal, realm: 'R'.repeat(0x10000) } },
    { key: new Key(0x8000, new Uint8Array()) },
    { key: new Key(1, new Uint8Array(0x10000)) },
  ])('refuses what the format cannot hold', (changes) => {
    expect(() => encodeKeytab([{ ...valid, ...changes }])).toThrow(
      expect.objectContaining({ code: 'ERR_KEYTAB_FORMAT' }),
    );
  });
});

describe('findKeytabEntry', () => {
  const principal = parsePrincipal('a@R');
  const entryOf = (kvno: number, etype: number): KeytabEntry => ({
    principal,
    timestamp: 0,
    kvno,
    key: new Key(etype, new Uint8Array()),
  });
  const entries = [entryOf(1, 18), entryOf(2, 17), entryOf(2, 18), entryOf(300, 23)];

  it('prefers the newest key', () => {
    expect(findKeytabEntry(entries, { principal })).toBe(entries[3]);
    expect(findKeytabEntry(entries, { principal, etype: 18 })).toBe(entries[2]);
  });
  it('finds one version of one encryption type', () => {
    expect(findKeytabEntry(entries, { principal, etype: 18, kvno: 1 })).toBe(entries[0]);
    expect(findKeytabEntry(entries, { principal, etype: 23, kvno: 44 })).toBeUndefined();
  });
  it('compares 8 bits with entries that have no more', () => {
    expect(findKeytabEntry(entries, { principal, etype: 18, kvno: 258 })).toBe(entries[2]);
  });
  it('finds nothing for other principals', () => {
    expect(findKeytabEntry(entries, { principal: parsePrincipal('b@R') })).toBeUndefined();
  });
});
