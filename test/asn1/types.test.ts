/** The simple types octet by octet: what is read, what is refused, what is written. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asn1Module } from '../../src/asn1/schema.js';
import { fromHex, toHex, utf8, utf8Text } from '../../src/bytes.js';
import { fuzzRuns } from '../support/fuzz.js';
import { refusal } from './refusal.js';

const module = asn1Module({
  BOOLEAN: { alias: 'T', of: 'BOOLEAN' },
  Int32: { alias: 'T', of: 'Int32' },
  UInt32: { alias: 'T', of: 'UInt32' },
  Microseconds: { alias: 'T', of: 'Microseconds' },
  ENUMERATED: { alias: 'T', of: 'ENUMERATED' },
  OctetString: { alias: 'T', of: 'OCTET STRING' },
  KerberosString: { alias: 'T', of: 'KerberosString' },
  KerberosTime: { alias: 'T', of: 'KerberosTime' },
  KerberosFlags: { alias: 'T', of: 'KerberosFlags' },
  Oid: { alias: 'T', of: 'OBJECT IDENTIFIER' },
  Any: { alias: 'T', of: 'ANY' },
  OneOf: { alias: 'T', of: 'INTEGER (5 | 12)' },
} as const);
type Name = Parameters<typeof module.decode>[0];

const read = (name: Name, hex: string): unknown => module.decode(name, fromHex(hex));
const written = (name: Name, value: unknown): string => toHex(module.encode(name, value as never));
const refused = (name: Name, hex: string): unknown => refusal(() => read(name, hex));
const asn1 = { code: 'ERR_ASN1', place: 'T' };

function both(name: Name, rows: readonly (readonly [unknown, string])[]): void {
  it.each(rows)(`${name} %s is %s`, (value, hex) => {
    expect(written(name, value)).toBe(hex);
    expect(read(name, hex)).toEqual(value);
  });
}

function mustRefuse(name: Name, rows: readonly (readonly [string, string])[]): void {
  it.each(rows)(`${name} refuses %s`, (_, hex) => expect(refused(name, hex)).toMatchObject(asn1));
}

function mustRefuseValue(
  name: Name,
  error: typeof TypeError | typeof RangeError,
  values: readonly unknown[],
): void {
  it.each(values)(`${name} cannot be written from %s`, (value) => {
    const found = refusal(() => written(name, value));
    expect(found).toBeInstanceOf(error);
    expect((found as Error).message).toMatch(/^T /);
  });
}

describe('numbers', () => {
  both('Int32', [
    [0, '020100'],
    [127, '02017f'],
    [128, '02020080'],
    [256, '02020100'],
    [-1, '0201ff'],
    [-128, '020180'],
    [-129, '0202ff7f'],
    [-133, '0202ff7b'],
    [-138, '0202ff76'],
    [2 ** 31 - 1, '02047fffffff'],
    [-(2 ** 31), '020480000000'],
  ]);
  both('UInt32', [
    [0, '020100'],
    [255, '020200ff'],
    [2 ** 31 - 1, '02047fffffff'],
    [2 ** 31, '02050080000000'],
    [2 ** 32 - 1, '020500ffffffff'],
  ]);
  both('Microseconds', [
    [0, '020100'],
    [999_999, '02030f423f'],
  ]);
  both('ENUMERATED', [
    [0, '0a0100'],
    [3, '0a0103'],
  ]);
  both('OneOf', [
    [5, '020105'],
    [12, '02010c'],
  ]);

  // MIT krb5 writes sequence numbers, nonces and kvnos of 2^31 and more as negative numbers
  it.each([
    ['020480000000', 2 ** 31],
    ['0201ff', 2 ** 32 - 1],
    ['0202ff7f', 2 ** 32 - 129],
  ])('UInt32 %s of a peer that knows signed numbers only is %i', (hex, value) => {
    expect(read('UInt32', hex)).toBe(value);
  });

  const NOT_MINIMAL: readonly (readonly [string, string])[] = [
    ['no octets', '0200'],
    ['0 in two octets', '02020000'],
    ['1 in two octets', '02020001'],
    ['127 in five octets', '0205000000007f'],
    ['-1 in two octets', '0202ffff'],
    ['-128 in two octets', '0202ff80'],
    ['six octets', '0206010000000000'],
    ['a thousand octets', `028203e8${'01'.repeat(1000)}`],
    ['another type', '0a0101'],
    ['a context tag', '800101'],
    ['a BOOLEAN', '0101ff'],
  ];
  mustRefuse('Int32', [...NOT_MINIMAL, ['2^31', '02050080000000'], ['-2^31 - 1', '0205ff7fffffff']]);
  mustRefuse('UInt32', [...NOT_MINIMAL, ['2^32', '02050100000000'], ['-2^31 - 1', '0205ff7fffffff']]);
  mustRefuse('Microseconds', [...NOT_MINIMAL, ['1000000', '02030f4240'], ['-1', '0201ff']]);
  mustRefuse('ENUMERATED', [
    ['an INTEGER', '020101'],
    ['-1', '0a01ff'],
    ['not minimal', '0a020001'],
  ]);
  mustRefuse('OneOf', [
    ['another number', '020106'],
    ['5 in two octets', '02020005'],
  ]);

  mustRefuseValue('Int32', RangeError, [
    2 ** 31,
    -(2 ** 31) - 1,
    1.5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    '1',
    null,
  ]);
  mustRefuseValue('UInt32', RangeError, [-1, 2 ** 32, 0.5, 1n]);
  mustRefuseValue('Microseconds', RangeError, [-1, 1_000_000]);
  mustRefuseValue('OneOf', RangeError, [6, '5']);
});

describe('KerberosTime', () => {
  const hexOf = (text: string): string => {
    const octets = utf8(text);
    return `18${octets.length.toString(16).padStart(2, '0')}${toHex(octets)}`;
  };
  const seconds = (iso: string): number => Date.parse(iso) / 1000;

  both(
    'KerberosTime',
    [
      ['1970-01-01T00:00:00Z', '19700101000000Z'],
      ['1985-11-06T21:06:27Z', '19851106210627Z'],
      ['2000-02-29T23:59:59Z', '20000229235959Z'],
      ['2024-02-29T12:00:00Z', '20240229120000Z'],
      ['2038-01-19T03:14:07Z', '20380119031407Z'],
      ['2038-01-19T03:14:08Z', '20380119031408Z'],
      ['2106-02-07T06:28:16Z', '21060207062816Z'],
      ['9999-12-31T23:59:59Z', '99991231235959Z'],
    ].map(([iso, text]) => [seconds(iso!), hexOf(text!)] as const),
  );

  it.each([
    '20240101000000.5Z',
    '20240101000000.0Z',
    '20240101000000.Z',
    '20240101000000,5Z',
    '20240101000000+0100',
    '20240101000000-0000',
    '20240101000000',
    '202401010000Z',
    '2024010100Z',
    '240101000000Z',
    '20240101000000z',
    '20240101000000ZZ',
    '20240101000000Z\n',
    ' 20240101000000Z',
    '2024010100000\u0660Z',
    '+2024101000000Z',
    '20240001000000Z',
    '20241301000000Z',
    '20240100000000Z',
    '20240132000000Z',
    '20240431000000Z',
    '20240230000000Z',
    '20230229000000Z',
    '21000229000000Z',
    '20240101240000Z',
    '20240101006000Z',
    '20240101000060Z',
    '19691231235959Z',
    '16010101000000Z',
    '00700101000000Z',
    '00000000000000Z',
    '',
  ])('refuses "%s"', (text) => expect(refused('KerberosTime', hexOf(text))).toMatchObject(asn1));

  mustRefuse('KerberosTime', [
    ['UTCTime', '170d3234303130313030303030305a'],
    ['GeneralString', '1b0f32303234303130313030303030305a'],
  ]);
  mustRefuseValue('KerberosTime', RangeError, [-1, 0.5, 253402300800, Number.NaN, '0', null]);
});

describe('KerberosFlags', () => {
  both('KerberosFlags', [
    [0, '03050000000000'],
    [1, '03050000000001'],
    [0x40000000, '03050040000000'],
    [0x80000000, '03050080000000'],
    [0xffffffff, '030500ffffffff'],
  ]);

  it.each([
    ['no bits', '030100', 0],
    ['1 bit', '03020780', 0x80000000],
    ['2 bits', '03020640', 0x40000000],
    ['8 bits', '030200ff', 0xff000000],
    ['25 bits', '03050740800080', 0x40800080],
    ['25 bits and dirt after them', '030507408000ff', 0x40800080],
    ['31 bits and dirt after them', '030501ffffffff', 0xfffffffe],
    ['33 bits', '0306074000000180', 0x40000001],
    ['40 bits', '03060040000001ff', 0x40000001],
    ['64 bits', '03090040000001ffffffff', 0x40000001],
  ])('reads %s', (_, hex, flags) => expect(read('KerberosFlags', hex)).toBe(flags));

  mustRefuse('KerberosFlags', [
    ['no octets', '0300'],
    ['8 unused bits', '03050840000000'],
    ['255 unused bits', '0305ff40000000'],
    ['unused bits of nothing', '030101'],
    ['an OCTET STRING', '040440000000'],
    ['an INTEGER', '020440000000'],
  ]);
  mustRefuseValue('KerberosFlags', RangeError, [-1, 2 ** 32, 0.5, '0', [], null]);
});

describe('strings', () => {
  both('KerberosString', [
    ['', '1b00'],
    ['EXAMPLE.COM', '1b0b4558414d504c452e434f4d'],
    ['\u00e9', '1b02c3a9'],
    ['\ufeffa', '1b04efbbbf61'],
    ['\u{1f511}', '1b04f09f9491'],
    ['a\0b', '1b03610062'],
    // ISO 8859-1 of some KDCs' e-text; halves of UTF-8; surrogates in UTF-8; beyond U+10FFFF; overlong
    ['M\udcfcller', '1b064dfc6c6c6572'],
    ['\udcc3', '1b01c3'],
    ['\udced\udcb2\udc80', '1b03edb280'],
    ['\udcf4\udc90\udc80\udc80', '1b04f4908080'],
    ['\udcc0\udc80', '1b02c080'],
  ]);

  it('keeps any octets', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (octets) => {
        const der = `1b${octets.length.toString(16).padStart(2, '0')}${toHex(octets)}`;
        expect(written('KerberosString', read('KerberosString', der))).toBe(der);
      }),
      { numRuns: fuzzRuns },
    );
  });

  it('tells different octets apart', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 4 }), fc.uint8Array({ maxLength: 4 }), (a, b) => {
        expect(utf8Text(a) === utf8Text(b)).toBe(toHex(a) === toHex(b));
      }),
      { numRuns: fuzzRuns },
    );
  });

  both('OctetString', [
    [new Uint8Array(0), '0400'],
    [Uint8Array.of(0x30, 0x80), '04023080'],
  ]);
  mustRefuse('KerberosString', [
    ['UTF8String', '0c0141'],
    ['IA5String', '160141'],
    ['OCTET STRING', '040141'],
  ]);
  mustRefuse('OctetString', [['GeneralString', '1b0141']]);
  mustRefuseValue('KerberosString', TypeError, [5, null, ['a'], Uint8Array.of(65)]);
  mustRefuseValue('OctetString', TypeError, ['a', null, 5, new ArrayBuffer(1)]);
});

describe('BOOLEAN', () => {
  both('BOOLEAN', [
    [true, '0101ff'],
    [false, '010100'],
  ]);
  mustRefuse('BOOLEAN', [
    ['01', '010101'],
    ['fe', '0101fe'],
    ['no octets', '0100'],
    ['two octets', '0102ffff'],
    ['an INTEGER', '0201ff'],
  ]);
  mustRefuseValue('BOOLEAN', TypeError, [0, 1, 'true', null]);
});

describe('OBJECT IDENTIFIER', () => {
  both('Oid', [
    ['1.2.840.113554.1.2.2', '06092a864886f712010202'],
    ['1.3.6.1.5.5.2', '06062b0601050502'],
    ['1.2.840.48018.1.2.2', '06092a864882f712010202'],
    ['0.0', '060100'],
    ['0.39', '060127'],
    ['1.0', '060128'],
    ['1.39', '06014f'],
    ['2.0', '060150'],
    ['2.999.3', '0603883703'],
    ['1.2.4294967296', '06062a9080808000'],
  ]);
  mustRefuse('Oid', [
    ['no octets', '0600'],
    ['a missing octet', '06022a86'],
    ['leading zeros', '06032a8001'],
    ['leading zeros at the start', '0602802a'],
    ['an arc of 70 bits', '060b2affffffffffffffffff7f'],
    ['RELATIVE-OID', '0d012a'],
  ]);
  mustRefuseValue('Oid', RangeError, [
    '',
    '1',
    '1.',
    '.1',
    '1..2',
    '3.1',
    '0.40',
    '1.40',
    '1.2.-3',
    '1.2.0x10',
    '1.2.03',
    '1.2. 3',
    '1.2.9007199254740993',
    5,
    null,
  ]);
});

describe('ANY', () => {
  it('is any one value, untouched', () => {
    const octets = fromHex('6003020101');
    const value = module.decode('Any', octets);
    expect(toHex(value)).toBe('6003020101');
    expect(value.buffer).toBe(octets.buffer);
    expect(written('Any', value)).toBe('6003020101');
  });
});
