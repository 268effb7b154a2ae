/**
 * Writes DER (X.690 section 10) from the last octet to the first, so that every length is known when its turn comes and
 * nothing is copied twice. What held octets is overwritten when it is no longer needed, for messages hold keys. A test holds its output against asn1js.
 */
import { wipe } from '../bytes.js';

/** Collects one value. Write the parts of a sequence in reverse order. */
export class DerWriter {
  #octets: Uint8Array = new Uint8Array(512);
  #start = 512;

  /** A position to pass to `tag` later: everything written since then is the contents. */
  get mark(): number {
    return this.#octets.length - this.#start;
  }

  /** Puts octets in front of what has been written. */
  prepend(octets: Uint8Array): void {
    this.#reserve(octets.length);
    this.#start -= octets.length;
    this.#octets.set(octets, this.#start);
  }

  /** Puts one octet in front. */
  prependOctet(octet: number): void {
    this.#reserve(1);
    this.#octets[--this.#start] = octet;
  }

  /** Puts identifier and length octets in front of the contents written since `mark`. */
  tag(identifier: number, mark: number): void {
    let length = this.mark - mark;
    if (length < 0x80) {
      this.prependOctet(length);
    } else {
      let count = 0;
      for (; length > 0; length = Math.floor(length / 256), count++) this.prependOctet(length & 0xff);
      this.prependOctet(0x80 | count);
    }
    this.prependOctet(identifier);
  }

  /** What has been written, in an array of its own; the writer is empty afterwards. */
  finish(): Uint8Array {
    const written = this.#octets.subarray(this.#start);
    const octets = new Uint8Array(written);
    wipe(written);
    this.#start = this.#octets.length;
    return octets;
  }

  #reserve(count: number): void {
    if (count <= this.#start) return;
    const used = this.mark;
    const grown = new Uint8Array(Math.max(2 * this.#octets.length, used + count + 512));
    const written = this.#octets.subarray(this.#start);
    grown.set(written, grown.length - used);
    wipe(written);
    this.#octets = grown;
    this.#start = grown.length - used;
  }
}

/** Identifier octet of a constructed encoding; tag numbers below 31 only. */
export function constructed(tagClass: number, tagNumber: number): number {
  return (tagClass << 6) | 0x20 | tagNumber;
}
