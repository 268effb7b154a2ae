/** The same trees built with asn1js: what the writer must agree with. */
import {
  BitString,
  type BaseBlock as Block,
  Boolean as BooleanBlock,
  Constructed,
  Enumerated,
  fromBER,
  GeneralizedTime,
  GeneralString,
  Integer,
  ObjectIdentifier,
  OctetString,
  Sequence,
} from 'asn1js';
import { type Declarations, parseField } from '../../src/asn1/schema.js';
import type { SimpleTypes } from '../../src/asn1/types.js';
import { utf8 } from '../../src/bytes.js';

/** asn1js builds its blocks on ArrayBuffers. */
function buffer(octets: Uint8Array): ArrayBuffer {
  return Uint8Array.from(octets).buffer;
}

function unsigned32(value: number): ArrayBuffer {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, value);
  return view.buffer as ArrayBuffer;
}

const parsed = (octets: Uint8Array): Block => fromBER(octets, { parseEmbedded: false }).result as Block;

const SIMPLE: { readonly [Name in keyof SimpleTypes]: (value: SimpleTypes[Name]) => Block } = {
  BOOLEAN: (value) => new BooleanBlock({ value }),
  Int32: (value) => Integer.fromBigInt(value),
  UInt32: (value) => Integer.fromBigInt(value),
  Microseconds: (value) => Integer.fromBigInt(value),
  ENUMERATED: (value) => new Enumerated({ valueHex: Integer.fromBigInt(value).valueBlock.valueHexView }),
  'OCTET STRING': (value) => new OctetString({ valueHex: buffer(value) }),
  KerberosString: (value) => {
    const block = new GeneralString({ value: '' });
    block.valueBlock.valueHexView = utf8(value) as Uint8Array<ArrayBuffer>;
    return block;
  },
  KerberosTime: (value) => new GeneralizedTime({ valueDate: new Date(value * 1000) }),
  KerberosFlags: (value) => new BitString({ valueHex: unsigned32(value) }),
  'OBJECT IDENTIFIER': (value) => new ObjectIdentifier({ value }),
  ANY: parsed,
};

function tagged(tagClass: number, tagNumber: number, inner: Block): Block {
  return new Constructed({ idBlock: { tagClass, tagNumber }, value: [inner] });
}

function fieldBlocks(all: Declarations, fields: Readonly<Record<string, string>>, value: object): Block[] {
  return Object.entries(fields).flatMap(([key, text]) => {
    const part = (value as Record<string, unknown>)[key];
    const field = parseField(key, text);
    return part === undefined ? [] : [tagged(3, field.tag, blockOf(all, field.type, part))];
  });
}

function blockOf(all: Declarations, type: string, value: unknown): Block {
  if (type in SIMPLE) return (SIMPLE[type as keyof SimpleTypes] as (value: unknown) => Block)(value);
  if (type.startsWith('INTEGER (')) return Integer.fromBigInt(value as number);
  if (type.startsWith('OPAQUE ')) return parsed(value as Uint8Array);
  if (type.startsWith('SEQUENCE OF ')) {
    return new Sequence({ value: (value as unknown[]).map((one) => blockOf(all, type.slice(12), one)) });
  }
  const declaration = all[type]!;
  if ('sequence' in declaration) {
    return new Sequence({ value: fieldBlocks(all, declaration.fields, value as object) });
  }
  if ('choice' in declaration) return fieldBlocks(all, declaration.alternatives, value as object)[0]!;
  const inner = blockOf(all, declaration.of, value);
  return 'application' in declaration ? tagged(2, declaration.tag, inner) : inner;
}

/** DER of `value` as asn1js writes it. */
export function oracleDer(all: Declarations, type: string, value: unknown): Uint8Array {
  return new Uint8Array(blockOf(all, type, value).toBER());
}
