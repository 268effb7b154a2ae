/** The messages of a context that wraps an established one: every call goes to that, once there is one. */
import type { MessageContext, UnwrappedMessage, WrapOptions } from './securityContext.js';
import type { SequenceAnomaly } from './sequence.js';

/** Base of the contexts that are negotiated first. */
export abstract class ForwardedMessages {
  /** @throws ProtocolError ERR_GSS_STATE while messages are not possible */
  protected abstract ready(): MessageContext;

  /** A Wrap token of `message`. @throws ProtocolError ERR_GSS_STATE */
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
}
