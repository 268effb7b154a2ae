/** The vectors of RFC 3962 and RFC 8009, and what MIT krb5 made, in both directions and on both providers. */
import { describe, expect, it } from 'vitest';
import { fromHex, toHex, uint32be } from '../../src/bytes.js';
import { ctsDecrypt } from '../../src/crypto/aesCts.js';
import { encryptionType } from '../../src/crypto/etypes.js';
import { Key } from '../../src/crypto/key.js';
import { stringToKey } from '../../src/crypto/stringToKey.js';
import { providers, vectors } from './support.js';

interface Rfc3962StringToKey {
  etype: number;
  iterations: number;
  password: string;
  salt: string;
  pbkdf2: string;
  key: string;
}
interface Encryption {
  etype: number;
  usage: number;
  plaintext: string;
  ciphertext: string;
}
interface Checksum {
  etype: number;
  usage: number;
  data: string;
  checksum: string;
}
interface Prf {
  etype: number;
  key: string;
  input: string;
  output: string;
}
interface Rfc8009 {
  stringToKey: { etype: number; iterations: number; password: string; salt: string; key: string }[];
  derivation: { etype: number; baseKey: string; usage: number; kc: string; ke: string; ki: string }[];
  encrypt: (Encryption & { baseKey: string; confounder: string })[];
  checksum: (Checksum & { baseKey: string })[];
  prf: Prf[];
}
interface Mit {
  stringToKey: { etype: number; password: string; salt: string; params: string | null; key: string }[];
  encrypt: (Encryption & { key: string })[];
  checksum: (Checksum & { key: string; checksumType: number })[];
  prf: Prf[];
}

const rfc3962 = vectors<{ vectors: Rfc3962StringToKey[] }>('rfc3962-string-to-key.json').vectors;
const rfc8009 = vectors<Rfc8009>('rfc8009.json');
const mit = vectors<Mit>('mit-krb5-crypto.json');

describe.each(providers)('on %s', (_name, primitives) => {
  const keyOf = (etype: number, hex: string): Key => new Key(etype, fromHex(hex), primitives);

  describe('RFC 3962 appendix B', () => {
    it.each(rfc3962)('string-to-key, etype $etype, $iterations iterations, salt $salt', async (v) => {
      const [password, salt] = [fromHex(v.password), fromHex(v.salt)];
      const intermediate = await primitives.pbkdf2('sha1', password, salt, v.iterations, v.pbkdf2.length / 2);
      expect(toHex(intermediate)).toBe(v.pbkdf2);
      const key = await stringToKey(v.etype, password, salt, uint32be(v.iterations), {
        primitives,
        allowWeakIterations: true,
      });
      expect(toHex(key.value)).toBe(v.key);
    });
  });

  describe('RFC 8009 appendix A', () => {
    it.each(rfc8009.stringToKey)('string-to-key, etype $etype', async (v) => {
      for (const params of [undefined, uint32be(v.iterations)]) {
        const key = await stringToKey(v.etype, fromHex(v.password), fromHex(v.salt), params, { primitives });
        expect(toHex(key.value)).toBe(v.key);
      }
    });

    it.each(rfc8009.derivation)('key derivation, etype $etype', (v) => {
      const row = encryptionType(v.etype, primitives);
      const key = fromHex(v.baseKey);
      expect(toHex(row.derive(key, v.usage, 'checksum'))).toBe(v.kc);
      expect(toHex(row.derive(key, v.usage, 'encryption'))).toBe(v.ke);
      expect(toHex(row.derive(key, v.usage, 'integrity'))).toBe(v.ki);
    });

    it.each(rfc8009.encrypt)('encryption, etype $etype, plaintext "$plaintext"', (v) => {
      const key = keyOf(v.etype, v.baseKey);
      const sealed = key.encrypt(v.usage, fromHex(v.plaintext), fromHex(v.confounder));
      expect(toHex(sealed)).toBe(v.ciphertext);
      expect(toHex(key.decrypt(v.usage, sealed))).toBe(v.plaintext);
    });

    it.each(rfc8009.checksum)('checksum, etype $etype', (v) => {
      const key = keyOf(v.etype, v.baseKey);
      expect(toHex(key.checksum(v.usage, fromHex(v.data)))).toBe(v.checksum);
      expect(key.verifyChecksum(v.usage, fromHex(v.data), fromHex(v.checksum))).toBe(true);
    });

    it.each(rfc8009.prf)('PRF, etype $etype', (v) => {
      expect(toHex(keyOf(v.etype, v.key).prf(fromHex(v.input)))).toBe(v.output);
    });
  });

  describe('MIT krb5', () => {
    it.each(mit.stringToKey)('string-to-key, etype $etype, password $password', async (v) => {
      const params = v.params === null ? undefined : fromHex(v.params);
      const key = await stringToKey(v.etype, fromHex(v.password), fromHex(v.salt), params, { primitives });
      expect(toHex(key.value)).toBe(v.key);
    });

    it.each(mit.encrypt)('encryption, etype $etype, usage $usage, plaintext "$plaintext"', (v) => {
      const key = keyOf(v.etype, v.key);
      const sealed = fromHex(v.ciphertext);
      expect(toHex(key.decrypt(v.usage, sealed))).toBe(v.plaintext);
      // The library chose the confounder: recover it, and encryption must give the same octets.
      const row = encryptionType(v.etype, primitives);
      const encryptionKey = row.derive(key.value, v.usage, 'encryption');
      const body = sealed.subarray(0, sealed.length - row.checksumLength);
      const confounder = ctsDecrypt(primitives, encryptionKey, body).subarray(0, row.confounderLength);
      expect(toHex(key.encrypt(v.usage, fromHex(v.plaintext), confounder))).toBe(v.ciphertext);
    });

    it.each(mit.checksum)('checksum type $checksumType, usage $usage, data $data', (v) => {
      expect(encryptionType(v.etype).checksumType).toBe(v.checksumType);
      expect(toHex(keyOf(v.etype, v.key).checksum(v.usage, fromHex(v.data)))).toBe(v.checksum);
    });

    it.each(mit.prf)('PRF, etype $etype, input "$input"', (v) => {
      expect(toHex(keyOf(v.etype, v.key).prf(fromHex(v.input)))).toBe(v.output);
    });
  });
});
