/**
 * The FILE credential cache format (MIT krb5, "Credential cache file format"): octets <-> value. Versions 1 to 4 are
 * read, version 4 is written. Permissions, locking and atomic replacement are in stores/fileCcache.ts.
 */
import { utf8, utf8Text } from '../bytes.js';
import { Key } from '../crypto/key.js';
import { FormatError } from '../errors.js';
import { NAME_TYPES } from '../iana/nameTypes.js';
import type { Credential, CredentialAddress, CredentialAuthData } from './credential.js';
import { type ByteOrder, MAX_ENTRIES, OctetReader, TruncatedError } from './octetReader.js';
import { OctetWriter } from './octetWriter.js';
import type { Principal } from './principal.js';

/** The KDC's clock minus ours, as kinit measured it. */
export interface KdcTimeOffset {
  readonly seconds: number;
  /** Microseconds on top of `seconds`. */
  readonly microseconds: number;
}

/** A note that a program keeps in a cache, such as `fast_avail` or `pa_type`; not a ticket. */
export interface ConfigEntry {
  readonly key: string;
  /** The principal in text form that the note is about; undefined when it is about the whole cache. */
  readonly principal: string | undefined;
  readonly value: Uint8Array;
  /** How many tickets stand before it in the file. */
  readonly position: number;
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
  /** Octet order of versions 1 and 2, which are in that of the writing machine; default little. */
  readonly byteOrder?: ByteOrder | undefined;
  /**
   * Leave out an entry that the end of the file cuts off, as MIT krb5 does: another program may be appending it at this
   * moment, or was interrupted. Otherwise it is an error.
   */
  readonly ignoreTruncatedTail?: boolean | undefined;
}

/** Realm of the server name of configuration entries, of removed ones, and the first component of both. */
const CONFIG_REALM = 'X-CACHECONF:';
const REMOVED_CONFIG_REALM = 'X-RMED-CONF:';
const CONFIG_NAME = 'krb5_ccache_conf_data';
/** Header field (version 4): KDC time offset. */
const TAG_KDC_OFFSET = 1;
const MAX_TIME = 0xffffffff;
/** The most that a realm or component may have, octets; the format itself sets no limit. */
const MAX_NAME_OCTETS = 0xffff;

/**
 * The cache that `octets` hold. Removed entries are left out; header fields that nobody defined are skipped.
 * @throws FormatError ERR_CCACHE_FORMAT with the offset
 */
export function decodeCredentialCache(
  octets: Uint8Array,
  options: DecodeCcacheOptions = {},
): CredentialCache {
  const reader = new OctetReader('credential cache', octets, options.file);
  const version = readVersion(reader);
  if (version < 3) reader.byteOrder = options.byteOrder ?? 'little';
  const kdcTimeOffset = version === 4 ? readHeader(reader) : undefined;
  const defaultPrincipal = readPrincipal(reader, version);
  const credentials: Credential[] = [];
  const config: ConfigEntry[] = [];
  for (let count = 0; reader.remaining > 0; count++) {
    if (count === MAX_ENTRIES) throw reader.error(`there are more than ${MAX_ENTRIES} entries`);
    const entry = readEntry(reader, version, options.ignoreTruncatedTail === true);
    if (entry === undefined) break;
    if (isRemoved(entry)) continue;
    if (entry.server.realm === CONFIG_REALM) config.push(configEntry(entry, credentials.length));
    else credentials.push(entry);
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
function readEntry(reader: OctetReader, version: number, ignoreTruncated: boolean): Credential | undefined {
  try {
    return readCredential(reader, version);
  } catch (error) {
    if (ignoreTruncated && error instanceof TruncatedError) return undefined;
    throw error;
  }
}

function readCredential(reader: OctetReader, version: number): Credential {
  return {
    client: readPrincipal(reader, version),
    server: readPrincipal(reader, version),
    sessionKey: readKey(reader, version),
    authTime: reader.uint32(),
    startTime: reader.uint32(),
    endTime: reader.uint32(),
    renewTill: reader.uint32(),
    isSkey: reader.uint8() !== 0,
    flags: reader.uint32(),
    addresses: reader.list(reader.uint32(), 6, readAddress),
    authData: reader.list(reader.uint32(), 6, readAuthData),
    ticket: readData(reader),
    secondTicket: readData(reader),
  };
}

/** Version 1 has no name type and counts the realm among the components. */
function readPrincipal(reader: OctetReader, version: number): Principal {
  const nameType = version === 1 ? NAME_TYPES['NT-UNKNOWN'] : reader.int32();
  const at = reader.offset;
  const announced = reader.uint32() - (version === 1 ? 1 : 0);
  if (announced < 0) throw reader.error('a principal has no realm', at);
  const realm = readName(reader);
  const components = reader.list(announced, 4, readName);
  return { nameType, components, realm };
}

function readName(reader: OctetReader): string {
  const length = reader.uint32();
  const octets = reader.take(length);
  if (length > MAX_NAME_OCTETS) throw reader.error(`a name of ${length} octets`, reader.offset - length);
  return utf8Text(octets);
}

/** Version 3 writes the encryption type twice. */
function readKey(reader: OctetReader, version: number): Key {
  const etype = reader.int16();
  if (version === 3) reader.int16();
  return new Key(etype, readData(reader));
}

function readAddress(reader: OctetReader): CredentialAddress {
  return { addrType: reader.uint16(), address: readData(reader) };
}

function readAuthData(reader: OctetReader): CredentialAuthData {
  return { adType: reader.int16(), adData: readData(reader) };
}

function readData(reader: OctetReader): Uint8Array {
  return reader.take(reader.uint32());
}

/** MIT krb5 marks what it removes in place by these, since a file cannot lose its middle. */
function isRemoved(entry: Credential): boolean {
  return entry.server.realm === REMOVED_CONFIG_REALM || (entry.authTime === MAX_TIME && entry.endTime === 0);
}

function configEntry(entry: Credential, position: number): ConfigEntry {
  const [, key = '', principal] = entry.server.components;
  return { key, principal, value: entry.ticket, position };
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
  const config = cache.config.toSorted((a, b) => a.position - b.position);
  let next = 0;
  cache.credentials.forEach((credential, index) => {
    while (next < config.length && config[next]!.position <= index) {
      writeCredential(writer, configCredential(cache.defaultPrincipal, config[next++]!));
    }
    writeCredential(writer, credential);
  });
  for (const entry of config.slice(next)) {
    writeCredential(writer, configCredential(cache.defaultPrincipal, entry));
  }
  return writer.finish();
}

function writeHeader(writer: OctetWriter, offset: KdcTimeOffset | undefined): void {
  writer.uint16(offset === undefined ? 0 : 12);
  if (offset === undefined) return;
  writer.uint16(TAG_KDC_OFFSET);
  writer.uint16(8);
  writer.uint32(offset.seconds);
  writer.uint32(offset.microseconds);
}

/** The credential in whose shape the format stores a note. */
function configCredential(client: Principal, entry: ConfigEntry): Credential {
  const about = entry.principal === undefined ? [] : [entry.principal];
  return {
    client,
    server: {
      nameType: NAME_TYPES['NT-PRINCIPAL'],
      components: [CONFIG_NAME, entry.key, ...about],
      realm: CONFIG_REALM,
    },
    sessionKey: new Key(0, new Uint8Array()),
    authTime: 0,
    startTime: 0,
    endTime: 0,
    renewTill: 0,
    isSkey: false,
    flags: 0,
    addresses: [],
    authData: [],
    ticket: entry.value,
    secondTicket: new Uint8Array(),
  };
}

function writeCredential(writer: OctetWriter, credential: Credential): void {
  writePrincipal(writer, credential.client);
  writePrincipal(writer, credential.server);
  writer.uint16(fitting(credential.sessionKey.etype, -0x8000, 'encryption type'));
  writeData(writer, credential.sessionKey.value);
  writer.uint32(storedTime(credential.authTime));
  writer.uint32(storedTime(credential.startTime));
  writer.uint32(storedTime(credential.endTime));
  writer.uint32(storedTime(credential.renewTill));
  writer.uint8(credential.isSkey ? 1 : 0);
  writer.uint32(credential.flags);
  writer.uint32(credential.addresses.length);
  for (const { addrType, address } of credential.addresses) {
    writer.uint16(fitting(addrType, 0, 'address type'));
    writeData(writer, address);
  }
  writer.uint32(credential.authData.length);
  for (const { adType, adData } of credential.authData) {
    writer.uint16(fitting(adType, -0x8000, 'authorization data type'));
    writeData(writer, adData);
  }
  writeData(writer, credential.ticket);
  writeData(writer, credential.secondTicket);
}

function writePrincipal(writer: OctetWriter, principal: Principal): void {
  writer.uint32(principal.nameType);
  writer.uint32(principal.components.length);
  writeData(writer, utf8(principal.realm));
  for (const component of principal.components) writeData(writer, utf8(component));
}

function writeData(writer: OctetWriter, octets: Uint8Array): void {
  writer.uint32(octets.length);
  writer.octets(octets);
}

function storedTime(seconds: number): number {
  return Math.min(Math.max(Math.trunc(seconds), 0), MAX_TIME);
}

function fitting(number: number, least: number, what: string): number {
  if (number < least || number > least + 0xffff) {
    throw new FormatError(
      'credential cache',
      `${what} ${number} does not fit into the 16 bits of the format`,
    );
  }
  return number;
}
