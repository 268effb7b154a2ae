/**
 * The client/server authentication exchange (RFC 4120 section 3.2): AP-REQ out, AP-REP in.
 *
 * The AP-REP must be sealed in the ticket's session key and repeat the authenticator's ctime and cusec to the
 * microsecond (section 3.2.5). Its subkey and sequence number are the acceptor's own choice.
 */
import { STRONG_ETYPES } from '../crypto/etypes.js';
import { Key } from '../crypto/key.js';
import { ProtocolError } from '../errors.js';
import type { Credential } from '../formats/credential.js';
import { encryptionTypeName } from '../iana/encryptionTypes.js';
import { KEY_USAGES } from '../iana/keyUsages.js';
import type { AuthorizationData, Checksum } from '../messages/basic.js';
import { AP_OPTIONS } from '../messages/flags.js';
import { decode, encode } from '../messages/module.js';
import { encryptionKey, readAndWipe, seal, unseal } from '../messages/sealed.js';
import { type Environment, kerberosTime } from './environment.js';
import { decodeKrbError, kdcError } from './krbError.js';
import { nameText, principalName } from './principalName.js';

/** What goes into the AP-REQ. */
export interface ApRequest {
  readonly credential: Credential;
  /** Whether the server must prove itself. */
  readonly mutual: boolean;
  readonly checksum?: Checksum | undefined;
  readonly subkey?: Key | undefined;
  readonly seqNumber?: number | undefined;
  readonly authorizationData?: AuthorizationData | undefined;
  /** The server's clock minus ours, seconds. */
  readonly timeOffsetSeconds?: number | undefined;
  /** Key usage of the authenticator: 11, or 7 inside a TGS-REQ. */
  readonly usage?: number | undefined;
}

/** An AP-REQ and what is needed to check the answer. */
export interface SentApReq {
  readonly apReq: Uint8Array;
  readonly ctime: number;
  readonly cusec: number;
  readonly credential: Credential;
}

/** What the server said in its AP-REP. */
export interface ApReply {
  readonly subkey: Key | undefined;
  readonly seqNumber: number;
}

/** Builds an AP-REQ with a fresh authenticator. */
export function makeApReq(request: ApRequest, environment: Environment): SentApReq {
  const { credential, subkey } = request;
  const offsetMs = (request.timeOffsetSeconds ?? 0) * 1000;
  const { seconds: ctime, microseconds: cusec } = kerberosTime(environment.nowMs() + offsetMs);
  const authenticator = encode('Authenticator', {
    authenticatorVno: 5,
    crealm: credential.client.realm,
    cname: principalName(credential.client),
    cksum: request.checksum,
    cusec,
    ctime,
    subkey: subkey === undefined ? undefined : encryptionKey(subkey),
    seqNumber: request.seqNumber,
    authorizationData: request.authorizationData,
  });
  const usage = request.usage ?? KEY_USAGES.AP_REQ_AUTHENTICATOR;
  const confounder = environment.randomBytes(credential.sessionKey.confounderLength);
  const apReq = encode('ApReq', {
    pvno: 5,
    msgType: 14,
    apOptions:
      (request.mutual ? AP_OPTIONS.mutualRequired : 0) | (credential.isSkey ? AP_OPTIONS.useSessionKey : 0),
    ticket: credential.ticket,
    authenticator: seal(authenticator, credential.sessionKey, usage, confounder),
  });
  return { apReq, ctime, cusec, credential };
}

const RULE = 'RFC 4120 section 3.2.5';

/**
 * Checks the server's answer.
 * @param nowMs our clock, for the difference in a KRB_AP_ERR_SKEW
 * @param permittedEtypes what its subkey may be of, besides the session key's type
 * @throws KdcError when it is a KRB-ERROR
 * @throws CryptoError ERR_INTEGRITY when the sender does not hold the session key
 * @throws ProtocolError ERR_AP_REP when it answers another request, ERR_REPLY_ETYPE for its subkey
 */
export function checkApRep(
  octets: Uint8Array,
  sent: SentApReq,
  nowMs: number,
  permittedEtypes: readonly number[] = STRONG_ETYPES,
): ApReply {
  const { credential } = sent;
  const error = decodeKrbError(octets);
  if (error !== undefined) {
    const service = nameText(principalName(credential.server), credential.server.realm);
    throw kdcError(error, credential.server.realm, service, nowMs, 'service');
  }
  const rep = decode('ApRep', octets);
  const plain = unseal(rep.encPart, credential.sessionKey, KEY_USAGES.AP_REP);
  return readAndWipe(plain, (octets) => apReplyOf(octets, sent, permittedEtypes));
}

function apReplyOf(plain: Uint8Array, sent: SentApReq, permittedEtypes: readonly number[]): ApReply {
  const { ctime, cusec, subkey, seqNumber } = decode('EncApRepPart', plain, { trailing: true });
  if (ctime !== sent.ctime || cusec !== sent.cusec) {
    throw new ProtocolError('ERR_AP_REP', 'AP-REP.encPart', 'it answers another AP-REQ', RULE);
  }
  if (
    subkey !== undefined &&
    ![sent.credential.sessionKey.etype, ...permittedEtypes].includes(subkey.keytype)
  ) {
    const problem = `a subkey of ${encryptionTypeName(subkey.keytype)}, which is not permitted`;
    throw new ProtocolError('ERR_REPLY_ETYPE', 'AP-REP.encPart.subkey', problem, 'RFC 4537 section 3');
  }
  return {
    subkey: subkey === undefined ? undefined : new Key(subkey.keytype, subkey.keyvalue),
    seqNumber: seqNumber ?? 0,
  };
}

/**
 * The client's answer to an AP-REP in DCE style: an AP-REP of the present time that repeats the server's sequence number
 * and has no subkey (RFC 4757 section 7.1, MS-KILE section 3.4.5.1).
 * @param timeOffsetSeconds the server's clock minus ours
 */
export function makeDceApRep(
  { sessionKey }: Credential,
  seqNumber: number,
  environment: Environment,
  timeOffsetSeconds = 0,
): Uint8Array {
  const { seconds: ctime, microseconds: cusec } = kerberosTime(
    environment.nowMs() + timeOffsetSeconds * 1000,
  );
  const part = encode('EncApRepPart', { ctime, cusec, seqNumber });
  const confounder = environment.randomBytes(sessionKey.confounderLength);
  return encode('ApRep', {
    pvno: 5,
    msgType: 15,
    encPart: seal(part, sessionKey, KEY_USAGES.AP_REP, confounder),
  });
}
