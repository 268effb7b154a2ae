/** Basic types of RFC 4120 sections 5.2 to 5.2.9. Declarations only; asn1/schema.ts explains their form. */
import type { Message } from './module.js';

/** Section 5.2.2. */
export const Realm = { alias: 'Realm', of: 'KerberosString' } as const;

/** Section 5.2.2. */
export const PrincipalName = {
  sequence: 'PrincipalName',
  fields: { nameType: '[0] Int32', nameString: '[1] SEQUENCE OF KerberosString' },
} as const;
export type PrincipalName = Message<'PrincipalName'>;

/** Section 5.2.5. */
export const HostAddress = {
  sequence: 'HostAddress',
  fields: { addrType: '[0] Int32', address: '[1] OCTET STRING' },
} as const;
export type HostAddress = Message<'HostAddress'>;

/** Section 5.2.5. */
export const HostAddresses = { alias: 'HostAddresses', of: 'SEQUENCE OF HostAddress' } as const;

/** Element of AuthorizationData; the RFC gives it no name. */
export const AuthorizationDataEntry = {
  sequence: 'AuthorizationData-entry',
  fields: { adType: '[0] Int32', adData: '[1] OCTET STRING' },
} as const;

/** Section 5.2.6. */
export const AuthorizationData = {
  alias: 'AuthorizationData',
  of: 'SEQUENCE OF AuthorizationDataEntry',
} as const;
export type AuthorizationData = Message<'AuthorizationData'>;

/** Section 5.2.6.1. */
export const AdIfRelevant = { alias: 'AD-IF-RELEVANT', of: 'AuthorizationData' } as const;

/** Section 5.2.6.2. */
export const AdKdcIssued = {
  sequence: 'AD-KDCIssued',
  fields: {
    adChecksum: '[0] Checksum',
    iRealm: '[1] Realm OPTIONAL',
    iSname: '[2] PrincipalName OPTIONAL',
    elements: '[3] AuthorizationData',
  },
} as const;

/** Section 5.2.6.3. */
export const AdAndOr = {
  sequence: 'AD-AND-OR',
  fields: { conditionCount: '[0] Int32', elements: '[1] AuthorizationData' },
} as const;

/** Section 5.2.6.4. */
export const AdMandatoryForKdc = { alias: 'AD-MANDATORY-FOR-KDC', of: 'AuthorizationData' } as const;

/** Section 5.2.9. */
export const EncryptedData = {
  sequence: 'EncryptedData',
  fields: { etype: '[0] Int32', kvno: '[1] UInt32 OPTIONAL', cipher: '[2] OCTET STRING' },
} as const;
export type EncryptedData = Message<'EncryptedData'>;

/** Section 5.2.9. */
export const EncryptionKey = {
  sequence: 'EncryptionKey',
  fields: { keytype: '[0] Int32', keyvalue: '[1] OCTET STRING' },
} as const;
export type EncryptionKey = Message<'EncryptionKey'>;

/** Section 5.2.9. */
export const Checksum = {
  sequence: 'Checksum',
  fields: { cksumtype: '[0] Int32', checksum: '[1] OCTET STRING' },
} as const;
export type Checksum = Message<'Checksum'>;
