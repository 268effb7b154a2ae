/** What DER forbids and the limits of tlv.ts. Every refusal is ERR_ASN1. */
import { describe, expect, it } from 'vitest';
import { MAX_MESSAGE_OCTETS, parseTlv, tagName } from '../../src/asn1/tlv.js';
import { concat, fromHex, toHex } from '../../src/bytes.js';
import { refusal } from './refusal.js';

const refused = (hex: string): unknown => refusal(() => parseTlv(fromHex(hex), 'T'));
const asn1 = { code: 'ERR_ASN1', place: 'T' };

/** `tag` with the length of `contents` in front. */
function der(tag: number, contents: Uint8Array): Uint8Array {
  const { length } = contents;
  const head =
    length < 128
      ? [tag, length]
      : length < 65536
        ? [tag, ...(length < 256 ? [0x81] : [0x82, length >> 8]), length & 255]
        : [tag, 0x83, length >> 16, (length >> 8) & 255, length & 255];
  return concat(Uint8Array.from(head), contents);
}

function nested(depth: number): Uint8Array {
  let octets = fromHex('020101');
  for (let i = 1; i < depth; i++) octets = der(0x30, octets);
  return octets;
}

describe('lengths', () => {
  it.each([
    ['indefinite', '30800000'],
    ['indefinite, around a value', '30800201010000'],
    ['indefinite, without an end', '3080020101'],
    ['indefinite inside', '300730800201010000'],
    ['indefinite and primitive', '0480010000'],
    ['0 in two octets', '308100'],
    ['3 in two octets', '3081030201 01'],
    ['3 in three octets', '308200030201 01'],
    ['3 in five octets', '3084000000030201 01'],
    ['3 in nine octets', '308800000000000000030201 01'],
    ['3 in two octets, inside', '30050481030102 03'],
    ['reserved first octet', '30ff'],
    ['without its octets', '3082'],
    ['none at all', '30'],
    ['more than there is', '3004020101'],
    ['more than there is, inside', '3003040501'],
    ['less than what it holds', '3002020101'],
    ['less than what it holds, inside', '30073002020101020102'],
    ['less than what it holds, deep inside', '3007a0053003a00202010102'],
    ['nearly 2^32', '0484fffffffa'],
    ['nearly 2^64', '0488fffffffffffffff0'],
  ])('refused: %s', (_, hex) => expect(refused(hex)).toMatchObject(asn1));

  it('refused: 128 in three octets', () => {
    const octets = concat(fromHex('04820080'), new Uint8Array(128));
    expect(refusal(() => parseTlv(octets, 'T'))).toMatchObject(asn1);
  });

  it.each([0, 127, 128, 255, 256, 65535, 65536, 70000])('accepted: %i in the shortest form', (length) => {
    const node = parseTlv(der(0x04, new Uint8Array(length)), 'T');
    expect(node.content).toHaveLength(length);
  });
});

describe('types', () => {
  it.each([
    ['an OBJECT IDENTIFIER of a megabyte', 0x06],
    ['a RELATIVE-OID of a megabyte', 0x0d],
    ['a REAL', 0x09],
    ['a UTCTime', 0x17],
    ['a primitive SEQUENCE', 0x10],
  ])('refused: %s', (_, tag) => {
    const octets = der(tag, new Uint8Array(MAX_MESSAGE_OCTETS - 10).fill(1));
    const before = process.memoryUsage().heapUsed;
    expect(refusal(() => parseTlv(octets, 'T'))).toMatchObject(asn1);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(64 * 1024 * 1024);
  });

  it.each([0x01, 0x02, 0x03, 0x04, 0x05, 0x0a, 0x0c, 0x18, 0x1b, 0x80, 0x41])(
    'a megabyte of tag %i is read or refused without much memory',
    (tag) => {
      const octets = der(tag, new Uint8Array(MAX_MESSAGE_OCTETS - 10).fill(0xff));
      const before = process.memoryUsage().heapUsed;
      try {
        parseTlv(octets, 'T');
      } catch (error) {
        expect(error).toMatchObject(asn1);
      }
      expect(process.memoryUsage().heapUsed - before).toBeLessThan(64 * 1024 * 1024);
    },
  );
});

describe('tags', () => {
  it.each([
    ['31 in the high form', 'bf1f03020101'],
    ['5 in the high form', 'bf0503020101'],
    ['128 in the high form', 'bf810003020101'],
    ['a high one inside', '3005bf1f020500'],
    ['a high primitive one', '9f1f0101'],
  ])('refused: number %s', (_, hex) => expect(refused(hex)).toMatchObject(asn1));

  it.each([
    ['OCTET STRING', '24030401aa'],
    ['OCTET STRING, indefinite', '24800401aa0000'],
    ['BIT STRING', '2304030200aa'],
    ['GeneralString', '3b031b0141'],
    ['GeneralizedTime', '3811180f32303234303130313030303030305a'],
    ['INTEGER', '2203020101'],
    ['BOOLEAN', '21030101ff'],
    ['OBJECT IDENTIFIER', '260406022a03'],
    ['OCTET STRING inside', '300524030401aa'],
  ])('refused: constructed %s', (_, hex) => expect(refused(hex)).toMatchObject(asn1));

  it('gives class, number, contents and the whole as views', () => {
    const octets = fromHex('ff 6a0b 3009 a103020105 a2020500 ff').subarray(1, 14);
    const node = parseTlv(octets, 'T');
    expect(node).toMatchObject({ tagClass: 1, tagNumber: 10 });
    const [sequence] = node.children!;
    expect(toHex(sequence!.raw)).toBe('3009a103020105a2020500');
    expect(toHex(sequence!.content)).toBe('a103020105a2020500');
    expect(sequence!.children!.map((child) => [child.tagClass, child.tagNumber])).toEqual([
      [2, 1],
      [2, 2],
    ]);
    expect(node.raw.buffer).toBe(octets.buffer);
    expect(sequence!.content.buffer).toBe(octets.buffer);
  });

  it('does not look into OCTET STRINGs', () => {
    expect(toHex(parseTlv(fromHex('0404308002ff'), 'T').content)).toBe('308002ff');
  });

  it.each([
    [0, 2, 'INTEGER'],
    [0, 17, '[UNIVERSAL 17]'],
    [1, 10, '[APPLICATION 10]'],
    [2, 3, '[3]'],
    [3, 16, '[PRIVATE 16]'],
  ])('class %i number %i is called %s', (tagClass, tagNumber, name) => {
    expect(tagName(tagClass, tagNumber)).toBe(name);
  });
});

describe('what follows the value', () => {
  it.each(['02010100', '0201010000', '020101020101', '30003000'])('refused: %s', (hex) =>
    expect(refused(hex)).toMatchObject(asn1),
  );

  it('is left alone with `trailing`', () => {
    const node = parseTlv(fromHex('020105 0000ff'), 'T', { trailing: true });
    expect([toHex(node.raw), toHex(node.content)]).toEqual(['020105', '05']);
  });

  it('does not make up for octets that are missing', () => {
    expect(refusal(() => parseTlv(fromHex('0202 05'), 'T', { trailing: true }))).toMatchObject(asn1);
  });
});

describe('limits', () => {
  it('refuses no octets', () => expect(refused('')).toMatchObject(asn1));

  it('reads 1 MiB and refuses one octet more', () => {
    const header = 5;
    const largest = der(0x04, new Uint8Array(MAX_MESSAGE_OCTETS - header));
    expect(largest).toHaveLength(MAX_MESSAGE_OCTETS);
    expect(parseTlv(largest, 'T').content).toHaveLength(MAX_MESSAGE_OCTETS - header);
    const larger = der(0x04, new Uint8Array(MAX_MESSAGE_OCTETS - header + 1));
    expect(refusal(() => parseTlv(larger, 'T'))).toMatchObject(asn1);
  });

  it('reads values nested more deeply than any Kerberos message, and refuses far more', () => {
    expect(parseTlv(nested(20), 'T').children).toHaveLength(1);
    expect(refusal(() => parseTlv(nested(40), 'T'))).toMatchObject(asn1);
    expect(refusal(() => parseTlv(nested(10_000), 'T'))).toMatchObject(asn1);
  });

  it('reads 4,000 values and refuses 5,000', () => {
    const sequence = (count: number) =>
      der(
        0x30,
        Uint8Array.from({ length: 2 * count }, (_, i) => (i % 2 ? 0 : 5)),
      );
    expect(parseTlv(sequence(4000), 'T').children).toHaveLength(4000);
    expect(refusal(() => parseTlv(sequence(5000), 'T'))).toMatchObject(asn1);
  });

  // Each of these is as large as a message may be; the runner's time limit is the assertion.
  it.each([0x30, 0x31, 0x24, 0x60, 0xa0, 0x80, 0x00, 0x1f, 0xff, 0x3b])(
    'gives up on 1 MiB of octet %i',
    (octet) => {
      const octets = new Uint8Array(MAX_MESSAGE_OCTETS).fill(octet);
      expect(refusal(() => parseTlv(octets, 'T'))).toMatchObject(asn1);
    },
  );

  it('gives up on 1 MiB of nested indefinite lengths', () => {
    const octets = Uint8Array.from({ length: MAX_MESSAGE_OCTETS }, (_, i) => (i % 2 ? 0x80 : 0x30));
    expect(refusal(() => parseTlv(octets, 'T'))).toMatchObject(asn1);
  });
});
