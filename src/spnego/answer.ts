/** What an acceptor sends, before it has been judged (RFC 4178 section 4.2; MS-SPNG section 3.2.5.2). */
import { isFramed } from '../gss/token.js';
import { framedMechanism, isNtlm, readOffer, SPNEGO_OID } from './framing.js';
import { isKrb5, type NegotiableMechanism, NTLM_OID, notOffered, sameMechanism } from './mechanisms.js';
import { brokenToken, decode, NEG_STATES, type NegTokenResp } from './messages.js';

/**
 * Reads an answer. A krb5 token that stands alone is taken for a NegTokenResp with nothing but that token.
 * @throws ProtocolError ERR_ASN1, ERR_SPNEGO_TOKEN, ERR_SPNEGO_MECHANISM
 */
export function readAnswer(token: Uint8Array): NegTokenResp {
  if (isNtlm(token)) throw notOffered('token', NTLM_OID);
  if (isFramed(token)) return readBareToken(token);
  const message = decode('NegotiationToken', token);
  if (!('negTokenResp' in message)) {
    throw brokenToken('NegotiationToken', 'a NegTokenInit in answer to a NegTokenInit');
  }
  const { negState, responseToken } = message.negTokenResp;
  if ((negState ?? 0) > NEG_STATES.requestMic) {
    throw brokenToken('negState', `${negState} is no state`, 'RFC 4178 section 4.2.2');
  }
  if (negState !== NEG_STATES.reject && responseToken !== undefined && isNtlm(responseToken)) {
    throw notOffered('responseToken', NTLM_OID);
  }
  return message.negTokenResp;
}

function readBareToken(token: Uint8Array): NegTokenResp {
  const mechanism = framedMechanism(token);
  if (isKrb5(mechanism)) return { responseToken: token };
  if (mechanism !== SPNEGO_OID) throw notOffered('token', mechanism);
  throw brokenToken('token', 'the framing of a first token in an answer', 'RFC 4178 section 4.2');
}

/**
 * Reads the hints of an acceptor that speaks first (NegTokenInit2). Nobody vouches for them, so nothing is changed in our
 * offer because of them; an acceptor that lists mechanisms and none of ours could only refuse it.
 * @throws ProtocolError ERR_ASN1, ERR_SPNEGO_TOKEN, ERR_SPNEGO_MECHANISM
 */
export function checkHints(token: Uint8Array, offered: readonly NegotiableMechanism[]): void {
  if (isNtlm(token)) throw notOffered('token', NTLM_OID);
  const { mechTypes } = readOffer(token);
  const known = mechTypes?.some((oid) => offered.some((mechanism) => sameMechanism(mechanism.oid, oid)));
  if (known === false) throw notOffered('mechTypes', ...mechTypes!);
}
