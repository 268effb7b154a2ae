/** PA-ENC-TIMESTAMP: the client proves its key by encrypting the time (RFC 4120 section 5.2.7.2). */
import { KEY_USAGES } from '../../iana/keyUsages.js';
import { PA_DATA_TYPES } from '../../iana/paDataTypes.js';
import { encode } from '../../messages/module.js';
import { seal } from '../../messages/sealed.js';
import { kerberosTime } from '../environment.js';
import type { PreauthMechanism } from './mechanism.js';

export const encTimestamp: PreauthMechanism = {
  paType: PA_DATA_TYPES['PA-ENC-TIMESTAMP'],
  // biome-ignore lint/correctness/useYield: this mechanism needs one message only; others ask for more
  *respond({ longTermKey: { key }, nowMs, environment }) {
    const { seconds, microseconds } = kerberosTime(nowMs);
    const timestamp = encode('PaEncTsEnc', { patimestamp: seconds, pausec: microseconds });
    const confounder = environment.randomBytes(key.confounderLength);
    const sealed = seal(timestamp, key, KEY_USAGES.PA_ENC_TIMESTAMP, confounder);
    return {
      padataType: PA_DATA_TYPES['PA-ENC-TIMESTAMP'],
      padataValue: encode('PaEncTimestamp', sealed),
    };
  },
};
