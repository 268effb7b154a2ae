/** The pre-authentication mechanisms, best first: the first that the KDC offers is used. */
import { ProtocolError } from '../../errors.js';
import { paDataTypeName } from '../../iana/paDataTypes.js';
import type { PaData } from '../../messages/paData.js';
import { encTimestamp } from './encTimestamp.js';
import type { PreauthMechanism } from './mechanism.js';

const MECHANISMS: readonly PreauthMechanism[] = [encTimestamp];

/**
 * The mechanism to use.
 * @throws ProtocolError ERR_PREAUTH_UNSUPPORTED listing what the KDC offers and what we know
 */
export function chooseMechanism(methodData: readonly PaData[]): PreauthMechanism {
  const chosen = MECHANISMS.find(({ paType }) => methodData.some((pa) => pa.padataType === paType));
  if (chosen !== undefined) return chosen;
  const offered = methodData.map((pa) => paDataTypeName(pa.padataType)).join(', ') || 'nothing';
  const known = MECHANISMS.map(({ paType }) => paDataTypeName(paType)).join(', ');
  throw new ProtocolError(
    'ERR_PREAUTH_UNSUPPORTED',
    'METHOD-DATA',
    `the KDC offers ${offered} for pre-authentication; this client knows ${known}`,
    'RFC 4120 section 3.1.3',
  );
}
