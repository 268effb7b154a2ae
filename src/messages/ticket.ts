/**
 * Tickets, RFC 4120 section 5.3. A client forwards tickets as OPAQUE octets; `Ticket` is decoded only to compare its
 * unauthenticated names with those of the encrypted part.
 */
import type { Message } from './module.js';

/** Section 5.3, inside its application tag. */
export const TicketBody = {
  sequence: 'Ticket',
  fields: {
    tktVno: '[0] INTEGER (5)',
    realm: '[1] Realm',
    sname: '[2] PrincipalName',
    encPart: '[3] EncryptedData',
  },
} as const;

/** Section 5.3. */
export const Ticket = { application: 'Ticket', tag: 1, of: 'TicketBody' } as const;
export type Ticket = Message<'Ticket'>;

/** Section 5.3, inside its application tag. */
export const EncTicketPartBody = {
  sequence: 'EncTicketPart',
  fields: {
    flags: '[0] TicketFlags',
    key: '[1] EncryptionKey',
    crealm: '[2] Realm',
    cname: '[3] PrincipalName',
    transited: '[4] TransitedEncoding',
    authtime: '[5] KerberosTime',
    starttime: '[6] KerberosTime OPTIONAL',
    endtime: '[7] KerberosTime',
    renewTill: '[8] KerberosTime OPTIONAL',
    caddr: '[9] HostAddresses OPTIONAL',
    authorizationData: '[10] AuthorizationData OPTIONAL',
  },
} as const;

/** Section 5.3. */
export const EncTicketPart = { application: 'EncTicketPart', tag: 3, of: 'EncTicketPartBody' } as const;
export type EncTicketPart = Message<'EncTicketPart'>;

/** Section 5.3. */
export const TransitedEncoding = {
  sequence: 'TransitedEncoding',
  fields: { trType: '[0] Int32', contents: '[1] OCTET STRING' },
} as const;

/** Section 5.3; the flags' names are in flags.ts. */
export const TicketFlags = { alias: 'TicketFlags', of: 'KerberosFlags' } as const;
