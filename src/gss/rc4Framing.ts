/** The framing of RFC 2743 section 3.1 around per-message tokens of RFC 4757: [APPLICATION 0] { krb5, token }. */
import { readLength } from '../asn1/derLength.js';
import { concat, equalBytes } from '../bytes.js';
import { badToken, INITIAL_CONTEXT, isFramed, KRB5_OID_OCTETS } from './token.js';

/** The mechanism's OBJECT IDENTIFIER with tag and length. */
const MECHANISM: Uint8Array = concat(Uint8Array.of(6, KRB5_OID_OCTETS.length), KRB5_OID_OCTETS);
/** Where the rules for tokens are. */
export const RC4_RULE = 'RFC 4757 section 7';

/** What stands in front of a token of `octets`. */
export function rc4Framing(octets: number): Uint8Array {
  const length = MECHANISM.length + octets;
  return concat(Uint8Array.of(INITIAL_CONTEXT), derLength(length), MECHANISM);
}

/** Octets that stand in front of a token of `octets`. */
export function rc4FramingLength(octets: number): number {
  return 1 + derLength(MECHANISM.length + octets).length + MECHANISM.length;
}

/**
 * Checks the framing of a token of `total` octets, of which `token` has at least the first ones.
 * @returns where the token starts after it
 * @throws ProtocolError ERR_GSS_TOKEN
 */
export function readRc4Framing(token: Uint8Array, total: number = token.length): number {
  const lengthEnd = readLength(token, 1)?.begin ?? token.length;
  const start = lengthEnd + MECHANISM.length;
  if (!isFramed(token) || token.length < start)
    throw badToken('token', 'not in the framing of RFC 2743 section 3.1', RC4_RULE);
  // There is one right length, and one way to write it.
  if (!equalBytes(token.subarray(1, lengthEnd), derLength(total - lengthEnd)))
    throw badToken('token', 'not as long as its framing says', RC4_RULE);
  if (!equalBytes(token.subarray(lengthEnd, start), MECHANISM))
    throw badToken('mechanism', 'not krb5', RC4_RULE);
  return start;
}

function derLength(length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(length);
  const octets: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
  return Uint8Array.of(0x80 | octets.length, ...octets);
}
