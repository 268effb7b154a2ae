/**
 * Wrap tokens of RFC 4757 in several buffers: header | data... | padding. In DCE style, and as WinRM has them, there is no
 * padding, and in DCE style the framing counts the header only.
 */
import { concat } from '../bytes.js';
import {
  cutLike,
  dataLength,
  dataOf,
  hasData,
  type Iov,
  type IovLengths,
  type SplitToken,
  type UnwrappedIov,
  type WrappedIov,
} from './iov.js';
import type { MessageKey, RandomBytes } from './messageKey.js';
import { RC4_RULE, rc4Framing, rc4FramingLength, readRc4Framing } from './rc4Framing.js';
import { checkPadding, RC4_CONFOUNDER_OCTETS, RC4_PADDING } from './rc4Messages.js';
import { makeRc4Token, RC4_TOKEN_OCTETS, rc4Seal, readRc4Token } from './rc4Token.js';
import { badToken } from './token.js';

const EMPTY: Uint8Array = new Uint8Array(0);
/** Octets of the header after its framing. */
const HEADER_OCTETS = RC4_TOKEN_OCTETS + RC4_CONFOUNDER_OCTETS;

/** Protects the data of `iov`. */
export function wrapRc4Iov(
  iov: Iov,
  sealed: boolean,
  context: MessageKey,
  sequence: bigint,
  randomBytes: RandomBytes,
): WrappedIov {
  const padding = paddingOf(iov, context);
  const confounder = randomBytes(RC4_CONFOUNDER_OCTETS);
  const encrypted = sealed && hasData(iov);
  const whole = withPadding(iov, padding);
  const message = [confounder, ...whole.parts.map(({ octets }) => octets)];
  const token = makeRc4Token('wrap', encrypted, message, context, sequence);
  const secret = [confounder, ...dataOf(whole)];
  const body = encrypted ? rc4Seal(secret, context.key, sequence) : concat(...secret);
  const pieces = piecesOf(whole, body.subarray(RC4_CONFOUNDER_OCTETS));
  return {
    header: concat(
      rc4Framing(framedLength(iov, context, padding)),
      token,
      body.subarray(0, RC4_CONFOUNDER_OCTETS),
    ),
    ...pieces,
    trailer: EMPTY,
  };
}

/** @throws RangeError when there is nowhere to put the padding */
function paddingOf({ padding }: Iov, { dceStyle = false }: MessageKey): Uint8Array {
  if (dceStyle) return EMPTY;
  if (padding === undefined)
    throw new RangeError('buffers must have a padding: the key is of type arcfour-hmac');
  return RC4_PADDING;
}

/** Octets that the framing counts, after the mechanism. */
function framedLength(iov: Iov, { dceStyle = false }: MessageKey, padding: Uint8Array): number {
  return dceStyle ? HEADER_OCTETS : HEADER_OCTETS + dataLength(iov) + padding.length;
}

/**
 * Opens what the other side protected.
 * @throws ProtocolError ERR_GSS_TOKEN, CryptoError ERR_INTEGRITY
 */
export function unwrapRc4Iov(iov: Iov, context: MessageKey): UnwrappedIov {
  const { header, padding = EMPTY, trailer = EMPTY } = iov;
  if (trailer.length > 0) throw badToken('trailer', 'not empty', RC4_RULE);
  const framed = context.dceStyle ? header.length : header.length + dataLength(iov) + padding.length;
  const inner = header.subarray(readRc4Framing(header, framed));
  const { sealed, sequence, verify } = readRc4Token('wrap', inner, context);
  if (inner.length !== HEADER_OCTETS) throw badToken('header', 'not as long as it must be', RC4_RULE);
  const whole = withPadding(iov, padding);
  const body = [inner.subarray(RC4_TOKEN_OCTETS), ...dataOf(whole)];
  const plain = sealed ? rc4Seal(body, context.key, sequence) : concat(...body);
  const rest = plain.subarray(RC4_CONFOUNDER_OCTETS);
  verify([plain.subarray(0, RC4_CONFOUNDER_OCTETS), ...inPlace(whole, cutLike(whole, rest))]);
  const pieces = piecesOf(whole, rest);
  if (padding.length > 0) checkPadding(pieces.padding);
  return { data: pieces.data, sealed, sequence };
}

/** The padding as one more piece of data where it stands: both the checksum and the key stream take it so. */
function withPadding(iov: Iov, padding: Uint8Array): Iov {
  const { parts, paddingAt } = iov;
  const piece = { octets: padding, signOnly: false };
  return { ...iov, parts: [...parts.slice(0, paddingAt), piece, ...parts.slice(paddingAt)] };
}

/** The data and the padding of a message `withPadding`. */
function piecesOf(whole: Iov, octets: Uint8Array): Pick<WrappedIov, 'data' | 'padding'> {
  const data = cutLike(whole, octets);
  const at = whole.parts.slice(0, whole.paddingAt).filter(({ signOnly }) => !signOnly).length;
  const [padding = EMPTY] = data.splice(at, 1);
  return { data, padding };
}

/** All parts in order, with the decrypted data in place of the encrypted. */
function inPlace({ parts }: Iov, data: readonly Uint8Array[]): Uint8Array[] {
  let next = 0;
  return parts.map(({ octets, signOnly }) => (signOnly ? octets : data[next++]!));
}

/** Octets that the buffers need. */
export function rc4IovLengths(iov: Iov, _sealed: boolean, context: MessageKey): IovLengths {
  const padding = paddingOf(iov, context);
  const framing = rc4FramingLength(framedLength(iov, context, padding));
  return { header: framing + HEADER_OCTETS, padding: padding.length, trailer: 0 };
}

/**
 * Cuts a token into header, data and padding.
 * @throws ProtocolError ERR_GSS_TOKEN
 */
export function splitRc4Token(token: Uint8Array): SplitToken {
  const headerEnd = readRc4Framing(token) + HEADER_OCTETS;
  const end = token.length - RC4_PADDING.length;
  if (end < headerEnd) throw badToken('Wrap', 'too short', RC4_RULE);
  const data = token.subarray(headerEnd, end);
  return { header: token.subarray(0, headerEnd), data, padding: token.subarray(end), trailer: EMPTY };
}
