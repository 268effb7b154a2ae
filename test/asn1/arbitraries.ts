/** Values of any declared type, made from the declarations themselves. */
import fc from 'fast-check';
import { asn1Module, type Declarations, parseField } from '../../src/asn1/schema.js';
import type { SimpleTypes } from '../../src/asn1/types.js';
import { concat, utf8Text } from '../../src/bytes.js';

const octets = fc.uint8Array({ maxLength: 40 });

const text: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 20 }),
  // Octets that are no UTF-8, as names from elsewhere are
  octets.map(utf8Text),
  // Lengths around the steps of the length octets
  fc.constantFrom('', 'a'.repeat(127), 'b'.repeat(128), 'c'.repeat(255), 'd'.repeat(256), 'e'.repeat(65536)),
);

function integer(min: number, max: number): fc.Arbitrary<number> {
  const edges = [min, max, -129, -128, -1, 0, 127, 128, 255, 256, 32767, 32768, 65535, 8388608, 2 ** 31 - 1];
  const inside = edges.filter((edge) => edge >= min && edge <= max);
  return fc.oneof(fc.constantFrom(...inside), fc.integer({ min, max }));
}

const LAST_SECOND_OF_9999 = 253402300799;

const oid: fc.Arbitrary<string> = fc
  .tuple(
    fc.oneof(fc.tuple(fc.nat(1), fc.nat(39)), fc.tuple(fc.constant(2), fc.nat(1_000_000))),
    fc.array(fc.nat(), { maxLength: 9 }),
  )
  .map(([root, rest]) => [...root, ...rest].join('.'));

const SIMPLE: { readonly [Name in keyof SimpleTypes]: fc.Arbitrary<SimpleTypes[Name]> } = {
  BOOLEAN: fc.boolean(),
  Int32: integer(-(2 ** 31), 2 ** 31 - 1),
  UInt32: integer(0, 2 ** 32 - 1),
  Microseconds: integer(0, 999_999),
  ENUMERATED: integer(0, 2 ** 31 - 1),
  'OCTET STRING': fc.oneof(octets, fc.uint8Array({ minLength: 120, maxLength: 300 })),
  KerberosString: text,
  KerberosTime: fc.oneof(integer(0, 2 ** 32), fc.integer({ min: 0, max: LAST_SECOND_OF_9999 })),
  KerberosFlags: integer(0, 2 ** 32 - 1),
  'OBJECT IDENTIFIER': oid,
  ANY: integer(0, 127).map((value) => Uint8Array.of(2, 1, value)),
};

function fieldsOf(all: Declarations, fields: Readonly<Record<string, string>>): fc.Arbitrary<unknown> {
  const parsed = Object.entries(fields).map(([key, field]) => parseField(key, field));
  return fc.record(Object.fromEntries(parsed.map((field) => [field.key, arbitraryOf(all, field.type)])), {
    noNullPrototype: true,
    requiredKeys: parsed.filter((field) => !field.optional).map((field) => field.key),
  });
}

function anyOneOf(all: Declarations, alternatives: Readonly<Record<string, string>>): fc.Arbitrary<unknown> {
  return fc.oneof(
    ...Object.entries(alternatives).map(([key, text]) =>
      arbitraryOf(all, parseField(key, text).type).map((value) => ({ [key]: value })),
    ),
  );
}

/** Any value of `type`, which is written as in a field of a declaration. */
export function arbitraryOf(all: Declarations, type: string): fc.Arbitrary<unknown> {
  if (type in SIMPLE) return SIMPLE[type as keyof SimpleTypes];
  if (type.startsWith('SEQUENCE OF ')) return fc.array(arbitraryOf(all, type.slice(12)), { maxLength: 3 });
  if (type.startsWith('INTEGER (')) return fc.constantFrom(...type.slice(9, -1).split(' | ').map(Number));
  if (type.startsWith('OPAQUE ')) return derOf(all, type.slice(7));
  const declaration = all[type];
  if (declaration === undefined) throw new Error(`${type} is not declared`);
  if ('sequence' in declaration) return fieldsOf(all, declaration.fields);
  if ('choice' in declaration) return anyOneOf(all, declaration.alternatives);
  return arbitraryOf(all, declaration.of);
}

/** An encoder and decoder whose types are known only when the test runs. */
export interface UntypedModule {
  encode(name: string, value: unknown): Uint8Array;
  decode(name: string, octets: Uint8Array, options?: { trailing?: boolean }): unknown;
}

export function untypedModule(all: Declarations): UntypedModule {
  return asn1Module<Record<string, never>>(all as Record<string, never>) as unknown as UntypedModule;
}

/** DER of any value of the declared type. */
export function derOf(all: Declarations, name: string): fc.Arbitrary<Uint8Array> {
  const module = untypedModule(all);
  return arbitraryOf(all, name).map((value) => module.encode(name, value));
}

/** What may happen to octets on their way. */
export function damaged(der: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> {
  return fc
    .tuple(der, fc.constantFrom('truncate', 'replace', 'delete', 'insert', 'repeat'), fc.nat(), fc.nat(255))
    .map(([whole, kind, place, octet]) => {
      const at = whole.length === 0 ? 0 : place % whole.length;
      if (kind === 'truncate') return whole.slice(0, at);
      const [before, after] = [whole.subarray(0, at), whole.subarray(at)];
      if (kind === 'replace') return concat(before, Uint8Array.of(octet), after.subarray(1));
      if (kind === 'delete') return concat(before, after.subarray(1));
      if (kind === 'insert') return concat(before, Uint8Array.of(octet), after);
      return concat(whole, after.subarray(0, 200));
    });
}
