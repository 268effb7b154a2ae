/** The checksum of type 0x8003 as the acceptor reads it, with delegated credentials (RFC 4121 section 4.1.1). */
import { Key } from '../crypto/key.js';
import { principalOf } from '../exchange/principalName.js';
import type { Credential } from '../formats/credential.js';
import type { Principal } from '../formats/principal.js';
import { GSS_FLAGS } from '../gss/flags.js';
import { CHECKSUM_TYPES } from '../iana/checksumTypes.js';
import { KEY_USAGES } from '../iana/keyUsages.js';
import type { Checksum } from '../messages/basic.js';
import { decode, type Message } from '../messages/module.js';
import { open } from './apRequest.js';
import { Refusal } from './refusal.js';

/** What the checksum says. */
export interface ContextChecksum {
  readonly flags: number;
  /** MD5 of the initiator's channel bindings; zeros for none. */
  readonly bindingsHash: Uint8Array;
  /** DER of the KRB-CRED, if the initiator delegates. */
  readonly krbCred: Uint8Array | undefined;
}

/** lgth, bnd and flags; then dlgOpt and dlgth. */
const PLAIN_OCTETS = 24;
const DELEGATION_OCTETS = 4;

/** @throws Refusal KRB_AP_ERR_INAPP_CKSUM */
export function readContextChecksum(checksum: Checksum | undefined): ContextChecksum {
  const octets = checksum?.checksum ?? new Uint8Array(0);
  const view = new DataView(octets.buffer, octets.byteOffset, octets.length);
  const right = checksum?.cksumtype === CHECKSUM_TYPES.gss && octets.length >= PLAIN_OCTETS;
  if (!right || view.getUint32(0, true) !== 16) {
    throw new Refusal('KRB_AP_ERR_INAPP_CKSUM', 'the authenticator has no checksum of type 0x8003');
  }
  const flags = view.getUint32(20, true);
  const delegates = (flags & GSS_FLAGS.delegation) !== 0;
  return {
    flags,
    bindingsHash: octets.subarray(4, 20),
    krbCred: delegates ? readKrbCred(octets) : undefined,
  };
}

function readKrbCred(octets: Uint8Array): Uint8Array {
  const field = octets.subarray(PLAIN_OCTETS);
  const view = new DataView(field.buffer, field.byteOffset, field.length);
  const length = field.length < DELEGATION_OCTETS ? -1 : view.getUint16(2, true);
  if (length < 0 || view.getUint16(0, true) !== 1 || field.length < DELEGATION_OCTETS + length) {
    throw new Refusal('KRB_AP_ERR_INAPP_CKSUM', 'the delegated credential is malformed');
  }
  return field.subarray(DELEGATION_OCTETS, DELEGATION_OCTETS + length);
}

type KrbCredInfo = Message<'KrbCredInfo'>;

/**
 * The credentials in a KRB-CRED (RFC 4120 section 5.8).
 * @param keys any of which it may be sealed with
 * @param sender whose credentials they are when it does not say
 * @throws Refusal KRB_AP_ERR_BAD_INTEGRITY, KRB_AP_ERR_BADMATCH; ProtocolError ERR_ASN1
 */
export function credentialsOf(octets: Uint8Array, keys: readonly Key[], sender: Principal): Credential[] {
  const { tickets, encPart } = decode('KrbCred', octets);
  const key = keys.find((candidate) => candidate.etype === encPart.etype && opens(encPart, candidate));
  const plain = key === undefined ? withoutKey(encPart) : open(encPart, key, KEY_USAGES.KRB_CRED);
  const { ticketInfo } = decode('EncKrbCredPart', plain, { trailing: true });
  if (ticketInfo.length !== tickets.length) {
    throw new Refusal('KRB_AP_ERR_BADMATCH', 'tickets and their keys do not match');
  }
  return tickets.map((ticket, index) => credential(ticket, ticketInfo[index]!, sender));
}

function opens(encPart: Message<'EncryptedData'>, key: Key): boolean {
  try {
    open(encPart, key, KEY_USAGES.KRB_CRED);
    return true;
  } catch (error) {
    if (error instanceof Refusal) return false;
    throw error;
  }
}

/** Inside a sealed authenticator the KRB-CRED may be in clear (etype 0), as MIT krb5 accepts it. */
function withoutKey({ etype, cipher }: Message<'EncryptedData'>): Uint8Array {
  if (etype === 0) return cipher;
  throw new Refusal('KRB_AP_ERR_BAD_INTEGRITY', 'the delegated credential is sealed with another key');
}

function credential(ticket: Uint8Array, info: KrbCredInfo, sender: Principal): Credential {
  const { sname } = info.sname === undefined ? decode('Ticket', ticket) : { sname: info.sname };
  return {
    client: info.pname === undefined ? sender : principalOf(info.pname, info.prealm ?? sender.realm),
    server: principalOf(sname, info.srealm ?? decode('Ticket', ticket).realm),
    sessionKey: new Key(info.key.keytype, info.key.keyvalue),
    authTime: info.authtime ?? 0,
    startTime: info.starttime ?? 0,
    endTime: info.endtime ?? 0,
    renewTill: info.renewTill ?? 0,
    isSkey: false,
    flags: info.flags ?? 0,
    addresses: info.caddr ?? [],
    authData: [],
    ticket: ticket.slice(),
    secondTicket: new Uint8Array(0),
  };
}
