/**
 * The keytab file format (MIT krb5, "Keytab file format"): octets <-> entries. Versions 0x0501 and 0x0502 are read,
 * 0x0502 is written. An unused stretch ("hole", negative length) may hold anything and is skipped. Adding to and
 * removing from the octets of a file, which leaves all other entries as they are, is in keytabEdit.ts.
 */
import { utf8, utf8Text } from '../bytes.js';
import { Key } from '../crypto/key.js';
import { FormatError } from '../errors.js';
import { NAME_TYPES } from '../iana/nameTypes.js';
import { type ByteOrder, MAX_ENTRIES, OctetReader } from './octetReader.js';
import { OctetWriter } from './octetWriter.js';
import { type Principal, samePrincipal } from './principal.js';

/** A long-term key of a principal. */
export interface KeytabEntry {
  readonly principal: Principal;
  /** When the entry was written, seconds since 1970. */
  readonly timestamp: number;
  /** Key version number. */
  readonly kvno: number;
  readonly key: Key;
}

/** How to read a keytab. */
export interface DecodeKeytabOptions {
  /** File name for error messages. */
  readonly file?: string | undefined;
  /** Octet order of version 0x0501, which is in that of the writing machine; default little. */
  readonly byteOrder?: ByteOrder | undefined;
}

/**
 * The entries of a keytab in file order.
 * @throws FormatError ERR_KEYTAB_FORMAT with the offset
 */
export function decodeKeytab(octets: Uint8Array, options: DecodeKeytabOptions = {}): KeytabEntry[] {
  return readKeytabRecords(octets, options).records.flatMap(({ entry }) =>
    entry === undefined ? [] : [entry],
  );
}

/** A stretch of a keytab file. */
export interface KeytabRecord {
  /** Undefined for a hole. */
  readonly entry: KeytabEntry | undefined;
  /** Where it stands without the length before it, octets from the start of the file. */
  readonly offset: number;
  readonly length: number;
}

/** Version and stretches of a keytab file in their order; what stands behind the end mark is no part of it. */
export interface KeytabRecords {
  /** 1 or 2. */
  readonly version: number;
  readonly records: readonly KeytabRecord[];
}

/** The stretches of a keytab file. @throws FormatError ERR_KEYTAB_FORMAT with the offset */
export function readKeytabRecords(octets: Uint8Array, options: DecodeKeytabOptions = {}): KeytabRecords {
  const reader = new OctetReader('keytab', octets, options.file);
  const first = reader.uint8();
  const version = reader.uint8();
  if (first !== 5 || version < 1 || version > 2) {
    throw reader.error('the first octets are not 05 01 or 05 02; this is no keytab file', 0);
  }
  if (version === 1) reader.byteOrder = options.byteOrder ?? 'little';
  const records: KeytabRecord[] = [];
  // MIT krb5 takes fewer octets than a length for the end of the file.
  while (reader.remaining >= 4) {
    const announced = reader.int32();
    if (announced === 0) break;
    if (records.length === 2 * MAX_ENTRIES) throw reader.error(`there are more than ${MAX_ENTRIES} keys`);
    const length = announced < 0 ? Math.min(-announced, reader.remaining) : announced;
    const { offset } = reader;
    const record = reader.part(length);
    records.push({ entry: announced < 0 ? undefined : readEntry(record, version), offset, length });
  }
  if (records.filter(({ entry }) => entry !== undefined).length > MAX_ENTRIES) {
    throw reader.error(`there are more than ${MAX_ENTRIES} keys`);
  }
  return { version, records };
}

function readEntry(record: OctetReader, version: number): KeytabEntry {
  const at = record.offset;
  const count = record.int16() - (version === 1 ? 1 : 0);
  if (count < 1) throw record.error('an entry has a principal without components', at);
  const realm = utf8Text(readCounted(record));
  const components = record.list(count, 2, () => utf8Text(readCounted(record)));
  const nameType = version === 1 ? NAME_TYPES['NT-PRINCIPAL'] : record.int32();
  const timestamp = record.uint32();
  const shortKvno = record.uint8();
  const key = new Key(record.int16(), readCounted(record));
  return { principal: { nameType, components, realm }, timestamp, kvno: longKvno(record) || shortKvno, key };
}

/** The key version in 32 bits, which later versions put after the entry; 0 when absent. It outranks the 8-bit one. */
function longKvno(record: OctetReader): number {
  return record.remaining >= 4 ? record.uint32() : 0;
}

function readCounted(reader: OctetReader): Uint8Array {
  return reader.take(reader.uint16());
}

/**
 * `entries` as a keytab of version 0x0502.
 * @throws FormatError ERR_KEYTAB_FORMAT when a name, key or type does not fit into the format's 16 bits
 */
export function encodeKeytab(entries: readonly KeytabEntry[]): Uint8Array {
  const writer = new OctetWriter();
  writer.uint16(0x0502);
  for (const entry of entries) {
    const record = encodeKeytabEntry(entry);
    writer.uint32(record.length);
    writer.octets(record);
    record.fill(0);
  }
  return writer.finish();
}

/** One entry without the length before it; throws as encodeKeytab does. */
export function encodeKeytabEntry({ principal, timestamp, kvno, key }: KeytabEntry): Uint8Array {
  const record = new OctetWriter();
  record.uint16(fitting(principal.components.length, 1, 0x7fff, 'number of components'));
  writeCounted(record, utf8(principal.realm), 'realm');
  for (const component of principal.components) writeCounted(record, utf8(component), 'component');
  record.uint32(principal.nameType);
  record.uint32(timestamp);
  record.uint8(kvno);
  record.uint16(fitting(key.etype, -0x8000, 0x7fff, 'encryption type'));
  writeCounted(record, key.value, 'key');
  record.uint32(kvno);
  return record.finish();
}

function writeCounted(writer: OctetWriter, octets: Uint8Array, what: string): void {
  writer.uint16(fitting(octets.length, 0, 0xffff, `length of a ${what}`));
  writer.octets(octets);
}

function fitting(number: number, least: number, most: number, what: string): number {
  if (number < least || number > most) {
    throw new FormatError('keytab', `${what} is ${number}; the format allows ${least} to ${most}`);
  }
  return number;
}

/** What key to look for. */
export interface KeytabQuery {
  readonly principal: Principal;
  /** Encryption type; any when undefined. */
  readonly etype?: number | undefined;
  /** Key version; the highest when undefined. */
  readonly kvno?: number | undefined;
}

/**
 * The entry that `query` asks for, the first of equals. An entry without the 32-bit key version also answers to a
 * version that ends in the same 8 bits.
 */
export function findKeytabEntry(
  entries: readonly KeytabEntry[],
  { principal, etype, kvno }: KeytabQuery,
): KeytabEntry | undefined {
  const candidates = entries.filter(
    (entry) =>
      samePrincipal(entry.principal, principal) && (etype === undefined || entry.key.etype === etype),
  );
  if (kvno !== undefined) {
    return (
      candidates.find((entry) => entry.kvno === kvno) ??
      candidates.find((entry) => entry.kvno < 256 && entry.kvno === (kvno & 255))
    );
  }
  return candidates.reduce<KeytabEntry | undefined>(
    (best, entry) => (best === undefined || entry.kvno > best.kvno ? entry : best),
    undefined,
  );
}
