/** The forwarded ticket-granting ticket in a context's checksum (RFC 4121 section 4.1.1, RFC 4120 section 5.8). */
import { CredentialError } from '../errors.js';
import type { Environment } from '../exchange/environment.js';
import type { Credential } from '../formats/credential.js';
import { encodeKirbi } from '../formats/kirbi.js';

/** Dlgth has 16 bits. */
const MAX_OCTETS = 0xffff;

/**
 * DER of a KRB-CRED with the forwarded ticket, sealed in the session key of the service's ticket.
 * @throws CredentialError ERR_DELEGATION when it is too large for a context token
 */
export function delegationMessage(
  forwarded: Credential,
  service: Credential,
  environment: Environment,
): Uint8Array {
  const { sessionKey: key } = service;
  const krbCred = encodeKirbi([forwarded], {
    seal: { key, confounder: environment.randomBytes(key.confounderLength) },
  });
  if (krbCred.length > MAX_OCTETS) throw tooLarge(krbCred.length);
  return krbCred;
}

function tooLarge(octets: number): CredentialError {
  return new CredentialError(
    'ERR_DELEGATION',
    `the forwarded ticket makes a KRB-CRED of ${octets} octets, and a context token has room for ${MAX_OCTETS}; ` +
      'let the account be in fewer groups, or do not delegate',
  );
}
