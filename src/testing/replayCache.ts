/** Authenticators that were seen already (RFC 4120 section 3.2.3), for as long as their time would be accepted. */
import { toHex } from '../bytes.js';

/** Octets at the end of a ciphertext: its checksum and more, so different for different authenticators. */
const TAG_OCTETS = 32;

/** Remembers authenticators in memory. */
export class ReplayCache {
  readonly #keepMs: number;
  /** Ciphertext tag -> when it was seen; in order of time. */
  readonly #seen: Map<string, number> = new Map();

  /** @param skewSeconds largest difference of clocks that is accepted */
  constructor(skewSeconds: number) {
    this.#keepMs = skewSeconds * 2000;
  }

  /**
   * Whether this authenticator comes for the first time; it is remembered.
   * @param cipher its ciphertext
   */
  admit(cipher: Uint8Array, nowMs: number): boolean {
    for (const [tag, seenMs] of this.#seen) {
      if (nowMs - seenMs <= this.#keepMs) break;
      this.#seen.delete(tag);
    }
    const tag = toHex(cipher.subarray(-TAG_OCTETS));
    if (this.#seen.has(tag)) return false;
    this.#seen.set(tag, nowMs);
    return true;
  }
}
