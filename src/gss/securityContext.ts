/** What a security context offers whatever its mechanism (RFC 2743 sections 2.2 and 2.3). */
import type { Principal } from '../formats/principal.js';
import type { SequenceAnomaly } from './sequence.js';

/** What one step gave. */
export interface StepResult {
  /** Token for the peer, if there is one to send. */
  readonly token: Uint8Array | undefined;
  /** Whether the context is established. */
  readonly done: boolean;
}

/** How to wrap. */
export interface WrapOptions {
  /** Whether to encrypt the message; true unless given. Otherwise it stays readable and is protected by a checksum. */
  readonly confidential?: boolean;
}

/** What a Wrap token held. */
export interface UnwrappedMessage {
  readonly message: Uint8Array;
  /** Whether it was encrypted on its way. */
  readonly confidential: boolean;
  /** What is wrong with its place in the sequence; only with `anomalies: 'report'`. */
  readonly anomaly: SequenceAnomaly | undefined;
}

/** The messages of an established context. After an error of `unwrap` or `verifyMic` it is dead. */
export interface MessageContext {
  /** GSS_FLAGS in force. */
  readonly flags: number;
  /** Who started the context. */
  readonly source: Principal;
  /** Whom it was started with. */
  readonly target: Principal;
  /** When the ticket ends: seconds since 1970, by the KDC's clock. */
  readonly endTime: number;
  /** A Wrap token of `message` (GSS_Wrap). */
  wrap(message: Uint8Array, options?: WrapOptions): Uint8Array;
  /** The message of the peer's Wrap token (GSS_Unwrap). */
  unwrap(token: Uint8Array): UnwrappedMessage;
  /** A MIC token of `message` (GSS_GetMIC). */
  mic(message: Uint8Array): Uint8Array;
  /**
   * Checks the peer's MIC token of `message` (GSS_VerifyMIC); returns if it is right.
   * @returns what is wrong with its place in the sequence; only with `anomalies: 'report'`
   */
  verifyMic(message: Uint8Array, token: Uint8Array): SequenceAnomaly | undefined;
  /** Wipes the context's keys; it is dead then (GSS_Delete_sec_context). */
  delete(): void;
}

/** A context that this side starts. After any error it is dead. */
export interface SecurityContext extends MessageContext {
  /** Whether the context is established on both sides. */
  readonly established: boolean;
  /** Whether messages may be exchanged (PROT_READY, RFC 2743 section 1.2.7). */
  readonly protReady: boolean;
  /** Whether the acceptor has proved that it holds the service's key. */
  readonly mutuallyAuthenticated: boolean;
  /**
   * Takes the peer's token, gives ours. The first call has no argument and gives the initial token.
   * @throws KerberosError; the context is dead then
   */
  step(token?: Uint8Array): StepResult;
}
