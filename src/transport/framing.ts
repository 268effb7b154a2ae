/**
 * Messages over a TCP stream: four octets of length in network byte order, then the message (RFC 4120 section 7.2.2).
 */
import { concat, uint32be } from '../bytes.js';
import { ProtocolError, TransportError } from '../errors.js';

/** Largest reply that is read unless told otherwise: 1 MiB, as MIT krb5 has it. */
export const MAX_REPLY_OCTETS = 1_048_576;

/** Longest message that a frame can hold: the top bit of its length is reserved. */
export const MAX_MESSAGE_OCTETS = 0x7fffffff;

const LENGTH_OCTETS = 4;

/**
 * `message` with its length before it.
 * @throws RangeError when the message is empty or longer than 2^31 - 1 octets
 */
export function frame(message: Uint8Array): Uint8Array {
  if (message.length === 0 || message.length > MAX_MESSAGE_OCTETS) {
    throw new RangeError('message must have 1 to 2147483647 octets');
  }
  return concat(uint32be(message.length), message);
}

/** How far the frame that is being read has come; both count the length octets while those are incomplete. */
export interface FrameProgress {
  readonly received: number;
  readonly expected: number;
}

/** Cuts a stream, arriving in segments of any size, into messages. */
export class FrameReader {
  readonly #maxOctets: number;
  readonly #length: Uint8Array = new Uint8Array(LENGTH_OCTETS);
  #message: Uint8Array | undefined;
  #filled = 0;

  /** @throws RangeError when `maxOctets` is no positive integer */
  constructor(maxOctets: number = MAX_REPLY_OCTETS) {
    if (!Number.isSafeInteger(maxOctets) || maxOctets < 1) {
      throw new RangeError('maxOctets must be a positive integer');
    }
    this.#maxOctets = maxOctets;
  }

  /** Octets of the current frame that have arrived, and how many there are to be. */
  get progress(): FrameProgress {
    return { received: this.#filled, expected: this.#message?.length ?? LENGTH_OCTETS };
  }

  /**
   * Takes the next segment and returns the messages that it completes. A bad length behind a complete message fails the
   * next call only. After an error the stream is of no more use, and every further call fails in the same way.
   * @throws TransportError ERR_REPLY_TOO_LARGE for a length above the limit or with its top bit set; nothing is allocated
   * @throws ProtocolError ERR_REPLY_MSG_TYPE for a length of 0
   */
  push(segment: Uint8Array): Uint8Array[] {
    const messages: Uint8Array[] = [];
    let rest = segment;
    try {
      do {
        rest = this.#fill(rest);
        const whole = this.#takeMessage();
        if (whole !== undefined) messages.push(whole);
      } while (rest.length > 0);
    } catch (error) {
      if (messages.length === 0) throw error;
    }
    return messages;
  }

  /** Copies what fits into the length or the message; returns what is left. */
  #fill(segment: Uint8Array): Uint8Array {
    const target = this.#message ?? this.#length;
    const part = segment.subarray(0, target.length - this.#filled);
    target.set(part, this.#filled);
    this.#filled += part.length;
    return segment.subarray(part.length);
  }

  #takeMessage(): Uint8Array | undefined {
    if (this.#message === undefined) {
      if (this.#filled === LENGTH_OCTETS) this.#startMessage();
      return undefined;
    }
    if (this.#filled < this.#message.length) return undefined;
    const whole = this.#message;
    this.#message = undefined;
    this.#filled = 0;
    return whole;
  }

  #startMessage(): void {
    this.#message = new Uint8Array(checkedLength(this.#length, this.#maxOctets));
    this.#filled = 0;
  }
}

function checkedLength(octets: Uint8Array, maxOctets: number): number {
  const length = new DataView(octets.buffer, octets.byteOffset).getUint32(0);
  if (length === 0) {
    throw new ProtocolError('ERR_REPLY_MSG_TYPE', 'reply', 'its length is 0', 'RFC 4120 section 7.2.2');
  }
  if (length > MAX_MESSAGE_OCTETS) {
    throw new TransportError(
      'ERR_REPLY_TOO_LARGE',
      'the top bit of the reply length is set, which is reserved (RFC 4120 section 7.2.2)',
    );
  }
  if (length > maxOctets) {
    throw new TransportError(
      'ERR_REPLY_TOO_LARGE',
      `the reply is announced with ${length} octets; the limit is ${maxOctets}`,
    );
  }
  return length;
}
