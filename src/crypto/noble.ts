/**
 * The portable crypto provider: @noble/ciphers and @noble/hashes, nothing but ECMAScript. It works in every runtime; a
 * long message or a password costs 5 to 50 times what it costs with nodeCrypto.ts.
 */
import { cbc } from '@noble/ciphers/aes.js';
import { hmac } from '@noble/hashes/hmac.js';
import { md5, sha1 } from '@noble/hashes/legacy.js';
import { pbkdf2Async } from '@noble/hashes/pbkdf2.js';
import { sha256, sha384, sha512 } from '@noble/hashes/sha2.js';
import { randomBytes } from '@noble/hashes/utils.js';
import { AES_BLOCK_LENGTH, type Primitives, requireWholeBlocks } from './primitives.js';
import { pooledRandom } from './randomPool.js';

const HASHES = { md5, sha1, sha256, sha384, sha512 } as const;
const RAW = { disablePadding: true } as const;

/** Most octets that the Web Crypto function behind `randomBytes` gives at once. */
const RANDOM_QUOTA = 65_536;

/** Crypto in plain ECMAScript. */
export const noblePrimitives: Primitives = {
  name: 'noble',
  aesCbcEncrypt(key, iv, data) {
    requireWholeBlocks(data);
    return cbc(key, iv, RAW).encrypt(data);
  },
  aesCbcDecrypt(key, iv, data) {
    requireWholeBlocks(data);
    return cbc(key, iv, RAW).decrypt(data);
  },
  aesCbcDecrypter(key, iv) {
    let chained = iv;
    return (data) => {
      requireWholeBlocks(data);
      const plaintext = cbc(key, chained, RAW).decrypt(data);
      if (data.length > 0) chained = new Uint8Array(data.subarray(-AES_BLOCK_LENGTH));
      return plaintext;
    };
  },
  hmac(hash, key, ...parts) {
    const state = hmac.create(HASHES[hash], key);
    for (const part of parts) state.update(part);
    return state.digest();
  },
  digest(hash, ...parts) {
    const state = HASHES[hash].create();
    for (const part of parts) state.update(part);
    return state.digest();
  },
  pbkdf2(hash, password, salt, iterations, length) {
    return pbkdf2Async(HASHES[hash], password, salt, { c: iterations, dkLen: length });
  },
  randomBytes: pooledRandom(systemRandom),
};

function systemRandom(length: number): Uint8Array {
  const octets = new Uint8Array(length);
  for (let offset = 0; offset < length; offset += RANDOM_QUOTA) {
    octets.set(randomBytes(Math.min(RANDOM_QUOTA, length - offset)), offset);
  }
  return octets;
}
