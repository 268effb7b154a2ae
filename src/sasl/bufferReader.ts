/**
 * Buffers of a security layer out of a stream: four octets of length, then the octets (RFC 4422 section 3.7). Memory is
 * taken as octets arrive and never exceeds the limit.
 */
import { ProtocolError } from '../errors.js';

const LENGTH_OCTETS = 4;
const FIRST_ALLOCATION = 4096;

/** Cuts a stream into buffers, wherever its chunks end. */
export class BufferReader {
  readonly #limit: number;
  readonly #header: Uint8Array = new Uint8Array(LENGTH_OCTETS);
  #headerOctets = 0;
  /** Length of the buffer that is being read. */
  #length = 0;
  #body: Uint8Array = new Uint8Array(0);
  #bodyOctets = 0;

  /** @param limit octets of the longest buffer */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Whether the stream may end here. */
  get atBoundary(): boolean {
    return this.#headerOctets === 0;
  }

  /**
   * The buffers that `octets` completes. Each is complete when it is given; the rest is read as the caller goes on.
   * @throws ProtocolError ERR_SASL_BUFFER as soon as a length is known to exceed the limit
   */
  *read(octets: Uint8Array): Generator<Uint8Array, void, undefined> {
    for (let rest = octets; rest.length > 0; ) {
      rest = this.#headerOctets < LENGTH_OCTETS ? this.#readLength(rest) : this.#readBody(rest);
      if (this.#headerOctets === LENGTH_OCTETS && this.#bodyOctets === this.#length) yield this.#complete();
    }
  }

  #readLength(octets: Uint8Array): Uint8Array {
    const taken = octets.subarray(0, LENGTH_OCTETS - this.#headerOctets);
    this.#header.set(taken, this.#headerOctets);
    this.#headerOctets += taken.length;
    if (this.#headerOctets === LENGTH_OCTETS) this.#begin();
    return octets.subarray(taken.length);
  }

  #begin(): void {
    this.#length = new DataView(this.#header.buffer).getUint32(0);
    if (this.#length > this.#limit) {
      throw new ProtocolError(
        'ERR_SASL_BUFFER',
        'length',
        `a buffer of ${this.#length} octets, the limit is ${this.#limit}; is there a security layer on this connection?`,
        'RFC 4422 section 3.7',
      );
    }
    this.#body = new Uint8Array(Math.min(this.#length, FIRST_ALLOCATION));
    this.#bodyOctets = 0;
  }

  #readBody(octets: Uint8Array): Uint8Array {
    const taken = octets.subarray(0, this.#length - this.#bodyOctets);
    const needed = this.#bodyOctets + taken.length;
    if (needed > this.#body.length) this.#grow(needed);
    this.#body.set(taken, this.#bodyOctets);
    this.#bodyOctets = needed;
    return octets.subarray(taken.length);
  }

  #grow(needed: number): void {
    const larger = new Uint8Array(Math.min(this.#length, Math.max(needed, 2 * this.#body.length)));
    larger.set(this.#body.subarray(0, this.#bodyOctets));
    this.#body = larger;
  }

  #complete(): Uint8Array {
    const buffer = this.#body;
    this.#headerOctets = 0;
    this.#body = new Uint8Array(0);
    this.#bodyOctets = 0;
    return buffer;
  }
}
