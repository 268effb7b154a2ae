/**
 * Per-message tokens under RC4 keys (RFC 4757 section 7): MIC, and Wrap with a confounder of 8 octets and one octet of
 * padding. For keys that only `allow_rc4` lets in.
 */
import { concat } from '../bytes.js';
import type { MessageKey, RandomBytes, Unwrapped } from './messageKey.js';
import { RC4_RULE, rc4Framing, rc4FramingLength, readRc4Framing } from './rc4Framing.js';
import { makeRc4Token, RC4_TOKEN_OCTETS, rc4Seal, readRc4Token } from './rc4Token.js';
import { badToken } from './token.js';

export const RC4_CONFOUNDER_OCTETS = 8;
/** The padding: as many octets as their value says, here always one. */
export const RC4_PADDING: Uint8Array = Uint8Array.of(1);

/** A MIC token of `message`, sent by us. */
export function makeRc4Mic(message: Uint8Array, context: MessageKey, sequence: bigint): Uint8Array {
  const token = makeRc4Token('mic', false, [message], context, sequence);
  return concat(rc4Framing(token.length), token);
}

/**
 * Checks a MIC token sent by the other side.
 * @returns its sequence number
 * @throws ProtocolError ERR_GSS_TOKEN, CryptoError ERR_INTEGRITY
 */
export function checkRc4Mic(message: Uint8Array, token: Uint8Array, context: MessageKey): bigint {
  const inner = token.subarray(readRc4Framing(token));
  const { sequence, verify } = readRc4Token('mic', inner, context);
  if (inner.length !== RC4_TOKEN_OCTETS) throw badToken('MIC', 'octets after its checksum', RC4_RULE);
  verify([message]);
  return sequence;
}

/** A Wrap token of `message`, sent by us. */
export function wrapRc4Message(
  message: Uint8Array,
  sealed: boolean,
  context: MessageKey,
  sequence: bigint,
  randomBytes: RandomBytes,
): Uint8Array {
  const body = [randomBytes(RC4_CONFOUNDER_OCTETS), message, RC4_PADDING];
  const token = makeRc4Token('wrap', sealed, body, context, sequence);
  const framing = rc4Framing(rc4WrapBodyLength(message.length));
  return concat(framing, token, ...(sealed ? [rc4Seal(body, context.key, sequence)] : body));
}

/** Octets of the Wrap token of a message of `octets`. */
export function rc4WrapLength(octets: number): number {
  const body = rc4WrapBodyLength(octets);
  return rc4FramingLength(body) + body;
}

function rc4WrapBodyLength(octets: number): number {
  return RC4_TOKEN_OCTETS + RC4_CONFOUNDER_OCTETS + octets + RC4_PADDING.length;
}

/**
 * Opens a Wrap token sent by the other side.
 * @throws ProtocolError ERR_GSS_TOKEN, CryptoError ERR_INTEGRITY
 */
export function unwrapRc4Message(token: Uint8Array, context: MessageKey): Unwrapped {
  const inner = token.subarray(readRc4Framing(token));
  const { sealed, sequence, verify } = readRc4Token('wrap', inner, context);
  const body = inner.subarray(RC4_TOKEN_OCTETS);
  if (body.length < RC4_CONFOUNDER_OCTETS + RC4_PADDING.length) throw badToken('Wrap', 'too short', RC4_RULE);
  const plain = sealed ? rc4Seal([body], context.key, sequence) : body;
  verify([plain]);
  checkPadding(plain.subarray(plain.length - 1));
  return { message: plain.subarray(RC4_CONFOUNDER_OCTETS, plain.length - 1), sealed, sequence };
}

/** @throws ProtocolError ERR_GSS_TOKEN unless it is the one octet that section 7.3 wants */
export function checkPadding(padding: Uint8Array): void {
  if (padding.length !== 1 || padding[0] !== RC4_PADDING[0])
    throw badToken('padding', 'not one octet 01', RC4_RULE);
}
