/** Asking for a ticket with or without a PAC ([MS-KILE] section 2.2.3). */
import { PA_DATA_TYPES } from '../iana/paDataTypes.js';
import { encode } from '../messages/module.js';
import type { PaData } from '../messages/paData.js';

/** What to add to an AS-REQ; nothing when the KDC is to decide. */
export function pacRequest(includePac: boolean | undefined): readonly PaData[] {
  if (includePac === undefined) return [];
  const padataValue = encode('KerbPaPacRequest', { includePac });
  return [{ padataType: PA_DATA_TYPES['PA-PAC-REQUEST'], padataValue }];
}
