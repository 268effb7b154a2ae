/** Exported security contexts brought back to life with this system's randomness (GSS_Import_sec_context, RFC 2743 section 2.2.9). */
import type { Environment } from '../exchange/environment.js';
import { importSecurityContext as importContext } from '../gss/established.js';
import type { MessageContext } from '../gss/securityContext.js';
import { systemEnvironment } from './system.js';

/**
 * The context that `export()` of a security context gave `octets` of. Import them once: two contexts would send the same
 * sequence numbers. What krb5.conf permits was asked when the context was made and is not asked again.
 * @param environment clock and randomness; the system's unless given
 * @throws ProtocolError ERR_GSS_TOKEN when the octets are no exported context; CryptoError ERR_ETYPE_UNSUPPORTED,
 *   ERR_KEY_LENGTH
 */
export function importSecurityContext(
  octets: Uint8Array,
  environment: Environment = systemEnvironment(),
): MessageContext {
  return importContext(octets, environment);
}
