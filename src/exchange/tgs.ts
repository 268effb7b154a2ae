/**
 * The ticket-granting service exchange (RFC 4120 section 3.3): a ticket-granting ticket becomes a ticket for a service, a
 * renewed ticket, or a ticket-granting ticket of another realm.
 *
 * The request carries an AP-REQ whose authenticator binds the body by a keyed checksum (key usages 6 and 7) and brings a
 * fresh subkey. The reply comes under that subkey (usage 9), from some KDCs under the session key (usage 8).
 */
import { printable, wipe } from '../bytes.js';
import { Key } from '../crypto/key.js';
import { CryptoError, ProtocolError } from '../errors.js';
import type { Credential } from '../formats/credential.js';
import { formatPrincipal, type Principal } from '../formats/principal.js';
import { encryptionTypeName } from '../iana/encryptionTypes.js';
import { ERROR_CODES } from '../iana/errorCodes.js';
import { KEY_USAGES } from '../iana/keyUsages.js';
import { PA_DATA_TYPES } from '../iana/paDataTypes.js';
import type { EncryptedData, HostAddress } from '../messages/basic.js';
import { hasFlag, KDC_OPTIONS, TICKET_FLAGS } from '../messages/flags.js';
import type { EncKdcRepPart, KdcRep, KdcReqBody } from '../messages/kdc.js';
import { decode, encode } from '../messages/module.js';
import type { PaData } from '../messages/paData.js';
import { decodeEncKdcRepPart, readAndWipe, unseal } from '../messages/sealed.js';
import { makeApReq } from './ap.js';
import { askKdc, type Exchange } from './ask.js';
import { checkReply, isCrossRealmTgt } from './checkReply.js';
import { type Environment, freshNonce, type Policy } from './environment.js';
import { checkEtypes } from './etypePolicy.js';
import { decodeKrbError, kdcError } from './krbError.js';
import { principalName, sameName } from './principalName.js';
import { credentialOf } from './ticketing.js';

/** What is asked for. Times are seconds since 1970. */
export interface TgsRequest {
  readonly tgt: Credential;
  /** The service. Its realm counts for `serviceTicket` only; one TGS exchange asks the realm of `tgt`. */
  readonly server: Principal;
  /** KDC_OPTIONS. */
  readonly kdcOptions: number;
  /** The ticket-granting ticket's end unless given; when renewing, the end of its renewable life. */
  readonly till?: number | undefined;
  readonly rtime?: number | undefined;
  /** Encryption types to offer for the session key, best first. */
  readonly etypes: readonly number[];
  readonly addresses?: readonly HostAddress[] | undefined;
  /** Realms from the client's to the service's, both included, where the configuration says ([capaths] of MIT krb5). */
  readonly realmPath?: readonly string[] | undefined;
  /** DER of a ticket-granting ticket of the peer, for user-to-user. */
  readonly secondTicket?: Uint8Array | undefined;
  /** The KDC's clock minus ours, seconds. */
  readonly timeOffsetSeconds?: number | undefined;
}

/** Realm that a ticket-granting ticket opens: krbtgt/REALM. */
export function realmOfTgt(tgt: Credential): string {
  return tgt.server.components[1] ?? tgt.server.realm;
}

/** A ticket is renewed or validated by the realm that issued it. */
function realmToAsk({ kdcOptions, tgt }: TgsRequest): string {
  return hasFlag(kdcOptions, KDC_OPTIONS.renew | KDC_OPTIONS.validate) ? tgt.server.realm : realmOfTgt(tgt);
}

/**
 * One request and reply. The result may be a ticket-granting ticket of another realm when `canonicalize` is set.
 * @throws CredentialError ERR_ETYPE_POLICY; KdcError, ProtocolError, CryptoError
 */
export function* tgsExchange(
  request: TgsRequest,
  environment: Environment,
  policy: Policy,
): Exchange<Credential> {
  checkEtypes(request.tgt, request.etypes, policy);
  const realm = realmToAsk(request);
  const body = requestBody(request, realm, environment);
  const subkey = freshSubkey(request.tgt.sessionKey, environment);
  try {
    const tgsReq = encode('TgsReq', {
      pvno: 5,
      msgType: 12,
      padata: [paTgsReq(request, body, subkey, environment)],
      reqBody: body,
    });
    const rep = decode('TgsRep', yield* sendWhole(request, realm, tgsReq, environment));
    const now = environment.nowMs() / 1000 + (request.timeOffsetSeconds ?? 0);
    return readAndWipe(openEncPart(rep.encPart, subkey, request.tgt.sessionKey), (plaintext) =>
      accepted(rep, decodeEncKdcRepPart(plaintext), { request, body, now, policy }),
    );
  } finally {
    subkey.wipe();
  }
}

/** What a reply is held against. */
interface Sent {
  readonly request: TgsRequest;
  readonly body: KdcReqBody;
  /** By the KDC's clock, seconds. */
  readonly now: number;
  readonly policy: Policy;
}

/** The credential in a reply, once it passed every check. */
function accepted(rep: KdcRep, encPart: EncKdcRepPart, { request, body, now, policy }: Sent): Credential {
  const { tgt, server, secondTicket } = request;
  checkReply({
    exchange: 'TGS',
    body,
    cname: principalName(tgt.client),
    crealm: tgt.client.realm,
    sname: principalName(server),
    srealm: body.realm,
    addresses: body.addresses ?? tgt.addresses,
    rep,
    ticket: decode('Ticket', rep.ticket),
    encPart,
    requestProven: false,
    now,
    policy,
  });
  const credential = credentialOf(rep, encPart, tgt.client, {
    isSkey: secondTicket !== undefined,
    ...(secondTicket === undefined ? {} : { secondTicket }),
  });
  return withoutForeignDelegation(credential, tgt);
}

/** Cross-realm hops of one search; forests deeper than this do not occur. */
const MAX_HOPS = 10;

/**
 * A ticket for a service in any realm: to the service's realm first, then following the referrals of the KDCs
 * (RFC 6806 section 8).
 * @throws ProtocolError ERR_REFERRAL when the referrals lead in a circle or too far
 */
export function* serviceTicket(
  request: TgsRequest,
  environment: Environment,
  policy: Policy,
): Exchange<Credential> {
  const path = [realmOfTgt(request.tgt)];
  let tgt = request.tgt;
  let target = request.server.realm;
  while (path.length <= MAX_HOPS + 1) {
    const here = path[path.length - 1]!;
    const arrived = target === here || target === '';
    const wanted = arrived ? request.server : krbtgt(nextRealm(request, here, target), here);
    const credential = yield* tgsExchange(hop(request, tgt, wanted), environment, policy);
    if (wanted === request.server && sameName(principalName(credential.server), principalName(wanted)))
      return credential;
    const next = realmOfTgt(credential);
    if (path.includes(next)) throw referral([...path, next], 'the referrals lead in a circle');
    if (wanted === request.server) target = next;
    path.push(next);
    tgt = credential;
  }
  throw referral(path, `more than ${MAX_HOPS} referrals`);
}

/** The realm to ask for in `here`: the next of the configured path, otherwise the target at once. */
function nextRealm({ realmPath = [] }: TgsRequest, here: string, target: string): string {
  const index = realmPath.indexOf(here);
  return (index < 0 ? undefined : realmPath[index + 1]) ?? target;
}

/** On the way to another realm nothing but a plain ticket-granting ticket is asked for. */
function hop(request: TgsRequest, tgt: Credential, server: Principal): TgsRequest {
  const last = server === request.server;
  const kdcOptions = request.kdcOptions | KDC_OPTIONS.canonicalize;
  if (last) return { ...request, tgt, kdcOptions };
  return {
    ...request,
    tgt,
    server,
    kdcOptions: kdcOptions & ~KDC_OPTIONS.encTktInSkey,
    secondTicket: undefined,
  };
}

function krbtgt(realm: string, issuer: string): Principal {
  return { nameType: 2, components: ['krbtgt', realm], realm: issuer };
}

function referral(path: readonly string[], problem: string): ProtocolError {
  return new ProtocolError(
    'ERR_REFERRAL',
    'TGS exchange',
    `${problem}: ${printable(path.join(' -> '))}`,
    'RFC 6806 section 8',
  );
}

function requestBody(request: TgsRequest, realm: string, environment: Environment): KdcReqBody {
  const renewable = hasFlag(request.kdcOptions, KDC_OPTIONS.renewable);
  return {
    kdcOptions: request.kdcOptions,
    realm,
    sname: principalName(request.server),
    till: request.till ?? latestEnd(request),
    rtime: renewable ? (request.rtime ?? (request.tgt.renewTill || undefined)) : undefined,
    nonce: freshNonce(environment),
    etype: request.etypes,
    addresses: request.addresses?.length ? request.addresses : undefined,
    additionalTickets: request.secondTicket === undefined ? undefined : [request.secondTicket],
  };
}

/** A renewed ticket lives as long as the old one did, so beyond its end (RFC 4120 section 3.3.3). */
function latestEnd({ kdcOptions, tgt }: TgsRequest): number {
  return hasFlag(kdcOptions, KDC_OPTIONS.renew) ? tgt.renewTill : tgt.endTime;
}

/** A random key of the same type as `key`; all supported types take any octets. */
export function freshSubkey(key: Key, environment: Environment): Key {
  const octets = environment.randomBytes(key.value.length);
  const subkey = new Key(key.etype, octets);
  wipe(octets);
  return subkey;
}

function paTgsReq(request: TgsRequest, body: KdcReqBody, subkey: Key, environment: Environment): PaData {
  const { sessionKey } = request.tgt;
  const octets = encode('KdcReqBody', body);
  const { apReq } = makeApReq(
    {
      credential: request.tgt,
      mutual: false,
      checksum: {
        cksumtype: sessionKey.checksumType,
        checksum: sessionKey.checksum(KEY_USAGES.TGS_REQ_AUTHENTICATOR_CHECKSUM, octets),
      },
      subkey,
      timeOffsetSeconds: request.timeOffsetSeconds,
      usage: KEY_USAGES.TGS_REQ_AUTHENTICATOR,
    },
    environment,
  );
  return { padataType: PA_DATA_TYPES['PA-TGS-REQ'], padataValue: apReq };
}

/** Sends over UDP or TCP as the transport sees fit, over TCP when the reply would not fit. */
function* sendWhole(
  request: TgsRequest,
  realm: string,
  tgsReq: Uint8Array,
  environment: Environment,
): Exchange<Uint8Array> {
  for (const tcpOnly of [false, true]) {
    const octets = yield* askKdc(realm, tgsReq, tcpOnly);
    const error = decodeKrbError(octets);
    if (error === undefined) return octets;
    if (tcpOnly || error.errorCode !== ERROR_CODES.KRB_ERR_RESPONSE_TOO_BIG.number) {
      throw kdcError(error, realm, formatPrincipal({ ...request.server, realm }), environment.nowMs());
    }
  }
  throw new ProtocolError('ERR_PREAUTH_LOOP', 'TGS exchange', 'the KDC refuses to answer over TCP');
}

function openEncPart(data: EncryptedData, subkey: Key, sessionKey: Key): Uint8Array {
  if (data.etype !== subkey.etype) {
    const problem = `encrypted in ${encryptionTypeName(data.etype)}, our keys are ${encryptionTypeName(subkey.etype)}`;
    throw new ProtocolError('ERR_REPLY_ETYPE', 'TGS-REP.encPart.etype', problem, 'RFC 4120 section 3.3.3');
  }
  return openEither(data, subkey, sessionKey);
}

function openEither(data: EncryptedData, subkey: Key, sessionKey: Key): Uint8Array {
  try {
    return unseal(data, subkey, KEY_USAGES.TGS_REP_SUBKEY);
  } catch (error) {
    if (!(error instanceof CryptoError)) throw error;
    return unseal(data, sessionKey, KEY_USAGES.TGS_REP_SESSION);
  }
}

/** ok-as-delegate from a foreign KDC counts only if our own vouched for that realm by the same flag. */
function withoutForeignDelegation(credential: Credential, tgt: Credential): Credential {
  const foreign = isCrossRealmTgt(principalName(tgt.server), tgt.server.realm);
  if (!foreign || hasFlag(tgt.flags, TICKET_FLAGS.okAsDelegate)) return credential;
  return { ...credential, flags: (credential.flags & ~TICKET_FLAGS.okAsDelegate) >>> 0 };
}
