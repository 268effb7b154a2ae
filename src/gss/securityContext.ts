/** What a security context offers whatever its mechanism (RFC 2743 sections 2.2 and 2.3). */
import type { Key } from '../crypto/key.js';
import type { Principal } from '../formats/principal.js';
import type { IovBuffer, IovOctets } from './iov.js';
import type { LucidContext } from './lucid.js';
import type { PrfKind } from './prf.js';
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

/** What buffers held. */
export interface UnwrappedIovMessage {
  /** The buffers as they were given, with the message in those of type `data` and an empty `padding`. */
  readonly buffers: IovOctets[];
  /** Whether the data was encrypted on its way. */
  readonly confidential: boolean;
  /** What is wrong with its place in the sequence; only with `anomalies: 'report'`. */
  readonly anomaly: SequenceAnomaly | undefined;
}

/** The messages of an established context. After an error of `unwrap`, `unwrapIov` or `verifyMic` it is dead. */
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
  /**
   * The largest message whose Wrap token has at most `tokenOctets` (GSS_Wrap_size_limit); 0 also when not even an empty
   * message's has.
   */
  wrapSizeLimit(tokenOctets: number, options?: WrapOptions): number;
  /**
   * Wraps a message in several buffers, some of which are only signed (gss_wrap_iov of MIT krb5): for DCE RPC and WinRM.
   * Given are one `header`, any `data` and `signOnly`, at most one `padding` (necessary under RC4 keys, unless in DCE style)
   * and at most one `trailer` (without it the header takes its octets). With no `data` nothing is encrypted.
   * @returns the same buffers in the same order, filled: header, data, padding and trailer, one after the other, are the token
   */
  wrapIov(buffers: readonly IovBuffer[], options?: WrapOptions): IovOctets[];
  /** Octets that each buffer will have after `wrapIov` (gss_wrap_iov_length); only data and what is signed need octets. */
  iovLengths(buffers: readonly IovBuffer[], options?: WrapOptions): number[];
  /**
   * Opens what the peer wrapped in several buffers (gss_unwrap_iov): given as they were wrapped, or a whole token as
   * `stream` with one empty `data`, around it what was only signed.
   */
  unwrapIov(buffers: readonly IovBuffer[]): UnwrappedIovMessage;
  /**
   * `length` octets that only the two sides can compute from `input` (GSS_Pseudo_random, RFC 7802): keys for another
   * protocol. Input and output are at most 65,536 octets.
   */
  prf(kind: PrfKind, input: Uint8Array, length: number): Uint8Array;
  /** The key of the messages (GSS_C_INQ_SSPI_SESSION_KEY), a copy for the caller to wipe. Never log it. */
  readonly sessionKey: Key;
  /** Keys and numbers, for a program that protects the messages itself (gss_krb5_export_lucid_sec_context). */
  lucid(): LucidContext;
  /**
   * The context as octets, for `importSecurityContext` in this or another process; it is dead then
   * (GSS_Export_sec_context). The octets hold its keys in the clear: keep them as safe as a password.
   */
  export(): Uint8Array;
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
