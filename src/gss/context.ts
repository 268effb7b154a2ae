/**
 * Security context of the krb5 mechanism, initiator's side (RFC 4121; calls as in RFC 2743 section 2.2).
 *
 * 1. `step()` gives the initial token: AP-REQ with flags, bindings, subkey and sequence number.
 * 2. With mutual authentication, `step(token)` checks the acceptor's AP-REP; only then is the context established.
 * 3. Messages are protected under the acceptor's subkey if it sent one, otherwise under ours.
 *
 * After an error of `step`, `unwrap` or `verifyMic` the context is dead.
 */
import type { Key } from '../crypto/key.js';
import { ProtocolError } from '../errors.js';
import { type ApReply, checkApRep, makeApReq, type SentApReq } from '../exchange/ap.js';
import { type Environment, uint32 } from '../exchange/environment.js';
import { freshSubkey } from '../exchange/tgs.js';
import type { Credential } from '../formats/credential.js';
import type { Principal } from '../formats/principal.js';
import { type ChannelBindings, contextChecksum } from './bindings.js';
import { type AnomalyPolicy, EstablishedContext, requireOctets } from './established.js';
import { GSS_FLAGS } from './flags.js';
import { ForwardedMessages } from './forwardedMessages.js';
import type { MessageContext, SecurityContext, StepResult } from './securityContext.js';
import { initialSequence } from './sequence.js';
import { badToken, decodeKrb5Token, encodeKrb5Token, TOKEN_IDS } from './token.js';

/** How to make a context. */
export interface InitiatorOptions {
  /** Ticket for the acceptor. */
  readonly credential: Credential;
  /** GSS_FLAGS except delegation; integrity, confidentiality, replay, sequence and mutual unless given. */
  readonly flags?: number | undefined;
  readonly channelBindings?: ChannelBindings | undefined;
  /** The acceptor's clock minus ours, seconds. */
  readonly timeOffsetSeconds?: number | undefined;
  /** What is done about messages out of their place; `refuse` unless given. */
  readonly anomalies?: AnomalyPolicy | undefined;
}

/** Flags unless others are asked for. */
export const DEFAULT_FLAGS: number =
  GSS_FLAGS.mutual | GSS_FLAGS.replay | GSS_FLAGS.sequence | GSS_FLAGS.confidentiality | GSS_FLAGS.integrity;

/** What a context can do; delegation would need a KRB-CRED in the checksum (RFC 4121 section 4.1.1). */
const SUPPORTED_FLAGS = DEFAULT_FLAGS;

type State = 'new' | 'waiting' | 'established' | 'dead';

/** A krb5 context that this side starts. */
export class InitiatorContext extends ForwardedMessages implements SecurityContext {
  readonly #options: InitiatorOptions;
  readonly #environment: Environment;
  readonly #subkey: Key;
  readonly #flags: number;
  readonly #sendSequence: bigint;
  #state: State = 'new';
  #sent: SentApReq | undefined;
  #messages: EstablishedContext | undefined;

  /** @throws RangeError when `options.flags` asks for what a context cannot do */
  constructor(options: InitiatorOptions, environment: Environment) {
    super();
    this.#flags = supportedFlags(options.flags ?? DEFAULT_FLAGS);
    this.#options = options;
    this.#environment = environment;
    this.#subkey = freshSubkey(options.credential.sessionKey, environment);
    this.#sendSequence = BigInt(uint32(environment.randomBytes(4)) & 0x3fffffff);
  }

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
    return this.established && (this.flags & GSS_FLAGS.mutual) !== 0;
  }

  /**
   * Takes the peer's token, gives ours.
   * @param token undefined at first, then what the acceptor sent
   * @throws ProtocolError ERR_GSS_STATE, ERR_GSS_TOKEN, ERR_ASN1, ERR_AP_REP; KdcError; CryptoError ERR_INTEGRITY,
   *   ERR_ETYPE_UNSUPPORTED, ERR_KEY_LENGTH
   */
  step(token?: Uint8Array): StepResult {
    if (token !== undefined) requireOctets(token, 'token');
    try {
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
    const mutual = (this.flags & GSS_FLAGS.mutual) !== 0;
    this.#sent = makeApReq(
      {
        credential: this.#options.credential,
        mutual,
        checksum: contextChecksum(this.flags, this.#options.channelBindings),
        subkey: this.#subkey,
        seqNumber: Number(this.#sendSequence),
        timeOffsetSeconds: this.#options.timeOffsetSeconds,
      },
      this.#environment,
    );
    const token = encodeKrb5Token(TOKEN_IDS.AP_REQ, this.#sent.apReq);
    this.#state = 'waiting';
    // Without an AP-REP the acceptor counts from our number (RFC 4121 section 4.1.1 and MIT krb5).
    if (!mutual) this.#establish({ subkey: undefined, seqNumber: Number(this.#sendSequence) });
    return { token, done: !mutual };
  }

  #acceptReply(token: Uint8Array): StepResult {
    const { id, message } = decodeKrb5Token(token);
    if (id === TOKEN_IDS.AP_REQ) throw badToken('TOK_ID', 'an AP-REQ in answer to an AP-REQ');
    const reply = checkApRep(message, this.#sent!, this.#environment.nowMs());
    if (id !== TOKEN_IDS.AP_REP) throw badToken('TOK_ID', 'an AP-REP under the wrong identifier');
    this.#establish(reply);
    return { token: undefined, done: true };
  }

  #establish({ subkey, seqNumber }: ApReply): void {
    const { source, target, endTime, flags } = this;
    this.#messages = new EstablishedContext(
      {
        side: 'initiator',
        flags,
        source,
        target,
        endTime,
        initiatorKey: this.#subkey,
        acceptorSubkey: subkey,
        sendSequence: this.#sendSequence,
        received: initialSequence(BigInt(seqNumber)),
        anomalies: this.#options.anomalies,
      },
      this.#environment,
    );
    this.#state = 'established';
  }

  protected override ready(): MessageContext {
    if (this.#state === 'established' && this.#messages !== undefined) return this.#messages;
    throw this.#wrongState('messages need an established context');
  }

  #wrongState(problem: string): ProtocolError {
    return new ProtocolError('ERR_GSS_STATE', 'security context', `${problem}; it is ${STATES[this.#state]}`);
  }
}

function supportedFlags(flags: number): number {
  if (!Number.isInteger(flags) || (flags & ~SUPPORTED_FLAGS) !== 0) {
    throw new RangeError('flags must be made of GSS_FLAGS without delegation, which is not supported');
  }
  return flags;
}

const STATES: Readonly<Record<State, string>> = {
  new: 'not started (call step() first)',
  waiting: "waiting for the acceptor's token",
  established: 'established',
  dead: 'deleted, or dead after an error; start a new one',
};
