/**
 * Random octets from a pool: asking the system for each confounder costs as much as the HMAC of a small message.
 * Every octet is handed out once and overwritten in the pool.
 */
import { wipe } from '../bytes.js';

const POOL_LENGTH = 4096;
/** Longer requests go straight to the source. */
const LONGEST_POOLED = 64;

/** A function that gives random octets of `source`, small requests by way of a pool. */
export function pooledRandom(source: (length: number) => Uint8Array): (length: number) => Uint8Array {
  let pool: Uint8Array = new Uint8Array(0);
  let next = 0;
  return (length) => {
    if (length > LONGEST_POOLED) return source(length);
    if (next + length > pool.length) {
      pool = source(POOL_LENGTH);
      next = 0;
    }
    const view = pool.subarray(next, next + length);
    const octets = new Uint8Array(view);
    wipe(view);
    next += length;
    return octets;
  };
}
