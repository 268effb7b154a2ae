/**
 * Names of the krb5 mechanism (RFC 2743 sections 3.2 and 4, RFC 1964 section 2.1, RFC 8062 section 6): texts and exported
 * tokens <-> principals. A principal is the mechanism's own name (MN) here.
 */
import { concat, equalBytes, requireOctets, utf8, utf8Text } from '../bytes.js';
import { FormatError } from '../errors.js';
import { formatPrincipal, type Principal, parsePrincipal, samePrincipal } from '../formats/principal.js';
import { NAME_TYPES } from '../iana/nameTypes.js';
import { badToken, KRB5_OID_OCTETS } from './token.js';

/** Object identifiers of the types of names. */
export const GSS_NAME_TYPES = {
  /** `service@host` (RFC 2743 section 4.1). */
  hostBasedService: '1.2.840.113554.1.2.1.4',
  /** `alice@EXAMPLE.TEST` with MIT krb5's escapes (RFC 1964 section 2.1.1). */
  krb5Principal: '1.2.840.113554.1.2.2.1',
  /** A user's name without realm (RFC 2743 section 4.2). */
  userName: '1.2.840.113554.1.2.1.1',
  /** Nobody (RFC 2743 section 4.5). */
  anonymous: '1.3.6.1.5.6.3',
} as const;

/** One of GSS_NAME_TYPES. */
export type GssNameType = (typeof GSS_NAME_TYPES)[keyof typeof GSS_NAME_TYPES];

/** How texts become principals. */
export interface ImportNameOptions {
  /** Realm of a user or principal whose text has none. */
  readonly defaultRealm?: string | undefined;
  /** Realm of a host; '' leaves it to the client's KDC (RFC 6806 section 8), and so does its absence. */
  readonly realmOfHost?: ((host: string) => string | undefined) | undefined;
}

/** What a name is called, and of which type that text is. */
export interface DisplayedName {
  readonly text: string;
  readonly nameType: GssNameType;
}

/** The anonymous principal of the anonymous realm (RFC 8062 section 3). */
export const ANONYMOUS: Principal = {
  nameType: NAME_TYPES['NT-WELLKNOWN'],
  components: ['WELLKNOWN', 'ANONYMOUS'],
  realm: 'WELLKNOWN:ANONYMOUS',
};

/** Whether the principal does not say who it is, be its realm known or not. */
export function isAnonymous({ components }: Principal): boolean {
  return components.length === 2 && components[0] === 'WELLKNOWN' && components[1] === 'ANONYMOUS';
}

/**
 * The principal that a text names (GSS_Import_name). The host of a host-based service is put in lower case and never
 * looked up in DNS.
 * @throws FormatError ERR_PRINCIPAL_NAME; RangeError for another type of name
 */
export function importName(text: string, nameType: GssNameType, options: ImportNameOptions = {}): Principal {
  switch (nameType) {
    case GSS_NAME_TYPES.hostBasedService:
      return hostBasedService(text, options);
    case GSS_NAME_TYPES.krb5Principal:
    case GSS_NAME_TYPES.userName:
      return parsePrincipal(text, { defaultRealm: options.defaultRealm });
    case GSS_NAME_TYPES.anonymous:
      return ANONYMOUS;
    default:
      throw new RangeError('nameType must be one of GSS_NAME_TYPES');
  }
}

function hostBasedService(text: string, { realmOfHost }: ImportNameOptions): Principal {
  const [, service, host] = /^([^/@\\]+)@([^/@\\]+)$/.exec(text) ?? [];
  const name = host?.toLowerCase().replace(/\.$/, '');
  if (service === undefined || name === undefined || name === '') {
    throw new FormatError(
      'principal name',
      `${JSON.stringify(text.slice(0, 256))} is no service; write service@host`,
    );
  }
  return {
    nameType: NAME_TYPES['NT-SRV-HST'],
    components: [service, name],
    realm: realmOfHost?.(name) ?? '',
  };
}

/** The text of a name (GSS_Display_name). */
export function displayName(name: Principal): DisplayedName {
  const nobody = isAnonymous(name) && name.realm === ANONYMOUS.realm;
  return {
    text: formatPrincipal(name),
    nameType: nobody ? GSS_NAME_TYPES.anonymous : GSS_NAME_TYPES.krb5Principal,
  };
}

/**
 * Whether both are the same (GSS_Compare_name). Nobody is the same as nobody: anonymous names are never equal
 * (RFC 2743 section 2.4.3).
 */
export function sameGssName(a: Principal, b: Principal): boolean {
  return !isAnonymous(a) && !isAnonymous(b) && samePrincipal(a, b);
}

/** TOK_ID of an exported name; the length of the DER of the mechanism's identifier follows. */
const EXPORTED = Uint8Array.of(4, 1);
const MECHANISM = concat(Uint8Array.of(6, KRB5_OID_OCTETS.length), KRB5_OID_OCTETS);
const PREFIX = concat(EXPORTED, Uint8Array.of(0, MECHANISM.length), MECHANISM);

/**
 * The name as octets that can be compared one by one, for lists of access rights (GSS_Export_name, RFC 2743
 * section 3.2).
 * @throws FormatError ERR_PRINCIPAL_NAME for a name without realm
 */
export function exportName(name: Principal): Uint8Array {
  if (name.realm === '') {
    throw new FormatError(
      'principal name',
      'a name can be exported only with its realm; get a ticket for it first',
    );
  }
  const text = utf8(formatPrincipal(name));
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, text.length);
  return concat(PREFIX, length, text);
}

/**
 * The name in an exported one (GSS_Import_name of GSS_C_NT_EXPORT_NAME).
 * @throws ProtocolError ERR_GSS_TOKEN; FormatError ERR_PRINCIPAL_NAME
 */
export function importExportedName(token: Uint8Array): Principal {
  requireOctets(token, 'token');
  const rule = 'RFC 2743 section 3.2';
  if (!equalBytes(token.subarray(0, EXPORTED.length), EXPORTED))
    throw badToken('exported name', 'no exported name', rule);
  if (!equalBytes(token.subarray(0, PREFIX.length), PREFIX))
    throw badToken('exported name', 'of another mechanism than krb5', rule);
  const start = PREFIX.length + 4;
  if (token.length < start) throw badToken('exported name', 'truncated', rule);
  const length = new DataView(token.buffer, token.byteOffset).getUint32(PREFIX.length);
  if (length !== token.length - start) throw badToken('exported name', 'its length is wrong', rule);
  return parsePrincipal(utf8Text(token.subarray(start)));
}
