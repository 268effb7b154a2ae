/** EncryptedData as a sealed value (RFC 4120 section 5.2.9): octets <-> EncryptedData under a key and a key usage. */
import type { Key } from '../crypto/key.js';
import { CryptoError } from '../errors.js';
import { encryptionTypeName } from '../iana/encryptionTypes.js';
import type { EncryptedData, EncryptionKey } from './basic.js';
import type { EncKdcRepPart } from './kdc.js';
import { decode } from './module.js';

/**
 * Encrypts `plaintext` for `usage`.
 * @param confounder fresh random octets, `confounderLength` of the key
 */
export function seal(
  plaintext: Uint8Array,
  key: Key,
  usage: number,
  confounder: Uint8Array,
  kvno?: number,
): EncryptedData {
  const cipher = key.encrypt(usage, plaintext, confounder);
  return kvno === undefined ? { etype: key.etype, cipher } : { etype: key.etype, kvno, cipher };
}

/**
 * Decrypts and authenticates.
 * @throws CryptoError ERR_INTEGRITY when the key is another or the octets were changed
 */
export function unseal(data: EncryptedData, key: Key, usage: number): Uint8Array {
  if (data.etype !== key.etype) {
    throw new CryptoError(
      'ERR_INTEGRITY',
      `encrypted in ${encryptionTypeName(data.etype)}, but the key at hand is ${encryptionTypeName(key.etype)}`,
    );
  }
  return key.decrypt(usage, data.cipher);
}

/** A key for the wire. */
export function encryptionKey(key: Key): EncryptionKey {
  return { keytype: key.etype, keyvalue: key.value };
}

const APPLICATION_26 = 0x7a;

/** EncKDCRepPart under either of its tags: KDCs use 26 in AS-REPs too (RFC 4120 section 5.4.2). */
export function decodeEncKdcRepPart(octets: Uint8Array): EncKdcRepPart {
  const type = octets[0] === APPLICATION_26 ? 'EncTgsRepPart' : 'EncAsRepPart';
  return decode(type, octets, { trailing: true });
}
