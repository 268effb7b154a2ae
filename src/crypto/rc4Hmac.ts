/**
 * arcfour-hmac, the RC4 encryption type of Active Directory (RFC 4757), and its checksum type -138. A ciphertext is
 * HMAC(K1, confounder | plaintext) | RC4(HMAC(K1, that checksum), confounder | plaintext), with K1 = HMAC(key, usage); all
 * HMACs are with MD5. Its password keys are unsalted and one MD4 away from the password: hence weak, and only on demand.
 */
import { concat, equalBytes, utf8, utf8Text, wipe } from '../bytes.js';
import { CryptoError, ProtocolError } from '../errors.js';
import {
  type EncryptionType,
  type EncryptionTypeFacts,
  identityRandomToKey,
  integrityError,
  messagePieces,
  requireConfounder,
  withSignOnly,
} from './encryptionType.js';
import { md4 } from './md4.js';
import type { Primitives } from './primitives.js';
import { rc4 } from './rc4.js';

/** RFC 4757 section 4; the zero octet belongs to it. */
const SIGNATURE_KEY = utf8('signaturekey\0');

/** The encryption type with the given facts, on `primitives`. */
export function rc4Hmac(facts: EncryptionTypeFacts, primitives: Primitives): EncryptionType {
  const hmac = (key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array =>
    primitives.hmac('md5', key, ...parts);

  return {
    ...facts,

    // RFC 4757 section 2. There is no salt.
    async stringToKey(password, _salt, params) {
      if (params !== undefined && params.length > 0) throw unexpectedParams(params);
      const text = utf16(password);
      const key = md4(text);
      wipe(text);
      return key;
    },

    randomToKey: (seed) => identityRandomToKey(facts, seed),

    // RFC 4757 sections 4 and 5: the usage enters the key of encryptions, but the data of checksums.
    derive: (key, usage, purpose) =>
      purpose === 'checksum' ? hmac(key, SIGNATURE_KEY) : hmac(key, usageOctets(usage)),

    encrypt(encryptionKey, integrityKey, plaintext, confounder) {
      requireConfounder(facts, confounder);
      const { encrypted, signed } = messagePieces(confounder, plaintext);
      const tag = hmac(integrityKey, ...signed);
      const whole = concat(tag, ...encrypted);
      whole.set(rc4Once(hmac(encryptionKey, tag), whole.subarray(tag.length)), tag.length);
      return whole;
    },

    decrypt(encryptionKey, integrityKey, ciphertext, signOnly) {
      if (ciphertext.length < facts.checksumLength + facts.confounderLength) throw integrityError();
      const tag = ciphertext.subarray(0, facts.checksumLength);
      const whole = rc4Once(hmac(encryptionKey, tag), ciphertext.subarray(facts.checksumLength));
      const signed = withSignOnly(whole, facts.confounderLength, signOnly);
      if (!equalBytes(hmac(integrityKey, ...signed), tag)) throw integrityError();
      return whole.subarray(facts.confounderLength);
    },

    checksum: (key, data, usage) => hmac(key, primitives.digest('md5', usageOctets(usage), ...data)),

    // No RFC has one; MIT krb5's, which Heimdal shares.
    prf: (key, octets) => primitives.hmac('sha1', key, octets),
  };
}

/** RC4 under the key of one message, which is overwritten. */
function rc4Once(key: Uint8Array, data: Uint8Array): Uint8Array {
  const result = rc4(key, data);
  wipe(key);
  return result;
}

/**
 * A key usage as Windows numbers it, least significant octet first (RFC 4757 section 3 with its erratum: the reply of a TGS
 * under a subkey, usage 9, stays 9).
 */
function usageOctets(usage: number): Uint8Array {
  const number = WINDOWS_USAGES.get(usage) ?? usage;
  return Uint8Array.of(number & 255, (number >>> 8) & 255, (number >>> 16) & 255, number >>> 24);
}

/** AS-REP; signatures of GSS-API messages. */
const WINDOWS_USAGES: ReadonlyMap<number, number> = new Map([
  [3, 8],
  [23, 13],
]);

/** UTF-16, least significant octet first, of octets in UTF-8. @throws CryptoError ERR_PASSWORD_ENCODING */
function utf16(password: Uint8Array): Uint8Array {
  const text = utf8Text(password);
  if (/\p{Surrogate}/u.test(text)) {
    const problem = 'the password is no valid UTF-8, so there is no arcfour-hmac key of it';
    throw new CryptoError('ERR_PASSWORD_ENCODING', problem);
  }
  const octets = new Uint8Array(2 * text.length);
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    octets[2 * i] = unit & 255;
    octets[2 * i + 1] = unit >>> 8;
  }
  return octets;
}

function unexpectedParams(params: Uint8Array): ProtocolError {
  const problem = `${params.length} octets, but arcfour-hmac has no parameters`;
  return new ProtocolError('ERR_S2K_PARAMS', 's2kparams', problem, 'RFC 4757 section 2');
}
