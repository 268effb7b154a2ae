/** Kerberos encryption type numbers (RFC 3961 section 8, RFC 3962, RFC 8009, RFC 6803, RFC 4757). */
export const ENCRYPTION_TYPES = {
  'des-cbc-crc': 1,
  'des-cbc-md4': 2,
  'des-cbc-md5': 3,
  'des3-cbc-sha1': 16,
  'aes128-cts-hmac-sha1-96': 17,
  'aes256-cts-hmac-sha1-96': 18,
  'aes128-cts-hmac-sha256-128': 19,
  'aes256-cts-hmac-sha384-192': 20,
  'arcfour-hmac': 23,
  'arcfour-hmac-exp': 24,
  'camellia128-cts-cmac': 25,
  'camellia256-cts-cmac': 26,
} as const;

/** Registered name of an encryption type. */
export type EncryptionTypeName = keyof typeof ENCRYPTION_TYPES;

const nameByNumber: ReadonlyMap<number, string> = new Map(
  Object.entries(ENCRYPTION_TYPES).map(([name, number]) => [number, name]),
);

/** Registered name of etype `number`, or `etype N`. */
export function encryptionTypeName(number: number): string {
  return nameByNumber.get(number) ?? `etype ${number}`;
}

const ALIASES: Readonly<Record<string, readonly number[]>> = {
  aes: [18, 17, 20, 19],
  'aes128-cts': [17],
  'aes128-sha1': [17],
  'aes256-cts': [18],
  'aes256-sha1': [18],
  'aes128-sha2': [19],
  'aes256-sha2': [20],
  rc4: [23],
  'rc4-hmac': [23],
  'arcfour-hmac-md5': [23],
  'rc4-hmac-exp': [24],
  'arcfour-hmac-md5-exp': [24],
  des3: [16],
  'des3-hmac-sha1': [16],
  'des3-cbc-sha1-kd': [16],
  camellia: [26, 25],
  'camellia128-cts': [25],
  'camellia256-cts': [26],
};

/** Numbers of an encryption type or family by the names that MIT's krb5.conf knows; empty when unknown. */
export function encryptionTypeNumbers(name: string): readonly number[] {
  const lower = name.toLowerCase();
  if (Object.hasOwn(ENCRYPTION_TYPES, lower)) return [ENCRYPTION_TYPES[lower as EncryptionTypeName]];
  return Object.hasOwn(ALIASES, lower) ? (ALIASES[lower] ?? []) : [];
}
