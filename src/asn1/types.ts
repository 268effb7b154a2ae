/**
 * The simple types of RFC 4120 section 5.2 as codecs: JavaScript value <-> universal ASN.1 type.
 *
 * Reading is tolerant only where deployed peers force it (unsigned numbers that come as negative, flags shorter or longer
 * than 32 bits); writing follows the RFC to the letter.
 */
import { utf8, utf8Text } from '../bytes.js';
import type { DerWriter } from './derWriter.js';
import { malformed, TAGS, type TlvNode, tagName, UNIVERSAL } from './tlv.js';

/** How a type is written and read. `path` names the field in errors. */
export interface Codec {
  write(value: unknown, writer: DerWriter, path: string): void;
  read(node: TlvNode, path: string): unknown;
}

/** JavaScript types of the simple ASN.1 types. */
export interface SimpleTypes {
  BOOLEAN: boolean;
  /** -2^31 .. 2^31-1. */
  Int32: number;
  /** 0 .. 2^32-1. */
  UInt32: number;
  /** 0 .. 999999. */
  Microseconds: number;
  ENUMERATED: number;
  'OCTET STRING': Uint8Array;
  /** UTF-8 octets as text, without loss (bytes.ts). */
  KerberosString: string;
  /** Seconds since 1970. */
  KerberosTime: number;
  /** The first 32 flags as an unsigned number, flag 0 in the top bit. */
  KerberosFlags: number;
  /** Dotted numbers. */
  'OBJECT IDENTIFIER': string;
  /** The DER of a value of any type, untouched. */
  ANY: Uint8Array;
}

/** Contents of a primitive universal node, or the error that says what came instead. */
function contents(node: TlvNode, tag: number, path: string): Uint8Array {
  if (node.tagClass !== UNIVERSAL || node.tagNumber !== tag || node.children !== undefined) {
    const found = tagName(node.tagClass, node.tagNumber);
    throw malformed(path, `expected ${tagName(UNIVERSAL, tag)}, found ${found}`);
  }
  return node.content;
}

function readInteger(node: TlvNode, tag: number, path: string): number {
  const octets = contents(node, tag, path);
  if (octets.length === 0) throw malformed(path, 'an INTEGER without octets');
  const first = octets[0]!;
  if (octets.length > 1 && (first === 0 || first === 0xff) && first >>> 7 === octets[1]! >>> 7) {
    throw malformed(path, 'an INTEGER that is not minimal');
  }
  if (octets.length > 5) throw malformed(path, 'an INTEGER of more than 5 octets');
  let value = first >= 0x80 ? first - 0x100 : first;
  for (let i = 1; i < octets.length; i++) value = value * 256 + octets[i]!;
  return value;
}

function writeInteger(value: number, tag: number, writer: DerWriter): void {
  const mark = writer.mark;
  let rest = value;
  let octet: number;
  do {
    octet = ((rest % 256) + 256) % 256;
    writer.prependOctet(octet);
    rest = (rest - octet) / 256;
  } while (!((rest === 0 && octet < 0x80) || (rest === -1 && octet >= 0x80)));
  writer.tag(tag, mark);
}

function integerCodec(min: number, max: number, tag: number, negative: 'as it is' | 'modulo 2^32'): Codec {
  return {
    write(value, writer, path) {
      if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
        throw new RangeError(`${path} must be an integer from ${min} to ${max}`);
      }
      writeInteger(value, tag, writer);
    },
    read(node, path) {
      const number = readInteger(node, tag, path);
      const value =
        negative === 'modulo 2^32' && number < 0 && number >= -(2 ** 31) ? number + 2 ** 32 : number;
      if (value < min || value > max) throw malformed(path, `${value} is not from ${min} to ${max}`);
      return value;
    },
  };
}

/** Writes what `octetsOf` makes of the value, with `tag`. */
function octetsCodec<T>(
  tag: number,
  octetsOf: (value: T, path: string) => Uint8Array,
  valueFrom: (content: Uint8Array, path: string) => T,
): Codec {
  return {
    write(value, writer, path) {
      const mark = writer.mark;
      writer.prepend(octetsOf(value as T, path));
      writer.tag(tag, mark);
    },
    read: (node, path) => valueFrom(contents(node, tag, path), path),
  };
}

function timeText(seconds: number, path: string): Uint8Array {
  if (!Number.isInteger(seconds) || seconds < 0 || seconds > 253402300799) {
    throw new RangeError(`${path} must be whole seconds since 1970 before the year 10000`);
  }
  const iso = new Date(seconds * 1000).toISOString();
  return utf8(`${iso.slice(0, 19).replace(/[-T:]/g, '')}Z`);
}

/** KerberosTime: 15 octets, Zulu, no fraction (RFC 4120 section 5.2.3). */
function timeSeconds(content: Uint8Array, path: string): number {
  const text = utf8Text(content);
  const match = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  if (match === null) throw malformed(path, 'not a KerberosTime (YYYYMMDDHHMMSSZ)');
  const [year, month, day, hour, minute, second] = match.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const ms = Date.UTC(year, month - 1, day, hour, minute, second);
  const date = new Date(ms);
  if (date.getUTCFullYear() !== year || date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) {
    throw malformed(path, 'not a date');
  }
  if (hour > 23 || minute > 59 || second > 59) throw malformed(path, 'not a time of day');
  if (ms < 0) throw malformed(path, 'a time before 1970');
  return ms / 1000;
}

/** 32 flags, flag 0 first (RFC 4120 section 5.2.8). */
function flagsOctets(flags: number, path: string): Uint8Array {
  if (!Number.isInteger(flags) || flags < 0 || flags > 0xffffffff) {
    throw new RangeError(`${path} must be flags as an unsigned 32-bit number`);
  }
  return Uint8Array.of(0, flags >>> 24, (flags >>> 16) & 0xff, (flags >>> 8) & 0xff, flags & 0xff);
}

function flagsNumber(content: Uint8Array, path: string): number {
  const unused = content[0];
  if (unused === undefined || unused > 7 || (content.length === 1 && unused > 0)) {
    throw malformed(path, 'a BIT STRING without a valid count of unused bits');
  }
  const octet = (i: number): number => content[i] ?? 0;
  const flags = ((octet(1) << 24) | (octet(2) << 16) | (octet(3) << 8) | octet(4)) >>> 0;
  const bits = 8 * (content.length - 1) - unused;
  return bits >= 32 ? flags : bits <= 0 ? 0 : (flags & (0xffffffff << (32 - bits))) >>> 0;
}

/** X.660: the first arc is 0, 1 or 2; below 0 and 1 the second is at most 39. */
const OID = /^([01]\.[1-3]?\d|2\.(0|[1-9]\d*))(\.(0|[1-9]\d*))*$/;

function oidOctets(oid: string, path: string): Uint8Array {
  const arcs = OID.test(oid) ? oid.split('.').map(Number) : [];
  const numbers = [arcs[0]! * 40 + arcs[1]!, ...arcs.slice(2)];
  if (!numbers.every(Number.isSafeInteger)) {
    throw new RangeError(`${path} must be an object identifier in dotted form`);
  }
  return Uint8Array.from(numbers.flatMap(base128));
}

function base128(value: number): number[] {
  const octets = [value % 128];
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128))
    octets.unshift(0x80 | (rest % 128));
  return octets;
}

function oidText(content: Uint8Array, path: string): string {
  const numbers: number[] = [];
  let value = 0;
  for (const [i, octet] of content.entries()) {
    if (value === 0 && octet === 0x80) throw malformed(path, 'an OBJECT IDENTIFIER that is not minimal');
    value = value * 128 + (octet & 0x7f);
    if (!Number.isSafeInteger(value)) throw malformed(path, 'an OBJECT IDENTIFIER with a huge arc');
    if (octet < 0x80) {
      numbers.push(value);
      value = 0;
    } else if (i === content.length - 1) throw malformed(path, 'a truncated OBJECT IDENTIFIER');
  }
  const [first, ...rest] = numbers;
  if (first === undefined) throw malformed(path, 'an empty OBJECT IDENTIFIER');
  const root = Math.min(Math.floor(first / 40), 2);
  return [root, first - 40 * root, ...rest].join('.');
}

function booleanOctets(value: boolean, path: string): Uint8Array {
  if (typeof value !== 'boolean') throw new TypeError(`${path} must be a boolean`);
  return Uint8Array.of(value ? 0xff : 0);
}

function booleanOf(content: Uint8Array, path: string): boolean {
  if (content.length !== 1 || (content[0] !== 0 && content[0] !== 0xff))
    throw malformed(path, 'not a DER BOOLEAN');
  return content[0] === 0xff;
}

function textOctets(text: string, path: string): Uint8Array {
  if (typeof text !== 'string') throw new TypeError(`${path} must be a string`);
  return utf8(text);
}

function bytesOf(value: Uint8Array, path: string): Uint8Array {
  if (!(value instanceof Uint8Array)) throw new TypeError(`${path} must be a Uint8Array`);
  return value;
}

/** Codec of each simple type, by the name that declarations use. */
export const SIMPLE_CODECS: Readonly<Record<keyof SimpleTypes, Codec>> = {
  BOOLEAN: octetsCodec<boolean>(TAGS.BOOLEAN, booleanOctets, booleanOf),
  Int32: integerCodec(-(2 ** 31), 2 ** 31 - 1, TAGS.INTEGER, 'as it is'),
  UInt32: integerCodec(0, 2 ** 32 - 1, TAGS.INTEGER, 'modulo 2^32'),
  Microseconds: integerCodec(0, 999_999, TAGS.INTEGER, 'as it is'),
  ENUMERATED: integerCodec(0, 2 ** 31 - 1, TAGS.ENUMERATED, 'as it is'),
  'OCTET STRING': octetsCodec<Uint8Array>(TAGS['OCTET STRING'], bytesOf, (content) => content),
  KerberosString: octetsCodec<string>(TAGS.GeneralString, textOctets, utf8Text),
  KerberosTime: octetsCodec<number>(TAGS.GeneralizedTime, timeText, timeSeconds),
  KerberosFlags: octetsCodec<number>(TAGS['BIT STRING'], flagsOctets, flagsNumber),
  'OBJECT IDENTIFIER': octetsCodec<string>(TAGS['OBJECT IDENTIFIER'], oidOctets, oidText),
  ANY: {
    write: (value, writer, path) => writer.prepend(bytesOf(value as Uint8Array, path)),
    read: (node) => node.raw,
  },
};
