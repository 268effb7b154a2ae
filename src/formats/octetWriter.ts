/** Writes the big-endian integers and octets of binary files. */
import { uint32be, wipe } from '../bytes.js';

/** Collects octets; `finish` gives them and wipes the parts, for they hold keys. */
export class OctetWriter {
  readonly #parts: Uint8Array[] = [];
  #length = 0;

  /** Octets written so far. */
  get length(): number {
    return this.#length;
  }

  uint8(value: number): void {
    this.octets(Uint8Array.of(value & 255));
  }

  uint16(value: number): void {
    this.octets(Uint8Array.of((value >>> 8) & 255, value & 255));
  }

  uint32(value: number): void {
    this.octets(uint32be(value));
  }

  octets(value: Uint8Array): void {
    // Not slice(): that of a Buffer is no copy, and finish() would wipe the caller's octets.
    this.#parts.push(new Uint8Array(value));
    this.#length += value.length;
  }

  /** All octets in order; the writer is empty afterwards. */
  finish(): Uint8Array {
    const parts = this.#parts.splice(0);
    const whole = new Uint8Array(this.#length);
    let offset = 0;
    for (const part of parts) {
      whole.set(part, offset);
      offset += part.length;
      wipe(part);
    }
    this.#length = 0;
    return whole;
  }
}
