/**
 * The stream cipher RC4 ("ARCFOUR"), which RFC 4757 uses with keys of 16 octets that are good for one message. In plain
 * ECMAScript: runtimes no longer have it. Table lookups depend on the key, as in every implementation of RC4.
 */

/**
 * `data` under the key stream of `key`: encryption and decryption are the same.
 * @param key 1 to 256 octets, for one message only
 * @throws RangeError naming `key`
 */
export function rc4(key: Uint8Array, data: Uint8Array): Uint8Array {
  const state = schedule(key);
  const result = new Uint8Array(data.length);
  let i = 0;
  let j = 0;
  for (let k = 0; k < data.length; k++) {
    i = (i + 1) & 255;
    const a = state[i]!;
    j = (j + a) & 255;
    const b = state[j]!;
    state[i] = b;
    state[j] = a;
    result[k] = data[k]! ^ state[(a + b) & 255]!;
  }
  state.fill(0);
  return result;
}

/** The key schedule: a permutation of 0 to 255. */
function schedule(key: Uint8Array): Uint8Array {
  if (key.length < 1 || key.length > 256) {
    throw new RangeError(`key must have 1 to 256 octets, not ${key.length}`);
  }
  const state = Uint8Array.from({ length: 256 }, (_, i) => i);
  let j = 0;
  for (let i = 0; i < 256; i++) {
    const a = state[i]!;
    j = (j + a + key[i % key.length]!) & 255;
    state[i] = state[j]!;
    state[j] = a;
  }
  return state;
}
