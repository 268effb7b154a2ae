/**
 * The crypto provider on the runtime's own `node:crypto`. The module is looked up through process.getBuiltinModule
 * (Node.js 20.16 and later, and runtimes that imitate it): no import, so that bundles for other runtimes need none.
 */
import { type Primitives, requireWholeBlocks } from './primitives.js';
import { pooledRandom } from './randomPool.js';

/** What we use of `node:crypto`; this floor is compiled without Node's types. */
interface NodeCrypto {
  createCipheriv(algorithm: string, key: Uint8Array, iv: Uint8Array): NodeCipher;
  createDecipheriv(algorithm: string, key: Uint8Array, iv: Uint8Array): NodeCipher;
  createHmac(hash: string, key: Uint8Array): NodeHash;
  createHash(hash: string): NodeHash;
  pbkdf2(
    password: Uint8Array,
    salt: Uint8Array,
    iterations: number,
    length: number,
    hash: string,
    done: (error: Error | null, key: Uint8Array) => void,
  ): void;
  randomBytes(length: number): Uint8Array;
}

interface NodeCipher {
  setAutoPadding(on: boolean): unknown;
  update(data: Uint8Array): Uint8Array;
  final(): Uint8Array;
}

interface NodeHash {
  update(data: Uint8Array): unknown;
  digest(): Uint8Array;
}

/** The provider on the running process's `node:crypto`, or undefined when there is none that works. */
export function nodePrimitives(): Primitives | undefined {
  const crypto = builtinCrypto();
  return crypto !== undefined && works(crypto) ? primitivesOf(crypto) : undefined;
}

function builtinCrypto(): NodeCrypto | undefined {
  const { process } = globalThis as unknown as {
    process?: { getBuiltinModule?: (name: string) => unknown };
  };
  try {
    return process?.getBuiltinModule?.('node:crypto') as NodeCrypto | undefined;
  } catch {
    return undefined;
  }
}

/** Tries what imitations of the module lack or get wrong, with zeros for all input. */
function works(crypto: NodeCrypto): boolean {
  const block = new Uint8Array(16);
  try {
    const sealed = blocks(crypto.createCipheriv('aes-256-cbc', new Uint8Array(32), block), block);
    const opened = blocks(crypto.createDecipheriv('aes-256-cbc', new Uint8Array(32), block), sealed);
    const mac = crypto.createHmac('sha384', block).digest();
    // FIPS 197: AES-256 of the zero block under the zero key begins dc 95 c0 78.
    return sealed[0] === 0xdc && sealed[3] === 0x78 && opened.every((o) => o === 0) && mac.length === 48;
  } catch {
    return false;
  }
}

function primitivesOf(crypto: NodeCrypto): Primitives {
  return {
    name: 'node',
    aesCbcEncrypt(key, iv, data) {
      requireWholeBlocks(data);
      return blocks(crypto.createCipheriv(aesName(key), key, iv), data);
    },
    aesCbcDecrypt(key, iv, data) {
      requireWholeBlocks(data);
      return blocks(crypto.createDecipheriv(aesName(key), key, iv), data);
    },
    aesCbcDecrypter(key, iv) {
      const decipher = crypto.createDecipheriv(aesName(key), key, iv);
      decipher.setAutoPadding(false);
      return (data) => {
        requireWholeBlocks(data);
        return plain(decipher.update(data));
      };
    },
    hmac: (hash, key, ...parts) => digestOf(crypto.createHmac(hash, key), parts),
    digest: (hash, ...parts) => digestOf(crypto.createHash(hash), parts),
    pbkdf2: (hash, password, salt, iterations, length) =>
      new Promise((resolve, reject) => {
        crypto.pbkdf2(password, salt, iterations, length, hash, (error, key) => {
          if (error) reject(error);
          else resolve(plain(key));
        });
      }),
    randomBytes: pooledRandom((length) => plain(crypto.randomBytes(length))),
  };
}

function aesName(key: Uint8Array): string {
  return key.length === 16 ? 'aes-128-cbc' : 'aes-256-cbc';
}

/** Runs whole blocks through a cipher; without padding, `update` gives all of them and `final` nothing. */
function blocks(cipher: NodeCipher, data: Uint8Array): Uint8Array {
  cipher.setAutoPadding(false);
  const result = plain(cipher.update(data));
  cipher.final();
  return result;
}

function digestOf(state: NodeHash, parts: readonly Uint8Array[]): Uint8Array {
  for (const part of parts) state.update(part);
  return plain(state.digest());
}

/** The same memory as a Uint8Array: a Buffer's `slice` and `toJSON` behave differently. */
function plain(buffer: Uint8Array): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}
