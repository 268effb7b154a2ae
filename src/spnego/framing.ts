/**
 * What both sides of SPNEGO share: the framing of the first token (RFC 2743 section 3.1, RFC 4178 section 4.2), the tokens of
 * other mechanisms by their framing, and the list of mechanisms with its MIC.
 */
import { readLength } from '../asn1/derLength.js';
import { utf8 } from '../bytes.js';
import type { MessageContext } from '../gss/securityContext.js';
import { frameInitialToken, isFramed } from '../gss/token.js';
import { brokenToken, decode, encode, type Offer, readInit } from './messages.js';

/** SPNEGO itself (RFC 4178 section 4.2). */
export const SPNEGO_OID = '1.3.6.1.5.5.2';
/** 1.3.6.1.5.5.2 as contents octets of an OBJECT IDENTIFIER. */
const SPNEGO_OID_OCTETS: Uint8Array = Uint8Array.of(0x2b, 0x06, 0x01, 0x05, 0x05, 0x02);

const RULE = 'RFC 4178 section 4.2';

/** The framed DER of a NegTokenInit. */
export function frameSpnego(negotiationToken: Uint8Array): Uint8Array {
  return frameInitialToken(SPNEGO_OID_OCTETS, negotiationToken);
}

/** The mechanism that a framed token names. @throws ProtocolError ERR_ASN1 when it names none */
export function framedMechanism(token: Uint8Array): string {
  return decode('MechType', token.subarray(contentsStart(token)), { trailing: true });
}

/**
 * The offer in a framed NegTokenInit or NegTokenInit2.
 * @throws ProtocolError ERR_ASN1, ERR_SPNEGO_TOKEN
 */
export function readOffer(token: Uint8Array): Offer {
  if (!isFramed(token)) throw brokenToken('NegTokenInit', 'not in the framing of RFC 2743 section 3.1', RULE);
  if (framedMechanism(token) !== SPNEGO_OID)
    throw brokenToken('NegTokenInit', 'the framing names no SPNEGO', RULE);
  const start = contentsStart(token);
  if (token.length - start !== readLength(token, 1)?.length)
    throw brokenToken('NegTokenInit', 'the framing has another length', RULE);
  const message = decode('NegotiationToken', token.subarray(start + 2 + SPNEGO_OID_OCTETS.length));
  if ('negTokenInit' in message) return readInit(message.negTokenInit);
  throw brokenToken('NegotiationToken', 'a NegTokenResp begins no negotiation', RULE);
}

/** DER of the list of mechanisms: what the MICs are of, without the tag [0] (RFC 4178 section 5). */
export function mechTypeList(mechTypes: readonly string[]): Uint8Array {
  return encode('MechTypeList', mechTypes);
}

/** Whether `mic` is the peer's of that list and in its place in the sequence, whatever the context does about anomalies. */
export function isMicOf(context: MessageContext, list: Uint8Array, mic: Uint8Array): boolean {
  try {
    return context.verifyMic(list, mic) === undefined;
  } catch {
    return false;
  }
}

const NTLMSSP: Uint8Array = utf8('NTLMSSP\0');

/** Whether `token` is one of NTLM, which stands without any framing (MS-NLMP section 2.2.1). */
export function isNtlm(token: Uint8Array): boolean {
  return token.length >= NTLMSSP.length && NTLMSSP.every((octet, i) => token[i] === octet);
}

/** Where the contents begin: behind the tag and the octets of the length. */
function contentsStart(token: Uint8Array): number {
  return readLength(token, 1)?.begin ?? token.length;
}
