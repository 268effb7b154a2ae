/** The lucid view of a context: its keys and numbers, for a program that protects the messages itself (MIT krb5, version 1). */
import type { Key } from '../crypto/key.js';

/** Fields of gss_krb5_lucid_context_v1_t. The keys are copies: whoever has them can read and forge the messages. */
export interface LucidContext {
  readonly version: 1;
  /** Whether this side started the context. */
  readonly initiator: boolean;
  /** Seconds since 1970. */
  readonly endTime: number;
  /** Number of the next token that is sent. */
  readonly sendSequence: bigint;
  /** Number of the next token that is expected. */
  readonly receiveSequence: bigint;
  /** `cfx`: tokens of RFC 4121; `rfc1964`: those of RFC 4757, which follow RFC 1964. */
  readonly protocol: 'cfx' | 'rfc1964';
  /** `cfx`: the initiator's subkey, or the ticket's session key; `rfc1964`: the key of the messages. */
  readonly contextKey: Key;
  /** `cfx`: the acceptor's subkey, which protects the messages if there is one. */
  readonly acceptorSubkey: Key | undefined;
  /** `rfc1964`: SGN_ALG and SEAL_ALG as little-endian numbers; undefined otherwise. */
  readonly signAlgorithm: number | undefined;
  readonly sealAlgorithm: number | undefined;
}
