/** A KDC without sockets: the octets of a request in, the octets of its answer out (RFC 4120 section 3). */
import { KerberosError } from '../errors.js';
import type { KdcReqBody } from '../messages/kdc.js';
import { decode, encode } from '../messages/module.js';
import { authenticate } from './asService.js';
import type { KdcRequest } from './hooks.js';
import type { KdcContext } from './kdcContext.js';
import { krbErrorOf, Refusal } from './refusal.js';
import { grantTicket } from './tgsService.js';

/** Outer tags of the requests (RFC 4120 section 5.4.1). */
const AS_REQ = 0x6a;
const TGS_REQ = 0x6c;

/**
 * The answer, or undefined for octets that are no request: those get none, as from MIT krb5.
 * @param maxOctets longer answers become KRB_ERR_RESPONSE_TOO_BIG
 */
export function answer(octets: Uint8Array, kdc: KdcContext, maxOctets: number): Uint8Array | undefined {
  const reply = answerOrRefuse(kdc.hooks.request?.(octets) ?? octets, kdc);
  if (reply === undefined) return undefined;
  const changed = kdc.hooks.reply?.(reply) ?? reply;
  if (changed.length <= maxOctets) return changed;
  const tooBig = new Refusal('KRB_ERR_RESPONSE_TOO_BIG', 'Response too big for UDP, retry with TCP');
  return encodeError(tooBig, undefined, kdc);
}

function answerOrRefuse(octets: Uint8Array, kdc: KdcContext): Uint8Array | undefined {
  const request = decodeRequest(octets);
  if (request === undefined) return undefined;
  try {
    return request.exchange === 'AS' ? authenticate(request, kdc) : grantTicket(request, kdc);
  } catch (error) {
    // Otherwise something inside the request, such as its authenticator, is malformed.
    const refusal = error instanceof Refusal ? error : new Refusal('KRB_ERR_GENERIC', String(error));
    return encodeError(refusal, request, kdc);
  }
}

function decodeRequest(octets: Uint8Array): KdcRequest | undefined {
  try {
    if (octets[0] === AS_REQ) return { exchange: 'AS', req: decode('AsReq', octets), octets };
    if (octets[0] === TGS_REQ) return { exchange: 'TGS', req: decode('TgsReq', octets), octets };
  } catch (error) {
    if (!(error instanceof KerberosError)) throw error;
  }
  return undefined;
}

function encodeError(refusal: Refusal, request: KdcRequest | undefined, kdc: KdcContext): Uint8Array {
  const { realm } = kdc.database;
  const body: Partial<KdcReqBody> = request?.req.reqBody ?? {};
  const names = {
    realm,
    sname: body.sname ?? { nameType: 2, nameString: ['krbtgt', realm] },
    crealm: body.cname === undefined ? undefined : realm,
    cname: body.cname,
  };
  const error = krbErrorOf(refusal, names, kdc.environment);
  return encode('KrbError', kdc.hooks.error?.(error, request) ?? error);
}
