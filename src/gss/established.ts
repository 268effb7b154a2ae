/**
 * An established context of the krb5 mechanism, either side: keys, sequence numbers and messages
 * (RFC 4121 section 4.2; RFC 2743 section 2.3). After an error of `unwrap` or `verifyMic` it is dead.
 */
import type { Key } from '../crypto/key.js';
import { ProtocolError } from '../errors.js';
import type { Environment } from '../exchange/environment.js';
import type { Principal } from '../formats/principal.js';
import { checkMic, type MessageKey, makeMic, type Side, unwrapMessage, wrapMessage } from './perMessage.js';
import type { MessageContext, UnwrappedMessage, WrapOptions } from './securityContext.js';
import { type SequenceAnomaly, type SequenceState, SequenceWindow } from './sequence.js';

/** What is done about a token out of its place: an error that ends the context, or a report beside the message. */
export type AnomalyPolicy = 'refuse' | 'report';

/** What an established context is made of. */
export interface EstablishedParts {
  /** Which side we are. */
  readonly side: Side;
  /** GSS_FLAGS in force. */
  readonly flags: number;
  readonly source: Principal;
  readonly target: Principal;
  /** End of the ticket, seconds since 1970. */
  readonly endTime: number;
  /** The initiator's subkey, or the ticket's session key if it sent none. */
  readonly initiatorKey: Key;
  /** The acceptor's subkey, if it sent one; it then protects the messages. */
  readonly acceptorSubkey: Key | undefined;
  /** Number of our next token. */
  readonly sendSequence: bigint;
  readonly received: SequenceState;
  /** `refuse` unless given. */
  readonly anomalies?: AnomalyPolicy | undefined;
}

/** A context that is established. */
export class EstablishedContext implements MessageContext {
  readonly #parts: EstablishedParts;
  readonly #environment: Environment;
  readonly #messageKey: MessageKey;
  readonly #window: SequenceWindow;
  #sendSequence: bigint;
  #alive = true;

  /** @throws CryptoError ERR_ETYPE_UNSUPPORTED, ERR_KEY_LENGTH when the key could protect no message */
  constructor(parts: EstablishedParts, environment: Environment) {
    const key = parts.acceptorSubkey ?? parts.initiatorKey;
    void key.checksumType;
    this.#parts = parts;
    this.#environment = environment;
    this.#messageKey = { key, acceptorSubkey: parts.acceptorSubkey !== undefined, sender: parts.side };
    this.#window = new SequenceWindow(parts.flags, parts.received);
    this.#sendSequence = parts.sendSequence;
  }

  get flags(): number {
    return this.#parts.flags;
  }

  get source(): Principal {
    return this.#parts.source;
  }

  get target(): Principal {
    return this.#parts.target;
  }

  get endTime(): number {
    return this.#parts.endTime;
  }

  /** False once an error or `delete` has ended the context. */
  get alive(): boolean {
    return this.#alive;
  }

  /**
   * A Wrap token of `message`.
   * @throws ProtocolError ERR_GSS_STATE
   */
  wrap(message: Uint8Array, options: WrapOptions = {}): Uint8Array {
    requireOctets(message, 'message');
    const sealed = options.confidential ?? true;
    return wrapMessage(message, sealed, this.#messageKey, this.#nextSequence(), (count) =>
      this.#environment.randomBytes(count),
    );
  }

  /**
   * The message of the peer's Wrap token.
   * @throws ProtocolError ERR_GSS_STATE, ERR_GSS_TOKEN, ERR_GSS_SEQUENCE; CryptoError ERR_INTEGRITY
   */
  unwrap(token: Uint8Array): UnwrappedMessage {
    requireOctets(token, 'token');
    return this.#orDie(() => {
      const { message, sealed, sequence } = unwrapMessage(token, this.#messageKey);
      return { message, confidential: sealed, anomaly: this.#checkSequence(sequence) };
    });
  }

  /** A MIC token of `message`. @throws ProtocolError ERR_GSS_STATE */
  mic(message: Uint8Array): Uint8Array {
    requireOctets(message, 'message');
    return makeMic(message, this.#messageKey, this.#nextSequence());
  }

  /**
   * Checks the peer's MIC token of `message`.
   * @throws ProtocolError ERR_GSS_STATE, ERR_GSS_TOKEN, ERR_GSS_SEQUENCE; CryptoError ERR_INTEGRITY
   */
  verifyMic(message: Uint8Array, token: Uint8Array): SequenceAnomaly | undefined {
    requireOctets(message, 'message');
    requireOctets(token, 'token');
    return this.#orDie(() => this.#checkSequence(checkMic(message, token, this.#messageKey)));
  }

  delete(): void {
    this.#alive = false;
    this.#parts.initiatorKey.wipe();
    this.#parts.acceptorSubkey?.wipe();
  }

  #nextSequence(): bigint {
    this.#mustBeAlive();
    const sequence = this.#sendSequence;
    this.#sendSequence = BigInt.asUintN(64, sequence + 1n);
    return sequence;
  }

  #checkSequence(sequence: bigint): SequenceAnomaly | undefined {
    const anomaly = this.#window.check(sequence);
    if (anomaly === undefined || this.#parts.anomalies === 'report') return anomaly;
    const rule = 'RFC 2743 section 1.2.3';
    throw new ProtocolError('ERR_GSS_SEQUENCE', 'SND_SEQ', ANOMALIES[anomaly], rule);
  }

  #mustBeAlive(): void {
    if (this.#alive) return;
    throw new ProtocolError(
      'ERR_GSS_STATE',
      'security context',
      'it is deleted, or dead after an error; start a new one',
    );
  }

  #orDie<Result>(action: () => Result): Result {
    this.#mustBeAlive();
    try {
      return action();
    } catch (error) {
      this.delete();
      throw error;
    }
  }
}

const ANOMALIES: Readonly<Record<SequenceAnomaly, string>> = {
  duplicate: 'duplicate: the message was received before',
  old: 'old: too far behind to tell whether the message was received before',
  unsequenced: 'unsequenced: the message comes after a later one',
  gap: 'gap: messages before this one are missing',
};

/** @throws TypeError naming the argument */
export function requireOctets(value: unknown, name: string): asserts value is Uint8Array {
  if (!(value instanceof Uint8Array)) throw new TypeError(`${name} must be a Uint8Array`);
}
