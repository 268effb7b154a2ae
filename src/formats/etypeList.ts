/** Lists of encryption types as krb5.conf writes them (krb5.conf(5) "Encryption types"). */
import { encryptionTypeNumbers } from '../iana/encryptionTypes.js';

/** Which outdated encryption types may be used although they can be broken. */
export interface EtypePolicy {
  /** Single DES and export RC4. */
  readonly allowWeakCrypto: boolean;
  readonly allowRc4: boolean;
  readonly allowDes3: boolean;
}

/** What MIT krb5 prefers: AES with SHA-1, then AES with SHA-2. */
const STRONG_ETYPES: readonly number[] = [18, 17, 20, 19];
const RC4 = 23;
const DES3 = 16;
const WEAK_ETYPES: readonly number[] = [1, 2, 3, 24];

/** The list that DEFAULT stands for; RC4 at its end when the policy allows it. */
export function defaultEtypes(policy: EtypePolicy): readonly number[] {
  return policy.allowRc4 ? [...STRONG_ETYPES, RC4] : STRONG_ETYPES;
}

/** Whether the policy lets encryption type `etype` be used. */
export function isEtypeAllowed(etype: number, policy: EtypePolicy): boolean {
  if (etype === RC4) return policy.allowRc4;
  if (etype === DES3) return policy.allowDes3;
  return policy.allowWeakCrypto || !WEAK_ETYPES.includes(etype);
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
  for (const word of text.split(/[\s,]+/)) {
    const name = word.replace(/^[+-]/, '');
    if (name === '') continue;
    const numbers = name.toUpperCase() === 'DEFAULT' ? defaultEtypes(policy) : encryptionTypeNumbers(name);
    if (numbers.length === 0) unknown.push(name);
    for (const number of numbers) {
      if (word.startsWith('-')) etypes.delete(number);
      else etypes.add(number);
    }
  }
  return { etypes: [...etypes].filter((etype) => isEtypeAllowed(etype, policy)), unknown };
}
