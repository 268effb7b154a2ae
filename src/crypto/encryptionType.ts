/**
 * What an encryption type offers, in the terms of RFC 3961 section 3: protocol keys in, specific keys (Kc, Ke, Ki) derived
 * per key usage, and the operations on them. aesSha1.ts and aesSha2.ts implement it; etypes.ts is the table.
 * Key (key.ts) is what callers use; it keeps the derived keys.
 */
import { CryptoError } from '../errors.js';
import type { KeyPurpose } from './derive.js';
import type { IterationPolicy } from './iterationCount.js';

/** Numbers and lengths (in octets) of an encryption type. */
export interface EncryptionTypeFacts {
  /** etype number. */
  readonly number: number;
  readonly name: string;
  readonly keyLength: number;
  /** Key-generation seed length: what `randomToKey` takes. */
  readonly seedLength: number;
  /** Number of the required checksum type. */
  readonly checksumType: number;
  /** Length of that checksum, and of the one inside a ciphertext. */
  readonly checksumLength: number;
  readonly confounderLength: number;
  /** PBKDF2 iterations when the KDC names none; also the least that is accepted from it. */
  readonly defaultIterations: number;
  readonly weak: boolean;
}

/** One row of the table of encryption types, bound to a crypto provider. */
export interface EncryptionType extends EncryptionTypeFacts {
  /**
   * The protocol key of a password.
   * @param password octets (UTF-8), neither trimmed nor normalised
   * @param params s2kparams of the KDC; absent for the default iteration count
   * @throws ProtocolError ERR_S2K_PARAMS
   */
  stringToKey(
    password: Uint8Array,
    salt: Uint8Array,
    params?: Uint8Array,
    policy?: IterationPolicy,
  ): Promise<Uint8Array>;
  /**
   * The protocol key of random octets: a copy of them.
   * @throws RangeError when `seed` is not `seedLength` octets
   */
  randomToKey(seed: Uint8Array): Uint8Array;
  /** The specific key for a key usage and purpose. */
  derive(key: Uint8Array, usage: number, purpose: KeyPurpose): Uint8Array;
  /**
   * Encrypts and protects `plaintext`.
   * @param encryptionKey Ke
   * @param integrityKey Ki
   * @param confounder `confounderLength` fresh random octets
   */
  encrypt(
    encryptionKey: Uint8Array,
    integrityKey: Uint8Array,
    plaintext: Uint8Array,
    confounder: Uint8Array,
  ): Uint8Array;
  /**
   * Plaintext, without the confounder, of a ciphertext whose checksum holds.
   * @throws CryptoError ERR_INTEGRITY for anything that `encrypt` with these keys cannot have made
   */
  decrypt(encryptionKey: Uint8Array, integrityKey: Uint8Array, ciphertext: Uint8Array): Uint8Array;
  /** get_mic: the checksum of `data` with Kc. */
  checksum(checksumKey: Uint8Array, data: Uint8Array): Uint8Array;
  /** The pseudo-random function of a protocol key; the length of the output is fixed per type. */
  prf(key: Uint8Array, octets: Uint8Array): Uint8Array;
}

/** @throws RangeError naming `confounder` when it has not the length of the type's confounder */
export function requireConfounder(type: EncryptionTypeFacts, confounder: Uint8Array): void {
  if (confounder.length !== type.confounderLength) {
    throw new RangeError(`confounder must have ${type.confounderLength} octets, not ${confounder.length}`);
  }
}

/** `randomToKey` of types whose key is the random octets themselves. */
export function identityRandomToKey(type: EncryptionTypeFacts, seed: Uint8Array): Uint8Array {
  if (seed.length !== type.seedLength) {
    throw new RangeError(`seed must have ${type.seedLength} octets for ${type.name}, not ${seed.length}`);
  }
  return new Uint8Array(seed);
}

/** The one error of all failed decryptions, whatever the cause. */
export function integrityError(): CryptoError {
  return new CryptoError(
    'ERR_INTEGRITY',
    'decryption failed: the message was changed, or it was sealed with another key (a changed password, another key version) or for another key usage',
  );
}
