/**
 * THE table of encryption types: numbers and lengths of RFC 3962 sections 6 and 7 and RFC 8009 sections 5 to 7.
 * Not here: rc4-hmac, DES, DES3 and Camellia.
 */
import { CryptoError } from '../errors.js';
import { CHECKSUM_TYPES } from '../iana/checksumTypes.js';
import { ENCRYPTION_TYPES, encryptionTypeName } from '../iana/encryptionTypes.js';
import { aesSha1 } from './aesSha1.js';
import { type AesSha2Facts, aesSha2 } from './aesSha2.js';
import { defaultPrimitives } from './defaultPrimitives.js';
import type { EncryptionType, EncryptionTypeFacts } from './encryptionType.js';
import type { Primitives } from './primitives.js';

const AES128_SHA1: EncryptionTypeFacts = {
  number: ENCRYPTION_TYPES['aes128-cts-hmac-sha1-96'],
  name: 'aes128-cts-hmac-sha1-96',
  keyLength: 16,
  seedLength: 16,
  checksumType: CHECKSUM_TYPES['hmac-sha1-96-aes128'],
  checksumLength: 12,
  confounderLength: 16,
  defaultIterations: 4096,
  weak: false,
};

const AES256_SHA1: EncryptionTypeFacts = {
  number: ENCRYPTION_TYPES['aes256-cts-hmac-sha1-96'],
  name: 'aes256-cts-hmac-sha1-96',
  keyLength: 32,
  seedLength: 32,
  checksumType: CHECKSUM_TYPES['hmac-sha1-96-aes256'],
  checksumLength: 12,
  confounderLength: 16,
  defaultIterations: 4096,
  weak: false,
};

const AES128_SHA2: AesSha2Facts = {
  number: ENCRYPTION_TYPES['aes128-cts-hmac-sha256-128'],
  name: 'aes128-cts-hmac-sha256-128',
  keyLength: 16,
  seedLength: 16,
  checksumType: CHECKSUM_TYPES['hmac-sha256-128-aes128'],
  checksumLength: 16,
  confounderLength: 16,
  defaultIterations: 32_768,
  weak: false,
  hash: 'sha256',
  prfLength: 32,
};

const AES256_SHA2: AesSha2Facts = {
  number: ENCRYPTION_TYPES['aes256-cts-hmac-sha384-192'],
  name: 'aes256-cts-hmac-sha384-192',
  keyLength: 32,
  seedLength: 32,
  checksumType: CHECKSUM_TYPES['hmac-sha384-192-aes256'],
  checksumLength: 24,
  confounderLength: 16,
  defaultIterations: 32_768,
  weak: false,
  hash: 'sha384',
  prfLength: 48,
};

/** Supported etype numbers, most wanted first: the default order of MIT krb5. */
export const SUPPORTED_ETYPES: readonly number[] = [
  AES256_SHA1.number,
  AES128_SHA1.number,
  AES256_SHA2.number,
  AES128_SHA2.number,
];

const tables = new WeakMap<Primitives, ReadonlyMap<number, EncryptionType>>();

/** The table by etype number, in the order of `SUPPORTED_ETYPES`, on `primitives`. */
export function encryptionTypes(primitives: Primitives): ReadonlyMap<number, EncryptionType> {
  let table = tables.get(primitives);
  if (table === undefined) {
    const rows = [
      aesSha1(AES256_SHA1, primitives),
      aesSha1(AES128_SHA1, primitives),
      aesSha2(AES256_SHA2, primitives),
      aesSha2(AES128_SHA2, primitives),
    ];
    table = new Map(rows.map((row) => [row.number, row]));
    tables.set(primitives, table);
  }
  return table;
}

/**
 * The row of etype `number`.
 * @throws CryptoError ERR_ETYPE_UNSUPPORTED, naming the supported ones
 */
export function encryptionType(number: number, primitives: Primitives = defaultPrimitives()): EncryptionType {
  const row = encryptionTypes(primitives).get(number);
  if (row === undefined) {
    const supported = SUPPORTED_ETYPES.map((n) => `${encryptionTypeName(n)} (${n})`).join(', ');
    throw new CryptoError(
      'ERR_ETYPE_UNSUPPORTED',
      `encryption type ${encryptionTypeName(number)} (${number}) is not supported; supported are ${supported}`,
    );
  }
  return row;
}
