/**
 * aes128-cts-hmac-sha1-96 and aes256-cts-hmac-sha1-96: the simplified profile of RFC 3961 section 5.3 with the parameters
 * of RFC 3962 section 6. A ciphertext is E(Ke, confounder | plaintext) | HMAC(Ki, confounder | plaintext)[0..12].
 */
import { equalBytes, utf8, wipe } from '../bytes.js';
import { ctsDecrypt, ctsEncrypt } from './aesCts.js';
import { deriveKey, usageConstant } from './derive.js';
import {
  type EncryptionType,
  type EncryptionTypeFacts,
  identityRandomToKey,
  integrityError,
  messagePieces,
  requireConfounder,
  withSignOnly,
} from './encryptionType.js';
import { iterationCount } from './iterationCount.js';
import { AES_BLOCK_LENGTH, type Primitives, ZERO_IV } from './primitives.js';

const KERBEROS = utf8('kerberos');
const PRF = utf8('prf');

/** The encryption type with the given facts, on `primitives`. */
export function aesSha1(facts: EncryptionTypeFacts, primitives: Primitives): EncryptionType {
  const mac = (key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array =>
    primitives.hmac('sha1', key, ...parts).subarray(0, facts.checksumLength);

  return {
    ...facts,

    // RFC 3962 section 4
    async stringToKey(password, salt, params, policy) {
      const iterations = iterationCount(params, facts.defaultIterations, policy);
      const seed = await primitives.pbkdf2('sha1', password, salt, iterations, facts.seedLength);
      const key = deriveKey(primitives, seed, KERBEROS);
      wipe(seed);
      return key;
    },

    randomToKey: (seed) => identityRandomToKey(facts, seed),

    derive: (key, usage, purpose) => deriveKey(primitives, key, usageConstant(usage, purpose)),

    encrypt(encryptionKey, integrityKey, plaintext, confounder) {
      requireConfounder(facts, confounder);
      const { encrypted, signed } = messagePieces(confounder, plaintext);
      const whole = ctsEncrypt(primitives, encryptionKey, encrypted, facts.checksumLength);
      const tag = mac(integrityKey, ...signed);
      whole.set(tag, whole.length - facts.checksumLength);
      return whole;
    },

    decrypt(encryptionKey, integrityKey, ciphertext, signOnly) {
      const end = ciphertext.length - facts.checksumLength;
      if (end < facts.confounderLength) throw integrityError();
      const whole = ctsDecrypt(primitives, encryptionKey, ciphertext.subarray(0, end));
      const tag = mac(integrityKey, ...withSignOnly(whole, facts.confounderLength, signOnly));
      if (!equalBytes(tag, ciphertext.subarray(end))) throw integrityError();
      return whole.subarray(facts.confounderLength);
    },

    checksum: (key, data) => mac(key, ...data),

    // RFC 3961 section 5.3. The hash is cut to whole cipher blocks, as MIT krb5 does; the message block size of
    // one octet in RFC 3962 section 6 would leave it at 20 octets.
    prf(key, octets) {
      const block = primitives.digest('sha1', octets).subarray(0, AES_BLOCK_LENGTH);
      const prfKey = deriveKey(primitives, key, PRF);
      const output = primitives.aesCbcEncrypt(prfKey, ZERO_IV, block);
      wipe(prfKey);
      return output;
    },
  };
}
