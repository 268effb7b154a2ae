/** Pre-authentication data, RFC 4120 section 5.2.7. */
import type { Message } from './module.js';

/** Section 5.2.7. The first tag is [1]. */
export const PaData = {
  sequence: 'PA-DATA',
  fields: { padataType: '[1] Int32', padataValue: '[2] OCTET STRING' },
} as const;
export type PaData = Message<'PaData'>;

/** Section 5.2.7.2. */
export const PaEncTimestamp = { alias: 'PA-ENC-TIMESTAMP', of: 'EncryptedData' } as const;

/** Section 5.2.7.2. */
export const PaEncTsEnc = {
  sequence: 'PA-ENC-TS-ENC',
  fields: { patimestamp: '[0] KerberosTime', pausec: '[1] Microseconds OPTIONAL' },
} as const;

/** Section 5.2.7.4. */
export const EtypeInfoEntry = {
  sequence: 'ETYPE-INFO-ENTRY',
  fields: { etype: '[0] Int32', salt: '[1] OCTET STRING OPTIONAL' },
} as const;

/** Section 5.2.7.4. */
export const EtypeInfo = { alias: 'ETYPE-INFO', of: 'SEQUENCE OF EtypeInfoEntry' } as const;

/** Section 5.2.7.5. */
export const EtypeInfo2Entry = {
  sequence: 'ETYPE-INFO2-ENTRY',
  fields: {
    etype: '[0] Int32',
    salt: '[1] KerberosString OPTIONAL',
    s2kparams: '[2] OCTET STRING OPTIONAL',
  },
} as const;
export type EtypeInfo2Entry = Message<'EtypeInfo2Entry'>;

/** Section 5.2.7.5. */
export const EtypeInfo2 = { alias: 'ETYPE-INFO2', of: 'SEQUENCE OF EtypeInfo2Entry' } as const;

/** e-data of KDC_ERR_PREAUTH_REQUIRED, section 5.9.1. */
export const MethodData = { alias: 'METHOD-DATA', of: 'SEQUENCE OF PaData' } as const;

/** [MS-KILE] section 2.2.3: whether the ticket shall have a PAC. */
export const KerbPaPacRequest = {
  sequence: 'KERB-PA-PAC-REQUEST',
  fields: { includePac: '[0] BOOLEAN' },
} as const;

/** Element of TYPED-DATA; the RFC gives it no name. */
export const TypedDataEntry = {
  sequence: 'TYPED-DATA-entry',
  fields: { dataType: '[0] Int32', dataValue: '[1] OCTET STRING OPTIONAL' },
} as const;

/** Section 5.9.1. */
export const TypedData = { alias: 'TYPED-DATA', of: 'SEQUENCE OF TypedDataEntry' } as const;
