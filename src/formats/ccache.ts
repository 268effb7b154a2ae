/**
 * The FILE credential cache format (MIT krb5, "Credential cache file format"): octets <-> value. Versions 1 to 4 are
 * read, version 4 is written. Single entries are in ccacheEntry.ts; permissions and concurrent programs are the matter
 * of stores/fileCcache.ts.
 */
import {
  type ConfigEntry,
  configCredential,
  configEntry,
  isConfig,
  isRemoved,
  type LocatedCredential,
  readLocated,
  readPrincipal,
  writeCredential,
  writePrincipal,
} from './ccacheEntry.js';
import type { Credential } from './credential.js';
import { type ByteOrder, MAX_ENTRIES, OctetReader, TruncatedError } from './octetReader.js';
import { OctetWriter } from './octetWriter.js';
import type { Principal } from './principal.js';

export type { ConfigEntry } from './ccacheEntry.js';

/** The KDC's clock minus ours, as kinit measured it. */
export interface KdcTimeOffset {
  readonly seconds: number;
  /** Microseconds on top of `seconds`. */
  readonly microseconds: number;
}

/** Contents of a credential cache. */
export interface CredentialCache {
  readonly version: 4;
  readonly kdcTimeOffset?: KdcTimeOffset | undefined;
  readonly defaultPrincipal: Principal;
  /** Tickets in file order. */
  readonly credentials: readonly Credential[];
  readonly config: readonly ConfigEntry[];
}

/** How to read a cache. */
export interface DecodeCcacheOptions {
  /** File name for error messages. */
  readonly file?: string | undefined;
  /**
   * Octet order of versions 1 and 2, which are in that of the writing machine. Unless given it is found out by the
   * first number of the file, which is small in the right order.
   */
  readonly byteOrder?: ByteOrder | undefined;
  /**
   * Leave out an entry that the end of the file cuts off, as MIT krb5 does: another program may be appending it at this
   * moment, or was interrupted. Otherwise it is an error.
   */
  readonly ignoreTruncatedTail?: boolean | undefined;
  /** The same file as it was read before: what has not changed is not decoded again. */
  readonly known?: CcacheSnapshot | undefined;
}

/** A cache with the places of its entries. */
export interface CcacheLayout {
  /** 1 to 4. */
  readonly version: number;
  readonly kdcTimeOffset: KdcTimeOffset | undefined;
  readonly defaultPrincipal: Principal;
  /** All whole entries in file order: tickets, notes and removed ones. */
  readonly entries: readonly LocatedCredential[];
  /** Where the last whole entry ends; less than the length of the file when its tail is cut off. */
  readonly end: number;
}

/** Octets of a file and what they hold. */
export interface CcacheSnapshot {
  readonly octets: Uint8Array;
  readonly layout: CcacheLayout;
}

/** Header field (version 4): KDC time offset. */
const TAG_KDC_OFFSET = 1;

/**
 * The cache that `octets` hold. Removed entries are left out; header fields that nobody defined are skipped.
 * @throws FormatError ERR_CCACHE_FORMAT with the offset
 */
export function decodeCredentialCache(
  octets: Uint8Array,
  options: DecodeCcacheOptions = {},
): CredentialCache {
  return cacheOf(decodeCcacheLayout(octets, options));
}

/**
 * As decodeCredentialCache, with the places of the entries.
 * @throws FormatError ERR_CCACHE_FORMAT with the offset
 */
export function decodeCcacheLayout(octets: Uint8Array, options: DecodeCcacheOptions = {}): CcacheLayout {
  const reader = new OctetReader('credential cache', octets, options.file);
  const version = readVersion(reader);
  if (version < 3) reader.byteOrder = options.byteOrder ?? likelyByteOrder(octets);
  const start = unchanged(octets, options.known) ?? readStart(reader, version);
  const entries = [...start.entries];
  let end = start.end;
  reader.offset = end;
  while (reader.remaining > 0) {
    if (entries.length === MAX_ENTRIES) throw reader.error(`there are more than ${MAX_ENTRIES} entries`);
    const entry = readEntry(reader, version, options.ignoreTruncatedTail === true);
    if (entry === undefined) break;
    entries.push(entry);
    end = entry.end;
  }
  return { ...start, entries, end };
}

/** What is known of a file that has at most grown since. */
function unchanged(octets: Uint8Array, known: CcacheSnapshot | undefined): CcacheLayout | undefined {
  if (known === undefined || octets.length < known.layout.end) return undefined;
  const { end } = known.layout;
  return sameOctets(octets.subarray(0, end), known.octets.subarray(0, end)) ? known.layout : undefined;
}

/** Stops at the first difference, unlike equalBytes: nobody measures this. */
function sameOctets(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Header and default principal. */
function readStart(reader: OctetReader, version: number): CcacheLayout {
  const kdcTimeOffset = version === 4 ? readHeader(reader) : undefined;
  const defaultPrincipal = readPrincipal(reader, version);
  return { version, kdcTimeOffset, defaultPrincipal, entries: [], end: reader.offset };
}

/** The cache with its tickets and notes apart, removed entries left out. */
export function cacheOf({ kdcTimeOffset, defaultPrincipal, entries }: CcacheLayout): CredentialCache {
  const credentials: Credential[] = [];
  const config: ConfigEntry[] = [];
  for (const { credential } of entries) {
    if (isRemoved(credential)) continue;
    if (isConfig(credential)) config.push(configEntry(credential, credentials.length));
    else credentials.push(credential);
  }
  return { version: 4, kdcTimeOffset, defaultPrincipal, credentials, config };
}

function readVersion(reader: OctetReader): number {
  const first = reader.uint8();
  const version = reader.uint8();
  if (first !== 5 || version < 1 || version > 4) {
    throw reader.error('the first octets are not 05 01 to 05 04; this is no credential cache file', 0);
  }
  return version;
}

/** The first number is a name type or a count, so of its octets the low ones are set and the high ones are not. */
function likelyByteOrder(octets: Uint8Array): ByteOrder {
  const high = (octets[2] ?? 0) | (octets[3] ?? 0);
  const low = (octets[4] ?? 0) | (octets[5] ?? 0);
  return high === 0 && low !== 0 ? 'big' : 'little';
}

function readHeader(reader: OctetReader): KdcTimeOffset | undefined {
  const header = reader.part(reader.uint16());
  let offset: KdcTimeOffset | undefined;
  while (header.remaining > 0) {
    const tag = header.uint16();
    const field = header.part(header.uint16());
    if (tag !== TAG_KDC_OFFSET) continue;
    if (field.remaining !== 8) throw field.error('the KDC time offset must have 8 octets');
    offset = { seconds: field.int32(), microseconds: field.int32() };
  }
  return offset;
}

/** One entry, or undefined when the end of the file cuts it off and that is to be ignored. */
function readEntry(
  reader: OctetReader,
  version: number,
  ignoreTruncated: boolean,
): LocatedCredential | undefined {
  try {
    return readLocated(reader, version);
  } catch (error) {
    if (ignoreTruncated && error instanceof TruncatedError) return undefined;
    throw error;
  }
}

/**
 * `cache` in version 4. What MIT krb5 wrote comes back octet for octet. Times outside 0 to 2^32-1 are brought into
 * that range, the most that the format can hold.
 * @throws FormatError ERR_CCACHE_FORMAT when an encryption, address or authorization data type needs more than 16 bits
 */
export function encodeCredentialCache(cache: CredentialCache): Uint8Array {
  const writer = new OctetWriter();
  writer.uint16(0x0504);
  writeHeader(writer, cache.kdcTimeOffset);
  writePrincipal(writer, cache.defaultPrincipal);
  for (const entry of entriesOf(cache)) writeCredential(writer, entry);
  return writer.finish();
}

/** Tickets and notes in the order in which they stand in a file, notes in the shape of credentials. */
export function entriesOf({ defaultPrincipal, credentials, config }: CredentialCache): Credential[] {
  const notes = config.toSorted((a, b) => a.position - b.position);
  const entries: Credential[] = [];
  let next = 0;
  credentials.forEach((credential, index) => {
    while (next < notes.length && notes[next]!.position <= index) {
      entries.push(configCredential(defaultPrincipal, notes[next++]!));
    }
    entries.push(credential);
  });
  const rest = notes.slice(next).map((note) => configCredential(defaultPrincipal, note));
  return [...entries, ...rest];
}

function writeHeader(writer: OctetWriter, offset: KdcTimeOffset | undefined): void {
  writer.uint16(offset === undefined ? 0 : 12);
  if (offset === undefined) return;
  writer.uint16(TAG_KDC_OFFSET);
  writer.uint16(8);
  writer.uint32(offset.seconds);
  writer.uint32(offset.microseconds);
}
