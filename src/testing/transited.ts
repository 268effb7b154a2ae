/**
 * The realms that a ticket has come through (RFC 4120 section 3.3.3.2, DOMAIN-X500-COMPRESS). Names are written in full and
 * read as written: abbreviations of realms of the same hierarchy are legal, but nothing here makes them.
 */
import { concat, utf8 } from '../bytes.js';
import type { EncTicketPart, Ticket } from '../messages/ticket.js';

const COMMA = 0x2c;

/** The field for tickets that follow from `ticket`: its issuer joins unless it is the client's own realm. */
export function transitedAfter(ticket: Ticket, part: EncTicketPart, ourRealm: string): Uint8Array {
  const { contents } = part.transited;
  if (ticket.realm === ourRealm || ticket.realm === part.crealm) return contents;
  const name = utf8(ticket.realm.replace(/[\\,]/g, '\\$&'));
  return contents.length === 0 ? name : concat(contents, Uint8Array.of(COMMA), name);
}
