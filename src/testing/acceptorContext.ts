/**
 * Security context of the krb5 mechanism, acceptor's side (RFC 4121; RFC 4120 section 3.2.3 and 3.2.4).
 *
 * 1. `step(token)` opens the AP-REQ with a key of the keytab, checks it and answers with an AP-REP if the initiator wants
 *    mutual authentication. The AP-REP brings the acceptor's subkey and sequence number.
 * 2. In DCE style (RFC 4757 section 7.1) tokens have no framing, and the initiator answers with an AP-REP of its own.
 * 3. Messages are protected under that subkey, otherwise under the initiator's.
 *
 * Not here: user-to-user.
 */
import { equalBytes } from '../bytes.js';
import type { Key } from '../crypto/key.js';
import { KerberosError, ProtocolError } from '../errors.js';
import type { Environment } from '../exchange/environment.js';
import { principalOf } from '../exchange/principalName.js';
import type { Credential } from '../formats/credential.js';
import { findKeytabEntry, type KeytabEntry } from '../formats/keytab.js';
import { formatPrincipal, type Principal, samePrincipal } from '../formats/principal.js';
import { type ContextOffers, readOffers } from '../gss/authorizationData.js';
import { bindingsHash, type ChannelBindings } from '../gss/bindings.js';
import { type AnomalyPolicy, EstablishedContext } from '../gss/established.js';
import { GSS_FLAGS } from '../gss/flags.js';
import { ForwardedMessages } from '../gss/forwardedMessages.js';
import { isAnonymous } from '../gss/name.js';
import type { MessageContext, SecurityContext, StepResult } from '../gss/securityContext.js';
import { initialSequence } from '../gss/sequence.js';
import { badToken, decodeKrb5Token, encodeKrb5Token, TOKEN_IDS } from '../gss/token.js';
import { KEY_USAGES } from '../iana/keyUsages.js';
import { hasFlag } from '../messages/flags.js';
import { encode } from '../messages/module.js';
import type { Ticket } from '../messages/ticket.js';
import { AcceptError } from './acceptError.js';
import { type AcceptorReply, checkDceReply, makeApRep, negotiateEtype } from './apReply.js';
import { type VerifiedApReq, verifyApReq } from './apRequest.js';
import { type ContextChecksum, credentialsOf, readContextChecksum } from './delegation.js';
import { krbErrorOf, Refusal } from './refusal.js';
import type { ReplayCache } from './replayCache.js';

/** What an acceptor is made of. */
export interface AcceptorParts {
  readonly keytab: readonly KeytabEntry[];
  /** The one service to accept for; any of the keytab when undefined. */
  readonly service: Principal | undefined;
  readonly environment: Environment;
  readonly skewSeconds: number;
  readonly replayCache: ReplayCache;
  /** Refuses an initiator that has others; one that has none is let in, as by MIT krb5. */
  readonly channelBindings: ChannelBindings | undefined;
  /** Encryption types that keys of a context may be of, best first for the acceptor's subkey. */
  readonly permittedEtypes: readonly number[];
  /** What is done about messages out of their place; `refuse` unless given. */
  readonly anomalies?: AnomalyPolicy | undefined;
}

/** A context that an initiator starts. */
export interface AcceptedContext extends SecurityContext {
  /** Who the initiator is, once that is proven. */
  readonly client: Principal | undefined;
  /** For whom the ticket was. */
  readonly service: Principal | undefined;
  /** GSS_FLAGS that the initiator set; `delegation`, `anonymous` and `channelBound` where they are true. */
  readonly flags: number;
  /** Credentials that the initiator delegated, usually one ticket-granting ticket. */
  readonly delegated: readonly Credential[];
  /** Whether the initiator gave the acceptor's channel bindings. */
  readonly channelBound: boolean;
  /** Ends the context: nothing is possible any more, its keys are wiped. */
  delete(): void;
}

/** Tag of the AP-REQ itself: [APPLICATION 14]. */
const BARE_AP_REQ = 0x6e;

type State = 'new' | 'waiting' | 'established' | 'dead';

/** Flags that mean something in the checksum (RFC 4121 section 4.1.1.1, RFC 4757 section 7.1). */
const INITIATOR_FLAGS =
  GSS_FLAGS.mutual |
  GSS_FLAGS.replay |
  GSS_FLAGS.sequence |
  GSS_FLAGS.confidentiality |
  GSS_FLAGS.integrity |
  GSS_FLAGS.dceStyle |
  GSS_FLAGS.identify |
  GSS_FLAGS.extendedError;

/** A krb5 context that the other side starts. */
export class AcceptorContext extends ForwardedMessages implements AcceptedContext {
  service: Principal | undefined;
  flags = 0;
  delegated: readonly Credential[] = [];
  endTime = 0;
  readonly #parts: AcceptorParts;
  #state: State = 'new';
  /** Whether the context has been established. */
  #proven = false;
  #client: Principal | undefined;
  #messages: EstablishedContext | undefined;
  /** In DCE style, until the initiator's AP-REP has come. */
  #checkLast: ((token: Uint8Array) => void) | undefined;

  constructor(parts: AcceptorParts) {
    super();
    this.#parts = parts;
  }

  get client(): Principal | undefined {
    return this.#proven ? this.#client : undefined;
  }

  get source(): Principal {
    return this.#client ?? NOBODY;
  }

  get target(): Principal {
    return this.service ?? NOBODY;
  }

  get established(): boolean {
    return this.#state === 'established' && this.#messages?.alive === true;
  }

  get protReady(): boolean {
    return this.established;
  }

  get channelBound(): boolean {
    return hasFlag(this.flags, GSS_FLAGS.channelBound);
  }

  /** Whether we have proven ourselves to the initiator. */
  get mutuallyAuthenticated(): boolean {
    return this.established && hasFlag(this.flags, GSS_FLAGS.mutual);
  }

  /**
   * Takes the initiator's token, gives ours if it wants one.
   * @throws AcceptError with the code of the KRB-ERROR in its token, ERR_GSS_TOKEN, ERR_GSS_STATE
   */
  step(token?: Uint8Array): StepResult {
    try {
      if (token === undefined) throw wrongState(this.#state);
      if (this.#state === 'new') return this.#first(token);
      if (this.#state !== 'waiting') throw wrongState(this.#state);
      this.#checkLast!(token);
      this.#establishedNow();
      return { token: undefined, done: true };
    } catch (error) {
      this.delete();
      throw this.#acceptError(error);
    }
  }

  delete(): void {
    this.#state = 'dead';
    this.#messages?.delete();
  }

  #first(token: Uint8Array): StepResult {
    const framed = token[0] !== BARE_AP_REQ;
    const apRep = this.#accept(framed ? apReqOf(token) : token, framed);
    if (framed) this.#establishedNow();
    else this.#state = 'waiting';
    return { token: framed ? apRep && encodeKrb5Token(TOKEN_IDS.AP_REP, apRep) : apRep, done: framed };
  }

  #establishedNow(): void {
    this.#state = 'established';
    this.#proven = true;
  }

  /** The AP-REP, if the initiator wants mutual authentication. */
  #accept(octets: Uint8Array, framed: boolean): Uint8Array | undefined {
    const { environment, skewSeconds, replayCache } = this.#parts;
    const nowMs = environment.nowMs();
    const verified = verifyApReq(octets, {
      keyOf: (ticket) => this.#ticketKey(ticket),
      nowMs,
      skewSeconds,
      authenticatorUsage: KEY_USAGES.AP_REQ_AUTHENTICATOR,
    });
    if (!replayCache.admit(verified.apReq.authenticator.cipher, nowMs)) {
      throw new Refusal('KRB_AP_ERR_REPEAT', 'Request is a replay');
    }
    const offers = readOffers(verified.authenticator.authorizationData);
    const checksum = readContextChecksum(verified.authenticator.cksum);
    this.#client = principalOf(verified.ticketPart.cname, verified.ticketPart.crealm);
    this.service = principalOf(verified.ticket.sname, verified.ticket.realm);
    this.delegated = this.#delegated(checksum, verified, this.#client);
    this.flags = this.#contextFlags(checksum, offers, this.#client);
    if (framed === hasFlag(this.flags, GSS_FLAGS.dceStyle)) {
      throw badToken(
        'token',
        'framing and the flag of DCE style contradict each other',
        'RFC 4757 section 7.1',
      );
    }
    return this.#establish(verified, offers);
  }

  #contextFlags(checksum: ContextChecksum, offers: ContextOffers, client: Principal): number {
    const flags = checksum.flags & INITIATOR_FLAGS;
    return (
      flags |
      (hasFlag(flags, GSS_FLAGS.dceStyle) ? GSS_FLAGS.mutual : 0) |
      (this.delegated.length > 0 ? GSS_FLAGS.delegation : 0) |
      (isAnonymous(client) ? GSS_FLAGS.anonymous : 0) |
      (this.#bound(checksum, offers) ? GSS_FLAGS.channelBound : 0)
    );
  }

  /** The key of the keytab that the ticket names. */
  #ticketKey({ realm, sname, encPart: { etype, kvno } }: Ticket): Key {
    const { keytab, service } = this.#parts;
    const principal = principalOf(sname, realm);
    const known = service === undefined || samePrincipal(service, principal);
    if (!known || !keytab.some((entry) => samePrincipal(entry.principal, principal))) {
      throw new Refusal('KRB_AP_ERR_NOT_US', `the ticket is for ${formatPrincipal(principal)}`);
    }
    const entry = findKeytabEntry(keytab, { principal, etype, kvno });
    if (entry !== undefined) return entry.key;
    const problem = `no key version ${kvno} of type ${etype} in the keytab`;
    throw new Refusal(kvno === undefined ? 'KRB_AP_ERR_NOKEY' : 'KRB_AP_ERR_BADKEYVER', problem);
  }

  /** Whether the bindings match. None are a refusal only from an initiator that knows them (MS-KILE section 3.4.5). */
  #bound({ bindingsHash: theirs }: ContextChecksum, offers: ContextOffers): boolean {
    const { channelBindings } = this.#parts;
    if (channelBindings === undefined) return false;
    if (equalBytes(theirs, bindingsHash(channelBindings))) return true;
    if (offers.channelBound || theirs.some((octet) => octet !== 0)) {
      throw new Refusal('KRB_ERR_GENERIC', 'Incorrect channel bindings were supplied');
    }
    return false;
  }

  #delegated({ krbCred }: ContextChecksum, verified: VerifiedApReq, client: Principal): Credential[] {
    if (krbCred === undefined) return [];
    const { sessionKey, subkey } = verified;
    return credentialsOf(krbCred, subkey === undefined ? [sessionKey] : [sessionKey, subkey], client);
  }

  /** Fixes keys and sequence numbers. */
  #establish(verified: VerifiedApReq, offers: ContextOffers): Uint8Array | undefined {
    const { environment, permittedEtypes } = this.#parts;
    const { authenticator, sessionKey } = verified;
    const subkeyEtype = negotiateEtype(verified, offers, permittedEtypes);
    const theirs = (authenticator.seqNumber ?? 0) >>> 0;
    // Without an AP-REP both sides count from the initiator's number, as in MIT krb5.
    if (!hasFlag(this.flags, GSS_FLAGS.mutual)) {
      return void this.#open(verified, { subkey: undefined, seqNumber: theirs });
    }
    const dceStyle = hasFlag(this.flags, GSS_FLAGS.dceStyle);
    const reply = makeApRep(verified, subkeyEtype, dceStyle, environment);
    this.#open(verified, reply);
    this.#checkLast = (token) => checkDceReply(token, sessionKey, reply.seqNumber);
    return reply.apRep;
  }

  #open(verified: VerifiedApReq, ours: Pick<AcceptorReply, 'subkey' | 'seqNumber'>): void {
    const { authenticator, sessionKey, subkey } = verified;
    this.endTime = verified.ticketPart.endtime;
    this.#messages = new EstablishedContext(
      {
        side: 'acceptor',
        flags: this.flags,
        source: this.source,
        target: this.target,
        endTime: this.endTime,
        initiatorKey: subkey ?? sessionKey,
        acceptorSubkey: ours.subkey,
        sendSequence: BigInt(ours.seqNumber),
        received: initialSequence(BigInt((authenticator.seqNumber ?? 0) >>> 0)),
        anomalies: this.#parts.anomalies,
      },
      this.#parts.environment,
    );
  }

  #acceptError(error: unknown): unknown {
    if (error instanceof Refusal) {
      const token = encodeKrb5Token(TOKEN_IDS.ERROR, encode('KrbError', this.#krbError(error)));
      return new AcceptError(error.symbol, `token refused: ${error.eText}`, token, { cause: error });
    }
    if (error instanceof KerberosError) {
      return new AcceptError(error.code, `token refused: ${error.message}`, undefined, { cause: error });
    }
    return error;
  }

  #krbError(refusal: Refusal) {
    const { service, keytab, environment } = this.#parts;
    const { realm, nameType, components } = service ?? keytab[0]?.principal ?? NOBODY;
    return krbErrorOf(refusal, { realm, sname: { nameType, nameString: components } }, environment);
  }

  protected override ready(): MessageContext {
    if (this.#state === 'established' && this.#messages !== undefined) return this.#messages;
    throw wrongState(this.#state);
  }
}

const NOBODY: Principal = { nameType: 0, components: ['unknown'], realm: '' };

function apReqOf(token: Uint8Array): Uint8Array {
  const { id, message } = decodeKrb5Token(token);
  if (id !== TOKEN_IDS.AP_REQ) throw badToken('TOK_ID', 'not an AP-REQ');
  return message;
}

function wrongState(state: string): ProtocolError {
  return new ProtocolError('ERR_GSS_STATE', 'acceptor context', `not possible: the context is ${state}`);
}
