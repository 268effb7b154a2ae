/** Why an acceptor refused a token. */
import { type ErrorCode, KerberosError } from '../errors.js';

/** A token was refused. The context is dead. */
export class AcceptError extends KerberosError {
  /** Token that tells the peer why, to be sent if the protocol has a place for it; undefined for unreadable tokens. */
  readonly token: Uint8Array | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    token: Uint8Array | undefined,
    options?: { cause?: unknown },
  ) {
    super(code, message, options);
    this.token = token;
  }
}
