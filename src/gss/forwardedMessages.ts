/** The messages of a context that wraps an established one: every call goes to that, once there is one. */
import type { Key } from '../crypto/key.js';
import type { IovBuffer, IovOctets } from './iov.js';
import type { LucidContext } from './lucid.js';
import type { PrfKind } from './prf.js';
import type {
  MessageContext,
  UnwrappedIovMessage,
  UnwrappedMessage,
  WrapOptions,
} from './securityContext.js';
import type { SequenceAnomaly } from './sequence.js';

/** Base of the contexts that are negotiated first. Every call throws ProtocolError ERR_GSS_STATE before messages are possible. */
export abstract class ForwardedMessages {
  /** @throws ProtocolError ERR_GSS_STATE while messages are not possible */
  protected abstract ready(): MessageContext;

  /** The key of the messages, a copy. @throws ProtocolError ERR_GSS_STATE */
  get sessionKey(): Key {
    return this.ready().sessionKey;
  }

  /** A Wrap token of `message`. @throws ProtocolError ERR_GSS_STATE; TypeError naming the argument */
  wrap(message: Uint8Array, options?: WrapOptions): Uint8Array {
    return this.ready().wrap(message, options);
  }

  /**
   * The message of the peer's Wrap token.
   * @throws ProtocolError ERR_GSS_STATE, ERR_GSS_TOKEN, ERR_GSS_SEQUENCE; CryptoError ERR_INTEGRITY
   */
  unwrap(token: Uint8Array): UnwrappedMessage {
    return this.ready().unwrap(token);
  }

  /** A MIC token of `message`. @throws ProtocolError ERR_GSS_STATE */
  mic(message: Uint8Array): Uint8Array {
    return this.ready().mic(message);
  }

  /**
   * Checks the peer's MIC token of `message`.
   * @throws ProtocolError ERR_GSS_STATE, ERR_GSS_TOKEN, ERR_GSS_SEQUENCE; CryptoError ERR_INTEGRITY
   */
  verifyMic(message: Uint8Array, token: Uint8Array): SequenceAnomaly | undefined {
    return this.ready().verifyMic(message, token);
  }

  /** The largest message whose Wrap token has at most `tokenOctets`. @throws ProtocolError ERR_GSS_STATE; RangeError */
  wrapSizeLimit(tokenOctets: number, options?: WrapOptions): number {
    return this.ready().wrapSizeLimit(tokenOctets, options);
  }

  /** Wraps a message in several buffers. @throws ProtocolError ERR_GSS_STATE; TypeError, RangeError naming `buffers` */
  wrapIov(buffers: readonly IovBuffer[], options?: WrapOptions): IovOctets[] {
    return this.ready().wrapIov(buffers, options);
  }

  /** Octets of each buffer once wrapped. @throws ProtocolError ERR_GSS_STATE; TypeError, RangeError naming `buffers` */
  iovLengths(buffers: readonly IovBuffer[], options?: WrapOptions): number[] {
    return this.ready().iovLengths(buffers, options);
  }

  /**
   * Opens what the peer wrapped in several buffers.
   * @throws ProtocolError ERR_GSS_STATE, ERR_GSS_TOKEN, ERR_GSS_SEQUENCE; CryptoError ERR_INTEGRITY; TypeError, RangeError
   *   naming `buffers`
   */
  unwrapIov(buffers: readonly IovBuffer[]): UnwrappedIovMessage {
    return this.ready().unwrapIov(buffers);
  }

  /** Octets that only both sides can compute. @throws ProtocolError ERR_GSS_STATE; RangeError naming `input` or `length` */
  prf(kind: PrfKind, input: Uint8Array, length: number): Uint8Array {
    return this.ready().prf(kind, input, length);
  }

  /** Keys and numbers of the context. @throws ProtocolError ERR_GSS_STATE */
  lucid(): LucidContext {
    return this.ready().lucid();
  }

  /** The context as octets, keys included; it is dead then. @throws ProtocolError ERR_GSS_STATE */
  export(): Uint8Array {
    return this.ready().export();
  }
}
