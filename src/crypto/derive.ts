/**
 * Key derivation: DK of RFC 3961 section 5.1 for AES (random-to-key is the identity, RFC 3962 section 6), and
 * KDF-HMAC-SHA2 of RFC 8009 section 3.
 */
import { uint32be } from '../bytes.js';
import { nfold } from './nfold.js';
import { AES_BLOCK_LENGTH, type Primitives, ZERO_IV } from './primitives.js';

/**
 * What a derived key is for; the value is the last octet of the derivation constant, which follows the key usage number
 * (RFC 3961 section 5.3, RFC 8009 section 5).
 */
export const KEY_PURPOSES = { checksum: 0x99, encryption: 0xaa, integrity: 0x55 } as const;

/** `checksum` is Kc, `encryption` Ke, `integrity` Ki. */
export type KeyPurpose = keyof typeof KEY_PURPOSES;

/** The derivation constant of a key usage: the usage in four octets and the purpose in one. */
export function usageConstant(usage: number, purpose: KeyPurpose): Uint8Array {
  const constant = new Uint8Array(5);
  constant.set(uint32be(usage));
  constant[4] = KEY_PURPOSES[purpose];
  return constant;
}

/**
 * DK(key, constant) of an AES key: a key of the same length (RFC 3961 section 5.1).
 * DR's blocks K1 = E(n-fold(constant)), K2 = E(K1), ... are one CBC encryption of the folded constant and zeros.
 */
export function deriveKey(primitives: Primitives, key: Uint8Array, constant: Uint8Array): Uint8Array {
  const blocks = new Uint8Array(key.length);
  blocks.set(nfold(constant, AES_BLOCK_LENGTH));
  return primitives.aesCbcEncrypt(key, ZERO_IV, blocks);
}

/**
 * KDF-HMAC-SHA2(key, label, [context,] k) (RFC 8009 section 3): one round of the counter mode of SP 800-108.
 * @param length octets of the result, at most those of the hash
 */
export function kdfHmacSha2(
  primitives: Primitives,
  hash: 'sha256' | 'sha384',
  key: Uint8Array,
  label: Uint8Array,
  length: number,
  context: Uint8Array = new Uint8Array(0),
): Uint8Array {
  const counter = uint32be(1);
  const bits = uint32be(8 * length);
  return primitives.hmac(hash, key, counter, label, SEPARATOR, context, bits).subarray(0, length);
}

const SEPARATOR = new Uint8Array(1);
