/**
 * What all per-message tokens of RFC 4757 (section 7) have in common: after the framing
 * TOK_ID | SGN_ALG | SEAL_ALG | FF FF | SND_SEQ | SGN_CKSUM, 24 octets. SND_SEQ (number and direction) is encrypted, but by a
 * stream cipher and under no checksum. So whoever is in between can give a MIC or a signed message that was sent another
 * number, even the one that is expected next, and the other direction; a sealed one only the other direction, for its number
 * is part of its key. No implementation can tell.
 */
import { concat, equalBytes } from '../bytes.js';
import { defaultPrimitives } from '../crypto/defaultPrimitives.js';
import type { Key } from '../crypto/key.js';
import { rc4 } from '../crypto/rc4.js';
import { uint32 } from '../exchange/environment.js';
import { type MessageKey, ourSide, type Side, theirSide, tokenIntegrityError } from './messageKey.js';
import { RC4_RULE } from './rc4Framing.js';
import { badToken } from './token.js';

/** Octets of a token after its framing, before a confounder. */
export const RC4_TOKEN_OCTETS = 24;
/** Octets of the checksum, which is cut. */
const CHECKSUM_OCTETS = 8;
/** Octets at the start that the checksum covers. */
const SIGNED_OCTETS = 8;

/** Kinds of tokens: what they start with, and the number that enters their checksum (Windows' key usages). */
export const RC4_KINDS = {
  mic: { id: [0x01, 0x01], usage: 15 },
  wrap: { id: [0x02, 0x01], usage: 13 },
} as const;
type Kind = keyof typeof RC4_KINDS;

/** SGN_ALG: HMAC with MD5. SEAL_ALG: RC4, or FFFF for none. */
const SGN_ALG = [0x11, 0x00] as const;
const SEAL_ALG = [0x10, 0x00] as const;
const NO_SEAL = [0xff, 0xff] as const;

/** The four octets after a sequence number, by sender. */
const DIRECTIONS: Readonly<Record<Side, number>> = { initiator: 0x00, acceptor: 0xff };

const ZERO: Uint8Array = new Uint8Array(4);

/** A token of ours, without the framing, over `message` in pieces. */
export function makeRc4Token(
  kind: Kind,
  sealed: boolean,
  message: readonly Uint8Array[],
  context: MessageKey,
  sequence: bigint,
): Uint8Array {
  const start = Uint8Array.of(
    ...RC4_KINDS[kind].id,
    ...SGN_ALG,
    ...(sealed ? SEAL_ALG : NO_SEAL),
    0xff,
    0xff,
  );
  const checksum = checksumOf(kind, start, message, context.key);
  const number = concat(sequenceOctets(sequence), new Uint8Array(4).fill(DIRECTIONS[ourSide(context)]));
  return concat(start, rc4(sequenceKey(context.key, checksum), number), checksum);
}

/** What a token says before its checksum has been verified. */
export interface Rc4Token {
  readonly sealed: boolean;
  readonly sequence: bigint;
  /** @throws CryptoError ERR_INTEGRITY; ProtocolError ERR_GSS_TOKEN when it is our own token */
  verify(message: readonly Uint8Array[]): void;
}

/**
 * Reads what follows the framing.
 * @throws ProtocolError ERR_GSS_TOKEN
 */
export function readRc4Token(kind: Kind, token: Uint8Array, context: MessageKey): Rc4Token {
  if (token.length < RC4_TOKEN_OCTETS) throw badToken('token', 'shorter than its header', RC4_RULE);
  const start = token.subarray(0, SIGNED_OCTETS);
  if (!startsWith(start, 0, RC4_KINDS[kind].id)) throw badToken('TOK_ID', 'another kind of token', RC4_RULE);
  if (!startsWith(start, 2, SGN_ALG)) throw badToken('SGN_ALG', 'not HMAC with MD5', RC4_RULE);
  if (!startsWith(start, 6, [0xff, 0xff])) throw badToken('filler', 'not FF', RC4_RULE);
  const sealed = kind === 'wrap' && startsWith(start, 4, SEAL_ALG);
  if (!sealed && !startsWith(start, 4, NO_SEAL)) throw badToken('SEAL_ALG', 'not RC4', RC4_RULE);
  const checksum = token.subarray(RC4_TOKEN_OCTETS - CHECKSUM_OCTETS, RC4_TOKEN_OCTETS);
  const encrypted = token.subarray(SIGNED_OCTETS, RC4_TOKEN_OCTETS - CHECKSUM_OCTETS);
  const number = rc4(sequenceKey(context.key, checksum), encrypted);
  return {
    sealed,
    sequence: BigInt(uint32(number)),
    verify(message) {
      if (!equalBytes(checksumOf(kind, start, message, context.key), checksum)) throw tokenIntegrityError();
      checkDirection(number.subarray(4), context);
    },
  };
}

function startsWith(octets: Uint8Array, offset: number, expected: readonly number[]): boolean {
  return expected.every((octet, i) => octets[offset + i] === octet);
}

function checkDirection(direction: Uint8Array, context: MessageKey): void {
  const of = (side: Side): Uint8Array => new Uint8Array(4).fill(DIRECTIONS[side]);
  if (equalBytes(direction, of(theirSide(context)))) return;
  if (equalBytes(direction, of(ourSide(context))))
    throw badToken('SND_SEQ', 'our own token came back', RC4_RULE);
  throw tokenIntegrityError();
}

/**
 * `data` in pieces under the key stream of a sealed message, which belongs to its number: encryption and decryption are the
 * same. The key is the context's with every octet changed by F0.
 */
export function rc4Seal(data: readonly Uint8Array[], key: Key, sequence: bigint): Uint8Array {
  const changed = key.value.map((octet) => octet ^ 0xf0);
  const sealKey = hmac(hmac(changed, ZERO), sequenceOctets(sequence));
  changed.fill(0);
  return rc4(sealKey, concat(...data));
}

/** The key that encrypts SND_SEQ depends on the checksum. */
function sequenceKey(key: Key, checksum: Uint8Array): Uint8Array {
  return hmac(hmac(key.value, ZERO), checksum);
}

function checksumOf(kind: Kind, start: Uint8Array, message: readonly Uint8Array[], key: Key): Uint8Array {
  return key.checksum(RC4_KINDS[kind].usage, [start, ...message]).subarray(0, CHECKSUM_OCTETS);
}

function sequenceOctets(sequence: bigint): Uint8Array {
  const octets = new Uint8Array(4);
  new DataView(octets.buffer).setUint32(0, Number(BigInt.asUintN(32, sequence)));
  return octets;
}

function hmac(key: Uint8Array, data: Uint8Array): Uint8Array {
  return defaultPrimitives().hmac('md5', key, data);
}
