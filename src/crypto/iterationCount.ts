/**
 * How many PBKDF2 iterations the string-to-key parameters ask for (RFC 3962 section 4, RFC 8009 section 4), and how many
 * we are willing to do. The parameters come from the KDC unauthenticated: few iterations would make the password cheap to
 * guess from the request, many would keep the client busy.
 */
import { ProtocolError } from '../errors.js';

/** Bounds on the iteration count that a KDC may ask for. */
export interface IterationPolicy {
  /**
   * Most iterations; 1,000,000 by default. RFC 3962 wants a limit of 50,000 or more, MIT krb5 has 2^24. A million takes 0.4 s with node:crypto and 3 s of one thread with noble for aes256-cts-hmac-sha384-192.
   */
  readonly maxIterations?: number;
  /** Accept fewer iterations than the type's default. */
  readonly allowWeakIterations?: boolean;
}

/** Default of `maxIterations`. */
export const MAX_ITERATIONS = 1_000_000;

/** More than this no provider counts. */
const COUNTER_LIMIT = 2 ** 31 - 1;

/**
 * The iteration count that `params` names.
 * @param params four octets, most significant first, zero meaning 2^32; absent for `defaultIterations`
 * @throws ProtocolError ERR_S2K_PARAMS when the parameters are not four octets or out of bounds; RangeError
 * when `maxIterations` is no number of 1 or more
 */
export function iterationCount(
  params: Uint8Array | undefined,
  defaultIterations: number,
  policy: IterationPolicy = {},
): number {
  if (params === undefined) return defaultIterations;
  if (params.length !== 4) throw badParams(`${params.length} octets, not 4`);
  const count = new DataView(params.buffer, params.byteOffset, 4).getUint32(0) || 2 ** 32;
  const most = iterationLimit(policy);
  if (count > most) {
    throw badParams(`${count} iterations exceed the limit of ${most}; maxIterations raises it`);
  }
  if (count < defaultIterations && policy.allowWeakIterations !== true) {
    throw badParams(
      `${count} iterations are fewer than the ${defaultIterations} of the encryption type; allowWeakIterations accepts them`,
    );
  }
  return count;
}

function iterationLimit({ maxIterations = MAX_ITERATIONS }: IterationPolicy): number {
  if (!(maxIterations >= 1)) throw new RangeError('maxIterations must be a number of 1 or more');
  return Math.min(maxIterations, COUNTER_LIMIT);
}

function badParams(problem: string): ProtocolError {
  return new ProtocolError('ERR_S2K_PARAMS', 's2kparams', problem, 'RFC 3962 section 4');
}
