/**
 * THE table of encryption types: numbers and lengths of RFC 3962 sections 6 and 7, RFC 8009 sections 5 to 7 and RFC 4757, in
 * order of preference. Not here: DES, DES3, export RC4 and Camellia; nor the RC4 types with MD4 of the same RFC's drafts.
 */
import { CryptoError } from '../errors.js';
import { CHECKSUM_TYPES } from '../iana/checksumTypes.js';
import { ENCRYPTION_TYPES, encryptionTypeName } from '../iana/encryptionTypes.js';
import { aesSha1 } from './aesSha1.js';
import { type AesSha2Facts, aesSha2 } from './aesSha2.js';
import { defaultPrimitives } from './defaultPrimitives.js';
import type { EncryptionType, EncryptionTypeFacts } from './encryptionType.js';
import type { Primitives } from './primitives.js';
import { rc4Hmac } from './rc4Hmac.js';

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

const RC4_HMAC: EncryptionTypeFacts = {
  number: ENCRYPTION_TYPES['arcfour-hmac'],
  name: 'arcfour-hmac',
  keyLength: 16,
  seedLength: 16,
  checksumType: CHECKSUM_TYPES['hmac-md5-rc4'],
  checksumLength: 16,
  confounderLength: 8,
  defaultIterations: 0,
  weak: true,
};

interface Row {
  readonly facts: EncryptionTypeFacts;
  bind(primitives: Primitives): EncryptionType;
}

/** Most wanted first: the default order of MIT krb5. */
const TABLE: readonly Row[] = [
  { facts: AES256_SHA1, bind: (primitives) => aesSha1(AES256_SHA1, primitives) },
  { facts: AES128_SHA1, bind: (primitives) => aesSha1(AES128_SHA1, primitives) },
  { facts: AES256_SHA2, bind: (primitives) => aesSha2(AES256_SHA2, primitives) },
  { facts: AES128_SHA2, bind: (primitives) => aesSha2(AES128_SHA2, primitives) },
  { facts: RC4_HMAC, bind: (primitives) => rc4Hmac(RC4_HMAC, primitives) },
];

/** Supported etype numbers, most wanted first. The weak ones among them are for policies that allow them by name. */
export const SUPPORTED_ETYPES: readonly number[] = TABLE.map(({ facts }) => facts.number);

/** The supported etype numbers that are not weak, most wanted first: what to use when nobody says otherwise. */
export const STRONG_ETYPES: readonly number[] = TABLE.filter(({ facts }) => !facts.weak).map(
  ({ facts }) => facts.number,
);

/** Whether etype `number` is supported, but weak. */
export function isWeakEtype(number: number): boolean {
  return SUPPORTED_ETYPES.includes(number) && !STRONG_ETYPES.includes(number);
}

const tables = new WeakMap<Primitives, ReadonlyMap<number, EncryptionType>>();

/** The table by etype number, in the order of `SUPPORTED_ETYPES`, on `primitives`. */
export function encryptionTypes(primitives: Primitives): ReadonlyMap<number, EncryptionType> {
  let table = tables.get(primitives);
  if (table === undefined) {
    table = new Map(TABLE.map(({ facts, bind }) => [facts.number, bind(primitives)]));
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
