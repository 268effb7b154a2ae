/**
 * One entry of a FILE credential cache (MIT krb5, "Credential cache file format"): octets <-> credential. Version 4 of
 * it is also what a KCM daemon is sent. The file around the entries is in ccache.ts.
 */
import { utf8, utf8Text } from '../bytes.js';
import { Key } from '../crypto/key.js';
import { FormatError } from '../errors.js';
import { NAME_TYPES } from '../iana/nameTypes.js';
import type { Credential, CredentialAddress, CredentialAuthData } from './credential.js';
import type { OctetReader } from './octetReader.js';
import { OctetWriter } from './octetWriter.js';
import type { Principal } from './principal.js';

/** A note that a program keeps in a cache, such as `fast_avail` or `pa_type`; not a ticket. */
export interface ConfigEntry {
  readonly key: string;
  /** The principal in text form that the note is about; undefined when it is about the whole cache. */
  readonly principal: string | undefined;
  readonly value: Uint8Array;
  /** How many tickets stand before it in the file. */
  readonly position: number;
}

/** An entry and where it stands, octets from the start of the file. */
export interface LocatedCredential {
  readonly credential: Credential;
  readonly offset: number;
  /** Where the next entry starts. */
  readonly end: number;
  /** The server principal. */
  readonly serverAt: number;
  /** The four times, beginning with authTime. */
  readonly timesAt: number;
}

/** Realm of the server name of configuration entries, of removed ones, and the first component of both. */
const CONFIG_REALM = 'X-CACHECONF:';
const REMOVED_CONFIG_REALM = 'X-RMED-CONF:';
const CONFIG_NAME = 'krb5_ccache_conf_data';
const MAX_TIME = 0xffffffff;
/** The most that a realm or component may have, octets; the format itself sets no limit. */
const MAX_NAME_OCTETS = 0xffff;

/** The next entry. @throws FormatError ERR_CCACHE_FORMAT, of the class TruncatedError when the octets end in it */
export function readLocated(reader: OctetReader, version: number): LocatedCredential {
  const offset = reader.offset;
  const client = readPrincipal(reader, version);
  const serverAt = reader.offset;
  const server = readPrincipal(reader, version);
  const sessionKey = readKey(reader, version);
  const timesAt = reader.offset;
  const credential: Credential = {
    client,
    server,
    sessionKey,
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
  return { credential, offset, end: reader.offset, serverAt, timesAt };
}

/** The next principal; version 1 has no name type and counts the realm among the components. */
export function readPrincipal(reader: OctetReader, version: number): Principal {
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

/**
 * Whether the entry was removed in place, since a file cannot lose its middle: MIT krb5 sets authTime to the highest
 * value and endTime to 0, Heimdal endTime only. (Entries of gssproxy have both times 0 and count.)
 */
export function isRemoved({ server, authTime, endTime }: Credential): boolean {
  return server.realm === REMOVED_CONFIG_REALM || (endTime === 0 && authTime !== 0);
}

/** Whether the entry is a note and not a ticket. */
export function isConfig(credential: Credential): boolean {
  return credential.server.realm === CONFIG_REALM;
}

/** The note that `credential` stands for. */
export function configEntry(credential: Credential, position: number): ConfigEntry {
  const [, key = '', principal] = credential.server.components;
  return { key, principal, value: credential.ticket, position };
}

/** The credential in whose shape the format stores a note. */
export function configCredential(client: Principal, entry: Omit<ConfigEntry, 'position'>): Credential {
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

/** A change of octets in place. */
export interface Patch {
  readonly offset: number;
  readonly octets: Uint8Array;
}

/**
 * What marks an entry of a file of version 3 or 4 as removed, for both MIT krb5 and Heimdal: authTime and endTime, and
 * for a note the realm, whose marked form has the same length.
 */
export function removalPatches({ credential, serverAt, timesAt }: LocatedCredential): Patch[] {
  const times = new OctetWriter();
  times.uint32(MAX_TIME);
  times.uint32(storedTime(credential.startTime));
  times.uint32(0);
  const patches = [{ offset: timesAt, octets: times.finish() }];
  if (!isConfig(credential)) return patches;
  // Before the realm stand name type, number of components and the realm's length, 4 octets each.
  return [{ offset: serverAt + 12, octets: utf8(REMOVED_CONFIG_REALM) }, ...patches];
}

/**
 * An entry in version 4.
 * @throws FormatError ERR_CCACHE_FORMAT when an encryption, address or authorization data type needs more than 16 bits
 */
export function writeCredential(writer: OctetWriter, credential: Credential): void {
  writePrincipal(writer, credential.client);
  writePrincipal(writer, credential.server);
  writeKey(writer, credential.sessionKey);
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

/** The octets of one entry in version 4; throws as writeCredential does. */
export function encodeEntry(credential: Credential): Uint8Array {
  const writer = new OctetWriter();
  writeCredential(writer, credential);
  return writer.finish();
}

export function writePrincipal(writer: OctetWriter, principal: Principal): void {
  writer.uint32(principal.nameType);
  writer.uint32(principal.components.length);
  writeData(writer, utf8(principal.realm));
  for (const component of principal.components) writeData(writer, utf8(component));
}

export function writeKey(writer: OctetWriter, key: Key): void {
  writer.uint16(fitting(key.etype, -0x8000, 'encryption type'));
  writeData(writer, key.value);
}

function writeData(writer: OctetWriter, octets: Uint8Array): void {
  writer.uint32(octets.length);
  writer.octets(octets);
}

/** Times outside 0 to 2^32-1 are brought into that range, the most that the format can hold. */
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
