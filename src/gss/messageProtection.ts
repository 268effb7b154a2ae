/** THE table of how messages are protected, by the encryption type of the context's key. */
import { ENCRYPTION_TYPES } from '../iana/encryptionTypes.js';
import type { Iov, IovLengths, SplitToken, UnwrappedIov, WrappedIov } from './iov.js';
import type { MessageKey, RandomBytes, Unwrapped } from './messageKey.js';
import { checkMic, makeMic } from './micToken.js';
import { rc4IovLengths, splitRc4Token, unwrapRc4Iov, wrapRc4Iov } from './rc4Iov.js';
import { checkRc4Mic, makeRc4Mic, rc4WrapLength, unwrapRc4Message, wrapRc4Message } from './rc4Messages.js';
import { iovLengths, splitToken, unwrapIov, wrapIov } from './wrapIov.js';
import { unwrapMessage, wrapLength, wrapMessage } from './wrapToken.js';

/** One kind of per-message tokens. Whatever reads a peer's token throws ProtocolError ERR_GSS_TOKEN, CryptoError ERR_INTEGRITY. */
export interface MessageProtection {
  /** Of the lucid view (MIT krb5): `cfx` for RFC 4121, `rfc1964` for what came before it. */
  readonly protocol: 'cfx' | 'rfc1964';
  /** Width of the sequence numbers. */
  readonly sequenceBits: 32 | 64;
  mic(message: Uint8Array, context: MessageKey, sequence: bigint): Uint8Array;
  /** @returns the sequence number */
  verifyMic(message: Uint8Array, token: Uint8Array, context: MessageKey): bigint;
  wrap(
    message: Uint8Array,
    sealed: boolean,
    context: MessageKey,
    sequence: bigint,
    randomBytes: RandomBytes,
  ): Uint8Array;
  unwrap(token: Uint8Array, context: MessageKey): Unwrapped;
  /** Octets of the Wrap token of a message of `octets`. */
  wrapLength(octets: number, sealed: boolean, context: MessageKey): number;
  wrapIov(
    iov: Iov,
    sealed: boolean,
    context: MessageKey,
    sequence: bigint,
    randomBytes: RandomBytes,
  ): WrappedIov;
  unwrapIov(iov: Iov, context: MessageKey): UnwrappedIov;
  iovLengths(iov: Iov, sealed: boolean, context: MessageKey): IovLengths;
  /** Cuts a whole token into buffers. */
  split(token: Uint8Array, context: MessageKey): SplitToken;
}

const CFX: MessageProtection = {
  protocol: 'cfx',
  sequenceBits: 64,
  mic: makeMic,
  verifyMic: checkMic,
  wrap: wrapMessage,
  unwrap: unwrapMessage,
  wrapLength,
  wrapIov,
  unwrapIov,
  iovLengths,
  split: splitToken,
};

const RC4: MessageProtection = {
  protocol: 'rfc1964',
  sequenceBits: 32,
  mic: makeRc4Mic,
  verifyMic: checkRc4Mic,
  wrap: wrapRc4Message,
  unwrap: unwrapRc4Message,
  wrapLength: rc4WrapLength,
  wrapIov: wrapRc4Iov,
  unwrapIov: unwrapRc4Iov,
  iovLengths: rc4IovLengths,
  split: splitRc4Token,
};

/** RFC 4121 is for every type that came after RFC 1964 (section 1); RFC 4757 for its own. */
const BY_ETYPE: ReadonlyMap<number, MessageProtection> = new Map([[ENCRYPTION_TYPES['arcfour-hmac'], RC4]]);

/** How messages under a key of type `etype` are protected. */
export function messageProtection(etype: number): MessageProtection {
  return BY_ETYPE.get(etype) ?? CFX;
}
