/**
 * A credential: a ticket with what its holder knows of it (the fields that RFC 4120 section 3.1.5 tells a client to
 * keep, in the shape in which credential caches store them).
 */
import type { Key } from '../crypto/key.js';
import type { Principal } from './principal.js';

/** Address as in HostAddress (RFC 4120 section 5.2.5). */
export interface CredentialAddress {
  readonly addrType: number;
  readonly address: Uint8Array;
}

/** Element of AuthorizationData (RFC 4120 section 5.2.6). */
export interface CredentialAuthData {
  readonly adType: number;
  readonly adData: Uint8Array;
}

/** A ticket and its session key. Times are seconds since 1970; 0 stands for absent. */
export interface Credential {
  readonly client: Principal;
  readonly server: Principal;
  readonly sessionKey: Key;
  readonly authTime: number;
  /** 0 when the ticket is valid from `authTime`. */
  readonly startTime: number;
  readonly endTime: number;
  /** 0 unless the ticket is renewable. */
  readonly renewTill: number;
  /** Whether the ticket is encrypted in the session key of another ticket (user-to-user). */
  readonly isSkey: boolean;
  /** TicketFlags as an unsigned 32-bit number, flag 0 in the top bit (messages/flags.ts names them). */
  readonly flags: number;
  readonly addresses: readonly CredentialAddress[];
  readonly authData: readonly CredentialAuthData[];
  /** DER of the Ticket, forwarded as it came. */
  readonly ticket: Uint8Array;
  /** DER of the second ticket of user-to-user, otherwise empty. */
  readonly secondTicket: Uint8Array;
}

/** Addresses as they came in a message, which may be overwritten. */
export function copyOfAddresses(addresses: readonly CredentialAddress[] = []): CredentialAddress[] {
  return addresses.map(({ addrType, address }) => ({ addrType, address: new Uint8Array(address) }));
}
