/**
 * The crypto provider on the runtime's own `node:crypto`. The module is looked up through process.getBuiltinModule
 * (Node.js 20.16 and later, and runtimes that imitate it): no import, so that bundles for other runtimes need none.
 *
 * OpenSSL may refuse an algorithm: in FIPS mode, or by its configuration. MD5 is computed by noble then, like the rest of
 * RC4, which `allow_rc4` allows by name; the hash of channel bindings (RFC 4121 section 4.1.1.2) protects nothing. An
 * OpenSSL without AES or HMAC is not used at all. What else is refused is an error.
 */
import { CryptoError } from '../errors.js';
import { noblePrimitives } from './noble.js';
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
      return permitted('AES-CBC', () => blocks(crypto.createCipheriv(aesName(key), key, iv), data));
    },
    aesCbcDecrypt(key, iv, data) {
      requireWholeBlocks(data);
      return permitted('AES-CBC', () => blocks(crypto.createDecipheriv(aesName(key), key, iv), data));
    },
    aesCbcDecrypter(key, iv) {
      const decipher = permitted('AES-CBC', () => crypto.createDecipheriv(aesName(key), key, iv));
      decipher.setAutoPadding(false);
      return (data) => {
        requireWholeBlocks(data);
        return plain(decipher.update(data));
      };
    },
    hmac: (hash, key, ...parts) =>
      permitted(
        `HMAC with ${hash}`,
        () => digestOf(crypto.createHmac(hash, key), parts),
        hash === 'md5' ? () => noblePrimitives.hmac(hash, key, ...parts) : undefined,
      ),
    digest: (hash, ...parts) =>
      permitted(
        hash,
        () => digestOf(crypto.createHash(hash), parts),
        hash === 'md5' ? () => noblePrimitives.digest(hash, ...parts) : undefined,
      ),
    pbkdf2: (hash, password, salt, iterations, length) =>
      new Promise<Uint8Array>((resolve, reject) => {
        crypto.pbkdf2(password, salt, iterations, length, hash, (error, key) => {
          if (error) reject(error);
          else resolve(plain(key));
        });
      }).catch((cause) => {
        throw refused(`PBKDF2 with ${hash}`, cause);
      }),
    randomBytes: pooledRandom((length) => plain(crypto.randomBytes(length))),
  };
}

/**
 * What `run` gives, or `portable` where OpenSSL refuses.
 * @throws CryptoError ERR_CRYPTO_REFUSED when it refuses and there is nothing else
 */
function permitted<Result>(what: string, run: () => Result, portable?: () => Result): Result {
  try {
    return run();
  } catch (cause) {
    if (portable !== undefined && !isMisuse(cause)) return portable();
    throw refused(what, cause);
  }
}

/** Wrong arguments are not OpenSSL's refusal. */
function isMisuse(cause: unknown): boolean {
  const { code } = (cause ?? {}) as { code?: unknown };
  return /^ERR_(?:INVALID_ARG|OUT_OF_RANGE|CRYPTO_INVALID_(?:IV|KEYLEN))/.test(String(code));
}

/** The error for what OpenSSL refuses; wrong arguments stay what they are. */
function refused(what: string, cause: unknown): unknown {
  if (isMisuse(cause)) return cause;
  return new CryptoError(
    'ERR_CRYPTO_REFUSED',
    `the OpenSSL of this runtime refuses ${what}: it is in FIPS mode, or its configuration forbids this; allow it there, ` +
      'or use keys of another encryption type (permitted_enctypes), and a keytab where PBKDF2 is refused',
    { cause },
  );
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
