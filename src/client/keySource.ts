/** Where a client's long-term keys come from: a password, a keytab, or a key itself. */
import { utf8, wipe } from '../bytes.js';
import { Key } from '../crypto/key.js';
import { stringToKey } from '../crypto/stringToKey.js';
import { CredentialError, KerberosError } from '../errors.js';
import type { KeyQuestion } from '../exchange/ask.js';
import { findKeytabEntry, type KeytabEntry } from '../formats/keytab.js';
import { formatPrincipal, type Principal } from '../formats/principal.js';
import { encryptionTypeName } from '../iana/encryptionTypes.js';

/** Answers the questions for keys of an AS exchange. */
export interface KeySource {
  /** Those of `offered` for which there can be a key, in an order of its own. */
  etypes(offered: readonly number[]): readonly number[];
  /** @throws CredentialError ERR_NO_KEY, ProtocolError ERR_S2K_PARAMS */
  key(question: KeyQuestion): Promise<Key>;
  /** Looks for newer keys where they came from; whether there are other ones now. Must not reject. */
  reload?(): Promise<boolean>;
  /** Forgets the secret. */
  dispose(): void;
}

/** Errors of a login that newer keys may help against. */
const KEY_REFUSALS: ReadonlySet<string> = new Set([
  'KDC_ERR_PREAUTH_FAILED',
  'KDC_ERR_ETYPE_NOSUPP',
  'KRB_AP_ERR_BADKEYVER',
  'ERR_INTEGRITY',
  'ERR_ETYPE_POLICY',
  'ERR_NO_KEY',
  'ERR_KEYTAB_NO_KEY',
]);

/** Whether the KDC goes by another key than ours, as far as `error` tells. */
export function refusesKey(error: unknown): boolean {
  return error instanceof KerberosError && KEY_REFUSALS.has(error.code);
}

/**
 * Keys from a password. Text is encoded in UTF-8, neither trimmed nor normalised; octets are copied and can be wiped by
 * `dispose`, which a string cannot.
 */
export function passwordKeySource(password: string | Uint8Array): KeySource {
  const octets = typeof password === 'string' ? utf8(password) : new Uint8Array(password);
  let disposed = false;
  return {
    etypes: (offered) => offered,
    async key({ etype, salt, s2kparams }) {
      // Zeros in place of the password would count as a failed login.
      if (disposed) throw new CredentialError('ERR_NO_KEY', 'the password has been wiped; make a new client');
      return stringToKey(etype, octets, salt, s2kparams);
    },
    dispose: () => {
      disposed = true;
      wipe(octets);
    },
  };
}

/** Keys of `principal` from a keytab; the highest key version of each encryption type. */
export function keytabKeySource(entries: readonly KeytabEntry[], principal: Principal): KeySource {
  const keyOf = (etype: number): Key | undefined => findKeytabEntry(entries, { principal, etype })?.key;
  return {
    etypes: (offered) => offered.filter((etype) => keyOf(etype) !== undefined),
    async key({ etype }) {
      return keyOf(etype) ?? noKey(principal, etype);
    },
    dispose: () => {
      for (const { key } of entries) key.wipe();
    },
  };
}

/** One key, known already. It is copied: `dispose` leaves the caller's as it is. */
export function rawKeySource(original: Key, principal: Principal): KeySource {
  const key = new Key(original.etype, original.value);
  return {
    etypes: (offered) => offered.filter((etype) => etype === key.etype),
    async key({ etype }) {
      return etype === key.etype ? key : noKey(principal, etype);
    },
    dispose: () => key.wipe(),
  };
}

function noKey(principal: Principal, etype: number): never {
  const name = formatPrincipal(principal);
  throw new CredentialError(
    'ERR_NO_KEY',
    `no key of ${name} of the type ${encryptionTypeName(etype)} is at hand`,
  );
}
