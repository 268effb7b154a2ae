/**
 * Crypto: string-to-key, seal and unseal for every AES type on both providers, each against the same work written
 * directly on node:crypto.
 */
import { createCipheriv, createDecipheriv, createHmac, pbkdf2 } from 'node:crypto';
import { promisify } from 'node:util';
import { encryptionType, STRONG_ETYPES } from '../dist/crypto/etypes.js';
import { Key } from '../dist/crypto/key.js';
import { noblePrimitives } from '../dist/crypto/noble.js';
import { nodePrimitives } from '../dist/crypto/nodeCrypto.js';
import { stringToKey } from '../dist/crypto/stringToKey.js';

const SIZES = [100, 1024, 16_384, 1_048_576];
const RAW_HASH = { 17: 'sha1', 18: 'sha1', 19: 'sha256', 20: 'sha384' };
const ZERO_IV = new Uint8Array(16);
const PASSWORD = new TextEncoder().encode('password');
const SALT = new TextEncoder().encode('EXAMPLE.TESTalice');
const pbkdf2Async = promisify(pbkdf2);

/** Crypto providers by name. */
export const PROVIDERS = { node: nodePrimitives(), noble: noblePrimitives };

/** Rows of the suite. */
export async function cryptoBench({ compare }) {
  const rows = [];
  for (const etype of STRONG_ETYPES) {
    for (const [provider, primitives] of Object.entries(PROVIDERS)) {
      const add = (name, figures) => rows.push({ suite: 'crypto', name, etype, provider, ...figures });
      const password = () => stringToKey(etype, PASSWORD, SALT, undefined, { primitives });
      add('string-to-key', await compare(password, rawPbkdf2(etype, PASSWORD, SALT)));
      for (const bytes of SIZES) {
        const { seal, unseal, rawSeal, rawUnseal } = sealing(etype, primitives, bytes);
        add('seal', { bytes, ...(await compare(seal, rawSeal)) });
        add('unseal', { bytes, ...(await compare(unseal, rawUnseal)) });
      }
    }
  }
  return rows;
}

/** PBKDF2 alone, as string-to-key of `etype` uses it. */
export function rawPbkdf2(etype, password, salt) {
  const { defaultIterations, keyLength } = encryptionType(etype);
  return () => pbkdf2Async(password, salt, defaultIterations, keyLength, RAW_HASH[etype]);
}

function sealing(etype, primitives, bytes) {
  const { keyLength } = encryptionType(etype);
  const key = new Key(etype, new Uint8Array(keyLength).fill(7), primitives);
  const confounder = new Uint8Array(16).fill(9);
  const plaintext = new Uint8Array(bytes).fill(3);
  const sealed = key.encrypt(2, plaintext, confounder);
  return {
    seal: () => key.encrypt(2, plaintext, confounder),
    unseal: () => key.decrypt(2, sealed),
    ...rawSealing(etype, keyLength, Math.ceil((bytes + 16) / 16) * 16),
  };
}

/** AES-CBC and HMAC of the same length, nothing else: no copy, no ciphertext stealing, no comparison. */
function rawSealing(etype, keyLength, length) {
  const cipher = `aes-${keyLength * 8}-cbc`;
  const key = new Uint8Array(keyLength).fill(7);
  const data = new Uint8Array(length).fill(3);
  const mac = (octets) => createHmac(RAW_HASH[etype], key).update(octets).digest();
  const run = (state) => {
    state.setAutoPadding(false);
    const result = state.update(data);
    state.final();
    return result;
  };
  return {
    rawSeal: () => mac(run(createCipheriv(cipher, key, ZERO_IV))),
    rawUnseal: () => mac(run(createDecipheriv(cipher, key, ZERO_IV))),
  };
}
