/**
 * The declarations of src/messages against the RFC's own ASN.1 module (vectors/rfc4120-module.json): every type, tag,
 * order, OPTIONAL, constant and name, in both directions. A wrong tag survives every round-trip test; it does not survive
 * this one. The names follow from the RFC's by one mechanical rule, which is written down here as code.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Declaration, Declarations } from '../src/asn1/schema.js';
import { SIMPLE_CODECS } from '../src/asn1/types.js';
import { declarations } from '../src/messages/module.js';
import { untypedModule } from './asn1/arbitraries.js';
import { refusal } from './asn1/refusal.js';

interface RfcField {
  readonly name: string;
  readonly tag: number;
  readonly type: string;
  readonly optional: boolean;
}
interface RfcType {
  readonly kind: 'SEQUENCE' | 'SEQUENCE OF' | 'alias';
  readonly application?: number;
  readonly fields?: readonly RfcField[];
  readonly of?: string;
}
interface RfcModule {
  readonly types: Readonly<Record<string, RfcType>>;
  readonly extensions: readonly { readonly type: string; readonly fields: readonly RfcField[] }[];
}

const rfc = JSON.parse(
  readFileSync(new URL('../vectors/rfc4120-module.json', import.meta.url), 'utf8'),
) as RfcModule;

/** `KDC-REQ-BODY` is KDC, REQ, BODY; `EncASRepPart` is Enc, AS, Rep, Part. */
function words(name: string): string[] {
  return name.match(/[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z0-9]+|[A-Z0-9]+/g) ?? [];
}

/** The RFC's name in UpperCamelCase, acronyms as words. */
function typeName(name: string): string {
  return words(name)
    .map((word) => word[0]!.toUpperCase() + word.slice(1).toLowerCase())
    .join('');
}

/** The RFC's name in lowerCamelCase. */
function fieldName(name: string): string {
  const upper = typeName(name);
  return upper[0]!.toLowerCase() + upper.slice(1);
}

/** `SEQUENCE OF PA-DATA` is `SEQUENCE OF PaData`; ASN.1's own types keep their names. */
function fieldType(type: string): string {
  if (type.startsWith('SEQUENCE OF ')) return `SEQUENCE OF ${fieldType(type.slice(12))}`;
  return type === 'OCTET STRING' || type.startsWith('INTEGER (') ? type : typeName(type);
}

function fieldsOf(fields: readonly RfcField[]): Record<string, string> {
  return Object.fromEntries(
    fields.map((field) => [
      fieldName(field.name),
      `[${field.tag}] ${fieldType(field.type)}${field.optional ? ' OPTIONAL' : ''}`,
    ]),
  );
}

/** Name of the unnamed SEQUENCE in an application tag; -BODY, unless that is another type of the RFC. */
function bodyName(name: string): string {
  return typeName(`${name}${`${name}-BODY` in rfc.types ? '-MESSAGE' : '-BODY'}`);
}

/** What one type of the RFC should have become: itself, and a name for what has none in the RFC. */
function expectedOf(name: string, type: RfcType): Record<string, Declaration> {
  const own = typeName(name);
  const extensions = rfc.extensions.filter((extension) => extension.type === name);
  const fields = fieldsOf([...(type.fields ?? []), ...extensions.flatMap((extension) => extension.fields)]);
  if (type.application !== undefined) {
    const { application: tag } = type;
    if (type.of !== undefined) return { [own]: { application: name, tag, of: typeName(type.of) } };
    const body = bodyName(name);
    return { [own]: { application: name, tag, of: body }, [body]: { sequence: name, fields } };
  }
  if (type.kind === 'SEQUENCE') return { [own]: { sequence: name, fields } };
  if (type.kind === 'alias') return { [own]: { alias: name, of: typeName(type.of!) } };
  if (type.of !== undefined) return { [own]: { alias: name, of: `SEQUENCE OF ${typeName(type.of)}` } };
  const entry = `${own}Entry`;
  return {
    [own]: { alias: name, of: `SEQUENCE OF ${entry}` },
    [entry]: { sequence: `${name}-entry`, fields },
  };
}

/** A declaration with OPAQUE, which is ours, taken away. */
function withoutOpaque(declaration: Declaration): Declaration {
  if (!('sequence' in declaration)) return declaration;
  const fields = Object.entries(declaration.fields).map(([key, text]) => [key, text.replace('OPAQUE ', '')]);
  return { ...declaration, fields: Object.fromEntries(fields) as Record<string, string> };
}

const isSimple = (name: string): boolean => name in SIMPLE_CODECS;
const rfcNames = Object.keys(rfc.types).filter((name) => !isSimple(name));
const ours: Declarations = declarations;

describe('the naming rule', () => {
  it.each([
    ['KDC-REQ-BODY', 'KdcReqBody'],
    ['EncASRepPart', 'EncAsRepPart'],
    ['EncKDCRepPart', 'EncKdcRepPart'],
    ['ETYPE-INFO2-ENTRY', 'EtypeInfo2Entry'],
    ['AD-KDCIssued', 'AdKdcIssued'],
    ['PA-ENC-TS-ENC', 'PaEncTsEnc'],
    ['KrbCredInfo', 'KrbCredInfo'],
    ['APOptions', 'ApOptions'],
    ['UInt32', 'UInt32'],
  ])('%s is %s', (name, expected) => expect(typeName(name)).toBe(expected));

  it.each([
    ['name-type', 'nameType'],
    ['e-text', 'eText'],
    ['i-sname', 'iSname'],
    ['s2kparams', 's2kparams'],
    ['encrypted-pa-data', 'encryptedPaData'],
  ])('%s is %s', (name, expected) => expect(fieldName(name)).toBe(expected));
});

describe('the facts are whole', () => {
  it('there are 56 types, 18 of them with an application tag', () => {
    const tagged = Object.values(rfc.types).filter((type) => type.application !== undefined);
    expect([Object.keys(rfc.types).length, tagged.length]).toEqual([56, 18]);
  });
});

describe('RFC 4120 appendix A is what is declared', () => {
  it.each(rfcNames)('%s', (name) => {
    for (const [declared, expected] of Object.entries(expectedOf(name, rfc.types[name]!))) {
      const actual = ours[declared];
      expect(actual, `${declared} is not declared`).toBeDefined();
      expect(withoutOpaque(actual!)).toEqual(expected);
      // toEqual does not look at the order of the fields; the wire does
      if ('sequence' in expected && 'sequence' in actual!) {
        expect(Object.keys(actual.fields)).toEqual(Object.keys(expected.fields));
      }
    }
  });

  it('and nothing else is, but for types of RFC 4537 and [MS-KILE]', () => {
    const expected = rfcNames.flatMap((name) => Object.keys(expectedOf(name, rfc.types[name]!)));
    expected.push('EtypeList', 'KerbPaPacRequest');
    expect(Object.keys(declarations).sort()).toEqual(expected.sort());
  });

  it('only tickets are OPAQUE', () => {
    const texts = Object.values(ours).flatMap((one) => ('sequence' in one ? Object.values(one.fields) : []));
    const opaque = texts.filter((text) => text.includes('OPAQUE'));
    expect(opaque.length).toBeGreaterThan(0);
    for (const text of opaque) expect(text).toContain('OPAQUE Ticket');
  });
});

describe('the simple types of the RFC', () => {
  const ranges = Object.entries(rfc.types).flatMap(([name, type]) => {
    const range = /^INTEGER \((-?\d+)\.\.(\d+)\)$/.exec(type.of ?? '');
    return range === null ? [] : [[name, Number(range[1]), Number(range[2])] as const];
  });

  it('three have a range', () => {
    expect(ranges.map(([name]) => name)).toEqual(['Int32', 'UInt32', 'Microseconds']);
  });

  it.each(ranges)('%s goes from %i to %i', (name, min, max) => {
    const module = untypedModule({ Only: { alias: name, of: name } });
    for (const value of [min, max]) expect(module.decode('Only', module.encode('Only', value))).toBe(value);
    for (const value of [min - 1, max + 1]) {
      expect(refusal(() => module.encode('Only', value))).toBeInstanceOf(RangeError);
    }
  });

  it('the others are the universal types that the RFC says', () => {
    const tags = { GeneralString: 0x1b, GeneralizedTime: 0x18, 'BIT STRING': 0x03 };
    const values = { KerberosString: 'a', KerberosTime: 0, KerberosFlags: 0 };
    for (const [name, value] of Object.entries(values)) {
      const universal = rfc.types[name]!.of!.replace(/ \(.*/, '') as keyof typeof tags;
      const module = untypedModule({ Only: { alias: name, of: name } });
      expect(module.encode('Only', value)[0]).toBe(tags[universal]);
    }
  });
});
