/** What a security context offers whatever its mechanism (RFC 2743 section 2.2 to 2.3, initiator's side). */

/** What one step gave. */
export interface StepResult {
  /** Token for the peer, if there is one to send. */
  readonly token: Uint8Array | undefined;
  /** Whether the context is established. */
  readonly done: boolean;
}

/** A context that this side starts. After any error it is dead. */
export interface SecurityContext {
  /** Whether the context is established on both sides. */
  readonly established: boolean;
  /** Whether the acceptor has proved that it holds the service's key. */
  readonly mutuallyAuthenticated: boolean;
  /**
   * Takes the peer's token, gives ours. The first call has no argument and gives the initial token.
   * @throws KerberosError; the context is dead then
   */
  step(token?: Uint8Array): StepResult;
  /**
   * A Wrap token of `message`.
   * @param options.confidential whether to encrypt it; true unless given
   */
  wrap(message: Uint8Array, options?: { confidential?: boolean }): Uint8Array;
  /** The message of the acceptor's Wrap token. */
  unwrap(token: Uint8Array): { message: Uint8Array; confidential: boolean };
  /** A MIC token of `message`. */
  mic(message: Uint8Array): Uint8Array;
  /** Checks the acceptor's MIC token of `message`; returns if it is right. */
  verifyMic(message: Uint8Array, token: Uint8Array): void;
  /** Wipes the context's keys; it is dead then. */
  delete(): void;
}
