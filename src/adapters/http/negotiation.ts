/** What became of the negotiation that led to a response. */
import type { KerberosError } from '../../errors.js';

/** What became of a negotiation. */
export interface Negotiation {
  /** Whether the server proved itself with this response. */
  readonly verified: boolean;
  /** Why the server refused the token, where it said so: for a 401 that stays. */
  readonly refusal: KerberosError | undefined;
}

const negotiations = new WeakMap<object, Negotiation>();

/** Keeps it with the response. */
export function noteNegotiation(response: object, { verified, refusal }: Negotiation): void {
  negotiations.set(response, { verified, refusal });
}

/** What became of the negotiation that led to a response of `negotiateFetch` or `negotiateRequest`; undefined for others. */
export function negotiationOf(response: object): Negotiation | undefined {
  return negotiations.get(response);
}
