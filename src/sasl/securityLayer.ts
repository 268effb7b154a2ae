/**
 * The security layer after a SASL exchange: every buffer is four octets of length and a Wrap token (RFC 4422 section 3.7,
 * RFC 4752 section 3.3).
 */
import { concat, requireOctets, uint32be } from '../bytes.js';
import { ProtocolError } from '../errors.js';
import type { MessageContext } from '../gss/securityContext.js';
import { BufferReader } from './bufferReader.js';

/** What a layer is made of. */
export interface SecurityLayerParts {
  /** Established. */
  readonly context: MessageContext;
  readonly protection: 'integrity' | 'confidentiality';
  /** Octets of the longest buffer that the peer can receive, its length not counted. */
  readonly maxSendBuffer: number;
  /** Octets of the longest buffer that we take. */
  readonly maxReceiveBuffer: number;
}

/** Protects what is sent and opens what is received. After an error of `decode` or `end` it is dead. */
export class SecurityLayer {
  /** What buffers are protected by. */
  readonly protection: 'integrity' | 'confidentiality';
  /** Octets of the longest buffer that the peer can receive. */
  readonly maxSendBuffer: number;
  /** Octets of the longest buffer that we take. */
  readonly maxReceiveBuffer: number;
  readonly #context: MessageContext;
  readonly #reader: BufferReader;
  /** Octets of the longest message that fits into a buffer of the peer. */
  readonly #maxMessage: number;
  #alive = true;

  /** @throws ProtocolError ERR_SASL_LAYER when no message fits into the peer's buffers */
  constructor(parts: SecurityLayerParts) {
    const { context, protection, maxSendBuffer, maxReceiveBuffer } = parts;
    this.protection = protection;
    this.maxSendBuffer = maxSendBuffer;
    this.maxReceiveBuffer = maxReceiveBuffer;
    this.#context = context;
    this.#reader = new BufferReader(maxReceiveBuffer);
    this.#maxMessage = context.wrapSizeLimit(maxSendBuffer, {
      confidential: protection === 'confidentiality',
    });
    if (this.#maxMessage === 0) throw tooSmall(maxSendBuffer);
  }

  /**
   * The octets to send for `plaintext`: as many buffers as the peer's limit makes necessary, none for no octets.
   * @throws ProtocolError ERR_GSS_STATE when the layer is dead
   */
  encode(plaintext: Uint8Array): Uint8Array {
    return concat(...this.buffers(plaintext));
  }

  /** As `encode`, one buffer at a time, each made when it is asked for: for streams that must not run ahead. */
  *buffers(plaintext: Uint8Array): Generator<Uint8Array, void, undefined> {
    requireOctets(plaintext, 'plaintext');
    const confidential = this.protection === 'confidentiality';
    for (let start = 0; start < plaintext.length; start += this.#maxMessage) {
      const message = plaintext.subarray(start, start + this.#maxMessage);
      const token = this.#context.wrap(message, { confidential });
      yield concat(uint32be(token.length), token);
    }
  }

  /**
   * Takes octets from the peer, cut anywhere, and gives the message of each buffer that they complete, one at a time: take
   * them all before the next call. Messages before a broken buffer are given, then the error is thrown.
   * @throws ProtocolError ERR_SASL_BUFFER before a buffer that is too long is read, ERR_SASL_LAYER for a message in the
   *   clear where encryption was agreed, ERR_GSS_TOKEN, ERR_GSS_SEQUENCE, ERR_GSS_STATE; CryptoError ERR_INTEGRITY
   */
  *decode(octets: Uint8Array): Generator<Uint8Array, void, undefined> {
    requireOctets(octets, 'octets');
    if (!this.#alive) throw dead();
    try {
      for (const token of this.#reader.read(octets)) yield this.#open(token);
    } catch (error) {
      this.delete();
      throw error;
    }
  }

  /**
   * To be called when the peer has ended the connection.
   * @throws ProtocolError ERR_SASL_BUFFER when it did so within a buffer
   */
  end(): void {
    if (this.#reader.atBoundary) return;
    this.delete();
    throw new ProtocolError(
      'ERR_SASL_BUFFER',
      'end',
      'the connection ended within a buffer',
      'RFC 4422 section 3.7',
    );
  }

  /** Wipes the keys; nothing is possible any more. */
  delete(): void {
    this.#alive = false;
    this.#context.delete();
  }

  #open(token: Uint8Array): Uint8Array {
    const { message, confidential, anomaly } = this.#context.unwrap(token);
    if (anomaly !== undefined) {
      throw new ProtocolError(
        'ERR_GSS_SEQUENCE',
        'SASL buffer',
        `the message is ${anomaly}`,
        'RFC 4752 section 3.3',
      );
    }
    if (this.protection === 'confidentiality' && !confidential) {
      throw new ProtocolError(
        'ERR_SASL_LAYER',
        'SASL buffer',
        'a message in the clear, although encryption was agreed',
        'RFC 4752 section 3.3',
      );
    }
    return message;
  }
}

function dead(): ProtocolError {
  return new ProtocolError('ERR_GSS_STATE', 'security layer', 'not possible: it is dead after an error');
}

function tooSmall(maxSendBuffer: number): ProtocolError {
  return new ProtocolError(
    'ERR_SASL_LAYER',
    'maximum buffer',
    `no message fits into the server's ${maxSendBuffer} octets`,
    'RFC 4752 section 3.1',
  );
}
