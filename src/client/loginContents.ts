/** What a login leaves in a credential cache: the ticket, the KDC's clock, and the notes of MIT krb5's kinit. */
import { utf8 } from '../bytes.js';
import type { AsResult } from '../exchange/as.js';
import type { ConfigEntry, CredentialCache } from '../formats/ccache.js';
import { formatPrincipal } from '../formats/principal.js';

/**
 * The contents of a cache after a login. MIT krb5 notes whether the KDC knows FAST (`fast_avail`) and by what the client
 * proved itself (`pa_type`).
 */
export function loginContents(
  result: AsResult,
): Pick<CredentialCache, 'credentials' | 'config' | 'kdcTimeOffset'> {
  const { credential, kdcTimeOffsetSeconds: seconds, preauthType, fastAvailable } = result;
  const note = (key: string, value: string): ConfigEntry => {
    return { key, principal: formatPrincipal(credential.server), value: utf8(value), position: 0 };
  };
  return {
    credentials: [credential],
    config: [
      ...(fastAvailable ? [note('fast_avail', 'yes')] : []),
      ...(preauthType === undefined ? [] : [note('pa_type', String(preauthType))]),
    ],
    kdcTimeOffset: seconds === 0 ? undefined : { seconds, microseconds: 0 },
  };
}
