/** What protects the messages of a context: a key, and which side uses it. */
import type { Key } from '../crypto/key.js';
import { CryptoError } from '../errors.js';

/** The two sides of a context. */
export type Side = 'initiator' | 'acceptor';

/** Key and direction of one side of a context. */
export interface MessageKey {
  readonly key: Key;
  /** Whether `key` is the acceptor's subkey. */
  readonly acceptorSubkey: boolean;
  /** Which side we are; the initiator unless given. */
  readonly sender?: Side | undefined;
  /** Whether messages are protected as DCE RPC wants it; not unless given. */
  readonly dceStyle?: boolean | undefined;
}

/** Gives fresh random octets. */
export type RandomBytes = (count: number) => Uint8Array;

/** What a Wrap token held. */
export interface Unwrapped {
  readonly message: Uint8Array;
  readonly sealed: boolean;
  readonly sequence: bigint;
}

/** Which side we are. */
export function ourSide({ sender = 'initiator' }: MessageKey): Side {
  return sender;
}

/** Which side the peer is. */
export function theirSide(context: MessageKey): Side {
  return ourSide(context) === 'initiator' ? 'acceptor' : 'initiator';
}

/** The one error of tokens that were not made with the context's key. */
export function tokenIntegrityError(): CryptoError {
  return new CryptoError(
    'ERR_INTEGRITY',
    'integrity check failed: the message was changed or sealed with another key',
  );
}
