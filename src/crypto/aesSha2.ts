/**
 * aes128-cts-hmac-sha256-128 and aes256-cts-hmac-sha384-192 (RFC 8009). A ciphertext is C | HMAC(Ki, IV | C) cut to the
 * checksum's length, C = E(Ke, confounder | plaintext): the checksum is verified before anything is decrypted.
 */
import { concat, equalBytes, utf8, wipe } from '../bytes.js';
import { ctsDecrypt, ctsEncrypt } from './aesCts.js';
import { kdfHmacSha2, usageConstant } from './derive.js';
import {
  type EncryptionType,
  type EncryptionTypeFacts,
  identityRandomToKey,
  integrityError,
  messagePieces,
  requireConfounder,
  signedCiphertext,
  withSignOnly,
} from './encryptionType.js';
import { iterationCount } from './iterationCount.js';
import { type Primitives, ZERO_IV } from './primitives.js';

const KERBEROS = utf8('kerberos');
const PRF = utf8('prf');

/** Facts of a type of RFC 8009 and the hash that it is built on. */
export interface AesSha2Facts extends EncryptionTypeFacts {
  readonly hash: 'sha256' | 'sha384';
  /** Octets of the PRF's output: those of the hash (RFC 8009 section 5). */
  readonly prfLength: number;
}

/** The encryption type with the given facts, on `primitives`. */
export function aesSha2(facts: AesSha2Facts, primitives: Primitives): EncryptionType {
  const { hash, prfLength, ...common } = facts;
  const saltPrefix = concat(utf8(facts.name), new Uint8Array(1));
  const mac = (key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array =>
    primitives.hmac(hash, key, ...parts).subarray(0, facts.checksumLength);

  return {
    ...common,

    // RFC 8009 section 4
    async stringToKey(password, salt, params, policy) {
      const iterations = iterationCount(params, facts.defaultIterations, policy);
      const saltp = concat(saltPrefix, salt);
      const seed = await primitives.pbkdf2(hash, password, saltp, iterations, facts.seedLength);
      const key = kdfHmacSha2(primitives, hash, seed, KERBEROS, facts.keyLength);
      wipe(seed);
      return key;
    },

    randomToKey: (seed) => identityRandomToKey(facts, seed),

    // RFC 8009 section 5: Kc and Ki are as long as the checksum, 192 bits for the 256-bit type.
    derive(key, usage, purpose) {
      const length = purpose === 'encryption' ? facts.keyLength : facts.checksumLength;
      return kdfHmacSha2(primitives, hash, key, usageConstant(usage, purpose), length);
    },

    encrypt(encryptionKey, integrityKey, plaintext, confounder) {
      requireConfounder(facts, confounder);
      const { encrypted } = messagePieces(confounder, plaintext);
      const whole = ctsEncrypt(primitives, encryptionKey, encrypted, facts.checksumLength);
      const end = whole.length - facts.checksumLength;
      const signed = signedCiphertext(whole.subarray(0, end), facts.confounderLength, plaintext);
      whole.set(mac(integrityKey, ZERO_IV, ...signed), end);
      return whole;
    },

    decrypt(encryptionKey, integrityKey, ciphertext, signOnly) {
      const end = ciphertext.length - facts.checksumLength;
      if (end < facts.confounderLength) throw integrityError();
      const body = ciphertext.subarray(0, end);
      const tag = mac(integrityKey, ZERO_IV, ...withSignOnly(body, facts.confounderLength, signOnly));
      if (!equalBytes(tag, ciphertext.subarray(end))) throw integrityError();
      return ctsDecrypt(primitives, encryptionKey, body).subarray(facts.confounderLength);
    },

    checksum: (key, data) => mac(key, ...data),

    prf: (key, octets) => kdfHmacSha2(primitives, hash, key, PRF, prfLength, octets),
  };
}
