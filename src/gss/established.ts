/**
 * An established context of the krb5 mechanism, either side: keys, sequence numbers and messages
 * (RFC 4121 section 4.2, RFC 4757 section 7; RFC 2743 section 2.3). After an error of `unwrap`, `unwrapIov` or `verifyMic` it
 * is dead.
 */
import { requireOctets } from '../bytes.js';
import { Key } from '../crypto/key.js';
import { ProtocolError } from '../errors.js';
import type { Environment } from '../exchange/environment.js';
import type { Principal } from '../formats/principal.js';
import type { EstablishedParts } from './establishedParts.js';
import { decodeExportedContext, encodeExportedContext } from './exportedContext.js';
import { GSS_FLAGS } from './flags.js';
import { fillIov, type Iov, type IovBuffer, type IovOctets, readIov, readStream } from './iov.js';
import type { LucidContext } from './lucid.js';
import type { MessageKey } from './messageKey.js';
import { type MessageProtection, messageProtection } from './messageProtection.js';
import { type PrfKind, pseudoRandom } from './prf.js';
import type {
  MessageContext,
  UnwrappedIovMessage,
  UnwrappedMessage,
  WrapOptions,
} from './securityContext.js';
import { type SequenceAnomaly, SequenceWindow } from './sequence.js';
import { wrapSizeLimit } from './sizeLimit.js';

export type { AnomalyPolicy, EstablishedParts } from './establishedParts.js';

/** SGN_ALG and SEAL_ALG of RFC 4757 as MIT krb5's lucid view numbers them. */
const LUCID_ALGORITHMS = { signAlgorithm: 0x11, sealAlgorithm: 0x10 } as const;

/** A context that is established. */
export class EstablishedContext implements MessageContext {
  readonly #parts: EstablishedParts;
  readonly #environment: Environment;
  readonly #messageKey: MessageKey;
  readonly #protection: MessageProtection;
  readonly #window: SequenceWindow;
  #sendSequence: bigint;
  #alive = true;

  /** @throws CryptoError ERR_ETYPE_UNSUPPORTED, ERR_KEY_LENGTH when the key could protect no message */
  constructor(parts: EstablishedParts, environment: Environment) {
    const key = parts.acceptorSubkey ?? parts.initiatorKey;
    void key.checksumType;
    this.#parts = parts;
    this.#environment = environment;
    this.#messageKey = {
      key,
      acceptorSubkey: parts.acceptorSubkey !== undefined,
      sender: parts.side,
      dceStyle: (parts.flags & GSS_FLAGS.dceStyle) !== 0,
    };
    this.#protection = messageProtection(key.etype);
    this.#window = new SequenceWindow(parts.flags, parts.received, this.#protection.sequenceBits);
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

  /** False once an error, `export` or `delete` has ended the context. */
  get alive(): boolean {
    return this.#alive;
  }

  /** @throws ProtocolError ERR_GSS_STATE */
  get sessionKey(): Key {
    this.#mustBeAlive();
    return copyOf(this.#messageKey.key);
  }

  /** @throws ProtocolError ERR_GSS_STATE */
  wrap(message: Uint8Array, options: WrapOptions = {}): Uint8Array {
    requireOctets(message, 'message');
    const sealed = isSealed(options);
    const sequence = this.#nextSequence();
    return this.#protection.wrap(message, sealed, this.#messageKey, sequence, this.#random);
  }

  /** @throws ProtocolError ERR_GSS_STATE, ERR_GSS_TOKEN, ERR_GSS_SEQUENCE; CryptoError ERR_INTEGRITY */
  unwrap(token: Uint8Array): UnwrappedMessage {
    requireOctets(token, 'token');
    return this.#orDie(() => {
      const { message, sealed, sequence } = this.#protection.unwrap(token, this.#messageKey);
      const anomaly = this.#checkSequence(sequence);
      // What was only signed stands in the token; whoever uses that memory again must not change what was verified.
      return { message: sealed ? message : new Uint8Array(message), confidential: sealed, anomaly };
    });
  }

  /** @throws ProtocolError ERR_GSS_STATE */
  mic(message: Uint8Array): Uint8Array {
    requireOctets(message, 'message');
    const sequence = this.#nextSequence();
    return this.#protection.mic(message, this.#messageKey, sequence);
  }

  /** @throws ProtocolError ERR_GSS_STATE, ERR_GSS_TOKEN, ERR_GSS_SEQUENCE; CryptoError ERR_INTEGRITY */
  verifyMic(message: Uint8Array, token: Uint8Array): SequenceAnomaly | undefined {
    requireOctets(message, 'message');
    requireOctets(token, 'token');
    return this.#orDie(() =>
      this.#checkSequence(this.#protection.verifyMic(message, token, this.#messageKey)),
    );
  }

  /** @throws ProtocolError ERR_GSS_STATE; RangeError naming `tokenOctets` */
  wrapSizeLimit(tokenOctets: number, options: WrapOptions = {}): number {
    this.#mustBeAlive();
    const sealed = isSealed(options);
    const length = (octets: number): number => this.#protection.wrapLength(octets, sealed, this.#messageKey);
    return wrapSizeLimit(tokenOctets, length);
  }

  /** @throws ProtocolError ERR_GSS_STATE; TypeError, RangeError naming `buffers` */
  wrapIov(buffers: readonly IovBuffer[], options: WrapOptions = {}): IovOctets[] {
    const iov = this.#writableIov(buffers, options);
    const sequence = this.#nextSequence();
    const sealed = isSealed(options);
    return fillIov(buffers, this.#protection.wrapIov(iov, sealed, this.#messageKey, sequence, this.#random));
  }

  /** @throws ProtocolError ERR_GSS_STATE; TypeError, RangeError naming `buffers` */
  iovLengths(buffers: readonly IovBuffer[], options: WrapOptions = {}): number[] {
    this.#mustBeAlive();
    const lengths = this.#protection.iovLengths(readIov(buffers), isSealed(options), this.#messageKey);
    return buffers.map(({ type, octets }) => lengths[type as keyof typeof lengths] ?? octets?.length ?? 0);
  }

  /**
   * @throws ProtocolError ERR_GSS_STATE, ERR_GSS_TOKEN, ERR_GSS_SEQUENCE; CryptoError ERR_INTEGRITY; TypeError, RangeError
   *   naming `buffers`
   */
  unwrapIov(buffers: readonly IovBuffer[]): UnwrappedIovMessage {
    this.#mustBeAlive();
    const iov = this.#readableIov(buffers);
    return this.#orDie(() => {
      const { data, sealed, sequence } = this.#protection.unwrapIov(iov, this.#messageKey);
      const opened = fillIov(buffers, { data, padding: EMPTY });
      return { buffers: opened, confidential: sealed, anomaly: this.#checkSequence(sequence) };
    });
  }

  /** @throws ProtocolError ERR_GSS_STATE; RangeError naming `input` or `length` */
  prf(kind: PrfKind, input: Uint8Array, length: number): Uint8Array {
    requireOctets(input, 'input');
    if (kind !== 'full' && kind !== 'partial') throw new TypeError('kind must be "full" or "partial"');
    this.#mustBeAlive();
    const { key } = this.#messageKey;
    return pseudoRandom(kind === 'full' ? key : this.#parts.initiatorKey, input, length);
  }

  /** @throws ProtocolError ERR_GSS_STATE */
  lucid(): LucidContext {
    this.#mustBeAlive();
    const { protocol, sequenceBits } = this.#protection;
    const { side, endTime, initiatorKey, acceptorSubkey } = this.#parts;
    const { base, next } = this.#window.state;
    const cfx = protocol === 'cfx';
    return {
      version: 1,
      initiator: side === 'initiator',
      endTime,
      sendSequence: this.#sendSequence,
      receiveSequence: BigInt.asUintN(sequenceBits, base + next),
      protocol,
      contextKey: copyOf(cfx ? initiatorKey : this.#messageKey.key),
      acceptorSubkey: cfx && acceptorSubkey !== undefined ? copyOf(acceptorSubkey) : undefined,
      signAlgorithm: cfx ? undefined : LUCID_ALGORITHMS.signAlgorithm,
      sealAlgorithm: cfx ? undefined : LUCID_ALGORITHMS.sealAlgorithm,
    };
  }

  /** @throws ProtocolError ERR_GSS_STATE */
  export(): Uint8Array {
    this.#mustBeAlive();
    const { state: received } = this.#window;
    const octets = encodeExportedContext({ ...this.#parts, sendSequence: this.#sendSequence, received });
    this.delete();
    return octets;
  }

  delete(): void {
    this.#alive = false;
    this.#parts.initiatorKey.wipe();
    this.#parts.acceptorSubkey?.wipe();
  }

  readonly #random = (count: number): Uint8Array => this.#environment.randomBytes(count);

  /** Refuses what cannot be wrapped before a number is spent. */
  #writableIov(buffers: readonly IovBuffer[], options: WrapOptions): Iov {
    this.#mustBeAlive();
    const iov = readIov(buffers);
    this.#protection.iovLengths(iov, isSealed(options), this.#messageKey);
    return iov;
  }

  #readableIov(buffers: readonly IovBuffer[]): Iov {
    const split = (token: Uint8Array) => this.#orDie(() => this.#protection.split(token, this.#messageKey));
    return readStream(buffers, split) ?? readIov(buffers);
  }

  #nextSequence(): bigint {
    this.#mustBeAlive();
    const sequence = this.#sendSequence;
    this.#sendSequence = BigInt.asUintN(this.#protection.sequenceBits, sequence + 1n);
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
      'it is deleted, exported, or dead after an error; start a new one',
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

/**
 * The context that `MessageContext.export` gave `octets` of; the octets are good for one import only, for two contexts would
 * send the same numbers.
 * @throws ProtocolError ERR_GSS_TOKEN when the octets are no exported context; CryptoError ERR_ETYPE_UNSUPPORTED,
 *   ERR_KEY_LENGTH
 */
export function importSecurityContext(octets: Uint8Array, environment: Environment): MessageContext {
  requireOctets(octets, 'octets');
  return new EstablishedContext(decodeExportedContext(octets), environment);
}

const EMPTY: Uint8Array = new Uint8Array(0);

const ANOMALIES: Readonly<Record<SequenceAnomaly, string>> = {
  duplicate: 'duplicate: the message was received before',
  old: 'old: too far behind to tell whether the message was received before',
  unsequenced: 'unsequenced: the message comes after a later one',
  gap: 'gap: messages before this one are missing',
};

/** @throws TypeError for anything but true and false: what happens to be falsy must not send the message in the clear */
function isSealed(options: WrapOptions): boolean {
  if (typeof options !== 'object' || options === null)
    throw new TypeError('options must be an object such as { confidential: false }');
  const { confidential = true } = options;
  if (typeof confidential !== 'boolean') throw new TypeError('confidential must be true or false');
  return confidential;
}

function copyOf({ etype, value }: Key): Key {
  return new Key(etype, value);
}
