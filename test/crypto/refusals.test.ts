/** An OpenSSL that refuses algorithms, as in FIPS mode. */
import crypto from 'node:crypto';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { toHex, utf8 } from '../../src/bytes.js';
import { encryptionTypes } from '../../src/crypto/etypes.js';
import { Key } from '../../src/crypto/key.js';
import { noblePrimitives } from '../../src/crypto/noble.js';
import { nodePrimitives } from '../../src/crypto/nodeCrypto.js';
import type { Primitives } from '../../src/crypto/primitives.js';
import { stringToKey } from '../../src/crypto/stringToKey.js';
import { octets } from './support.js';

type Refusing = 'createHash' | 'createHmac' | 'createCipheriv' | 'createDecipheriv' | 'pbkdf2';

const REFUSED = expect.objectContaining({ name: 'CryptoError', code: 'ERR_CRYPTO_REFUSED' });

/** The error of OpenSSL's provider for FIPS. */
function unsupported(): Error {
  return Object.assign(new Error('error:0308010C:digital envelope routines::unsupported'), {
    code: 'ERR_OSSL_EVP_UNSUPPORTED',
  });
}

/** The provider on a `node:crypto` whose functions refuse calls in which `name` is an argument. */
function providerWithout(name: string, ...functions: readonly Refusing[]): Primitives {
  const refusing = functions.map((which) => {
    const original = crypto[which] as (...all: unknown[]) => unknown;
    const checked = (...all: unknown[]): unknown => {
      if (all.includes(name)) throw unsupported();
      return original(...all);
    };
    return [which, checked];
  });
  const module = { ...crypto, ...Object.fromEntries(refusing) };
  vi.spyOn(process as { getBuiltinModule(id: string): unknown }, 'getBuiltinModule').mockReturnValue(module);
  const provider = nodePrimitives();
  if (provider === undefined) throw new Error('the provider must stand without this');
  return provider;
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe('where OpenSSL refuses MD5', () => {
  it('it is computed without OpenSSL', () => {
    const provider = providerWithout('md5', 'createHash', 'createHmac');
    expect(provider.name).toBe('node');
    expect(toHex(provider.digest('md5', utf8('a'), utf8('bc')))).toBe('900150983cd24fb0d6963f7d28e17f72');
    const key = octets(16);
    expect(provider.hmac('md5', key, utf8('abc'))).toEqual(noblePrimitives.hmac('md5', key, utf8('abc')));
  });

  it('RC4 works as ever', async () => {
    const provider = providerWithout('md5', 'createHash', 'createHmac');
    const { value } = await stringToKey(23, utf8('password'), octets(0), undefined, { primitives: provider });
    const [ours, theirs] = [provider, noblePrimitives].map((one) => new Key(23, value, one)) as [Key, Key];
    const sealed = ours.encrypt(7, utf8('message'), octets(8));
    expect(theirs.decrypt(7, sealed)).toEqual(utf8('message'));
    expect(ours.checksum(7, sealed)).toEqual(theirs.checksum(7, sealed));
  });
});

describe('where OpenSSL refuses anything else, a typed error says what to do:', () => {
  it('hashes and HMACs', () => {
    const provider = providerWithout('sha1', 'createHash', 'createHmac');
    expect(() => provider.digest('sha1')).toThrow(REFUSED);
    expect(() => provider.hmac('sha1', octets(16))).toThrow(REFUSED);
    expect(() =>
      encryptionTypes(provider)
        .get(18)!
        .checksum(octets(32), [octets(1)], 7),
    ).toThrow(REFUSED);
  });

  it('AES', () => {
    const provider = providerWithout('aes-128-cbc', 'createCipheriv', 'createDecipheriv');
    const [key, block] = [octets(16), octets(16)];
    expect(() => provider.aesCbcEncrypt(key, block, block)).toThrow(REFUSED);
    expect(() => provider.aesCbcDecrypt(key, block, block)).toThrow(REFUSED);
    expect(() => provider.aesCbcDecrypter(key, block)).toThrow(REFUSED);
  });

  it('PBKDF2, at once or in the end', async () => {
    const refusing = providerWithout('sha1', 'pbkdf2');
    const toKey = (primitives: Primitives) =>
      stringToKey(18, utf8('password'), utf8('EXAMPLE.TESTalice'), undefined, { primitives });
    await expect(toKey(refusing)).rejects.toThrow(REFUSED);
    vi.spyOn(crypto, 'pbkdf2').mockImplementation((...all) =>
      (all.at(-1) as (error: Error) => void)(unsupported()),
    );
    await expect(toKey(providerWithout('none'))).rejects.toThrow(REFUSED);
  });

  it('and the reason is its cause, with the name of what is refused', () => {
    const error: unknown = catching(() => providerWithout('sha1', 'createHmac').hmac('sha1', octets(1)));
    expect(error).toMatchObject({ message: expect.stringContaining('HMAC with sha1') });
    expect(error).toMatchObject({ cause: { code: 'ERR_OSSL_EVP_UNSUPPORTED' } });
  });

  it('but wrong arguments stay what they are', async () => {
    const provider = providerWithout('none');
    await expect(provider.pbkdf2('sha1', octets(1), octets(1), -1, 16)).rejects.toThrow(RangeError);
    const misuse = { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' };
    for (const hash of ['sha1', 'md5'] as const)
      expect(catching(() => provider.digest(hash, 1 as never))).toMatchObject(misuse);
    const iv = catching(() => provider.aesCbcEncrypt(octets(16), octets(3), octets(16)));
    expect(iv).toMatchObject({ code: 'ERR_CRYPTO_INVALID_IV' });
  });
});

function catching(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    return error;
  }
}
