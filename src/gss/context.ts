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
import { type ChannelBindings, contextChecksum } from './bindings.js';
import { GSS_FLAGS } from './flags.js';
import { checkMic, type MessageKey, makeMic, unwrapMessage, wrapMessage } from './perMessage.js';
import type { SecurityContext, StepResult } from './securityContext.js';
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
}

/** Flags unless others are asked for. */
export const DEFAULT_FLAGS: number =
  GSS_FLAGS.mutual | GSS_FLAGS.replay | GSS_FLAGS.sequence | GSS_FLAGS.confidentiality | GSS_FLAGS.integrity;

/** What a context can do; delegation would need a KRB-CRED in the checksum (RFC 4121 section 4.1.1). */
const SUPPORTED_FLAGS = DEFAULT_FLAGS;

type State = 'new' | 'waiting' | 'established' | 'dead';

/** A krb5 context that this side starts. */
export class InitiatorContext implements SecurityContext {
  readonly flags: number;
  readonly #options: InitiatorOptions;
  readonly #environment: Environment;
  readonly #subkey: Key;
  #state: State = 'new';
  #sent: SentApReq | undefined;
  #messageKey: MessageKey;
  #sendSequence: bigint;
  #receiveSequence = 0n;

  /** @throws RangeError when `options.flags` asks for what a context cannot do */
  constructor(options: InitiatorOptions, environment: Environment) {
    this.flags = supportedFlags(options.flags ?? DEFAULT_FLAGS);
    this.#options = options;
    this.#environment = environment;
    this.#subkey = freshSubkey(options.credential.sessionKey, environment);
    this.#messageKey = { key: this.#subkey, acceptorSubkey: false };
    this.#sendSequence = BigInt(uint32(environment.randomBytes(4)) & 0x3fffffff);
  }

  /** Whether tokens of `wrap` and `mic` may be exchanged. */
  get established(): boolean {
    return this.#state === 'established';
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
    return this.#orDie(() => {
      if (this.#state === 'new' && token === undefined) return this.#initialToken();
      if (this.#state === 'waiting' && token !== undefined) return this.#acceptReply(token);
      throw this.#wrongState(
        token === undefined ? 'a token of the acceptor is needed' : 'no token is expected',
      );
    });
  }

  /**
   * A Wrap token of `message`.
   * @param options.confidential whether to encrypt it; true unless given
   * @throws ProtocolError ERR_GSS_STATE
   */
  wrap(message: Uint8Array, options: { confidential?: boolean } = {}): Uint8Array {
    requireOctets(message, 'message');
    this.#mustBeEstablished();
    const sealed = options.confidential ?? true;
    return wrapMessage(message, sealed, this.#messageKey, this.#nextSequence(), (n) =>
      this.#environment.randomBytes(n),
    );
  }

  /**
   * The message of the acceptor's Wrap token.
   * @throws ProtocolError ERR_GSS_STATE, ERR_GSS_TOKEN (also out of order), CryptoError ERR_INTEGRITY
   */
  unwrap(token: Uint8Array): { message: Uint8Array; confidential: boolean } {
    requireOctets(token, 'token');
    return this.#orDie(() => {
      this.#mustBeEstablished();
      const { message, sealed, sequence } = unwrapMessage(token, this.#messageKey);
      this.#expectSequence(sequence);
      return { message, confidential: sealed };
    });
  }

  /** A MIC token of `message`. @throws ProtocolError ERR_GSS_STATE */
  mic(message: Uint8Array): Uint8Array {
    requireOctets(message, 'message');
    this.#mustBeEstablished();
    return makeMic(message, this.#messageKey, this.#nextSequence());
  }

  /**
   * Checks the acceptor's MIC token of `message`.
   * @throws ProtocolError ERR_GSS_STATE, ERR_GSS_TOKEN (also out of order), CryptoError ERR_INTEGRITY
   */
  verifyMic(message: Uint8Array, token: Uint8Array): void {
    requireOctets(message, 'message');
    requireOctets(token, 'token');
    this.#orDie(() => {
      this.#mustBeEstablished();
      this.#expectSequence(checkMic(message, token, this.#messageKey));
    });
  }

  /** Ends the context (GSS_Delete_sec_context, RFC 2743 section 2.2.3): nothing is possible any more, its keys are wiped. */
  delete(): void {
    this.#state = 'dead';
    this.#subkey.wipe();
    this.#messageKey.key.wipe();
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
    this.#state = mutual ? 'waiting' : 'established';
    // Without an AP-REP the acceptor counts from our number (RFC 4121 section 4.1.1 and MIT krb5).
    this.#receiveSequence = this.#sendSequence;
    return { token: encodeKrb5Token(TOKEN_IDS.AP_REQ, this.#sent.apReq), done: !mutual };
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
    if (subkey !== undefined) this.#messageKey = { key: usable(subkey), acceptorSubkey: true };
    this.#receiveSequence = BigInt(seqNumber);
    this.#state = 'established';
  }

  #nextSequence(): bigint {
    const sequence = this.#sendSequence;
    this.#sendSequence = BigInt.asUintN(64, sequence + 1n);
    return sequence;
  }

  #expectSequence(sequence: bigint): void {
    const checked = (this.flags & (GSS_FLAGS.replay | GSS_FLAGS.sequence)) !== 0;
    if (checked && sequence !== this.#receiveSequence) {
      throw badToken('SND_SEQ', 'a replayed, lost or reordered message', 'RFC 4121 section 4.2.6');
    }
    this.#receiveSequence = BigInt.asUintN(64, sequence + 1n);
  }

  #mustBeEstablished(): void {
    if (this.#state !== 'established') throw this.#wrongState('messages need an established context');
  }

  #wrongState(problem: string): ProtocolError {
    return new ProtocolError('ERR_GSS_STATE', 'security context', `${problem}; it is ${STATES[this.#state]}`);
  }

  #orDie<Result>(action: () => Result): Result {
    try {
      return action();
    } catch (error) {
      this.delete();
      throw error;
    }
  }
}

function supportedFlags(flags: number): number {
  if (!Number.isInteger(flags) || (flags & ~SUPPORTED_FLAGS) !== 0) {
    throw new RangeError('flags must be made of GSS_FLAGS without delegation, which is not supported');
  }
  return flags;
}

/** Refuses a key that could protect no message before the context counts as established. */
function usable(key: Key): Key {
  void key.checksumType;
  return key;
}

function requireOctets(value: unknown, name: string): void {
  if (!(value instanceof Uint8Array)) throw new TypeError(`${name} must be a Uint8Array`);
}

const STATES: Readonly<Record<State, string>> = {
  new: 'not started (call step() first)',
  waiting: "waiting for the acceptor's token",
  established: 'established',
  dead: 'deleted, or dead after an error; start a new one',
};
