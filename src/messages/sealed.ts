/** EncryptedData as a sealed value (RFC 4120 section 5.2.9): octets <-> EncryptedData under a key and a key usage. */
import { wipe } from '../bytes.js';
import type { Key } from '../crypto/key.js';
import { CryptoError } from '../errors.js';
import { encryptionTypeName } from '../iana/encryptionTypes.js';
import type { EncryptedData, EncryptionKey } from './basic.js';
import type { EncKdcRepPart } from './kdc.js';
import { decode } from './module.js';

/**
 * Encrypts `plaintext` for `usage`, and overwrites it with zeros: such messages hold keys.
 * @param confounder fresh random octets, `confounderLength` of the key
 */
export function seal(
  plaintext: Uint8Array,
  key: Key,
  usage: number,
  confounder: Uint8Array,
  kvno?: number,
): EncryptedData {
  try {
    const cipher = key.encrypt(usage, plaintext, confounder);
    return kvno === undefined ? { etype: key.etype, cipher } : { etype: key.etype, kvno, cipher };
  } finally {
    wipe(plaintext);
  }
}

/**
 * Decrypts and authenticates. The plaintext is the caller's to wipe (`readAndWipe`).
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

/** What `read` makes of `plaintext`, which is overwritten with zeros then: no view of it may be in the result. */
export function readAndWipe<Result>(plaintext: Uint8Array, read: (octets: Uint8Array) => Result): Result {
  try {
    return read(plaintext);
  } finally {
    wipe(plaintext);
  }
}

/** A key for the wire: a view, not a copy. */
export function encryptionKey(key: Key): EncryptionKey {
  return { keytype: key.etype, keyvalue: key.value };
}

const APPLICATION_26 = 0x7a;

/** EncKDCRepPart under either of its tags: KDCs use 26 in AS-REPs too (RFC 4120 section 5.4.2). */
export function decodeEncKdcRepPart(octets: Uint8Array): EncKdcRepPart {
  const type = octets[0] === APPLICATION_26 ? 'EncTgsRepPart' : 'EncAsRepPart';
  return decode(type, octets, { trailing: true });
}
