/** KRB-ERROR, RFC 4120 section 5.9.1. */
import type { Message } from './module.js';

/** Section 5.9.1, inside its application tag. */
export const KrbErrorBody = {
  sequence: 'KRB-ERROR',
  fields: {
    pvno: '[0] INTEGER (5)',
    msgType: '[1] INTEGER (30)',
    ctime: '[2] KerberosTime OPTIONAL',
    cusec: '[3] Microseconds OPTIONAL',
    stime: '[4] KerberosTime',
    susec: '[5] Microseconds',
    errorCode: '[6] Int32',
    crealm: '[7] Realm OPTIONAL',
    cname: '[8] PrincipalName OPTIONAL',
    realm: '[9] Realm',
    sname: '[10] PrincipalName',
    eText: '[11] KerberosString OPTIONAL',
    eData: '[12] OCTET STRING OPTIONAL',
  },
} as const;

/** Section 5.9.1. */
export const KrbError = { application: 'KRB-ERROR', tag: 30, of: 'KrbErrorBody' } as const;
export type KrbError = Message<'KrbError'>;
