/** The authorization identity (RFC 4422 section 3.4.1): text in UTF-8 without NUL. */
import { utf8 } from '../bytes.js';

/**
 * The octets of an authorization identity, none for undefined.
 * @throws RangeError, TypeError naming `authorizationId`
 */
export function authorizationIdOctets(authorizationId: string | undefined): Uint8Array {
  if (authorizationId === undefined) return new Uint8Array(0);
  if (typeof authorizationId !== 'string') throw new TypeError('authorizationId must be a string');
  if (/[\0\p{Surrogate}]/u.test(authorizationId)) {
    throw new RangeError('authorizationId must be Unicode text without NUL (RFC 4422 section 3.4.1)');
  }
  return utf8(authorizationId);
}
