/** Flags of tickets as a KDC sets them (RFC 4120 sections 2.1 to 2.8). */
import { hasFlag, KDC_OPTIONS, TICKET_FLAGS } from '../messages/flags.js';
import type { EncTicketPart } from '../messages/ticket.js';
import type { PrincipalEntry } from './principalDatabase.js';
import { Refusal } from './refusal.js';

/** Options that stand at the same bit as the flag that they ask for. */
const SAME_BIT = KDC_OPTIONS.forwardable | KDC_OPTIONS.forwarded | KDC_OPTIONS.proxiable | KDC_OPTIONS.proxy;

const UNKNOWN_TO_US = KDC_OPTIONS.allowPostdate | KDC_OPTIONS.postdated;

/** Flags of an initial ticket, without `renewable`. @throws Refusal */
export function initialFlags(kdcOptions: number, client: PrincipalEntry, server: PrincipalEntry): number {
  const impossible =
    KDC_OPTIONS.forwarded |
    KDC_OPTIONS.proxy |
    KDC_OPTIONS.renew |
    KDC_OPTIONS.validate |
    KDC_OPTIONS.encTktInSkey;
  if (hasFlag(kdcOptions, impossible)) throw new Refusal('KDC_ERR_BADOPTION', 'INVALID AS OPTIONS');
  refusePostdating(kdcOptions);
  const flags = (kdcOptions & SAME_BIT) | TICKET_FLAGS.initial | serverFlags(server);
  return client.options.forwardable === false ? flags & ~TICKET_FLAGS.forwardable : flags;
}

/** Flags of a ticket that follows from the one in the TGS-REQ, without `renewable`. @throws Refusal */
export function followingFlags(kdcOptions: number, header: EncTicketPart, server: PrincipalEntry): number {
  const needs: readonly (readonly [number, number, string])[] = [
    [KDC_OPTIONS.forwarded, TICKET_FLAGS.forwardable, 'TGT NOT FORWARDABLE'],
    [KDC_OPTIONS.proxy, TICKET_FLAGS.proxiable, 'TGT NOT PROXIABLE'],
    [KDC_OPTIONS.renew, TICKET_FLAGS.renewable, 'TICKET NOT RENEWABLE'],
    [KDC_OPTIONS.validate, TICKET_FLAGS.invalid, 'VALIDATE VALID TICKET'],
  ];
  for (const [option, flag, problem] of needs) {
    if (hasFlag(kdcOptions, option) && !hasFlag(header.flags, flag)) {
      throw new Refusal('KDC_ERR_BADOPTION', problem);
    }
  }
  refusePostdating(kdcOptions);
  const kept = header.flags & (TICKET_FLAGS.preAuthent | TICKET_FLAGS.hwAuthent | TICKET_FLAGS.anonymous);
  if (hasFlag(kdcOptions, KDC_OPTIONS.renew)) return header.flags & ~TICKET_FLAGS.renewable;
  const inheritable = header.flags & (TICKET_FLAGS.forwardable | TICKET_FLAGS.proxiable);
  const asked = kdcOptions & (inheritable | KDC_OPTIONS.forwarded | KDC_OPTIONS.proxy);
  return asked | kept | (header.flags & TICKET_FLAGS.forwarded) | serverFlags(server);
}

function serverFlags(server: PrincipalEntry): number {
  return server.options.okAsDelegate === true ? TICKET_FLAGS.okAsDelegate : 0;
}

function refusePostdating(kdcOptions: number): void {
  if (hasFlag(kdcOptions, UNKNOWN_TO_US))
    throw new Refusal('KDC_ERR_CANNOT_POSTDATE', 'POSTDATE NOT ALLOWED');
}
