/**
 * Messages of the KCM protocol, version 2.0, which sssd-kcm and Heimdal's kcm speak with MIT krb5 (its include/kcm.h):
 * requests -> octets, octets -> replies. Principals and credentials are in version 4 of the FILE format. The octets
 * travel over a UNIX socket with a length in front; that is the matter of stores/kcmConnection.ts.
 */
import { concat, uint32be, utf8, utf8Text } from '../bytes.js';
import { encodeEntry, readLocated, readPrincipal, writeKey, writePrincipal } from './ccacheEntry.js';
import type { Credential } from './credential.js';
import type { OctetReader } from './octetReader.js';
import { OctetWriter } from './octetWriter.js';
import type { Principal } from './principal.js';

/** Operations. From GET_CRED_LIST on they are MIT krb5's additions, which Heimdal's daemon does not know. */
export const KCM_OPERATIONS = {
  GEN_NEW: 3,
  INITIALIZE: 4,
  DESTROY: 5,
  STORE: 6,
  RETRIEVE: 7,
  GET_PRINCIPAL: 8,
  GET_CRED_UUID_LIST: 9,
  GET_CRED_BY_UUID: 10,
  REMOVE_CRED: 11,
  GET_CACHE_UUID_LIST: 18,
  GET_CACHE_BY_UUID: 19,
  GET_DEFAULT_CACHE: 20,
  SET_DEFAULT_CACHE: 21,
  GET_KDC_OFFSET: 22,
  SET_KDC_OFFSET: 23,
  GET_CRED_LIST: 13001,
  REPLACE: 13002,
} as const;

export type KcmOperation = keyof typeof KCM_OPERATIONS;

/** Reply codes (error table krb5 of MIT krb5) that mean something to a client. */
export const KCM_CODES = {
  NOTFOUND: -1765328243,
  END: -1765328242,
  IO: -1765328191,
  NOFILE: -1765328189,
  INTERNAL: -1765328188,
  NOSUPP: -1765328137,
} as const;

/**
 * Whether `code` may say that the daemon does not know the operation: Heimdal's says INTERNAL, sssd-kcm NOSUPP or IO.
 */
export function isUnsupported(code: number): boolean {
  return code === KCM_CODES.INTERNAL || code === KCM_CODES.IO || code === KCM_CODES.NOSUPP;
}

/** Whether `code` says that there is no such cache, ticket or further element. */
export function isAbsent(code: number): boolean {
  return code === KCM_CODES.NOTFOUND || code === KCM_CODES.END || code === KCM_CODES.NOFILE;
}

/** Flags of a request that looks for a ticket, with Heimdal's values. */
const KCM_MATCH = { cached: 0x1, times: 0x2000000, isSkey: 0x400000, etype: 0x40000000 } as const;

const UUID_OCTETS = 16;

/** A request: protocol version, operation and parameters. */
export function encodeKcmRequest(operation: KcmOperation, ...parameters: readonly Uint8Array[]): Uint8Array {
  const opcode = KCM_OPERATIONS[operation];
  return concat(Uint8Array.of(2, 0, opcode >>> 8, opcode & 255), ...parameters);
}

/** A cache name as a parameter. @throws RangeError when it has a NUL, which ends it */
export function kcmName(name: string): Uint8Array {
  if (name.includes('\0')) throw new RangeError('name must have no NUL character');
  return concat(utf8(name), Uint8Array.of(0));
}

/** A principal as a parameter. */
export function kcmPrincipal(principal: Principal): Uint8Array {
  const writer = new OctetWriter();
  writePrincipal(writer, principal);
  return writer.finish();
}

/** Credentials as the parameters of REPLACE: their number, then each with its length. */
export function kcmCredentials(credentials: readonly Credential[]): Uint8Array {
  const entries = credentials.map(encodeEntry);
  return concat(uint32be(credentials.length), ...entries.flatMap((entry) => [uint32be(entry.length), entry]));
}

/** What a ticket that is looked for must have. */
export interface KcmPattern {
  readonly client?: Principal | undefined;
  readonly server: Principal;
  readonly isSkey: boolean;
  /** It must last at least until then, seconds since 1970. */
  readonly endTime?: number | undefined;
  readonly etype?: Credential['sessionKey'] | undefined;
}

const PATTERN_CLIENT = 1;
const PATTERN_SERVER = 2;
const PATTERN_KEY = 4;

/** Flags and a pattern as the parameters of RETRIEVE and REMOVE_CRED. */
export function kcmPattern({ client, server, isSkey, endTime, etype }: KcmPattern): Uint8Array {
  const writer = new OctetWriter();
  const times = endTime === undefined ? 0 : KCM_MATCH.times;
  const key = etype === undefined ? 0 : KCM_MATCH.etype;
  writer.uint32(KCM_MATCH.cached | KCM_MATCH.isSkey | times | key);
  writer.uint32(PATTERN_SERVER | (client === undefined ? 0 : PATTERN_CLIENT) | (key === 0 ? 0 : PATTERN_KEY));
  if (client !== undefined) writePrincipal(writer, client);
  writePrincipal(writer, server);
  if (etype !== undefined) writeKey(writer, etype);
  for (const time of [0, 0, endTime ?? 0, 0]) writer.uint32(time);
  writer.uint8(isSkey ? 1 : 0);
  writer.uint32(0);
  return writer.finish();
}

/** The zero-terminated name in a reply. @throws FormatError ERR_CCACHE_FORMAT */
export function readKcmName(reply: OctetReader): string {
  const octets: number[] = [];
  for (let octet = reply.uint8(); octet !== 0; octet = reply.uint8()) octets.push(octet);
  return utf8Text(Uint8Array.from(octets));
}

/** The identifiers in a reply, 16 octets each. @throws FormatError ERR_CCACHE_FORMAT */
export function readKcmUuids(reply: OctetReader): Uint8Array[] {
  if (reply.remaining % UUID_OCTETS !== 0)
    throw reply.error('a list of UUIDs is not a multiple of 16 octets');
  return reply.list(reply.remaining / UUID_OCTETS, UUID_OCTETS, (reader) => reader.take(UUID_OCTETS));
}

/** The principal that is all of a reply; undefined for an empty one. @throws FormatError ERR_CCACHE_FORMAT */
export function readKcmPrincipal(reply: OctetReader): Principal | undefined {
  return reply.remaining === 0 ? undefined : readPrincipal(reply, 4);
}

/** The credential that is all of a reply. @throws FormatError ERR_CCACHE_FORMAT */
export function readKcmCredential(reply: OctetReader): Credential {
  return readLocated(reply, 4).credential;
}

/** The credentials of a reply to GET_CRED_LIST. @throws FormatError ERR_CCACHE_FORMAT */
export function readKcmCredentials(reply: OctetReader): Credential[] {
  return reply.list(reply.uint32(), 4, (reader) => readKcmCredential(reader.part(reader.uint32())));
}
