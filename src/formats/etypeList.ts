/** Lists of encryption types as krb5.conf writes them (krb5.conf(5) "Encryption types"). */
import { isWeakEtype, STRONG_ETYPES } from '../crypto/etypes.js';
import { encryptionTypeName, encryptionTypeNumbers } from '../iana/encryptionTypes.js';

/** Which outdated encryption types may be used although they can be broken. */
export interface EtypePolicy {
  /** Export RC4. Single DES is gone, as from MIT krb5. */
  readonly allowWeakCrypto: boolean;
  readonly allowRc4: boolean;
  readonly allowDes3: boolean;
}

const RC4 = 23;
const DES3 = 16;
const EXPORT_RC4 = 24;
/** What MIT krb5 prefers: AES with SHA-1, AES with SHA-2, the outdated ones, Camellia. */
const DEFAULT_ETYPES: readonly number[] = [...STRONG_ETYPES, DES3, RC4, 25, 26];
/** Single DES, which MIT krb5 does not know any more either. */
const REMOVED_ETYPES: readonly number[] = [1, 2, 3];

/** The list that DEFAULT stands for: what the policy allows of MIT's. */
export function defaultEtypes(policy: EtypePolicy): readonly number[] {
  return DEFAULT_ETYPES.filter((etype) => isEtypeAllowed(etype, policy));
}

/** Whether the policy lets encryption type `etype` be used. */
export function isEtypeAllowed(etype: number, policy: EtypePolicy): boolean {
  if (etype === RC4) return policy.allowRc4;
  if (etype === DES3) return policy.allowDes3;
  if (etype === EXPORT_RC4) return policy.allowWeakCrypto;
  return !REMOVED_ETYPES.includes(etype);
}

/** What to add to a refusal of `wanted`: how the weak types among them that are not permitted would be; may be empty. */
export function weakHint(wanted: readonly number[], permitted: readonly number[]): string {
  const refused = wanted.filter((etype) => isWeakEtype(etype) && !permitted.includes(etype));
  const names = [...new Set(refused)].map(encryptionTypeName).join(', ');
  return names === '' ? '' : `; ${names} is weak and needs allow_rc4 = true in [libdefaults] of krb5.conf`;
}

/** A list as read, and the words of it that say nothing to us. */
export interface EtypeList {
  /** Numbers, best first; may be empty. */
  readonly etypes: readonly number[];
  readonly unknown: readonly string[];
}

/**
 * The encryption types that `text` lists: names and families (`aes`, `rc4`), `DEFAULT`, `-name` to take away what came
 * before; separated by blanks or commas. What `policy` forbids is left out.
 */
export function parseEtypeList(text: string, policy: EtypePolicy): EtypeList {
  const etypes = new Set<number>();
  const unknown: string[] = [];
  for (const word of text.split(/[ \t\r\n,]+/)) {
    const name = word.replace(/^[+-]/, '');
    if (word === '') continue;
    const numbers = numbersOf(name, policy);
    if (numbers.length === 0) unknown.push(name);
    for (const number of numbers) {
      if (word.startsWith('-')) etypes.delete(number);
      else etypes.add(number);
    }
  }
  return { etypes: [...etypes].filter((etype) => isEtypeAllowed(etype, policy)), unknown };
}

function numbersOf(name: string, policy: EtypePolicy): readonly number[] {
  if (name.toUpperCase() === 'DEFAULT') return defaultEtypes(policy);
  return encryptionTypeNumbers(name).filter((etype) => !REMOVED_ETYPES.includes(etype));
}
