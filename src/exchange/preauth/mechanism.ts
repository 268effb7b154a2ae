/** What a pre-authentication mechanism is to the AS exchange. */
import type { PaData } from '../../messages/paData.js';
import type { Exchange } from '../ask.js';
import type { Environment } from '../environment.js';
import type { LongTermKey } from '../longTermKey.js';

/** What a mechanism may work with. */
export interface PreauthContext {
  /** METHOD-DATA of the KDC's error. */
  readonly methodData: readonly PaData[];
  /** The client's key, chosen and asked for. */
  readonly longTermKey: LongTermKey;
  /** Time to claim, milliseconds since 1970 (the KDC's clock when the exchange goes by it). */
  readonly nowMs: number;
  readonly environment: Environment;
}

/** One mechanism. */
export interface PreauthMechanism {
  /** Type of the padata by which a KDC offers it. */
  readonly paType: number;
  /** The padata that answers the offer. */
  respond(context: PreauthContext): Exchange<PaData>;
}
