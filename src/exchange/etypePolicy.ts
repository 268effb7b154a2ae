/** What of encryption types must be in order before a KDC is asked for a ticket. */
import { SUPPORTED_ETYPES } from '../crypto/etypes.js';
import { CredentialError } from '../errors.js';
import type { Credential } from '../formats/credential.js';
import { weakHint } from '../formats/etypeList.js';
import { encryptionTypeName } from '../iana/encryptionTypes.js';
import type { Policy } from './environment.js';

/**
 * Refuses a ticket-granting ticket with a session key that is not permitted, as another program may have got it, and a
 * request for nothing but such keys. A session key that is not supported is left to the error that its use gives.
 * @throws CredentialError ERR_ETYPE_POLICY
 */
export function checkEtypes(tgt: Credential, wanted: readonly number[], policy: Policy): void {
  const { permittedEtypes } = policy;
  const { etype } = tgt.sessionKey;
  if (SUPPORTED_ETYPES.includes(etype) && !permittedEtypes.includes(etype)) {
    throw notPermitted('the session key of the ticket is of', [etype], permittedEtypes);
  }
  if (!wanted.some((type) => permittedEtypes.includes(type))) {
    throw notPermitted('a session key is wanted of', wanted, permittedEtypes);
  }
}

function notPermitted(
  problem: string,
  refused: readonly number[],
  permitted: readonly number[],
): CredentialError {
  const names = (etypes: readonly number[]): string => etypes.map(encryptionTypeName).join(', ') || 'none';
  const hint = weakHint(refused, permitted);
  return new CredentialError(
    'ERR_ETYPE_POLICY',
    `${problem} ${names(refused)}; permitted are ${names(permitted)}${hint}`,
  );
}
