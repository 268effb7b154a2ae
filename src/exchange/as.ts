/**
 * The authentication service exchange (RFC 4120 section 3.1): a client's key becomes a ticket-granting ticket, or any
 * other initial ticket.
 *
 * 1. AS-REQ without pre-authentication.
 * 2. KDC_ERR_PREAUTH_REQUIRED: choose a mechanism and the key it needs; AS-REQ again.
 * 3. KDC_ERR_PREAUTH_FAILED: once more if the KDC now names another key; a key that failed is never used again, for every
 *    failure counts towards the account's lock.
 * 4. KRB_ERR_RESPONSE_TOO_BIG: the same over TCP. KRB_AP_ERR_SKEW: once more by the KDC's clock, if the policy says so.
 * 5. AS-REP: decrypt, prove the request (RFC 6806 section 11), check every rule of checkReply.ts.
 */

import type { Key } from '../crypto/key.js';
import { ProtocolError } from '../errors.js';
import type { Credential } from '../formats/credential.js';
import { formatPrincipal, krbtgtPrincipal, type Principal } from '../formats/principal.js';
import { encryptionTypeName } from '../iana/encryptionTypes.js';
import { ERROR_CODES } from '../iana/errorCodes.js';
import { KEY_USAGES } from '../iana/keyUsages.js';
import { PA_DATA_TYPES } from '../iana/paDataTypes.js';
import type { HostAddress } from '../messages/basic.js';
import type { KrbError } from '../messages/error.js';
import { hasFlag, KDC_OPTIONS } from '../messages/flags.js';
import type { EncKdcRepPart, KdcRep, KdcReqBody } from '../messages/kdc.js';
import { decode, encode } from '../messages/module.js';
import type { PaData } from '../messages/paData.js';
import { decodeEncKdcRepPart, readAndWipe, unseal } from '../messages/sealed.js';
import { askKdc, askKey, type Exchange } from './ask.js';
import { checkReply } from './checkReply.js';
import { fastAvailable, PA_REQ_ENC_PA_REP, requestProven } from './encPaRep.js';
import { type Environment, freshNonce, type Policy } from './environment.js';
import { chooseKeyInfo, type KeyInfo } from './keyInfo.js';
import { decodeKrbError, kdcError, serverTimeMs } from './krbError.js';
import type { LongTermKey } from './longTermKey.js';
import { pacRequest } from './pacRequest.js';
import { chooseMechanism } from './preauth/mechanisms.js';
import { principalName, principalOf } from './principalName.js';
import { credentialOf } from './ticketing.js';

/** What is asked for. Times are seconds since 1970, by our clock with `timeOffsetSeconds` added. */
export interface AsRequest {
  readonly client: Principal;
  /** krbtgt of the client's realm unless given. */
  readonly server?: Principal | undefined;
  /** KDC_OPTIONS. */
  readonly kdcOptions: number;
  /** Start of a postdated ticket. */
  readonly from?: number | undefined;
  readonly till: number;
  /** With the option `renewable`. */
  readonly rtime?: number | undefined;
  /** Encryption types to offer, best first: those that the key source can provide. */
  readonly etypes: readonly number[];
  /** Addresses to bind the ticket to; usually none. */
  readonly addresses?: readonly HostAddress[] | undefined;
  /** Whether the KDC shall put a PAC into the ticket; it decides by itself unless given. */
  readonly requestPac?: boolean | undefined;
  /** The KDC's clock minus ours as known from before, seconds. */
  readonly timeOffsetSeconds?: number | undefined;
}

/** What came of it. */
export interface AsResult {
  readonly credential: Credential;
  /** The KDC's clock minus ours, seconds; 0 unless the exchange went by the KDC's clock. */
  readonly kdcTimeOffsetSeconds: number;
  /** When the client's key expires, if the KDC tells. */
  readonly keyExpiration: number | undefined;
  /** Encryption type of the client's key. */
  readonly replyEtype: number;
  /** Version of the client's key, if the KDC tells. */
  readonly keyVersion: number | undefined;
  /** Type of the padata by which the client proved itself, as in PA_DATA_TYPES; undefined when the KDC asked for none. */
  readonly preauthType: number | undefined;
  /** Whether the KDC says under the client's key that it knows FAST (RFC 6113). */
  readonly fastAvailable: boolean;
}

/** Requests of one exchange; every legitimate course needs fewer. */
const MAX_REQUESTS = 6;

/** Differences of clocks beyond this (some 136 years) are no clock at all, and would leave the range of KerberosTime. */
const MAX_OFFSET_MS = 2 ** 32 * 1000;

/** State between two requests. */
interface AsState {
  readonly request: AsRequest;
  readonly server: Principal;
  readonly environment: Environment;
  readonly policy: Policy;
  tcpOnly: boolean;
  /** Milliseconds to add to our clock. */
  offsetMs: number;
  /** Whether `offsetMs` comes from an error of this exchange. */
  clockFollowed: boolean;
  /** Answer to the KDC's demand, sent with the next request. */
  preauth: readonly PaData[];
  /** METHOD-DATA of the last error. */
  methodData: readonly PaData[];
  key: LongTermKey | undefined;
  /** Whether a second key has been tried. */
  secondKey: boolean;
}

/** Runs the exchange. @throws KdcError, ProtocolError, CryptoError */
export function* asExchange(
  request: AsRequest,
  environment: Environment,
  policy: Policy,
): Exchange<AsResult> {
  const server = request.server ?? krbtgtPrincipal(request.client.realm);
  const state: AsState = {
    request,
    server,
    environment,
    policy,
    tcpOnly: false,
    offsetMs: (request.timeOffsetSeconds ?? 0) * 1000,
    clockFollowed: false,
    preauth: [],
    methodData: [],
    key: undefined,
    secondKey: false,
  };
  for (let count = 0; count < MAX_REQUESTS; count++) {
    const body = requestBody(state);
    const asReq = encode('AsReq', {
      pvno: 5,
      msgType: 10,
      padata: [...state.preauth, ...pacRequest(request.requestPac), PA_REQ_ENC_PA_REP],
      reqBody: body,
    });
    const octets = yield* askKdc(request.client.realm, asReq, state.tcpOnly);
    const error = decodeKrbError(octets);
    if (error === undefined) return yield* acceptReply(state, body, asReq, octets);
    yield* respond(state, error);
  }
  throw new ProtocolError('ERR_PREAUTH_LOOP', 'AS exchange', `no ticket after ${MAX_REQUESTS} requests`);
}

function now(state: AsState): number {
  return state.environment.nowMs() + state.offsetMs;
}

function requestBody({ request, server, environment, offsetMs }: AsState): KdcReqBody {
  const shift = Math.round(offsetMs / 1000) - (request.timeOffsetSeconds ?? 0);
  return {
    kdcOptions: request.kdcOptions,
    cname: principalName(request.client),
    realm: request.client.realm,
    sname: principalName(server),
    from: request.from === undefined ? undefined : request.from + shift,
    till: request.till + shift,
    rtime: request.rtime === undefined ? undefined : request.rtime + shift,
    nonce: freshNonce(environment),
    etype: request.etypes,
    addresses: request.addresses?.length ? request.addresses : undefined,
  };
}

/** Changes the state so that the next request is better, or throws the KDC's error. */
function* respond(state: AsState, error: KrbError): Exchange<void> {
  switch (error.errorCode) {
    case ERROR_CODES.KRB_ERR_RESPONSE_TOO_BIG.number:
      if (state.tcpOnly) throw failure(state, error);
      state.tcpOnly = true;
      return;
    case ERROR_CODES.KRB_AP_ERR_SKEW.number:
      followKdcClock(state, error);
      if (state.key !== undefined) yield* preauthenticate(state, state.key);
      return;
    case ERROR_CODES.KDC_ERR_PREAUTH_REQUIRED.number:
      if (state.key !== undefined) throw askedAgain();
      state.methodData = methodData(state, error);
      yield* preauthenticate(state, yield* firstKey(state));
      return;
    case ERROR_CODES.KDC_ERR_PREAUTH_FAILED.number:
      yield* preauthenticate(state, yield* otherKey(state, error));
      return;
    default:
      throw failure(state, error);
  }
}

function failure(state: AsState, error: KrbError): Error {
  const { request, environment } = state;
  return kdcError(error, request.client.realm, formatPrincipal(request.client), environment.nowMs());
}

function askedAgain(): ProtocolError {
  const problem = 'the KDC asks for pre-authentication after it was sent';
  return new ProtocolError('ERR_PREAUTH_LOOP', 'AS exchange', problem, 'RFC 4120 section 3.1.4');
}

/** METHOD-DATA of the error; a KDC that sends none or something else gets its error thrown. */
function methodData(state: AsState, error: KrbError): readonly PaData[] {
  try {
    return decode('MethodData', error.eData ?? new Uint8Array(0));
  } catch {
    throw failure(state, error);
  }
}

/** Goes by the KDC's clock from now on, once and if the policy says so; otherwise the KDC's error stands. */
function followKdcClock(state: AsState, error: KrbError): void {
  const offsetMs = serverTimeMs(error) - state.environment.nowMs();
  const usable = !state.clockFollowed && Math.abs(offsetMs) <= MAX_OFFSET_MS;
  if (!state.policy.kdcTimesync || !usable) throw failure(state, error);
  state.offsetMs = offsetMs;
  state.clockFollowed = true;
}

/** The key that the KDC asks for. */
function* firstKey(state: AsState): Exchange<LongTermKey> {
  chooseMechanism(state.methodData);
  const info = chosenKeyInfo(state);
  return { info, key: yield* askKey(info.etype, info.salt, info.s2kparams) };
}

/** Of the types that we offered, those count that may be used. @throws ProtocolError ERR_ETYPE_POLICY */
function chosenKeyInfo({ methodData, request, policy }: AsState): KeyInfo {
  const etypes = request.etypes.filter((etype) => policy.permittedEtypes.includes(etype));
  return chooseKeyInfo(methodData, etypes, request.client);
}

/** After a failure, once: the other key that the KDC names now. Without one, the KDC's error stands. */
function* otherKey(state: AsState, error: KrbError): Exchange<LongTermKey> {
  const failed = state.key;
  if (failed === undefined || state.secondKey) throw failure(state, error);
  state.secondKey = true;
  state.methodData = updated(state.methodData, methodData(state, error));
  const info = newKeyInfo(state, error);
  if (sameKeyInfo(failed.info, info)) throw failure(state, error);
  const key = yield* askKey(info.etype, info.salt, info.s2kparams);
  if (failed.key.equals(key)) throw failure(state, error);
  return { info, key };
}

/** METHOD-DATA of a failure may be partial (Active Directory names the salt only): what it lacks, stays. */
function updated(old: readonly PaData[], recent: readonly PaData[]): readonly PaData[] {
  const types = new Set(recent.map(({ padataType }) => padataType));
  return [...recent, ...old.filter(({ padataType }) => !types.has(padataType))];
}

function newKeyInfo(state: AsState, error: KrbError): KeyInfo {
  try {
    return chosenKeyInfo(state);
  } catch {
    throw failure(state, error);
  }
}

function sameKeyInfo(a: KeyInfo, b: KeyInfo): boolean {
  const text = (info: KeyInfo): string => `${info.etype} ${info.salt} ${info.s2kparams}`;
  return text(a) === text(b);
}

function* preauthenticate(state: AsState, longTermKey: LongTermKey): Exchange<void> {
  state.key = longTermKey;
  const { methodData, environment } = state;
  const mechanism = chooseMechanism(methodData);
  const padata = yield* mechanism.respond({ methodData, longTermKey, nowMs: now(state), environment });
  const cookie = methodData.filter((pa) => pa.padataType === PA_DATA_TYPES['PA-FX-COOKIE']);
  state.preauth = [padata, ...cookie];
}

function* acceptReply(
  state: AsState,
  body: KdcReqBody,
  asReq: Uint8Array,
  octets: Uint8Array,
): Exchange<AsResult> {
  const { request, policy, environment } = state;
  // the key may have to be typed in; the reply's times are held against the clock at its arrival
  const arrivedMs = environment.nowMs();
  const rep = decode('AsRep', octets);
  const replyKey = yield* findReplyKey(state, rep);
  return readAndWipe(unseal(rep.encPart, replyKey, KEY_USAGES.AS_REP), (plaintext) => {
    const encPart = decodeEncKdcRepPart(plaintext);
    const proven = requestProven(asReq, encPart, replyKey);
    adoptKdcClock(state, encPart, arrivedMs);
    checkReply({
      exchange: 'AS',
      body,
      cname: principalName(request.client),
      crealm: request.client.realm,
      sname: principalName(state.server),
      srealm: request.client.realm,
      addresses: request.addresses ?? [],
      rep,
      ticket: decode('Ticket', rep.ticket),
      encPart,
      requestProven: proven,
      now: (arrivedMs + state.offsetMs) / 1000,
      policy,
    });
    return {
      credential: credentialOf(rep, encPart, principalOf(rep.cname, rep.crealm)),
      kdcTimeOffsetSeconds: Math.round(state.offsetMs / 1000),
      keyExpiration: encPart.keyExpiration,
      replyEtype: replyKey.etype,
      keyVersion: rep.encPart.kvno,
      preauthType: state.preauth[0]?.padataType,
      fastAvailable: fastAvailable(encPart),
    };
  });
}

/** The key of the enc-part: the one of the pre-authentication, or the one that the reply names. */
function* findReplyKey(state: AsState, rep: KdcRep): Exchange<Key> {
  const { etype } = rep.encPart;
  const { request, policy, key } = state;
  if (!request.etypes.includes(etype) || !policy.permittedEtypes.includes(etype)) {
    const problem = `encrypted in ${encryptionTypeName(etype)}, which we did not offer`;
    throw new ProtocolError('ERR_REPLY_ETYPE', 'AS-REP.encPart.etype', problem, 'RFC 4120 section 3.1.3');
  }
  if (key !== undefined && key.info.etype === etype) return key.key;
  const info = chooseKeyInfo([...(rep.padata ?? []), ...state.methodData], [etype], request.client);
  return yield* askKey(info.etype, info.salt, info.s2kparams);
}

/** After decryption the KDC's time is authentic: with `kdcTimesync` go by it. */
function adoptKdcClock(state: AsState, encPart: EncKdcRepPart, arrivedMs: number): void {
  const { policy, request } = state;
  const ahead = encPart.authtime - (arrivedMs + state.offsetMs) / 1000;
  if (!policy.kdcTimesync || Math.abs(ahead) <= policy.skewSeconds) return;
  if (!hasFlag(request.kdcOptions, KDC_OPTIONS.postdated)) {
    state.offsetMs = encPart.authtime * 1000 - arrivedMs;
  }
}
