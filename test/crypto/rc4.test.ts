/** RC4, MD4 and arcfour-hmac against RFC 1320, RFC 6229, RFC 4757 and MIT krb5, on both providers. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat, fromHex, toHex, uint32be, utf8 } from '../../src/bytes.js';
import { encryptionType, STRONG_ETYPES, SUPPORTED_ETYPES } from '../../src/crypto/etypes.js';
import { Key } from '../../src/crypto/key.js';
import { md4 } from '../../src/crypto/md4.js';
import { rc4 } from '../../src/crypto/rc4.js';
import { stringToKey } from '../../src/crypto/stringToKey.js';
import { fuzzRuns } from '../support/fuzz.js';
import { octets, providers, vectors } from './support.js';

interface Encryption {
  usage: number;
  key: string;
  plaintext: string;
  ciphertext: string;
}
interface Checksum {
  usage: number;
  key: string;
  data: string;
  checksum: string;
}
interface Mit {
  stringToKey: { password: string; salt: string; key: string }[];
  encrypt: Encryption[];
  checksum: Checksum[];
  prf: { key: string; input: string; output: string }[];
  knownAnswers: { decrypt: Encryption[]; checksum: Checksum[] };
}

const md4Vectors = vectors<{ vectors: { text: string; digest: string }[] }>('rfc1320-md4.json').vectors;
const rc4Vectors = vectors<{ vectors: { key: string; stream: Record<string, string> }[] }>(
  'rfc6229-rc4.json',
).vectors;
const mit = vectors<Mit>('mit-krb5-rc4.json');
const RC4 = 23;

describe('MD4', () => {
  it.each(md4Vectors)('RFC 1320: "$text"', ({ text, digest }) => expect(toHex(md4(utf8(text)))).toBe(digest));

  it('pads every length of two blocks to another digest', () => {
    const digests = Array.from({ length: 130 }, (_, length) => toHex(md4(new Uint8Array(length))));
    expect(new Set(digests).size).toBe(130);
  });

  it('leaves its argument alone, whatever memory it views', () => {
    const memory = utf8('xabcx');
    expect(toHex(md4(memory.subarray(1, 4)))).toBe('a448017aaf21d8525fc10ae87aa6729d');
    expect(memory).toEqual(utf8('xabcx'));
  });
});

describe('RC4', () => {
  it.each(rc4Vectors)('RFC 6229: key $key', ({ key, stream }) => {
    const octetsOfStream = rc4(fromHex(key), new Uint8Array(4112));
    for (const [offset, sixteen] of Object.entries(stream)) {
      expect(toHex(octetsOfStream.subarray(Number(offset), Number(offset) + 16))).toBe(sixteen);
    }
  });

  it('is its own reverse and changes no argument', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 256 }), fc.uint8Array(), (key, data) => {
        const copies = [new Uint8Array(key), new Uint8Array(data)];
        expect(rc4(key, rc4(key, data))).toEqual(data);
        expect([key, data]).toEqual(copies);
      }),
      { numRuns: fuzzRuns },
    );
  });

  it('refuses keys that it cannot have', () => {
    expect(() => rc4(new Uint8Array(0), octets(1))).toThrow(RangeError);
    expect(() => rc4(new Uint8Array(257), octets(1))).toThrow(RangeError);
  });
});

describe('the row of arcfour-hmac', () => {
  it('is weak and wanted last; its relatives are unknown', () => {
    expect(encryptionType(RC4)).toMatchObject({
      name: 'arcfour-hmac',
      keyLength: 16,
      seedLength: 16,
      checksumType: -138,
      checksumLength: 16,
      confounderLength: 8,
      weak: true,
    });
    expect(SUPPORTED_ETYPES.at(-1)).toBe(RC4);
    expect(STRONG_ETYPES).not.toContain(RC4);
    for (const relative of [24, -128, -133, -135, -136]) {
      expect(() => encryptionType(relative)).toThrow(
        expect.objectContaining({ code: 'ERR_ETYPE_UNSUPPORTED' }),
      );
    }
  });
});

describe.each(providers)('arcfour-hmac on %s', (_name, primitives) => {
  const keyOf = (hex: string): Key => new Key(RC4, fromHex(hex), primitives);

  it.each(mit.stringToKey)('MIT krb5: string-to-key of $password', async ({ password, salt, key }) => {
    for (const [ownSalt, params] of [[fromHex(salt)], [utf8('other'), new Uint8Array(0)]] as const) {
      const made = await stringToKey(RC4, fromHex(password), ownSalt, params, { primitives });
      expect(toHex(made.value)).toBe(key);
    }
  });

  it('RFC 4757 section 2: string-to-key of foo', async () => {
    const key = await stringToKey(RC4, utf8('foo'), utf8('salt'), undefined, { primitives });
    expect(toHex(key.value)).toBe('ac8e657f83df82beea5d43bdaf7800cc');
  });

  it.each([...mit.encrypt, ...mit.knownAnswers.decrypt])('MIT krb5: encryption, usage $usage', (v) => {
    const key = keyOf(v.key);
    const sealed = fromHex(v.ciphertext);
    expect(toHex(key.decrypt(v.usage, sealed))).toBe(v.plaintext);
    // The library chose the confounder: recover it, and encryption must give the same octets.
    const k1 = encryptionType(RC4, primitives).derive(key.value, v.usage, 'encryption');
    const k3 = primitives.hmac('md5', k1, sealed.subarray(0, 16));
    const confounder = rc4(k3, sealed.subarray(16)).subarray(0, 8);
    expect(toHex(key.encrypt(v.usage, fromHex(v.plaintext), confounder))).toBe(v.ciphertext);
  });

  it.each([...mit.checksum, ...mit.knownAnswers.checksum])('MIT krb5: checksum, usage $usage', (v) => {
    const key = keyOf(v.key);
    expect(toHex(key.checksum(v.usage, fromHex(v.data)))).toBe(v.checksum);
    expect(key.verifyChecksum(v.usage, fromHex(v.data), fromHex(v.checksum))).toBe(true);
    expect(key.verifyChecksum(v.usage + 1, fromHex(v.data), fromHex(v.checksum))).toBe(false);
  });

  it.each(mit.prf)('MIT krb5: PRF of "$input"', ({ key, input, output }) => {
    expect(toHex(keyOf(key).prf(fromHex(input)))).toBe(output);
  });

  it('has the usages of Windows: 3 is 8, 23 is 13, and 9 is not 8', () => {
    const key = keyOf('00112233445566778899aabbccddeeff');
    const sum = (usage: number): string => toHex(key.checksum(usage, octets(5)));
    expect(sum(3)).toBe(sum(8));
    expect(sum(23)).toBe(sum(13));
    expect(sum(9)).not.toBe(sum(8));
    const others = Array.from({ length: 60 }, (_, usage) => usage).filter((u) => u !== 3 && u !== 23);
    expect(new Set([...others, 2 ** 32 - 1].map(sum)).size).toBe(others.length + 1);
  });
});

describe('string-to-key of arcfour-hmac', () => {
  const encoding = expect.objectContaining({ code: 'ERR_PASSWORD_ENCODING' });

  it.each(['ff', 'c3', '61eda080', 'f4908080', 'c080'])('refuses %s, which is no UTF-8', async (hex) => {
    await expect(stringToKey(RC4, fromHex(hex), utf8(''))).rejects.toThrow(encoding);
  });

  it('tells nothing of the password', async () => {
    const failure = await stringToKey(RC4, concat(utf8('geheim'), fromHex('ff')), utf8('')).catch(String);
    expect(failure).not.toContain('geheim');
  });

  it('has no parameters', async () => {
    await expect(stringToKey(RC4, utf8('foo'), utf8(''), uint32be(4096))).rejects.toThrow(
      expect.objectContaining({ code: 'ERR_S2K_PARAMS' }),
    );
  });

  it('keeps a byte order mark and every plane', async () => {
    const plain = await stringToKey(RC4, utf8('foo'), utf8(''));
    const marked = await stringToKey(RC4, utf8('\ufefffoo'), utf8(''));
    expect(marked.equals(plain)).toBe(false);
  });
});
