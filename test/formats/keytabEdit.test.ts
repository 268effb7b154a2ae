import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat, fromHex, toHex } from '../../src/bytes.js';
import { Key } from '../../src/crypto/key.js';
import { decodeKeytab, encodeKeytab, type KeytabEntry } from '../../src/formats/keytab.js';
import {
  addKeytabEntries,
  emptyKeytab,
  filterKeytabEntries,
  isSameKey,
} from '../../src/formats/keytabEdit.js';
import { parsePrincipal } from '../../src/formats/principal.js';
import { fuzzRuns } from '../support/fuzz.js';
import { expectSame } from '../support/octets.js';
import { keytabEntry, mutated, valueOrFormatError } from './arbitraries.js';
import { mitKeytab } from './mitFiles.js';

const entryOf = (name: string, kvno = 1): KeytabEntry => ({
  principal: parsePrincipal(name),
  timestamp: 5,
  kvno,
  key: new Key(17, new Uint8Array(16).fill(kvno)),
});
const names = (octets: Uint8Array): string[] =>
  decodeKeytab(octets).map(({ principal }) => principal.components.join('/'));
const plain = (octets: Uint8Array): unknown =>
  decodeKeytab(octets).map(({ key, ...rest }) => ({ ...rest, etype: key.etype, key: toHex(key.value) }));

describe('addKeytabEntries', () => {
  it('appends, and leaves every octet that was there', () => {
    const added = addKeytabEntries(mitKeytab, [entryOf('new@R')]);
    expect(added.subarray(0, mitKeytab.length)).toEqual(mitKeytab);
    expect(names(added)).toEqual([...names(mitKeytab), 'new']);
  });

  it('fills the first hole that is large enough, and zeros the rest of it', () => {
    const three = encodeKeytab([entryOf('a@R'), entryOf('bbbbbbbbbb@R'), entryOf('c@R')]);
    const holed = filterKeytabEntries(three, ({ principal }) => principal.components[0] !== 'bbbbbbbbbb');
    expect([names(holed), holed.length]).toEqual([['a', 'c'], three.length]);
    expect(toHex(holed)).not.toContain('62626262');
    const tooLong = addKeytabEntries(holed, [entryOf('ddddddddddd@R')]);
    expect(names(tooLong)).toEqual(['a', 'c', 'ddddddddddd']);
    const filled = addKeytabEntries(holed, [entryOf('d@R', 300)]);
    expect([names(filled), filled.length]).toEqual([['a', 'd', 'c'], three.length]);
    expect(decodeKeytab(filled)[1]?.kvno).toBe(300);
  });

  it('keeps what stands in a record behind the entry', () => {
    const record = fromHex('0001 0001 52 0001 61 00000001 00000001 03 0011 0001 ab 00000004 ffffffff');
    const octets = concat(fromHex('0502 000000'), Uint8Array.of(record.length), record);
    const added = addKeytabEntries(octets, [entryOf('b@R')]);
    expect(added.subarray(0, octets.length)).toEqual(octets);
  });

  it('ends at the end mark, and mends a hole that goes beyond the file', () => {
    const one = encodeKeytab([entryOf('a@R')]);
    const marked = concat(one, fromHex('00000000 ffff'));
    expect(names(addKeytabEntries(marked, [entryOf('b@R')]))).toEqual(['a', 'b']);
    const beyond = concat(one, fromHex('80000000 0102'));
    const added = addKeytabEntries(beyond, [entryOf('b@R')]);
    expect(names(added)).toEqual(['a', 'b']);
    expect(names(addKeytabEntries(added, [entryOf('c@R')]))).toEqual(['a', 'b', 'c']);
  });

  it('writes a file of version 0x0501 anew', () => {
    const old = fromHex('0501 14000000 0200 0100 52 0100 61 01000000 03 1100 0100 ab 00 00');
    const added = addKeytabEntries(old, [entryOf('b@R')]);
    expect([toHex(added.subarray(0, 2)), names(added)]).toEqual(['0502', ['a', 'b']]);
  });

  it('adds to anything that can be read, and takes away again', () => {
    fc.assert(
      fc.property(fc.array(keytabEntry, { maxLength: 4 }), keytabEntry, fc.nat(4), (entries, extra, gone) => {
        const octets = encodeKeytab(entries);
        const grown = addKeytabEntries(octets, [extra]);
        expectSame(plain(grown), plain(encodeKeytab([...entries, extra])));
        let index = 0;
        const shrunk = filterKeytabEntries(grown, () => index++ !== gone);
        expectSame(plain(shrunk), plain(encodeKeytab([...entries, extra].filter((_, i) => i !== gone))));
        expect(shrunk.length).toBe(grown.length);
        expect(decodeKeytab(addKeytabEntries(shrunk, [extra]))).toHaveLength(decodeKeytab(shrunk).length + 1);
      }),
      { numRuns: fuzzRuns },
    );
  });

  it('gives a keytab or a FormatError for mutated files', () => {
    const change = (octets: Uint8Array) => decodeKeytab(addKeytabEntries(octets, [entryOf('b@R')]));
    fc.assert(
      fc.property(mutated(mitKeytab), (octets) => valueOrFormatError(() => change(octets))),
      { numRuns: fuzzRuns },
    );
  });
});

describe('isSameKey', () => {
  it('does not depend on when and as what type of name the key was written', () => {
    const one = entryOf('a@R');
    expect(isSameKey(one, { ...one, timestamp: 9, principal: { ...one.principal, nameType: 3 } })).toBe(true);
    for (const other of [
      entryOf('b@R'),
      entryOf('a@R', 2),
      { ...one, kvno: 2 },
      { ...one, key: new Key(18, one.key.value) },
    ]) {
      expect(isSameKey(one, other)).toBe(false);
    }
    expect(decodeKeytab(emptyKeytab())).toEqual([]);
  });
});
