/**
 * Declarations of ASN.1 types as data, written the way the RFCs' modules are, from which encoder, decoder and TypeScript
 * type follow:
 *
 *     export const EncryptedData = {
 *       sequence: 'EncryptedData',
 *       fields: { etype: '[0] Int32', kvno: '[1] UInt32 OPTIONAL', cipher: '[2] OCTET STRING' },
 *     } as const;
 *
 * A field is `[tag] Type`, optionally followed by OPTIONAL; all tags are EXPLICIT, as in RFC 4120 and RFC 4178. Type is a
 * simple type (types.ts), another declaration's name, `SEQUENCE OF Type`, `INTEGER (5)` for numbers that must be one of
 * those listed, or `OPAQUE Type`: the DER of Type, checked for its outer tag only and handed on untouched.
 */
import { constructed, DerWriter } from './derWriter.js';
import { APPLICATION, CONTEXT, malformed, parseTlv, TAGS, type TlvNode, tagName, UNIVERSAL } from './tlv.js';
import { type Codec, SIMPLE_CODECS, type SimpleTypes } from './types.js';

/** SEQUENCE with tagged fields. `sequence` is the ASN.1 name. */
export interface SequenceDeclaration {
  readonly sequence: string;
  readonly fields: Readonly<Record<string, string>>;
}
/** Another name for a type. */
export interface AliasDeclaration {
  readonly alias: string;
  readonly of: string;
}
/** Type with a tag [APPLICATION n] around it; `application` is the ASN.1 name. */
export interface ApplicationDeclaration {
  readonly application: string;
  readonly tag: number;
  readonly of: string;
}
/** CHOICE of tagged alternatives; its value has exactly one property. */
export interface ChoiceDeclaration {
  readonly choice: string;
  readonly alternatives: Readonly<Record<string, string>>;
}
export type Declaration = SequenceDeclaration | AliasDeclaration | ApplicationDeclaration | ChoiceDeclaration;
export type Declarations = Readonly<Record<string, Declaration>>;

type TypeOfField<Field> = Field extends `[${number}] ${infer Type} OPTIONAL`
  ? Type
  : Field extends `[${number}] ${infer Type}`
    ? Type
    : never;
type OptionalKeys<Fields> = {
  [K in keyof Fields]: Fields[K] extends `${string} OPTIONAL` ? K : never;
}[keyof Fields];
type Flatten<T> = { [K in keyof T]: T[K] };

/** TypeScript type of the values of the type called `Name`. */
export type NamedValue<Name, All> = Name extends keyof SimpleTypes
  ? SimpleTypes[Name]
  : Name extends `SEQUENCE OF ${infer Element}`
    ? readonly NamedValue<Element, All>[]
    : Name extends `OPAQUE ${string}`
      ? Uint8Array
      : Name extends `INTEGER (${string})`
        ? number
        : Name extends keyof All
          ? DeclaredValue<All[Name], All>
          : never;

type DeclaredValue<D, All> = D extends { readonly fields: infer Fields }
  ? Flatten<
      {
        readonly [K in Exclude<keyof Fields, OptionalKeys<Fields>>]: NamedValue<TypeOfField<Fields[K]>, All>;
      } & {
        readonly [K in OptionalKeys<Fields>]?: NamedValue<TypeOfField<Fields[K]>, All> | undefined;
      }
    >
  : D extends { readonly alternatives: infer Alternatives }
    ? {
        [K in keyof Alternatives]: { readonly [Key in K]: NamedValue<TypeOfField<Alternatives[K]>, All> };
      }[keyof Alternatives]
    : D extends { readonly of: infer Of }
      ? NamedValue<Of, All>
      : never;

/** Encoder and decoder of a set of declarations. */
export interface Asn1Module<All extends Declarations> {
  /**
   * DER of a value of the declared type `name`.
   * @throws TypeError or RangeError naming the field when the value does not fit its declaration
   */
  encode<Name extends keyof All & string>(name: Name, value: NamedValue<Name, All>): Uint8Array;
  /**
   * The value of DER octets of the declared type `name`. Octet strings in it are views of `octets`.
   * @throws ProtocolError ERR_ASN1 with the path of the offending field
   */
  decode<Name extends keyof All & string>(
    name: Name,
    octets: Uint8Array,
    options?: { trailing?: boolean },
  ): NamedValue<Name, All>;
}

/** Makes the encoder and decoder of `declarations`; each type is compiled at its first use. */
export function asn1Module<All extends Declarations>(declarations: All): Asn1Module<All> {
  const compile = compiler(declarations);
  return {
    encode(name, value) {
      const writer = new DerWriter();
      compile(name).write(value, writer, asn1Name(declarations[name]!));
      return writer.finish();
    },
    decode(name, octets, options) {
      const codec = compile(name);
      const path = asn1Name(declarations[name]!);
      return codec.read(parseTlv(octets, path, options), path) as NamedValue<typeof name, All>;
    },
  };
}

/** The type's name in its RFC. */
export function asn1Name(declaration: Declaration): string {
  if ('sequence' in declaration) return declaration.sequence;
  if ('application' in declaration) return declaration.application;
  return 'choice' in declaration ? declaration.choice : declaration.alias;
}

/** A tagged field of a SEQUENCE or alternative of a CHOICE. */
export interface Field {
  readonly key: string;
  readonly tag: number;
  readonly type: string;
  readonly optional: boolean;
}

/** Reads `[tag] Type OPTIONAL`. */
export function parseField(key: string, text: string): Field {
  const match = /^\[(\d+)\] (.+?)( OPTIONAL)?$/.exec(text);
  if (match === null)
    throw new RangeError(`field ${key}: "${text}" is not "[tag] Type" or "[tag] Type OPTIONAL"`);
  return { key, tag: Number(match[1]), type: match[2]!, optional: match[3] !== undefined };
}

type Compile = (type: string) => Codec;
type CompiledField = Field & { readonly codec: Codec };

function compiler(declarations: Declarations): Compile {
  const compiled = new Map<string, Codec>(Object.entries(SIMPLE_CODECS));
  const compile: Compile = (type) => {
    let codec = compiled.get(type);
    if (codec === undefined) {
      codec = compileType(type, declarations, compile);
      compiled.set(type, codec);
    }
    return codec;
  };
  return compile;
}

function compileType(type: string, declarations: Declarations, compile: Compile): Codec {
  if (type.startsWith('SEQUENCE OF ')) return sequenceOf(compile(type.slice(12)));
  if (type.startsWith('OPAQUE ')) return opaque(declarations[type.slice(7)]);
  if (type.startsWith('INTEGER (')) return oneOf(type.slice(9, -1).split(' | ').map(Number));
  const declaration = declarations[type];
  if (declaration === undefined) throw new RangeError(`type ${type} is not declared`);
  if ('sequence' in declaration) return sequence(compileFields(declaration.fields, compile));
  if ('choice' in declaration) return choice(compileFields(declaration.alternatives, compile));
  const inner = compile(declaration.of);
  return 'application' in declaration ? explicit(APPLICATION, declaration.tag, inner) : inner;
}

function compileFields(fields: Readonly<Record<string, string>>, compile: Compile): CompiledField[] {
  return Object.entries(fields).map(([key, text]) => {
    const field = parseField(key, text);
    return { ...field, codec: explicit(CONTEXT, field.tag, compile(field.type)) };
  });
}

function explicit(tagClass: number, tag: number, inner: Codec): Codec {
  const identifier = constructed(tagClass, tag);
  return {
    write(value, writer, path) {
      const mark = writer.mark;
      inner.write(value, writer, path);
      writer.tag(identifier, mark);
    },
    read: (node, path) => inner.read(onlyChild(node, tagClass, tag, path), path),
  };
}

function onlyChild(node: TlvNode, tagClass: number, tag: number, path: string): TlvNode {
  const [child, ...more] = childrenOf(node, tagClass, tag, path);
  if (child === undefined || more.length > 0) {
    throw malformed(path, `${tagName(tagClass, tag)} must hold exactly one value`);
  }
  return child;
}

function childrenOf(node: TlvNode, tagClass: number, tag: number, path: string): readonly TlvNode[] {
  if (node.tagClass !== tagClass || node.tagNumber !== tag || node.children === undefined) {
    const found = tagName(node.tagClass, node.tagNumber);
    throw malformed(path, `expected ${tagName(tagClass, tag)}, found ${found}`);
  }
  return node.children;
}

const SEQUENCE_IDENTIFIER = constructed(UNIVERSAL, TAGS.SEQUENCE);

function sequence(fields: readonly CompiledField[]): Codec {
  return {
    write(value, writer, path) {
      if (typeof value !== 'object' || value === null) throw new TypeError(`${path} must be an object`);
      const mark = writer.mark;
      for (let i = fields.length - 1; i >= 0; i--) writeField(fields[i]!, value, writer, path);
      writer.tag(SEQUENCE_IDENTIFIER, mark);
    },
    read: (node, path) => readFields(fields, childrenOf(node, UNIVERSAL, TAGS.SEQUENCE, path), path),
  };
}

function writeField(field: CompiledField, value: object, writer: DerWriter, path: string): void {
  const part = (value as Readonly<Record<string, unknown>>)[field.key];
  if (part !== undefined) field.codec.write(part, writer, `${path}.${field.key}`);
  else if (!field.optional) throw new TypeError(`${path}.${field.key} is missing`);
}

/** Fields in their order; unknown fields after the last known one are skipped (RFC 4120 section 5.1). */
function readFields(fields: readonly CompiledField[], nodes: readonly TlvNode[], path: string): unknown {
  const value: Record<string, unknown> = {};
  let next = 0;
  for (const field of fields) {
    const node = nodes[next];
    if (node?.tagClass === CONTEXT && node.tagNumber === field.tag) {
      value[field.key] = field.codec.read(node, `${path}.${field.key}`);
      next++;
    } else if (!field.optional) {
      const found = node === undefined ? 'the end' : tagName(node.tagClass, node.tagNumber);
      throw malformed(`${path}.${field.key}`, `missing: expected [${field.tag}], found ${found}`);
    }
  }
  refuseKnown(fields, nodes.slice(next), path);
  return value;
}

/** What follows must be extensions: neither fields that belong earlier nor anything without a tag. */
function refuseKnown(fields: readonly Field[], rest: readonly TlvNode[], path: string): void {
  const last = fields[fields.length - 1]?.tag ?? -1;
  for (const node of rest) {
    if (node.tagClass !== CONTEXT || node.tagNumber <= last) {
      throw malformed(path, `${tagName(node.tagClass, node.tagNumber)} repeated, out of order or unknown`);
    }
  }
}

/** An INTEGER that has one of the values listed. */
function oneOf(allowed: readonly number[]): Codec {
  const list = allowed.join(' or ');
  return {
    write(value, writer, path) {
      if (!allowed.includes(value as number)) throw new RangeError(`${path} must be ${list}`);
      SIMPLE_CODECS.Int32.write(value, writer, path);
    },
    read(node, path) {
      const value = SIMPLE_CODECS.Int32.read(node, path) as number;
      if (!allowed.includes(value)) throw malformed(path, `expected ${list}, found ${value}`);
      return value;
    },
  };
}

function sequenceOf(element: Codec): Codec {
  return {
    write(value, writer, path) {
      if (!Array.isArray(value)) throw new TypeError(`${path} must be an array`);
      const mark = writer.mark;
      for (let i = value.length - 1; i >= 0; i--) element.write(value[i], writer, `${path}[${i}]`);
      writer.tag(SEQUENCE_IDENTIFIER, mark);
    },
    read: (node, path) =>
      childrenOf(node, UNIVERSAL, TAGS.SEQUENCE, path).map((child, i) =>
        element.read(child, `${path}[${i}]`),
      ),
  };
}

function choice(alternatives: readonly CompiledField[]): Codec {
  return {
    write(value, writer, path) {
      const entries = Object.entries(value ?? {}).filter(([, part]) => part !== undefined);
      const [key, part] = entries[0] ?? [];
      const alternative = alternatives.find((candidate) => candidate.key === key);
      if (entries.length !== 1 || alternative === undefined) {
        throw new TypeError(`${path} must have exactly one of ${alternatives.map((a) => a.key).join(', ')}`);
      }
      alternative.codec.write(part, writer, `${path}.${alternative.key}`);
    },
    read(node, path) {
      const alternative = alternatives.find((a) => node.tagClass === CONTEXT && node.tagNumber === a.tag);
      if (alternative === undefined) {
        throw malformed(path, `${tagName(node.tagClass, node.tagNumber)} is none of the alternatives`);
      }
      return { [alternative.key]: alternative.codec.read(node, `${path}.${alternative.key}`) };
    },
  };
}

/** The outer tag is checked, the octets stay as they are. */
function opaque(declaration: Declaration | undefined): Codec {
  if (declaration === undefined || !('application' in declaration)) {
    throw new RangeError('OPAQUE needs a type with an application tag');
  }
  const { tag, application } = declaration;
  return {
    write: SIMPLE_CODECS.ANY.write,
    read(node, path) {
      if (node.tagClass !== APPLICATION || node.tagNumber !== tag) {
        throw malformed(path, `expected ${application}, found ${tagName(node.tagClass, node.tagNumber)}`);
      }
      return node.raw;
    },
  };
}
