/**
 * Framing of GSS-API tokens: mechanism-independent framing of initial tokens (RFC 2743 section 3.1) with the krb5
 * mechanism's token identifiers (RFC 4121 section 4.1).
 */
import { readLength } from '../asn1/derLength.js';
import { constructed, DerWriter } from '../asn1/derWriter.js';
import { concat, toHex } from '../bytes.js';
import { ProtocolError } from '../errors.js';

/** 1.2.840.113554.1.2.2 as contents octets of an OBJECT IDENTIFIER. */
export const KRB5_OID_OCTETS: Uint8Array = Uint8Array.of(
  0x2a,
  0x86,
  0x48,
  0x86,
  0xf7,
  0x12,
  0x01,
  0x02,
  0x02,
);
/** The krb5 mechanism (RFC 4121 section 1). */
export const KRB5_OID = '1.2.840.113554.1.2.2';
/** The same mechanism with a bit lost, as Windows 2000 spells it; equal in negotiation (MS-SPNG section 1.9). */
export const MS_KRB5_OID = '1.2.840.48018.1.2.2';

/** Token identifiers (RFC 4121 section 4.1). */
export const TOKEN_IDS = { AP_REQ: 0x0100, AP_REP: 0x0200, ERROR: 0x0300 } as const;
export type TokenId = (typeof TOKEN_IDS)[keyof typeof TOKEN_IDS];

/** [APPLICATION 0], constructed: the tag of the framing (RFC 2743 section 3.1). */
export const INITIAL_CONTEXT: number = constructed(1, 0);
const OID_TAG = 6;

/** [APPLICATION 0] { OID, rest }. */
export function frameInitialToken(oidOctets: Uint8Array, rest: Uint8Array): Uint8Array {
  const writer = new DerWriter();
  writer.prepend(rest);
  const oid = writer.mark;
  writer.prepend(oidOctets);
  writer.tag(OID_TAG, oid);
  writer.tag(INITIAL_CONTEXT, 0);
  return writer.finish();
}

/** A krb5 token: identifier and message in the framing of RFC 2743. */
export function encodeKrb5Token(id: TokenId, message: Uint8Array): Uint8Array {
  return frameInitialToken(KRB5_OID_OCTETS, concat(Uint8Array.of(id >>> 8, id & 0xff), message));
}

/** What a krb5 token holds. */
export interface Krb5Token {
  readonly id: TokenId;
  readonly message: Uint8Array;
}

/**
 * The message inside a krb5 token.
 * @throws ProtocolError ERR_GSS_TOKEN
 */
export function decodeKrb5Token(token: Uint8Array): Krb5Token {
  const contents = readElement(token, INITIAL_CONTEXT, 'token');
  if (contents.rest.length > 0) throw badToken('token', `${contents.rest.length} octets after its end`);
  const oid = readElement(contents.value, OID_TAG, 'mechanism');
  if (toHex(oid.value) !== toHex(KRB5_OID_OCTETS)) throw badToken('mechanism', 'not krb5');
  if (oid.rest.length < 2) throw badToken('TOK_ID', 'truncated');
  const id = (oid.rest[0]! << 8) | oid.rest[1]!;
  const known = Object.values(TOKEN_IDS).find((candidate) => candidate === id);
  if (known === undefined)
    throw badToken('TOK_ID', `0x${id.toString(16).padStart(4, '0')} is no context token`);
  return { id: known, message: oid.rest.subarray(2) };
}

/** Whether the token begins with the framing of RFC 2743 section 3.1. */
export function isFramed(token: Uint8Array): boolean {
  return token[0] === INITIAL_CONTEXT;
}

/** Splits one DER element with a one-octet tag off `octets`. */
function readElement(
  octets: Uint8Array,
  tag: number,
  place: string,
): { value: Uint8Array; rest: Uint8Array } {
  if (octets[0] !== tag) throw badToken(place, 'not in the framing of RFC 2743 section 3.1');
  const header = readLength(octets, 1);
  if (header === undefined) throw badToken(place, 'bad length');
  const end = header.begin + header.length;
  if (end > octets.length) throw badToken(place, 'truncated');
  return { value: octets.subarray(header.begin, end), rest: octets.subarray(end) };
}

/** The error for a token that is not what it should be. */
export function badToken(place: string, problem: string, rule = 'RFC 4121 section 4'): ProtocolError {
  return new ProtocolError('ERR_GSS_TOKEN', place, problem, rule);
}
