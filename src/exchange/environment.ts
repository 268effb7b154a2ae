/** What an exchange may not have of its own: clock, randomness and policy come from outside. */

/** Clock and randomness. */
export interface Environment {
  /**
   * Milliseconds since 1970, as this machine's clock says, with a fraction down to the microsecond. No two calls may give
   * the same value: it goes into authenticators, which servers refuse to see twice.
   */
  nowMs(): number;
  /**
   * `count` octets from a cryptographically strong source, in an array that nobody else uses: those that become a key are
   * overwritten once it has copied them.
   */
  randomBytes(count: number): Uint8Array;
}

/** What is accepted from a KDC. */
export interface Policy {
  /** Largest difference of clocks that is accepted, seconds. */
  readonly skewSeconds: number;
  /** Encryption types that may be used for anything. */
  readonly permittedEtypes: readonly number[];
  /**
   * Whether to go by the KDC's clock when ours differs. The time comes from an unauthenticated KRB-ERROR, so whoever can
   * forge one can make us date a timestamp ahead; hence off unless asked for.
   */
  readonly kdcTimesync: boolean;
  /** Ticket flags that must be in the reply when they were requested; without them the ticket is refused. */
  readonly requiredFlags: number;
}

/** Seconds and microseconds of a time in milliseconds. */
export function kerberosTime(ms: number): { readonly seconds: number; readonly microseconds: number } {
  const seconds = Math.floor(ms / 1000);
  return { seconds, microseconds: Math.min(Math.round((ms - seconds * 1000) * 1000), 999_999) };
}

/** A nonce that every KDC takes: 1 .. 2^31-1 (RFC 4120 section 5.4.1 allows 32 bits, decoders with signed ones exist). */
export function freshNonce(environment: Environment): number {
  return uint32(environment.randomBytes(4)) & 0x7fffffff || 1;
}

/** The first four octets as an unsigned number. */
export function uint32(octets: Uint8Array): number {
  return ((octets[0]! << 24) | (octets[1]! << 16) | (octets[2]! << 8) | octets[3]!) >>> 0;
}
