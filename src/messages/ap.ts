/** Messages between client and application server, RFC 4120 section 5.5; RFC 4537. */
import type { Message } from './module.js';

/** Section 5.5.1, inside its application tag. */
export const ApReqBody = {
  sequence: 'AP-REQ',
  fields: {
    pvno: '[0] INTEGER (5)',
    msgType: '[1] INTEGER (14)',
    apOptions: '[2] ApOptions',
    ticket: '[3] OPAQUE Ticket',
    authenticator: '[4] EncryptedData',
  },
} as const;

/** Section 5.5.1. */
export const ApReq = { application: 'AP-REQ', tag: 14, of: 'ApReqBody' } as const;
export type ApReq = Message<'ApReq'>;

/** Section 5.5.1; the options' names are in flags.ts. */
export const ApOptions = { alias: 'APOptions', of: 'KerberosFlags' } as const;

/** Section 5.5.1, inside its application tag. */
export const AuthenticatorBody = {
  sequence: 'Authenticator',
  fields: {
    authenticatorVno: '[0] INTEGER (5)',
    crealm: '[1] Realm',
    cname: '[2] PrincipalName',
    cksum: '[3] Checksum OPTIONAL',
    cusec: '[4] Microseconds',
    ctime: '[5] KerberosTime',
    subkey: '[6] EncryptionKey OPTIONAL',
    seqNumber: '[7] UInt32 OPTIONAL',
    authorizationData: '[8] AuthorizationData OPTIONAL',
  },
} as const;

/** Section 5.5.1. */
export const Authenticator = { application: 'Authenticator', tag: 2, of: 'AuthenticatorBody' } as const;
export type Authenticator = Message<'Authenticator'>;

/** Section 5.5.2, inside its application tag. */
export const ApRepBody = {
  sequence: 'AP-REP',
  fields: { pvno: '[0] INTEGER (5)', msgType: '[1] INTEGER (15)', encPart: '[2] EncryptedData' },
} as const;

/** Section 5.5.2. */
export const ApRep = { application: 'AP-REP', tag: 15, of: 'ApRepBody' } as const;
export type ApRep = Message<'ApRep'>;

/** Section 5.5.2, inside its application tag. */
export const EncApRepPartBody = {
  sequence: 'EncAPRepPart',
  fields: {
    ctime: '[0] KerberosTime',
    cusec: '[1] Microseconds',
    subkey: '[2] EncryptionKey OPTIONAL',
    seqNumber: '[3] UInt32 OPTIONAL',
  },
} as const;

/** Section 5.5.2. */
export const EncApRepPart = { application: 'EncAPRepPart', tag: 27, of: 'EncApRepPartBody' } as const;
export type EncApRepPart = Message<'EncApRepPart'>;

/** Contents of AD-ETYPE-NEGOTIATION, RFC 4537 section 3. */
export const EtypeList = { alias: 'EtypeList', of: 'SEQUENCE OF Int32' } as const;
