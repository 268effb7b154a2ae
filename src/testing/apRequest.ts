/**
 * What the receiver of an AP-REQ checks, be it an application server or the ticket-granting service
 * (RFC 4120 sections 3.2.3 and 3.3.2). Not here: addresses in tickets.
 */
import { Key } from '../crypto/key.js';
import { CryptoError } from '../errors.js';
import { nameText, sameName } from '../exchange/principalName.js';
import { KEY_USAGES } from '../iana/keyUsages.js';
import type { ApReq, Authenticator } from '../messages/ap.js';
import type { EncryptedData } from '../messages/basic.js';
import { AP_OPTIONS, hasFlag, TICKET_FLAGS } from '../messages/flags.js';
import { decode } from '../messages/module.js';
import { unseal } from '../messages/sealed.js';
import type { EncTicketPart, Ticket } from '../messages/ticket.js';
import { Refusal } from './refusal.js';

/** How to check. */
export interface ApRequestCheck {
  /** The key of a ticket. @throws Refusal */
  keyOf(ticket: Ticket): Key;
  readonly nowMs: number;
  readonly skewSeconds: number;
  /** Key usage of the authenticator: 11, or 7 inside a TGS-REQ. */
  readonly authenticatorUsage: number;
  /** Whether a ticket may be invalid or expired: for validation. */
  readonly allowInvalid?: boolean;
}

/** An AP-REQ that is in order. */
export interface VerifiedApReq {
  readonly apReq: ApReq;
  /** The ticket's outside. */
  readonly ticket: Ticket;
  readonly ticketPart: EncTicketPart;
  readonly sessionKey: Key;
  readonly authenticator: Authenticator;
  readonly subkey: Key | undefined;
}

/** The opened AP-REQ. @throws Refusal; ProtocolError ERR_ASN1 */
export function verifyApReq(octets: Uint8Array, check: ApRequestCheck): VerifiedApReq {
  const apReq = decode('ApReq', octets);
  const ticket = decode('Ticket', apReq.ticket);
  if (hasFlag(apReq.apOptions, AP_OPTIONS.useSessionKey)) {
    throw new Refusal('KRB_AP_ERR_NOKEY', 'user-to-user is not offered');
  }
  const plain = open(ticket.encPart, check.keyOf(ticket), KEY_USAGES.TICKET);
  const ticketPart = decode('EncTicketPart', plain, { trailing: true });
  const sessionKey = new Key(ticketPart.key.keytype, ticketPart.key.keyvalue);
  const sealed = open(apReq.authenticator, sessionKey, check.authenticatorUsage);
  const authenticator = decode('Authenticator', sealed, { trailing: true });
  checkMatch(ticketPart, authenticator);
  checkTimes(ticketPart, authenticator, check);
  const { subkey } = authenticator;
  return {
    apReq,
    ticket,
    ticketPart,
    sessionKey,
    authenticator,
    subkey: subkey && new Key(subkey.keytype, subkey.keyvalue),
  };
}

/** The plaintext. @throws Refusal KRB_AP_ERR_BAD_INTEGRITY; CryptoError when the key cannot be used */
export function open(data: EncryptedData, key: Key, usage: number): Uint8Array {
  try {
    return unseal(data, key, usage);
  } catch (error) {
    if (!(error instanceof CryptoError && error.code === 'ERR_INTEGRITY')) throw error;
    throw new Refusal('KRB_AP_ERR_BAD_INTEGRITY', 'Decrypt integrity check failed');
  }
}

function checkMatch(ticket: EncTicketPart, { crealm, cname }: Authenticator): void {
  if (ticket.crealm === crealm && sameName(ticket.cname, cname)) return;
  const problem = `the ticket is of ${nameText(ticket.cname, ticket.crealm)}, not of ${nameText(cname, crealm)}`;
  throw new Refusal('KRB_AP_ERR_BADMATCH', problem);
}

function checkTimes(ticket: EncTicketPart, { ctime, cusec }: Authenticator, check: ApRequestCheck): void {
  const { nowMs, skewSeconds } = check;
  const now = nowMs / 1000;
  if (Math.abs(ctime + cusec / 1e6 - now) > skewSeconds) {
    throw new Refusal('KRB_AP_ERR_SKEW', 'Clock skew too great');
  }
  const invalid = hasFlag(ticket.flags, TICKET_FLAGS.invalid) && check.allowInvalid !== true;
  if (invalid || (ticket.starttime ?? ticket.authtime) > now + skewSeconds) {
    throw new Refusal('KRB_AP_ERR_TKT_NYV', 'Ticket not yet valid');
  }
  if (ticket.endtime < now - skewSeconds) throw new Refusal('KRB_AP_ERR_TKT_EXPIRED', 'Ticket expired');
}
