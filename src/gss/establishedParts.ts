/** What an established context is made of. */
import type { Key } from '../crypto/key.js';
import type { Principal } from '../formats/principal.js';
import type { Side } from './messageKey.js';
import type { SequenceState } from './sequence.js';

/** What is done about a token out of its place: an error that ends the context, or a report beside the message. */
export type AnomalyPolicy = 'refuse' | 'report';

/** What an established context is made of. */
export interface EstablishedParts {
  /** Which side we are. */
  readonly side: Side;
  /** GSS_FLAGS in force. */
  readonly flags: number;
  readonly source: Principal;
  readonly target: Principal;
  /** End of the ticket, seconds since 1970. */
  readonly endTime: number;
  /** The initiator's subkey, or the ticket's session key if it sent none. */
  readonly initiatorKey: Key;
  /** The acceptor's subkey, if it sent one; it then protects the messages. */
  readonly acceptorSubkey: Key | undefined;
  /** Number of our next token. */
  readonly sendSequence: bigint;
  readonly received: SequenceState;
  /** `refuse` unless given. */
  readonly anomalies?: AnomalyPolicy | undefined;
}
