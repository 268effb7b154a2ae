/** What a KDC verifies in a TGS-REQ (RFC 4120 section 3.3.3), over the octets that came in. */
import { parseTlv } from '../../src/asn1/tlv.js';
import { Key } from '../../src/crypto/key.js';
import { KEY_USAGES } from '../../src/iana/keyUsages.js';
import { PA_DATA_TYPES } from '../../src/iana/paDataTypes.js';
import { decode } from '../../src/messages/module.js';
import { unseal } from '../../src/messages/sealed.js';
import type { Ticket } from '../../src/messages/ticket.js';
import { type EncTicketPart, Refusal } from './kdcHooks.js';

/** Difference of clocks that the KDC accepts. */
export const SKEW_SECONDS = 300;

/** The ticket inside, the key that sealed the authenticator, and the subkey. Throws a Refusal. */
export function verifyTgsReq(
  message: Uint8Array,
  now: number,
  ticketKeyOf: (ticket: Ticket) => Key | undefined,
): {
  ticket: EncTicketPart;
  sessionKey: Key;
  subkey: Key | undefined;
} {
  const { padata = [] } = decode('TgsReq', message);
  const pa = padata.find(({ padataType }) => padataType === PA_DATA_TYPES['PA-TGS-REQ']);
  if (pa === undefined) throw new Refusal('KDC_ERR_PADATA_TYPE_NOSUPP');
  const apReq = decode('ApReq', pa.padataValue);
  const outer = decode('Ticket', apReq.ticket);
  const ticketKey = ticketKeyOf(outer);
  if (ticketKey === undefined) throw new Refusal('KRB_AP_ERR_NOT_US');
  const plain = orUndefined(() => unseal(outer.encPart, ticketKey, KEY_USAGES.TICKET));
  if (plain === undefined) throw new Refusal('KRB_AP_ERR_BAD_INTEGRITY');
  const ticket = decode('EncTicketPart', plain);
  const sessionKey = new Key(ticket.key.keytype, ticket.key.keyvalue);
  const sealed = orUndefined(() => unseal(apReq.authenticator, sessionKey, KEY_USAGES.TGS_REQ_AUTHENTICATOR));
  if (sealed === undefined) throw new Refusal('KRB_AP_ERR_BAD_INTEGRITY');
  const { cksum, ctime, subkey, crealm, cname } = decode('Authenticator', sealed);
  if (crealm !== ticket.crealm || cname.nameString.join('/') !== ticket.cname.nameString.join('/')) {
    throw new Refusal('KRB_AP_ERR_BADMATCH');
  }
  if (Math.abs(ctime - now) > SKEW_SECONDS) throw new Refusal('KRB_AP_ERR_SKEW');
  if (ticket.endtime <= now - SKEW_SECONDS) throw new Refusal('KRB_AP_ERR_TKT_EXPIRED');
  if (cksum?.cksumtype !== sessionKey.checksumType) throw new Refusal('KRB_AP_ERR_INAPP_CKSUM');
  const usage = KEY_USAGES.TGS_REQ_AUTHENTICATOR_CHECKSUM;
  if (!sessionKey.verifyChecksum(usage, bodyOctets(message), cksum.checksum)) {
    throw new Refusal('KRB_AP_ERR_MODIFIED');
  }
  return { ticket, sessionKey, subkey: subkey && new Key(subkey.keytype, subkey.keyvalue) };
}

/** The KDC-REQ-BODY of a request, octet for octet. */
function bodyOctets(message: Uint8Array): Uint8Array {
  const fields = parseTlv(message, 'KDC-REQ').children![0]!.children!;
  return fields.find(({ tagNumber }) => tagNumber === 4)!.children![0]!.raw;
}

/** What `attempt` gives, undefined when it throws. */
export function orUndefined<T>(attempt: () => T): T | undefined {
  try {
    return attempt();
  } catch {
    return undefined;
  }
}
