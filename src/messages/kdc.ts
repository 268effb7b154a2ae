/** Messages between client and KDC, RFC 4120 section 5.4. */
import type { Message } from './module.js';

/** Section 5.4.1. The first tag is [1]. */
export const KdcReq = {
  sequence: 'KDC-REQ',
  fields: {
    pvno: '[1] INTEGER (5)',
    msgType: '[2] INTEGER (10 | 12)',
    padata: '[3] SEQUENCE OF PaData OPTIONAL',
    reqBody: '[4] KdcReqBody',
  },
} as const;
export type KdcReq = Message<'KdcReq'>;

/** Section 5.4.1. */
export const AsReq = { application: 'AS-REQ', tag: 10, of: 'KdcReq' } as const;
/** Section 5.4.1. */
export const TgsReq = { application: 'TGS-REQ', tag: 12, of: 'KdcReq' } as const;

/** Section 5.4.1. */
export const KdcReqBody = {
  sequence: 'KDC-REQ-BODY',
  fields: {
    kdcOptions: '[0] KdcOptions',
    cname: '[1] PrincipalName OPTIONAL',
    realm: '[2] Realm',
    sname: '[3] PrincipalName OPTIONAL',
    from: '[4] KerberosTime OPTIONAL',
    till: '[5] KerberosTime',
    rtime: '[6] KerberosTime OPTIONAL',
    nonce: '[7] UInt32',
    etype: '[8] SEQUENCE OF Int32',
    addresses: '[9] HostAddresses OPTIONAL',
    encAuthorizationData: '[10] EncryptedData OPTIONAL',
    additionalTickets: '[11] SEQUENCE OF OPAQUE Ticket OPTIONAL',
  },
} as const;
export type KdcReqBody = Message<'KdcReqBody'>;

/** Section 5.4.1; the options' names are in flags.ts. */
export const KdcOptions = { alias: 'KDCOptions', of: 'KerberosFlags' } as const;

/** Section 5.4.2. */
export const KdcRep = {
  sequence: 'KDC-REP',
  fields: {
    pvno: '[0] INTEGER (5)',
    msgType: '[1] INTEGER (11 | 13)',
    padata: '[2] SEQUENCE OF PaData OPTIONAL',
    crealm: '[3] Realm',
    cname: '[4] PrincipalName',
    ticket: '[5] OPAQUE Ticket',
    encPart: '[6] EncryptedData',
  },
} as const;
export type KdcRep = Message<'KdcRep'>;

/** Section 5.4.2. */
export const AsRep = { application: 'AS-REP', tag: 11, of: 'KdcRep' } as const;
/** Section 5.4.2. */
export const TgsRep = { application: 'TGS-REP', tag: 13, of: 'KdcRep' } as const;

/** Section 5.4.2; `encryptedPaData` is RFC 6806 section 11. */
export const EncKdcRepPart = {
  sequence: 'EncKDCRepPart',
  fields: {
    key: '[0] EncryptionKey',
    lastReq: '[1] LastReq',
    nonce: '[2] UInt32',
    keyExpiration: '[3] KerberosTime OPTIONAL',
    flags: '[4] TicketFlags',
    authtime: '[5] KerberosTime',
    starttime: '[6] KerberosTime OPTIONAL',
    endtime: '[7] KerberosTime',
    renewTill: '[8] KerberosTime OPTIONAL',
    srealm: '[9] Realm',
    sname: '[10] PrincipalName',
    caddr: '[11] HostAddresses OPTIONAL',
    encryptedPaData: '[12] SEQUENCE OF PaData OPTIONAL',
  },
} as const;
export type EncKdcRepPart = Message<'EncKdcRepPart'>;

/** Section 5.4.2. KDCs send either tag in either reply. */
export const EncAsRepPart = { application: 'EncASRepPart', tag: 25, of: 'EncKdcRepPart' } as const;
/** Section 5.4.2. */
export const EncTgsRepPart = { application: 'EncTGSRepPart', tag: 26, of: 'EncKdcRepPart' } as const;

/** Element of LastReq; the RFC gives it no name. */
export const LastReqEntry = {
  sequence: 'LastReq-entry',
  fields: { lrType: '[0] Int32', lrValue: '[1] KerberosTime' },
} as const;

/** Section 5.4.2. */
export const LastReq = { alias: 'LastReq', of: 'SEQUENCE OF LastReqEntry' } as const;
