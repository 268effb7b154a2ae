/**
 * Security context of the krb5 mechanism, initiator's side (RFC 4121; calls as in RFC 2743 section 2.2).
 *
 * 1. `step()` gives the initial token: AP-REQ with flags, bindings, perhaps a delegated ticket, subkey and sequence number.
 * 2. With mutual authentication, `step(token)` checks the acceptor's AP-REP; only then is the context established.
 * 3. In DCE style (RFC 4757 section 7.1) tokens have no framing, and that step gives a last token: an AP-REP of ours.
 * 4. Messages are protected under the acceptor's subkey if it sent one, otherwise under ours.
 *
 * After an error of `step`, `unwrap` or `verifyMic` the context is dead.
 */

import { requireOctets } from '../bytes.js';
import { STRONG_ETYPES, SUPPORTED_ETYPES } from '../crypto/etypes.js';
import type { Key } from '../crypto/key.js';
import { CredentialError, ProtocolError } from '../errors.js';
import { type ApReply, checkApRep, makeApReq, makeDceApRep, type SentApReq } from '../exchange/ap.js';
import { type Environment, uint32 } from '../exchange/environment.js';
import { freshSubkey } from '../exchange/tgs.js';
import type { Credential } from '../formats/credential.js';
import { weakHint } from '../formats/etypeList.js';
import { formatPrincipal, type Principal } from '../formats/principal.js';
import { ENCRYPTION_TYPES, encryptionTypeName } from '../iana/encryptionTypes.js';
import { offersData, subkeyEtypes } from './authorizationData.js';
import { type ChannelBindings, contextChecksum } from './bindings.js';
import { type AnomalyPolicy, EstablishedContext } from './established.js';
import { GSS_FLAGS, requestedFlags } from './flags.js';
import { ForwardedMessages } from './forwardedMessages.js';
import { isAnonymous } from './name.js';
import type { MessageContext, SecurityContext, StepResult } from './securityContext.js';
import { initialSequence } from './sequence.js';
import { badToken, decodeKrb5Token, encodeKrb5Token, isFramed, type Krb5Token, TOKEN_IDS } from './token.js';

export { DEFAULT_FLAGS } from './flags.js';

/** How to make a context. */
export interface InitiatorOptions {
  /** Ticket for the acceptor. */
  readonly credential: Credential;
  /** GSS_FLAGS except delegation; integrity, confidentiality, replay, sequence and mutual unless given. */
  readonly flags?: number | undefined;
  readonly channelBindings?: ChannelBindings | undefined;
  /** DER of the KRB-CRED to delegate (`delegationMessage`), sealed in the session key of `credential`. */
  readonly delegation?: Uint8Array | undefined;
  /**
   * Encryption types that keys of this context may be of, best first; those that are not weak unless given. What is
   * preferred to the session key's type is offered to the acceptor for its subkey (RFC 4537).
   */
  readonly permittedEtypes?: readonly number[] | undefined;
  /** The acceptor's clock minus ours, seconds. */
  readonly timeOffsetSeconds?: number | undefined;
  /** What is done about messages out of their place; `refuse` unless given. */
  readonly anomalies?: AnomalyPolicy | undefined;
}

/** Flags that stay here: the acceptor learns of them otherwise, or has no use for them (RFC 4121 section 4.1.1.1). */
const LOCAL_FLAGS = GSS_FLAGS.anonymous;

type State = 'new' | 'waiting' | 'established' | 'dead';

/** A krb5 context that this side starts. */
export class InitiatorContext extends ForwardedMessages implements SecurityContext {
  readonly #options: InitiatorOptions;
  readonly #environment: Environment;
  readonly #permittedEtypes: readonly number[];
  readonly #subkey: Key;
  readonly #flags: number;
  /** Whether the acceptor is told that we know channel bindings. */
  readonly #channelBound: boolean;
  readonly #sendSequence: bigint;
  #state: State = 'new';
  #sent: SentApReq | undefined;
  #messages: EstablishedContext | undefined;

  /**
   * @throws RangeError when `options.flags` asks for what a context cannot do
   * @throws CredentialError ERR_NOT_ANONYMOUS when it asks for anonymity and the ticket names its holder
   */
  constructor(options: InitiatorOptions, environment: Environment) {
    super();
    const { client, sessionKey } = options.credential;
    const flags = requestedFlags(options.flags);
    requireAnonymity(flags, client);
    this.#channelBound = (flags & GSS_FLAGS.channelBound) !== 0;
    this.#flags =
      (flags & ~GSS_FLAGS.channelBound) |
      (options.delegation === undefined ? 0 : GSS_FLAGS.delegation) |
      (isAnonymous(client) ? GSS_FLAGS.anonymous : 0);
    this.#options = options;
    this.#environment = environment;
    this.#permittedEtypes = options.permittedEtypes ?? STRONG_ETYPES;
    this.#subkey = freshSubkey(sessionKey, environment);
    this.#sendSequence = BigInt(uint32(environment.randomBytes(4)) & 0x3fffffff);
  }

  /** In force: as asked for, with `mutual` in DCE style, without `channelBound`, which only the acceptor can tell. */
  get flags(): number {
    return this.#flags;
  }

  get source(): Principal {
    return this.#options.credential.client;
  }

  get target(): Principal {
    return this.#options.credential.server;
  }

  get endTime(): number {
    return this.#options.credential.endTime;
  }

  get established(): boolean {
    return this.#state === 'established' && this.#messages?.alive === true;
  }

  /** With mutual authentication not before the acceptor has proved itself: its subkey may replace ours. */
  get protReady(): boolean {
    return this.established;
  }

  /** Whether the acceptor has proved that it holds the service's key. */
  get mutuallyAuthenticated(): boolean {
    return this.established && this.#has(GSS_FLAGS.mutual);
  }

  /**
   * Takes the peer's token, gives ours.
   * @param token undefined at first, then what the acceptor sent
   * @throws ProtocolError ERR_GSS_STATE, ERR_GSS_TOKEN, ERR_ASN1, ERR_AP_REP, ERR_REPLY_ETYPE; KdcError
   * @throws CredentialError ERR_ETYPE_POLICY, ERR_DISPOSED; CryptoError ERR_INTEGRITY, ERR_ETYPE_UNSUPPORTED, ERR_KEY_LENGTH
   */
  step(token?: Uint8Array): StepResult {
    if (token !== undefined) requireOctets(token, 'token');
    try {
      this.#requireTicket();
      if (this.#state === 'new' && token === undefined) return this.#initialToken();
      if (this.#state === 'waiting' && token !== undefined) return this.#acceptReply(token);
      throw this.#wrongState(
        token === undefined ? 'a token of the acceptor is needed' : 'no token is expected',
      );
    } catch (error) {
      this.delete();
      throw error;
    }
  }

  /** Ends the context (GSS_Delete_sec_context, RFC 2743 section 2.2.3): nothing is possible any more, its keys are wiped. */
  delete(): void {
    this.#state = 'dead';
    this.#subkey.wipe();
    this.#messages?.delete();
  }

  #initialToken(): StepResult {
    const { credential, channelBindings, delegation, timeOffsetSeconds } = this.#options;
    this.#checkSessionKey();
    const mutual = this.#has(GSS_FLAGS.mutual);
    this.#sent = makeApReq(
      {
        credential,
        mutual,
        checksum: contextChecksum(this.flags & ~LOCAL_FLAGS, channelBindings, delegation),
        subkey: this.#subkey,
        seqNumber: Number(this.#sendSequence),
        authorizationData: this.#offers(mutual),
        timeOffsetSeconds,
      },
      this.#environment,
    );
    this.#state = 'waiting';
    // Without an AP-REP the acceptor counts from our number (RFC 4121 section 4.1.1 and MIT krb5).
    if (!mutual) this.#establish({ subkey: undefined, seqNumber: Number(this.#sendSequence) });
    const { apReq } = this.#sent;
    return { token: this.#dce ? apReq : encodeKrb5Token(TOKEN_IDS.AP_REQ, apReq), done: !mutual };
  }

  /** A subkey comes with an AP-REP only, so without mutual authentication there is nothing to negotiate. */
  #offers(mutual: boolean) {
    const { etype } = this.#options.credential.sessionKey;
    return offersData({
      etypes: mutual ? subkeyEtypes(this.#permittedEtypes, etype) : [],
      channelBound: this.#channelBound,
    });
  }

  /** Types that are not supported fail by themselves. */
  #checkSessionKey(): void {
    const { etype } = this.#options.credential.sessionKey;
    if (this.#permittedEtypes.includes(etype) || !SUPPORTED_ETYPES.includes(etype)) return;
    throw new CredentialError(
      'ERR_ETYPE_POLICY',
      `the session key of the ticket for ${formatPrincipal(this.target)} is of ${encryptionTypeName(etype)}, which is not ` +
        `permitted${weakHint([etype], this.#permittedEtypes)}`,
    );
  }

  #acceptReply(token: Uint8Array): StepResult {
    const { id, message } = this.#dce ? decodeDceToken(token) : decodeKrb5Token(token);
    if (id === TOKEN_IDS.AP_REQ) throw badToken('TOK_ID', 'an AP-REQ in answer to an AP-REQ');
    const reply = checkApRep(message, this.#sent!, this.#environment.nowMs(), this.#permittedEtypes);
    if (id !== TOKEN_IDS.AP_REP) throw badToken('TOK_ID', 'an AP-REP under the wrong identifier');
    if (this.#dce && reply.subkey === undefined) {
      throw badToken('AP-REP.encPart.subkey', 'missing, and DCE style needs it', 'RFC 4757 section 7.1');
    }
    this.#establish(reply);
    return { token: this.#dce ? this.#lastDceToken(reply) : undefined, done: true };
  }

  #lastDceToken({ seqNumber }: ApReply): Uint8Array {
    const { credential, timeOffsetSeconds } = this.#options;
    return makeDceApRep(credential, seqNumber, this.#environment, timeOffsetSeconds);
  }

  #establish(reply: ApReply): void {
    const { source, target, endTime, flags } = this;
    this.#messages = new EstablishedContext(
      {
        side: 'initiator',
        flags,
        source,
        target,
        endTime,
        initiatorKey: this.#subkey,
        acceptorSubkey: this.#acceptorSubkey(reply),
        sendSequence: this.#sendSequence,
        received: initialSequence(BigInt(reply.seqNumber)),
        anomalies: this.#options.anomalies,
      },
      this.#environment,
    );
    this.#state = 'established';
  }

  /** Tokens of RC4 do not say whose subkey they are under, so one of the same type does not count, as in MIT krb5. */
  #acceptorSubkey({ subkey }: ApReply): Key | undefined {
    const ours = this.#subkey.etype;
    const ignored = ours === RC4 && subkey?.etype === ours && !this.#dce;
    return ignored ? undefined : subkey;
  }

  get #dce(): boolean {
    return this.#has(GSS_FLAGS.dceStyle);
  }

  #has(flag: number): boolean {
    return (this.flags & flag) !== 0;
  }

  protected override ready(): MessageContext {
    if (this.#state === 'established' && this.#messages !== undefined) return this.#messages;
    throw this.#wrongState('messages need an established context');
  }

  /** The client that got the ticket may have wiped its key meanwhile. */
  #requireTicket(): void {
    if (!this.#options.credential.sessionKey.wiped) return;
    throw new CredentialError(
      'ERR_DISPOSED',
      'the client of this context was disposed of before the context was established; make a new one',
    );
  }

  #wrongState(problem: string): ProtocolError {
    return new ProtocolError('ERR_GSS_STATE', 'security context', `${problem}; it is ${STATES[this.#state]}`);
  }
}

const RC4 = ENCRYPTION_TYPES['arcfour-hmac'];

/**
 * Once the token is sent it is too late (RFC 8062 section 6).
 * @throws CredentialError ERR_NOT_ANONYMOUS when `flags` asks for anonymity and `client` says who it is
 */
export function requireAnonymity(flags: number, client: Principal): void {
  if ((flags & GSS_FLAGS.anonymous) === 0 || isAnonymous(client)) return;
  throw new CredentialError(
    'ERR_NOT_ANONYMOUS',
    `an anonymous context was asked for, and the ticket is of ${formatPrincipal(client)}; use a credential cache with an ` +
      'anonymous ticket (kinit -n)',
  );
}

/** An AP-REP as it is; an error comes in the framing (MIT krb5) or as it is. */
function decodeDceToken(token: Uint8Array): Krb5Token {
  if (!isFramed(token)) return { id: TOKEN_IDS.AP_REP, message: token };
  const framed = decodeKrb5Token(token);
  if (framed.id === TOKEN_IDS.ERROR) return framed;
  throw badToken('token', 'framed, although DCE style was agreed', 'RFC 4757 section 7.1');
}

const STATES: Readonly<Record<State, string>> = {
  new: 'not started (call step() first)',
  waiting: "waiting for the acceptor's token",
  established: 'established',
  dead: 'deleted, or dead after an error; start a new one',
};
