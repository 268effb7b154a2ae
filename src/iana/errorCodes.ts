/**
 * Error numbers of KRB-ERROR (RFC 4120 section 7.5.9; RFC 4556, RFC 6111, RFC 6113, RFC 6806 and RFC 3244 add to it),
 * with the sentence that a person at the keyboard can act on. The symbol is the `code` of a `KdcError`.
 */

/** One row an error number. `text` says what it means and, where known, what to do next. */
export const ERROR_CODES = {
  KDC_ERR_NONE: { number: 0, text: 'no error' },
  KDC_ERR_NAME_EXP: { number: 1, text: 'the account has expired; ask the administrator to extend it' },
  KDC_ERR_SERVICE_EXP: { number: 2, text: "the service's account has expired" },
  KDC_ERR_BAD_PVNO: { number: 3, text: 'the KDC does not speak Kerberos version 5 as we do' },
  KDC_ERR_C_OLD_MAST_KVNO: { number: 4, text: "the client's key is encrypted in an old master key" },
  KDC_ERR_S_OLD_MAST_KVNO: { number: 5, text: "the service's key is encrypted in an old master key" },
  KDC_ERR_C_PRINCIPAL_UNKNOWN: {
    number: 6,
    text: 'the client is not in the Kerberos database; check the spelling and the realm',
  },
  KDC_ERR_S_PRINCIPAL_UNKNOWN: {
    number: 7,
    text: 'the service is not in the Kerberos database; check the service name and host',
  },
  KDC_ERR_PRINCIPAL_NOT_UNIQUE: { number: 8, text: 'several entries of the Kerberos database match' },
  KDC_ERR_NULL_KEY: { number: 9, text: 'the client or the service has no key' },
  KDC_ERR_CANNOT_POSTDATE: { number: 10, text: 'the ticket is not eligible for postdating' },
  KDC_ERR_NEVER_VALID: { number: 11, text: 'the requested start time is later than the end time' },
  KDC_ERR_POLICY: { number: 12, text: "the KDC's policy refuses the request" },
  KDC_ERR_BADOPTION: { number: 13, text: 'the KDC cannot fulfil a requested option' },
  KDC_ERR_ETYPE_NOSUPP: {
    number: 14,
    text: 'the KDC shares no encryption type with the request (see permitted_enctypes and allow_rc4)',
  },
  KDC_ERR_SUMTYPE_NOSUPP: { number: 15, text: 'the KDC does not support the checksum type' },
  KDC_ERR_PADATA_TYPE_NOSUPP: { number: 16, text: 'the KDC does not support the pre-authentication type' },
  KDC_ERR_TRTYPE_NOSUPP: { number: 17, text: 'the KDC does not support the transited type' },
  KDC_ERR_CLIENT_REVOKED: {
    number: 18,
    text: 'the account is locked or disabled; ask the administrator to unlock it',
  },
  KDC_ERR_SERVICE_REVOKED: { number: 19, text: "the service's account is disabled" },
  KDC_ERR_TGT_REVOKED: { number: 20, text: 'the ticket-granting ticket has been revoked; log in again' },
  KDC_ERR_CLIENT_NOTYET: { number: 21, text: 'the account is not valid yet' },
  KDC_ERR_SERVICE_NOTYET: { number: 22, text: "the service's account is not valid yet" },
  KDC_ERR_KEY_EXPIRED: { number: 23, text: 'the password has expired; change it (kpasswd) and log in again' },
  KDC_ERR_PREAUTH_FAILED: { number: 24, text: 'pre-authentication failed: wrong password or key' },
  KDC_ERR_PREAUTH_REQUIRED: { number: 25, text: 'the KDC requires pre-authentication' },
  KDC_ERR_SERVER_NOMATCH: { number: 26, text: 'the requested server and the ticket do not match' },
  KDC_ERR_MUST_USE_USER2USER: {
    number: 27,
    text: 'the service accepts user-to-user authentication only or may not be asked for tickets',
  },
  KDC_ERR_PATH_NOT_ACCEPTED: { number: 28, text: 'the KDC does not accept the path of realms' },
  KDC_ERR_SVC_UNAVAILABLE: { number: 29, text: 'a service behind the KDC is not available; try again' },
  KRB_AP_ERR_BAD_INTEGRITY: { number: 31, text: 'integrity check failed: the keys of the two sides differ' },
  KRB_AP_ERR_TKT_EXPIRED: { number: 32, text: 'the ticket has expired; log in again' },
  KRB_AP_ERR_TKT_NYV: { number: 33, text: 'the ticket is not valid yet; check the clocks' },
  KRB_AP_ERR_REPEAT: { number: 34, text: 'the request is a replay' },
  KRB_AP_ERR_NOT_US: { number: 35, text: 'the ticket is for another service' },
  KRB_AP_ERR_BADMATCH: { number: 36, text: 'ticket and authenticator do not match' },
  KRB_AP_ERR_SKEW: { number: 37, text: 'the clocks differ too much; synchronise the clock of this machine' },
  KRB_AP_ERR_BADADDR: { number: 38, text: 'the network address is not one of the ticket' },
  KRB_AP_ERR_BADVERSION: { number: 39, text: 'protocol versions do not match' },
  KRB_AP_ERR_MSG_TYPE: { number: 40, text: 'invalid message type' },
  KRB_AP_ERR_MODIFIED: { number: 41, text: 'the message was modified, or the service holds another key' },
  KRB_AP_ERR_BADORDER: { number: 42, text: 'message out of order' },
  KRB_AP_ERR_BADKEYVER: { number: 44, text: 'the service does not have this version of its key' },
  KRB_AP_ERR_NOKEY: { number: 45, text: 'the service has no key for this ticket' },
  KRB_AP_ERR_MUT_FAIL: { number: 46, text: 'mutual authentication failed' },
  KRB_AP_ERR_BADDIRECTION: { number: 47, text: 'incorrect message direction' },
  KRB_AP_ERR_METHOD: { number: 48, text: 'another authentication method is required' },
  KRB_AP_ERR_BADSEQ: { number: 49, text: 'incorrect sequence number' },
  KRB_AP_ERR_INAPP_CKSUM: { number: 50, text: 'inappropriate type of checksum' },
  KRB_AP_PATH_NOT_ACCEPTED: { number: 51, text: 'the path of realms is not accepted' },
  KRB_ERR_RESPONSE_TOO_BIG: { number: 52, text: 'the reply is too big for UDP; TCP is needed' },
  KRB_ERR_GENERIC: { number: 60, text: 'the KDC reports a general error' },
  KRB_ERR_FIELD_TOOLONG: { number: 61, text: 'a field of the request is too long for the KDC' },
  KDC_ERR_CLIENT_NOT_TRUSTED: { number: 62, text: "the client's certificate is not trusted" },
  KDC_ERR_KDC_NOT_TRUSTED: { number: 63, text: "the KDC's certificate is not trusted" },
  KDC_ERR_INVALID_SIG: { number: 64, text: 'invalid signature' },
  KDC_ERR_DH_KEY_PARAMETERS_NOT_ACCEPTED: {
    number: 65,
    text: 'the KDC refuses the Diffie-Hellman parameters',
  },
  KDC_ERR_CERTIFICATE_MISMATCH: { number: 66, text: 'the certificate does not match the client' },
  KRB_AP_ERR_NO_TGT: { number: 67, text: 'no ticket-granting ticket was sent' },
  KDC_ERR_WRONG_REALM: { number: 68, text: 'the client belongs to another realm' },
  KRB_AP_ERR_USER_TO_USER_REQUIRED: { number: 69, text: 'the service requires user-to-user authentication' },
  KDC_ERR_CANT_VERIFY_CERTIFICATE: { number: 70, text: 'the KDC cannot verify the certificate' },
  KDC_ERR_INVALID_CERTIFICATE: { number: 71, text: 'the certificate is invalid' },
  KDC_ERR_REVOKED_CERTIFICATE: { number: 72, text: 'the certificate has been revoked' },
  KDC_ERR_REVOCATION_STATUS_UNKNOWN: { number: 73, text: 'revocation status of the certificate is unknown' },
  KDC_ERR_REVOCATION_STATUS_UNAVAILABLE: {
    number: 74,
    text: 'revocation status of the certificate is unavailable',
  },
  KDC_ERR_CLIENT_NAME_MISMATCH: { number: 75, text: 'the certificate names another client' },
  KDC_ERR_KDC_NAME_MISMATCH: { number: 76, text: 'the KDC certificate names another realm' },
  KDC_ERR_INCONSISTENT_KEY_PURPOSE: { number: 77, text: 'the certificate is not meant for this purpose' },
  KDC_ERR_DIGEST_IN_CERT_NOT_ACCEPTED: { number: 78, text: 'digest of the certificate not accepted' },
  KDC_ERR_PA_CHECKSUM_MUST_BE_INCLUDED: { number: 79, text: 'the request lacks paChecksum' },
  KDC_ERR_DIGEST_IN_SIGNED_DATA_NOT_ACCEPTED: { number: 80, text: 'digest of the signature not accepted' },
  KDC_ERR_PUBLIC_KEY_ENCRYPTION_NOT_SUPPORTED: { number: 81, text: 'public key encryption not supported' },
  KRB_AP_ERR_IAKERB_KDC_NOT_FOUND: { number: 85, text: 'the proxy could not find a KDC' },
  KRB_AP_ERR_IAKERB_KDC_NO_RESPONSE: { number: 86, text: 'the KDC did not answer the proxy' },
  KDC_ERR_PREAUTH_EXPIRED: { number: 90, text: 'the pre-authentication took too long; start again' },
  KDC_ERR_MORE_PREAUTH_DATA_REQUIRED: { number: 91, text: 'the KDC needs more pre-authentication data' },
  KDC_ERR_PREAUTH_BAD_AUTHENTICATION_SET: { number: 92, text: 'bad authentication set' },
  KDC_ERR_UNKNOWN_CRITICAL_FAST_OPTIONS: { number: 93, text: 'the KDC does not know a critical FAST option' },
  KDC_ERR_NO_ACCEPTABLE_KDF: { number: 100, text: 'no acceptable key derivation function' },
} as const;

/** Symbol of an error number as the RFCs spell it. */
export type KdcErrorSymbol = keyof typeof ERROR_CODES;

const symbolByNumber: ReadonlyMap<number, KdcErrorSymbol> = new Map(
  (Object.keys(ERROR_CODES) as KdcErrorSymbol[]).map((symbol) => [ERROR_CODES[symbol].number, symbol]),
);

/** Symbol of error `number`, or undefined for a number that no RFC above registers. */
export function errorSymbol(number: number): KdcErrorSymbol | undefined {
  return symbolByNumber.get(number);
}
