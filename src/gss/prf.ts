/** GSS_Pseudo_random (RFC 4401) of the krb5 mechanism: a counter over the pseudo-random function of a key (RFC 7802 section 3). */
import { concat, uint32be } from '../bytes.js';
import type { Key } from '../crypto/key.js';

/**
 * Which key: `full` is the acceptor's subkey, or the initiator's where the acceptor gave none; `partial` is the initiator's
 * (GSS_C_PRF_KEY_FULL, GSS_C_PRF_KEY_PARTIAL).
 */
export type PrfKind = 'full' | 'partial';

/** Most octets of input and of output; RFC 4401 section 2 wants 2^14 of input. */
const MAX_OCTETS = 65_536;

/**
 * `length` octets that only holders of `key` can compute from `input`.
 * @throws RangeError naming `length` or `input` when it is longer than 65,536 octets; CryptoError ERR_ETYPE_UNSUPPORTED,
 *   ERR_KEY_LENGTH
 */
export function pseudoRandom(key: Key, input: Uint8Array, length: number): Uint8Array {
  if (!Number.isInteger(length) || length < 0 || length > MAX_OCTETS)
    throw new RangeError(`length must be 0 to ${MAX_OCTETS} octets`);
  if (input.length > MAX_OCTETS) throw new RangeError(`input must have at most ${MAX_OCTETS} octets`);
  const output = new Uint8Array(length);
  let count = 0;
  for (let n = 0; count < length; n++) {
    const block = key.prf(concat(uint32be(n), input)).subarray(0, length - count);
    output.set(block, count);
    count += block.length;
  }
  return output;
}
