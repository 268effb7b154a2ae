/**
 * The checksum of type 0x8003 in the authenticator of a context token: channel bindings, flags, and the KRB-CRED of a
 * delegation (RFC 4121 section 4.1.1).
 */
import { concat } from '../bytes.js';
import { defaultPrimitives } from '../crypto/defaultPrimitives.js';
import { CHECKSUM_TYPES } from '../iana/checksumTypes.js';
import type { Checksum } from '../messages/basic.js';

/** Channel bindings (RFC 2744 section 3.11). Absent members are of type 0 and empty. */
export interface ChannelBindings {
  readonly initiatorAddrType?: number;
  readonly initiatorAddress?: Uint8Array;
  readonly acceptorAddrType?: number;
  readonly acceptorAddress?: Uint8Array;
  /** Application data such as `tls-server-end-point:` and a certificate's hash (RFC 5929). */
  readonly applicationData?: Uint8Array;
}

/** DlgOpt: a KRB-CRED follows. */
const DELEGATION_OPTION = 1;

/**
 * Checksum field of the authenticator. Bindings that are absent count as 16 zeros, empty ones are hashed.
 * @param krbCred DER of the KRB-CRED with the delegated ticket, at most 65,535 octets; goes with the flag of delegation
 */
export function contextChecksum(
  flags: number,
  bindings: ChannelBindings | undefined,
  krbCred?: Uint8Array,
): Checksum {
  const hash = bindings === undefined ? new Uint8Array(16) : bindingsHash(bindings);
  const delegation =
    krbCred === undefined ? [] : [uint16le(DELEGATION_OPTION), uint16le(krbCred.length), krbCred];
  return {
    cksumtype: CHECKSUM_TYPES.gss,
    checksum: concat(uint32le(16), hash, uint32le(flags), ...delegation),
  };
}

/**
 * Refuses what is no bindings: a text would be hashed as so many zeros, and octets or an object without members as empty
 * bindings, which are the same for every channel.
 * @throws TypeError naming the member
 */
export function checkBindings(bindings: ChannelBindings): void {
  if (typeof bindings !== 'object' || bindings === null || !isBindings(bindings)) {
    throw new TypeError('channelBindings must be an object such as { applicationData: octets }');
  }
  for (const name of ['initiatorAddress', 'acceptorAddress', 'applicationData'] as const) {
    const octets: unknown = bindings[name];
    if (octets === undefined || octets instanceof Uint8Array) continue;
    throw new TypeError(`channelBindings.${name} must be a Uint8Array`);
  }
  for (const name of ['initiatorAddrType', 'acceptorAddrType'] as const) {
    const type = bindings[name] ?? 0;
    if (type !== type >>> 0) throw new TypeError(`channelBindings.${name} must be a number of 32 bits`);
  }
}

const MEMBERS: readonly string[] = [
  'initiatorAddrType',
  'initiatorAddress',
  'acceptorAddrType',
  'acceptorAddress',
  'applicationData',
];

/** Whether `value` has one of the members, or says by being `{}` that all are empty. */
function isBindings(value: object): boolean {
  if (MEMBERS.some((name) => name in value)) return true;
  return Object.getPrototypeOf(value) === Object.prototype && Object.keys(value).length === 0;
}

/**
 * MD5 of the bindings, all numbers little-endian (RFC 4121 section 4.1.1.2).
 * @throws TypeError naming what is no bindings
 */
export function bindingsHash(bindings: ChannelBindings): Uint8Array {
  checkBindings(bindings);
  const empty = new Uint8Array(0);
  const counted = (octets: Uint8Array = empty): Uint8Array => concat(uint32le(octets.length), octets);
  return defaultPrimitives().digest(
    'md5',
    uint32le(bindings.initiatorAddrType ?? 0),
    counted(bindings.initiatorAddress),
    uint32le(bindings.acceptorAddrType ?? 0),
    counted(bindings.acceptorAddress),
    counted(bindings.applicationData),
  );
}

function uint32le(value: number): Uint8Array {
  return Uint8Array.of(value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24);
}

function uint16le(value: number): Uint8Array {
  return Uint8Array.of(value & 0xff, value >>> 8);
}
