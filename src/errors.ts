/**
 * The errors that users of the library meet, split by whose fault they are. `code` is stable and the only thing that
 * a program should test; docs/errors.md explains each. No error carries a key, a password or plaintext.
 */
import { printable } from './bytes.js';
import { ERROR_CODES, type KdcErrorSymbol } from './iana/errorCodes.js';

/** Codes of everything that is not a KRB-ERROR. docs/errors.md has a row for each. */
export type ClientErrorCode =
  // ProtocolError: octets or a reply of a peer break a rule
  | 'ERR_ASN1'
  | 'ERR_REPLY_MSG_TYPE'
  | 'ERR_REPLY_NONCE'
  | 'ERR_REPLY_CNAME'
  | 'ERR_REPLY_CREALM'
  | 'ERR_REPLY_SNAME'
  | 'ERR_REPLY_SREALM'
  | 'ERR_REPLY_TICKET_NAME'
  | 'ERR_REPLY_ETYPE'
  | 'ERR_REPLY_TIMES'
  | 'ERR_REPLY_FLAGS'
  | 'ERR_REPLY_ADDRESSES'
  | 'ERR_REPLY_ENC_PA_REP'
  | 'ERR_CLOCK_SKEW'
  | 'ERR_PREAUTH_UNSUPPORTED'
  | 'ERR_PREAUTH_LOOP'
  | 'ERR_S2K_PARAMS'
  | 'ERR_REFERRAL'
  | 'ERR_AP_REP'
  | 'ERR_GSS_TOKEN'
  | 'ERR_GSS_STATE'
  | 'ERR_GSS_SEQUENCE'
  | 'ERR_SPNEGO_TOKEN'
  | 'ERR_SPNEGO_MECHANISM'
  | 'ERR_SPNEGO_REJECTED'
  | 'ERR_SPNEGO_MIC'
  | 'ERR_HTTP_CHALLENGE'
  | 'ERR_HTTP_MUTUAL_AUTH'
  | 'ERR_HTTP_AUTH_LOOP'
  | 'ERR_SASL_TOKEN'
  | 'ERR_SASL_LAYER'
  | 'ERR_SASL_BUFFER'
  // CryptoError
  | 'ERR_INTEGRITY'
  | 'ERR_ETYPE_UNSUPPORTED'
  | 'ERR_KEY_LENGTH'
  | 'ERR_PASSWORD_ENCODING'
  | 'ERR_CRYPTO_REFUSED'
  // TransportError
  | 'ERR_KDC_UNREACHABLE'
  | 'ERR_KDC_UNKNOWN'
  | 'ERR_REPLY_TOO_LARGE'
  | 'ERR_TIMEOUT'
  | 'ERR_ABORTED'
  | 'ERR_HTTP_BODY_REPLAY'
  | 'ERR_HTTP_CHANNEL_BINDING'
  | 'ERR_HTTP_PROXY'
  // FormatError: a file or a text does not follow its format
  | 'ERR_CCACHE_FORMAT'
  | 'ERR_KEYTAB_FORMAT'
  | 'ERR_KRB5_CONF'
  | 'ERR_PRINCIPAL_NAME'
  // CredentialError: nothing to authenticate with
  | 'ERR_CCACHE_MISSING'
  | 'ERR_CCACHE_IO'
  | 'ERR_CCACHE_TYPE'
  | 'ERR_KEYTAB_MISSING'
  | 'ERR_KEYTAB_IO'
  | 'ERR_KEYTAB_NO_KEY'
  | 'ERR_NO_TICKET'
  | 'ERR_TICKET_EXPIRED'
  | 'ERR_NO_KEY'
  | 'ERR_NO_REALM'
  | 'ERR_ETYPE_POLICY'
  | 'ERR_DELEGATION'
  | 'ERR_NOT_ANONYMOUS'
  | 'ERR_HTTP_DELEGATION'
  | 'ERR_DISPOSED';

/** Every `code` that an error of this library can have. */
export type ErrorCode = ClientErrorCode | KdcErrorSymbol | 'KRB_ERR_UNREGISTERED';

/** Base of all errors of the library. */
export class KerberosError extends Error {
  /** Stable; see docs/errors.md. */
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** What a KRB-ERROR said; everything in it is unauthenticated. */
export interface KdcErrorDetails {
  /** error-code of the KRB-ERROR. */
  readonly number: number;
  readonly symbol: KdcErrorSymbol | undefined;
  /** Realm whose KDC answered. */
  readonly realm: string;
  /** Principal the request was about: the client of an AS-REQ, the service of a TGS-REQ. */
  readonly principal: string;
  /** The KDC's clock, milliseconds since 1970. */
  readonly serverTimeMs: number;
  /** The KDC's clock minus ours when the error arrived, seconds. */
  readonly skewSeconds: number;
  /** e-text: what the KDC wrote, control characters removed; never trust it. */
  readonly eText: string | undefined;
  /** e-data as received. */
  readonly eData: Uint8Array | undefined;
  /** `service` when it came in place of an AP-REP, from whoever answers for the service; the clock is its then. */
  readonly sender?: 'service' | undefined;
}

/** The KDC (or the service) answered with a KRB-ERROR (RFC 4120 section 5.9.1). */
export class KdcError extends KerberosError {
  readonly details: KdcErrorDetails;

  constructor(details: KdcErrorDetails) {
    super(details.symbol ?? 'KRB_ERR_UNREGISTERED', kdcErrorMessage(details));
    this.details = details;
  }
}

function kdcErrorMessage(details: KdcErrorDetails): string {
  const sender = details.sender === undefined ? 'the KDC' : 'the service';
  const meaning =
    details.symbol === undefined
      ? 'an error number that no RFC registers'
      : ERROR_CODES[details.symbol].text.replace(/^the KDC\b/, sender);
  const said = details.eText ? ` (it said "${details.eText}")` : '';
  const skew =
    details.symbol === 'KRB_AP_ERR_SKEW'
      ? `; our clock differs by ${Math.abs(Math.round(details.skewSeconds))} s from that of ${sender}`
      : '';
  const from = `${details.symbol ?? 'error'} ${details.number} from ${sender} of ${printable(details.realm)}`;
  return `${printable(details.principal)}: ${meaning}${skew} [${from}]${said}`;
}

/** A peer's octets or reply break a rule of the protocol. */
export class ProtocolError extends KerberosError {
  /** Where: a field path such as `KDC-REP.encPart.etype`, or the name of the check that failed. */
  readonly place: string;
  /** The rule's source, such as `RFC 4120 section 3.1.5`. */
  readonly rule: string | undefined;

  constructor(
    code: ClientErrorCode,
    place: string,
    problem: string,
    rule?: string,
    options?: { cause?: unknown },
  ) {
    super(code, `${place}: ${problem}${rule === undefined ? '' : ` (${rule})`}`, options);
    this.place = place;
    this.rule = rule;
  }
}

/** Encryption, decryption or a key failed. One message for all integrity failures, so nothing can be learnt from it. */
export class CryptoError extends KerberosError {}

/** One try to reach one server. */
export interface Attempt {
  /** `host:port`, an IPv6 address in brackets. */
  readonly server: string;
  readonly protocol: 'udp' | 'tcp';
  /** What came of it, in words. */
  readonly outcome: string;
}

/** No usable answer came over the network. */
export class TransportError extends KerberosError {
  readonly attempts: readonly Attempt[];

  constructor(
    code: ClientErrorCode,
    message: string,
    attempts: readonly Attempt[] = [],
    options?: { cause?: unknown },
  ) {
    const list = attempts.map((a) => `\n  ${a.protocol} ${a.server}: ${a.outcome}`).join('');
    super(code, message + list, options);
    this.attempts = attempts;
  }
}

/** Kinds of input that have a format of their own. */
export type FormatKind = 'credential cache' | 'keytab' | 'krb5.conf' | 'principal name';

/** A file or text does not follow its format. */
export class FormatError extends KerberosError {
  readonly kind: FormatKind;
  /** File name where known. */
  readonly file: string | undefined;
  /** Octet offset (binary files) where known. */
  readonly offset: number | undefined;
  /** Line, from 1 (text files) where known. */
  readonly line: number | undefined;

  constructor(
    kind: FormatKind,
    problem: string,
    place: { file?: string | undefined; offset?: number | undefined; line?: number | undefined } = {},
  ) {
    const at = [
      place.file,
      place.line === undefined ? undefined : `line ${place.line}`,
      place.offset === undefined ? undefined : `offset ${place.offset}`,
    ].filter((part) => part !== undefined);
    super(FORMAT_CODES[kind], `${kind}${at.length === 0 ? '' : ` ${at.join(', ')}`}: ${problem}`);
    this.kind = kind;
    this.file = place.file;
    this.offset = place.offset;
    this.line = place.line;
  }
}

const FORMAT_CODES = {
  'credential cache': 'ERR_CCACHE_FORMAT',
  keytab: 'ERR_KEYTAB_FORMAT',
  'krb5.conf': 'ERR_KRB5_CONF',
  'principal name': 'ERR_PRINCIPAL_NAME',
} as const satisfies Record<FormatKind, ClientErrorCode>;

/** There is nothing to authenticate with, or it may not be used; the message says what was looked for and where. */
export class CredentialError extends KerberosError {}
