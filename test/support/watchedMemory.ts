/** Where copies of a secret lie: the arrays that code under test writes into, or gets from the crypto provider. */
import { vi } from 'vitest';
import { defaultPrimitives } from '../../src/crypto/defaultPrimitives.js';
import { Key } from '../../src/crypto/key.js';

/** An array, and what was in it when it was seen. */
interface Seen {
  readonly live: Uint8Array;
  readonly was: Buffer;
}

/** What is known of a secret. */
export interface Traces {
  /** Arrays that had it. */
  readonly held: number;
  /** Arrays that still have it. */
  readonly left: number;
}

/** Watches until `vi.restoreAllMocks()`: what is encrypted, `TypedArray.prototype.set`, AES, HMAC and PBKDF2 of the default provider. */
export function watchMemory(): (secret: Uint8Array) => Traces {
  const seen: Seen[] = [];
  const note = <Octets extends Uint8Array>(live: Octets): Octets => {
    seen.push({ live, was: Buffer.from(new Uint8Array(live)) });
    return live;
  };
  watchSet(note);
  watchKeys(note);
  watchProvider(note);
  return (octets) => {
    const secret = Buffer.from(octets);
    return {
      held: seen.filter(({ was }) => was.includes(secret)).length,
      left: seen.filter(({ live }) => Buffer.from(live).includes(secret)).length,
    };
  };
}

type Note = <Octets extends Uint8Array>(live: Octets) => Octets;

function watchSet(note: Note): void {
  const arrays = Object.getPrototypeOf(Uint8Array.prototype) as Uint8Array;
  const { set } = arrays;
  vi.spyOn(arrays, 'set').mockImplementation(function (this: Uint8Array, source, offset) {
    set.call(this, source, offset);
    if (this instanceof Uint8Array) note(this);
  });
}

function watchKeys(note: Note): void {
  const { encrypt } = Key.prototype;
  vi.spyOn(Key.prototype, 'encrypt').mockImplementation(function (this: Key, usage, plaintext, confounder) {
    if (plaintext instanceof Uint8Array) note(plaintext);
    return encrypt.call(this, usage, plaintext, confounder);
  });
}

function watchProvider(note: Note): void {
  const provider = defaultPrimitives();
  const { aesCbcEncrypt, aesCbcDecrypt, aesCbcDecrypter, hmac, pbkdf2 } = provider;
  vi.spyOn(provider, 'aesCbcEncrypt').mockImplementation((key, iv, data) =>
    note(aesCbcEncrypt(key, iv, note(data))),
  );
  vi.spyOn(provider, 'aesCbcDecrypt').mockImplementation((...all) => note(aesCbcDecrypt(...all)));
  vi.spyOn(provider, 'aesCbcDecrypter').mockImplementation((...all) => {
    const decrypt = aesCbcDecrypter(...all);
    return (data) => note(decrypt(data));
  });
  vi.spyOn(provider, 'hmac').mockImplementation((...all) => note(hmac(...all)));
  vi.spyOn(provider, 'pbkdf2').mockImplementation(async (...all) => note(await pbkdf2(...all)));
}
