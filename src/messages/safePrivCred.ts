/** KRB-SAFE, KRB-PRIV and KRB-CRED, RFC 4120 sections 5.6 to 5.8. */
import type { Message } from './module.js';

/** Section 5.6.1, inside its application tag. */
export const KrbSafeMessage = {
  sequence: 'KRB-SAFE',
  fields: {
    pvno: '[0] INTEGER (5)',
    msgType: '[1] INTEGER (20)',
    safeBody: '[2] KrbSafeBody',
    cksum: '[3] Checksum',
  },
} as const;

/** Section 5.6.1. */
export const KrbSafe = { application: 'KRB-SAFE', tag: 20, of: 'KrbSafeMessage' } as const;
export type KrbSafe = Message<'KrbSafe'>;

/** Section 5.6.1. */
export const KrbSafeBody = {
  sequence: 'KRB-SAFE-BODY',
  fields: {
    userData: '[0] OCTET STRING',
    timestamp: '[1] KerberosTime OPTIONAL',
    usec: '[2] Microseconds OPTIONAL',
    seqNumber: '[3] UInt32 OPTIONAL',
    sAddress: '[4] HostAddress',
    rAddress: '[5] HostAddress OPTIONAL',
  },
} as const;

/** Section 5.7.1, inside its application tag. There is no tag [2]. */
export const KrbPrivBody = {
  sequence: 'KRB-PRIV',
  fields: { pvno: '[0] INTEGER (5)', msgType: '[1] INTEGER (21)', encPart: '[3] EncryptedData' },
} as const;

/** Section 5.7.1. */
export const KrbPriv = { application: 'KRB-PRIV', tag: 21, of: 'KrbPrivBody' } as const;
export type KrbPriv = Message<'KrbPriv'>;

/** Section 5.7.1, inside its application tag. */
export const EncKrbPrivPartBody = {
  sequence: 'EncKrbPrivPart',
  fields: {
    userData: '[0] OCTET STRING',
    timestamp: '[1] KerberosTime OPTIONAL',
    usec: '[2] Microseconds OPTIONAL',
    seqNumber: '[3] UInt32 OPTIONAL',
    sAddress: '[4] HostAddress',
    rAddress: '[5] HostAddress OPTIONAL',
  },
} as const;

/** Section 5.7.1. */
export const EncKrbPrivPart = { application: 'EncKrbPrivPart', tag: 28, of: 'EncKrbPrivPartBody' } as const;
export type EncKrbPrivPart = Message<'EncKrbPrivPart'>;

/** Section 5.8.1, inside its application tag. */
export const KrbCredBody = {
  sequence: 'KRB-CRED',
  fields: {
    pvno: '[0] INTEGER (5)',
    msgType: '[1] INTEGER (22)',
    tickets: '[2] SEQUENCE OF OPAQUE Ticket',
    encPart: '[3] EncryptedData',
  },
} as const;

/** Section 5.8.1. */
export const KrbCred = { application: 'KRB-CRED', tag: 22, of: 'KrbCredBody' } as const;
export type KrbCred = Message<'KrbCred'>;

/** Section 5.8.1, inside its application tag. */
export const EncKrbCredPartBody = {
  sequence: 'EncKrbCredPart',
  fields: {
    ticketInfo: '[0] SEQUENCE OF KrbCredInfo',
    nonce: '[1] UInt32 OPTIONAL',
    timestamp: '[2] KerberosTime OPTIONAL',
    usec: '[3] Microseconds OPTIONAL',
    sAddress: '[4] HostAddress OPTIONAL',
    rAddress: '[5] HostAddress OPTIONAL',
  },
} as const;

/** Section 5.8.1. */
export const EncKrbCredPart = { application: 'EncKrbCredPart', tag: 29, of: 'EncKrbCredPartBody' } as const;
export type EncKrbCredPart = Message<'EncKrbCredPart'>;

/** Section 5.8.1. */
export const KrbCredInfo = {
  sequence: 'KrbCredInfo',
  fields: {
    key: '[0] EncryptionKey',
    prealm: '[1] Realm OPTIONAL',
    pname: '[2] PrincipalName OPTIONAL',
    flags: '[3] TicketFlags OPTIONAL',
    authtime: '[4] KerberosTime OPTIONAL',
    starttime: '[5] KerberosTime OPTIONAL',
    endtime: '[6] KerberosTime OPTIONAL',
    renewTill: '[7] KerberosTime OPTIONAL',
    srealm: '[8] Realm OPTIONAL',
    sname: '[9] PrincipalName OPTIONAL',
    caddr: '[10] HostAddresses OPTIONAL',
  },
} as const;
