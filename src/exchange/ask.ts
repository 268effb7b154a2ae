/**
 * Exchanges are generators that ask: the machine yields a question, whoever drives it answers. So the same machine runs
 * over sockets, over a tunnel or against a script, and a recorded conversation replays to the octet.
 */
import type { Key } from '../crypto/key.js';

/** Send a message to a KDC of `realm` and give its reply. */
export interface KdcQuestion {
  readonly ask: 'kdc';
  readonly realm: string;
  readonly message: Uint8Array;
  /** Whether UDP will not do (KRB_ERR_RESPONSE_TOO_BIG, RFC 4120 section 7.2.1). */
  readonly tcpOnly: boolean;
}

/** The client's long-term key of one encryption type. */
export interface KeyQuestion {
  readonly ask: 'key';
  readonly etype: number;
  readonly salt: Uint8Array;
  /** Parameters of string-to-key, absent for the type's default (RFC 3961 section 3). */
  readonly s2kparams: Uint8Array | undefined;
}

export type Question = KdcQuestion | KeyQuestion;

/** Answer to a question: octets of the reply, or the key. */
export type Answer = Uint8Array | Key;

/** A machine that ends in a `Result`. */
export type Exchange<Result> = Generator<Question, Result, Answer>;

/** Yields the question; the driver answers `kdc` with octets. */
export function* askKdc(realm: string, message: Uint8Array, tcpOnly: boolean): Exchange<Uint8Array> {
  return (yield { ask: 'kdc', realm, message, tcpOnly }) as Uint8Array;
}

/** Yields the question; the driver answers `key` with a key. */
export function* askKey(etype: number, salt: Uint8Array, s2kparams: Uint8Array | undefined): Exchange<Key> {
  return (yield { ask: 'key', etype, salt, s2kparams }) as Key;
}
