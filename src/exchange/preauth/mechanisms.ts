/** The pre-authentication mechanisms, best first: the first that the KDC offers is used. */
import { ProtocolError } from '../../errors.js';
import { PA_DATA_TYPES, paDataTypeName } from '../../iana/paDataTypes.js';
import type { PaData } from '../../messages/paData.js';
import { encTimestamp } from './encTimestamp.js';
import type { PreauthMechanism } from './mechanism.js';

const MECHANISMS: readonly PreauthMechanism[] = [encTimestamp];

/** MIT krb5 does not offer PA-ENC-TIMESTAMP when the account has no key of a type in the request. */
const NO_KEYS =
  '; it names no keys of the account, which may have none of the types that we offer (see permitted_enctypes and allow_rc4)';

function namesKeys({ padataType }: PaData): boolean {
  return padataType === PA_DATA_TYPES['PA-ETYPE-INFO2'] || padataType === PA_DATA_TYPES['PA-ETYPE-INFO'];
}

/**
 * The mechanism to use.
 * @throws ProtocolError ERR_PREAUTH_UNSUPPORTED listing what the KDC offers and what we know
 */
export function chooseMechanism(methodData: readonly PaData[]): PreauthMechanism {
  const chosen = MECHANISMS.find(({ paType }) => methodData.some((pa) => pa.padataType === paType));
  if (chosen !== undefined) return chosen;
  const offered = methodData.map((pa) => paDataTypeName(pa.padataType)).join(', ') || 'nothing';
  const known = MECHANISMS.map(({ paType }) => paDataTypeName(paType)).join(', ');
  const hint = methodData.some(namesKeys) ? '' : NO_KEYS;
  throw new ProtocolError(
    'ERR_PREAUTH_UNSUPPORTED',
    'METHOD-DATA',
    `the KDC offers ${offered} for pre-authentication; this client knows ${known}${hint}`,
    'RFC 4120 section 3.1.3',
  );
}
