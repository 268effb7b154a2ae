/**
 * What an encryption type offers, in the terms of RFC 3961 section 3: protocol keys in, specific keys (Kc, Ke, Ki) derived
 * per key usage, and the operations on them. aesSha1.ts, aesSha2.ts and rc4Hmac.ts implement it; etypes.ts is the table.
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
  /** PBKDF2 iterations when the KDC names none; also the least that is accepted from it. 0 where there is no PBKDF2. */
  readonly defaultIterations: number;
  /** Whether it can be broken: used only where the configuration allows it by name. */
  readonly weak: boolean;
}

/** A piece of a message that is encrypted, or only covered by the checksum where it stands. */
export interface MessagePart {
  readonly octets: Uint8Array;
  /** Whether it is covered by the checksum but neither encrypted nor part of the ciphertext. */
  readonly signOnly: boolean;
}

/** Octets that a checksum covers although they are not in the ciphertext. */
export interface SignOnlyOctets {
  /** Octets of the message, without its confounder, that stand before them. */
  readonly at: number;
  readonly octets: Uint8Array;
}

/** One row of the table of encryption types, bound to a crypto provider. */
export interface EncryptionType extends EncryptionTypeFacts {
  /**
   * The protocol key of a password.
   * @param password octets (UTF-8), neither trimmed nor normalised
   * @param params s2kparams of the KDC; absent for the default iteration count
   * @throws ProtocolError ERR_S2K_PARAMS; CryptoError ERR_PASSWORD_ENCODING from a type that needs UTF-8
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
   * Encrypts and protects `plaintext`: octets, or parts of which some are only signed.
   * @param encryptionKey Ke
   * @param integrityKey Ki
   * @param confounder `confounderLength` fresh random octets
   */
  encrypt(
    encryptionKey: Uint8Array,
    integrityKey: Uint8Array,
    plaintext: Uint8Array | readonly MessagePart[],
    confounder: Uint8Array,
  ): Uint8Array;
  /**
   * Plaintext, without the confounder, of a ciphertext whose checksum holds.
   * @param signOnly what the checksum covers besides, in order
   * @throws CryptoError ERR_INTEGRITY for anything that `encrypt` with these keys cannot have made
   */
  decrypt(
    encryptionKey: Uint8Array,
    integrityKey: Uint8Array,
    ciphertext: Uint8Array,
    signOnly?: readonly SignOnlyOctets[],
  ): Uint8Array;
  /** get_mic: the checksum of `data` with Kc. The usage once more, for types whose Kc is the same for all usages. */
  checksum(checksumKey: Uint8Array, data: readonly Uint8Array[], usage: number): Uint8Array;
  /** The pseudo-random function of a protocol key; the length of the output is fixed per type. */
  prf(key: Uint8Array, octets: Uint8Array): Uint8Array;
}

/** @throws RangeError naming `confounder` when it has not the length of the type's confounder */
export function requireConfounder(type: EncryptionTypeFacts, confounder: Uint8Array): void {
  if (confounder.length !== type.confounderLength) {
    throw new RangeError(`confounder must have ${type.confounderLength} octets, not ${confounder.length}`);
  }
}

/** A message behind its confounder: what of it is encrypted, and what is signed, in order. */
export function messagePieces(
  confounder: Uint8Array,
  plaintext: Uint8Array | readonly MessagePart[],
): { readonly encrypted: readonly Uint8Array[]; readonly signed: readonly Uint8Array[] } {
  if (plaintext instanceof Uint8Array) {
    const whole = [confounder, plaintext];
    return { encrypted: whole, signed: whole };
  }
  const encrypted = plaintext.filter(({ signOnly }) => !signOnly);
  return {
    encrypted: [confounder, ...encrypted.map(({ octets }) => octets)],
    signed: [confounder, ...plaintext.map(({ octets }) => octets)],
  };
}

/** What a checksum over `ciphertext` covers: its pieces and the octets that are only signed, in the plaintext's order. */
export function signedCiphertext(
  ciphertext: Uint8Array,
  confounderLength: number,
  plaintext: Uint8Array | readonly MessagePart[],
): readonly Uint8Array[] {
  if (plaintext instanceof Uint8Array) return [ciphertext];
  let end = confounderLength;
  const pieces = plaintext.map(({ octets, signOnly }) => {
    if (signOnly) return octets;
    end += octets.length;
    return ciphertext.subarray(end - octets.length, end);
  });
  return [ciphertext.subarray(0, confounderLength), ...pieces];
}

/**
 * `whole` (a confounder and a message) with the octets that are only signed in their places: what a checksum covers.
 * @throws CryptoError ERR_INTEGRITY when a place is beyond the message
 */
export function withSignOnly(
  whole: Uint8Array,
  confounderLength: number,
  signOnly?: readonly SignOnlyOctets[],
): Uint8Array[] {
  if (signOnly === undefined) return [whole];
  const pieces: Uint8Array[] = [];
  let start = 0;
  for (const { at, octets } of signOnly) {
    const end = confounderLength + at;
    if (end > whole.length) throw integrityError();
    pieces.push(whole.subarray(start, end), octets);
    start = end;
  }
  return [...pieces, whole.subarray(start)];
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
