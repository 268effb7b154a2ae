/** Keys from passwords (string-to-key of RFC 3961 section 3; RFC 3962 section 4, RFC 8009 section 4, RFC 4757 section 2). */
import { wipe } from '../bytes.js';
import { encryptionType } from './etypes.js';
import type { IterationPolicy } from './iterationCount.js';
import { Key } from './key.js';
import type { Primitives } from './primitives.js';

/** How `stringToKey` works. */
export interface StringToKeyOptions extends IterationPolicy {
  /** Crypto provider; the runtime's default when absent. */
  readonly primitives?: Primitives;
}

/**
 * The key of a password.
 * @param password octets, UTF-8 by convention, neither trimmed nor normalised
 * @param salt octets; what the KDC sent, or realm and name components without separators. RC4 ignores it.
 * @param params s2kparams of the KDC: the iteration count in four octets; undefined for the type's default
 * @throws CryptoError ERR_ETYPE_UNSUPPORTED; ProtocolError ERR_S2K_PARAMS when the iteration count is malformed, below the
 * type's default or above the limit, or given to RC4; CryptoError ERR_PASSWORD_ENCODING for an RC4 key of a password that
 * is no UTF-8
 */
export async function stringToKey(
  etype: number,
  password: Uint8Array,
  salt: Uint8Array,
  params?: Uint8Array,
  options: StringToKeyOptions = {},
): Promise<Key> {
  const { primitives, ...policy } = options;
  const value = await encryptionType(etype, primitives).stringToKey(password, salt, params, policy);
  const key = new Key(etype, value, primitives);
  wipe(value);
  return key;
}
