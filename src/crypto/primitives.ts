/**
 * What the encryption types of RFC 3962, 8009 and 4757 are built from: the one interface that a crypto provider fills.
 * Providers: noble.ts (portable) and nodeCrypto.ts (the runtime's own); defaultPrimitives.ts chooses.
 */

/** Hash functions that HMAC and PBKDF2 are used with; MD5 for RC4 only (RFC 4757). */
export type HmacHash = 'md5' | 'sha1' | 'sha256' | 'sha384';

/** Hash functions that are used by themselves. */
export type DigestHash = 'md5' | 'sha1' | 'sha256' | 'sha384' | 'sha512';

/** A crypto provider. All inputs and outputs are octets; no function changes or keeps its arguments. */
export interface Primitives {
  readonly name: 'noble' | 'node';
  /**
   * AES in CBC mode without padding.
   * @param key 16 or 32 octets
   * @param iv 16 octets
   * @param data a multiple of 16 octets, or none
   * @throws RangeError naming `data` when it is not whole blocks
   */
  aesCbcEncrypt(key: Uint8Array, iv: Uint8Array, data: Uint8Array): Uint8Array;
  /** The reverse of `aesCbcEncrypt`, with the same conditions. */
  aesCbcDecrypt(key: Uint8Array, iv: Uint8Array, data: Uint8Array): Uint8Array;
  /**
   * Decrypts one CBC stream given piece by piece, for when a piece depends on the plaintext of the one before.
   * @returns a function from the next piece, whole blocks, to its plaintext
   */
  aesCbcDecrypter(key: Uint8Array, iv: Uint8Array): (data: Uint8Array) => Uint8Array;
  /** HMAC (RFC 2104) of `parts` in order, at full length. */
  hmac(hash: HmacHash, key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array;
  /** Hash of `parts` in order. */
  digest(hash: DigestHash, ...parts: readonly Uint8Array[]): Uint8Array;
  /** PBKDF2 with HMAC (RFC 8018 section 5.2), off the calling thread where the provider can. */
  pbkdf2(
    hash: HmacHash,
    password: Uint8Array,
    salt: Uint8Array,
    iterations: number,
    length: number,
  ): Promise<Uint8Array>;
  /** `length` octets from the system's random generator. */
  randomBytes(length: number): Uint8Array;
}

/** Octets of an AES block. */
export const AES_BLOCK_LENGTH = 16;

/** The initial cipher state of every AES type: all zeros (RFC 3962 section 6, RFC 8009 section 5). */
export const ZERO_IV: Uint8Array = new Uint8Array(AES_BLOCK_LENGTH);

/** @throws RangeError naming `data` when it is not whole AES blocks */
export function requireWholeBlocks(data: Uint8Array): void {
  if (data.length % AES_BLOCK_LENGTH !== 0) {
    throw new RangeError(
      `data must be whole blocks of ${AES_BLOCK_LENGTH} octets, not ${data.length} octets`,
    );
  }
}
