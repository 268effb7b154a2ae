/** Sequences, choices, tags and opaque values: what is read, and where exactly a refusal points. */
import { describe, expect, it } from 'vitest';
import { asn1Module, asn1Name, parseField } from '../../src/asn1/schema.js';
import { fromHex, toHex } from '../../src/bytes.js';
import { refusal } from './refusal.js';

const module = asn1Module({
  Pair: {
    sequence: 'PAIR',
    fields: { first: '[0] Int32', second: '[2] Int32 OPTIONAL', third: '[3] SEQUENCE OF Item OPTIONAL' },
  },
  Item: { sequence: 'ITEM', fields: { itemName: '[1] KerberosString' } },
  Outer: { application: 'OUTER', tag: 9, of: 'Pair' },
  Items: { alias: 'ITEMS', of: 'SEQUENCE OF Item' },
  Holder: {
    sequence: 'HOLDER',
    fields: { whole: '[0] OPAQUE Outer', wholes: '[1] SEQUENCE OF OPAQUE Outer OPTIONAL' },
  },
  Either: { choice: 'EITHER', alternatives: { number: '[0] Int32', item: '[1] Item' } },
  Nothing: { sequence: 'NOTHING', fields: {} },
} as const);
type Name = Parameters<typeof module.decode>[0];

const read = (name: Name, hex: string): unknown => module.decode(name, fromHex(hex));
const written = (name: Name, value: unknown): string => toHex(module.encode(name, value as never));

function mustRefuse(name: Name, rows: readonly (readonly [string, string, string])[]): void {
  it.each(rows)('%s', (_, hex, place) => {
    expect(refusal(() => read(name, hex))).toMatchObject({ code: 'ERR_ASN1', place });
  });
}

describe('SEQUENCE', () => {
  it.each([
    ['3005 a003020105', { first: 5 }],
    ['300a a003020105 a203020106', { first: 5, second: 6 }],
    ['3009 a003020105 a3023000', { first: 5, third: [] }],
    ['3010 a003020105 a3093007 3005a1031b0141', { first: 5, third: [{ itemName: 'A' }] }],
  ])('is written and read: %s', (hex, value) => {
    expect(written('Pair', value)).toBe(hex.replaceAll(' ', ''));
    expect(read('Pair', hex)).toEqual(value);
  });

  it('leaves out what is undefined', () => {
    expect(written('Pair', { first: 5, second: undefined })).toBe('3005a003020105');
  });

  it('ignores properties that are not fields', () => {
    expect(written('Pair', { first: 5, fourth: 6 })).toBe('3005a003020105');
  });

  it('gives no property for a field that is absent', () => {
    expect(Object.keys(read('Pair', '3005a003020105') as object)).toEqual(['first']);
  });

  it('may have no field', () => {
    expect(written('Nothing', {})).toBe('3000');
    expect(read('Nothing', '3000')).toEqual({});
  });

  // RFC 4120 section 5.1: later versions may add fields at the end
  it.each([
    ['one', '300a a003020105 a403020106'],
    ['one of another type', '3009 a003020105 a4020c00'],
    ['two', '300e a003020105 a403020106 be00 be00'],
    ['one that is primitive', '3008 a003020105 84016b'],
  ])('skips unknown trailing fields: %s', (_, hex) => expect(read('Pair', hex)).toEqual({ first: 5 }));

  describe('refuses, naming the place', () => {
    mustRefuse('Pair', [
      ['nothing in it', '3000', 'PAIR.first'],
      ['a mandatory field missing', '3005 a203020106', 'PAIR.first'],
      ['a repeated field', '300a a003020105 a003020105', 'PAIR'],
      ['a repeated optional field', '300f a003020105 a203020106 a203020106', 'PAIR'],
      ['the last field repeated', '300d a003020105 a3023000 a3023000', 'PAIR'],
      ['fields out of order', '300a a203020106 a003020105', 'PAIR.first'],
      ['optional fields out of order', '300e a003020105 a3023000 a203020106', 'PAIR'],
      ['a tag between the known ones', '300a a003020105 a103020106', 'PAIR'],
      ['a known field after an unknown one', '300f a003020105 a403020106 a203020106', 'PAIR'],
      ['something without a context tag at the end', '3008 a003020105 020106', 'PAIR'],
      ['something of class APPLICATION at the end', '300a a003020105 6403020106', 'PAIR'],
      ['something of class PRIVATE at the end', '300a a003020105 e403020106', 'PAIR'],
      ['the field with class APPLICATION', '3005 6003020105', 'PAIR.first'],
      ['an IMPLICIT tag', '3003 800105', 'PAIR.first'],
      ['a field without contents', '3002 a000', 'PAIR.first'],
      ['two values in one field', '3008 a006020105020106', 'PAIR.first'],
      ['another type in a field', '3005 a0031b0141', 'PAIR.first'],
      ['another type in an optional field', '300a a003020105 a203040106', 'PAIR.second'],
      ['another type in an element', '3011 a003020105 a30a 3008 3002a100 3002a100', 'PAIR.third[0].itemName'],
      ['a SET', '3105 a003020105', 'PAIR'],
      ['a primitive SEQUENCE', '1005 a003020105', 'PAIR'],
      ['an application tag', '6907 3005a003020105', 'PAIR'],
      ['no SEQUENCE', '020105', 'PAIR'],
    ]);
    mustRefuse('Items', [
      ['a wrong second element', '300a 3005a1031b0141 020105', 'ITEMS[1]'],
      ['a wrong field of the second element', '300e 3005a1031b0141 3005a103020141', 'ITEMS[1].itemName'],
    ]);
  });

  it('reads no elements', () => expect(read('Items', '3000')).toEqual([]));
});

describe('[APPLICATION]', () => {
  it('is written and read', () => {
    expect(written('Outer', { first: 5 })).toBe('69073005a003020105');
    expect(read('Outer', '69073005a003020105')).toEqual({ first: 5 });
  });

  mustRefuse('Outer', [
    ['no tag', '3005a003020105', 'OUTER'],
    ['another number', '6a073005a003020105', 'OUTER'],
    ['a context tag', 'a9073005a003020105', 'OUTER'],
    ['a primitive encoding', '49073005a003020105', 'OUTER'],
    ['nothing in it', '6900', 'OUTER'],
    ['two values in it', '690a3005a003020105020105', 'OUTER'],
    ['a wrong field in it', '69073005a003040105', 'OUTER.first'],
  ]);

  it('leaves octets after the value alone with `trailing`, and only with it', () => {
    const padded = fromHex('69073005a003020105 0000000000');
    expect(module.decode('Outer', padded, { trailing: true })).toEqual({ first: 5 });
    expect(refusal(() => module.decode('Outer', padded, { trailing: false }))).toMatchObject({
      code: 'ERR_ASN1',
    });
    expect(refusal(() => module.decode('Outer', padded))).toMatchObject({ code: 'ERR_ASN1', place: 'OUTER' });
  });
});

describe('OPAQUE', () => {
  // The SEQUENCE inside lacks its field: nobody looks
  const whole = '69023000';

  it('is handed on untouched', () => {
    const octets = fromHex(`3006a004${whole}`);
    const value = module.decode('Holder', octets);
    expect(toHex(value.whole)).toBe(whole);
    expect(value.whole.buffer).toBe(octets.buffer);
    expect(written('Holder', value)).toBe(toHex(octets));
  });

  it('may be an element', () => {
    const hex = `3010a004${whole}a1083006${'6900'.repeat(3)}`;
    expect((read('Holder', hex) as { wholes: Uint8Array[] }).wholes.map(toHex)).toEqual([
      '6900',
      '6900',
      '6900',
    ]);
  });

  mustRefuse('Holder', [
    ['another number', '3006a0046a023000', 'HOLDER.whole'],
    ['no application tag', '3004a0023000', 'HOLDER.whole'],
    ['a wrong element', `300ea004${whole}a106300469003000`, 'HOLDER.wholes[1]'],
  ]);
});

describe('CHOICE', () => {
  it.each([
    ['a003020105', { number: 5 }],
    ['a1073005a1031b0141', { item: { itemName: 'A' } }],
  ])('%s is written and read', (hex, value) => {
    expect(written('Either', value)).toBe(hex);
    expect(read('Either', hex)).toEqual(value);
  });

  mustRefuse('Either', [
    ['an unknown alternative', 'a203020105', 'EITHER'],
    ['no tag', '020105', 'EITHER'],
    ['the number with another class', '6003020105', 'EITHER'],
    ['a wrong type', 'a003040105', 'EITHER.number'],
    ['a wrong field', 'a1073005a103020141', 'EITHER.item.itemName'],
  ]);
});

describe('values that do not fit', () => {
  it.each<[Name, unknown, string]>([
    ['Pair', {}, 'PAIR.first'],
    ['Pair', { first: '5' }, 'PAIR.first'],
    ['Pair', { first: null }, 'PAIR.first'],
    ['Pair', null, 'PAIR'],
    ['Pair', undefined, 'PAIR'],
    ['Pair', 5, 'PAIR'],
    ['Pair', { first: 5, third: {} }, 'PAIR.third'],
    ['Pair', { first: 5, third: [{ itemName: 'A' }, {}] }, 'PAIR.third[1].itemName'],
    ['Pair', { first: 5, third: [null] }, 'PAIR.third[0]'],
    ['Items', { length: 1 }, 'ITEMS'],
    ['Outer', { first: 2 ** 40 }, 'OUTER.first'],
    ['Holder', { whole: { first: 5 } }, 'HOLDER.whole'],
    ['Either', {}, 'EITHER'],
    ['Either', null, 'EITHER'],
    ['Either', undefined, 'EITHER'],
    ['Either', 5, 'EITHER'],
    ['Either', { number: 5, item: { itemName: 'A' } }, 'EITHER'],
    ['Either', { other: 5 }, 'EITHER'],
    ['Either', { number: 'x' }, 'EITHER.number'],
  ])('%s from %j: the error starts with the place', (name, value, place) => {
    const error = refusal(() => written(name, value));
    expect(error instanceof TypeError || error instanceof RangeError).toBe(true);
    expect((error as Error).message.startsWith(`${place} `)).toBe(true);
  });
});

describe('declarations that are wrong', () => {
  const broken = asn1Module({
    Untagged: { sequence: 'UNTAGGED', fields: { first: 'Int32' } },
    Unknown: { sequence: 'UNKNOWN', fields: { first: '[0] Integer' } },
    Opaque: { sequence: 'OPAQUE', fields: { first: '[0] OPAQUE Untagged' } },
    OpaqueUnknown: { sequence: 'OPAQUE', fields: { first: '[0] OPAQUE Nobody' } },
  } as const);

  it.each(['Untagged', 'Unknown', 'Opaque', 'OpaqueUnknown'] as const)(
    '%s is a RangeError at its first use',
    (name) => {
      expect(refusal(() => broken.decode(name, fromHex('3000')))).toBeInstanceOf(RangeError);
      expect(refusal(() => broken.encode(name, {} as never))).toBeInstanceOf(RangeError);
    },
  );

  it('a name that is not declared is a RangeError', () => {
    expect(refusal(() => broken.decode('Nobody' as 'Opaque', fromHex('3000')))).toBeInstanceOf(RangeError);
    expect(refusal(() => broken.encode('Nobody' as 'Opaque', {} as never))).toBeInstanceOf(RangeError);
  });
});

it('parseField reads every form', () => {
  expect(parseField('a', '[10] SEQUENCE OF OPAQUE Ticket OPTIONAL')).toEqual({
    key: 'a',
    tag: 10,
    type: 'SEQUENCE OF OPAQUE Ticket',
    optional: true,
  });
  expect(parseField('b', '[0] INTEGER (10 | 12)')).toMatchObject({
    tag: 0,
    type: 'INTEGER (10 | 12)',
    optional: false,
  });
});

it('asn1Name is the name in the RFC, whatever the kind', () => {
  expect([
    asn1Name({ sequence: 'S', fields: {} }),
    asn1Name({ alias: 'A', of: 'B' }),
    asn1Name({ application: 'P', tag: 1, of: 'B' }),
    asn1Name({ choice: 'C', alternatives: {} }),
  ]).toEqual(['S', 'A', 'P', 'C']);
});
