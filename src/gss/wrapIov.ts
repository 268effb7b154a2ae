/**
 * Wrap tokens of RFC 4121 in several buffers. header | data... | trailer together are the token as one piece; without a
 * trailer the header takes its octets, which makes a token that is rotated by their count.
 */
import { concat } from '../bytes.js';
import { encryptionType } from '../crypto/etypes.js';
import {
  CFX_HEADER_OCTETS,
  CFX_IDS,
  CFX_RULE,
  type CfxHeader,
  makeCfxHeader,
  ourUsages,
  readCfxHeader,
} from './cfxHeader.js';
import {
  cutLike,
  dataLength,
  dataOf,
  hasData,
  type Iov,
  type IovLengths,
  type SplitToken,
  signOnlyOf,
  type UnwrappedIov,
  type WrappedIov,
} from './iov.js';
import type { MessageKey, RandomBytes } from './messageKey.js';
import { badToken } from './token.js';
import { checkPlain, openSealed, rotateLeft, rotation, sealBody } from './wrapToken.js';

const EMPTY: Uint8Array = new Uint8Array(0);
/** Octets of filler in DCE style: Windows refuses a token without (MIT krb5). */
const DCE_FILLER_OCTETS = 16;

/** Protects the data of `iov`; with no data there is nothing to encrypt. */
export function wrapIov(
  iov: Iov,
  sealed: boolean,
  context: MessageKey,
  sequence: bigint,
  randomBytes: RandomBytes,
): WrappedIov {
  const { data, confounder, tail, ec } =
    sealed && hasData(iov) ? seal(iov, context, sequence, randomBytes) : sign(iov, context, sequence);
  const fields = { sealed: confounder.length > 0, ec, sequence };
  if (iov.trailer !== undefined) {
    const header = makeCfxHeader(CFX_IDS.wrap, context, { ...fields, rrc: 0 });
    return { header: concat(header, confounder), data, padding: EMPTY, trailer: tail };
  }
  const rrc = fields.sealed && context.dceStyle === true ? tail.length - ec : tail.length;
  const header = makeCfxHeader(CFX_IDS.wrap, context, { ...fields, rrc });
  return { header: concat(header, tail, confounder), data, padding: EMPTY, trailer: EMPTY };
}

/** What a token is made of: the encrypted data, what stands before and after it, and EC. */
interface Pieces {
  readonly data: readonly Uint8Array[];
  /** Empty in a token that is only signed. */
  readonly confounder: Uint8Array;
  readonly tail: Uint8Array;
  readonly ec: number;
}

function seal(iov: Iov, context: MessageKey, sequence: bigint, randomBytes: RandomBytes): Pieces {
  const ec = fillerLength(context);
  const header = makeCfxHeader(CFX_IDS.wrap, context, { sealed: true, ec, rrc: 0, sequence });
  const body = sealBody(iov.parts, ec, header, context, randomBytes);
  const { confounderLength } = context.key;
  const rest = body.subarray(confounderLength);
  return {
    data: cutLike(iov, rest),
    confounder: body.subarray(0, confounderLength),
    tail: rest.subarray(dataLength(iov)),
    ec,
  };
}

function sign(iov: Iov, context: MessageKey, sequence: bigint): Pieces {
  const header = makeCfxHeader(CFX_IDS.wrap, context, { sealed: false, ec: 0, rrc: 0, sequence });
  const signed = [...iov.parts.map(({ octets }) => octets), header];
  const tail = context.key.checksum(ourUsages(context).seal, signed);
  return { data: dataOf(iov), confounder: EMPTY, tail, ec: tail.length };
}

/**
 * Opens what the other side protected.
 * @throws ProtocolError ERR_GSS_TOKEN, CryptoError ERR_INTEGRITY
 */
export function unwrapIov(iov: Iov, context: MessageKey): UnwrappedIov {
  if (iov.padding !== undefined && iov.padding.length > 0) throw badToken('padding', 'not empty', CFX_RULE);
  const header = readCfxHeader(iov.header, CFX_IDS.wrap, context);
  const { sealed, sequence } = header;
  const { confounder, tail } = outerPieces(iov, header, context);
  if (sealed) {
    const body = concat(confounder, ...dataOf(iov), tail);
    const message = openSealed(iov.header, body, header.ec, context, signOnlyOf(iov));
    return { data: cutLike(iov, message), sealed, sequence };
  }
  const signed = iov.parts.map(({ octets }) => octets);
  checkPlain(signed, iov.header, tail, header.ec, context);
  return { data: dataOf(iov), sealed, sequence };
}

/** What stands around the data, out of header and trailer. */
function outerPieces(iov: Iov, header: CfxHeader, context: MessageKey): Pick<Pieces, 'confounder' | 'tail'> {
  const lengths = tokenLengths(header.sealed, header.ec, context);
  const { trailer } = iov;
  const rest = iov.header.subarray(CFX_HEADER_OCTETS);
  const tail = trailer ?? rest.subarray(0, lengths.tail);
  const confounder = trailer === undefined ? rest.subarray(lengths.tail) : rest;
  if (tail.length !== lengths.tail || confounder.length !== lengths.confounder)
    throw badToken('header', 'header and trailer are not as long as the token says', CFX_RULE);
  if (rotation(header, context) !== (trailer === undefined ? lengths.tail : 0))
    throw badToken('Wrap.RRC', 'not rotated as its buffers are', CFX_RULE);
  return { confounder, tail };
}

function tokenLengths(
  sealed: boolean,
  ec: number,
  { key }: MessageKey,
): { readonly confounder: number; readonly tail: number } {
  const { checksumLength, confounderLength } = encryptionType(key.etype);
  return sealed
    ? { confounder: confounderLength, tail: ec + CFX_HEADER_OCTETS + checksumLength }
    : { confounder: 0, tail: checksumLength };
}

/** Octets that the buffers need. */
export function iovLengths(iov: Iov, sealed: boolean, context: MessageKey): IovLengths {
  const encrypted = sealed && hasData(iov);
  const { confounder, tail } = tokenLengths(encrypted, fillerLength(context), context);
  const header = CFX_HEADER_OCTETS + confounder;
  return iov.trailer === undefined
    ? { header: header + tail, padding: 0, trailer: 0 }
    : { header, padding: 0, trailer: tail };
}

function fillerLength({ dceStyle = false }: MessageKey): number {
  return dceStyle ? DCE_FILLER_OCTETS : 0;
}

/**
 * Cuts a token into header, data and trailer.
 * @throws ProtocolError ERR_GSS_TOKEN
 */
export function splitToken(token: Uint8Array, context: MessageKey): SplitToken {
  const header = readCfxHeader(token, CFX_IDS.wrap, context);
  const body = rotateLeft(token.subarray(CFX_HEADER_OCTETS), rotation(header, context));
  const { confounder, tail } = tokenLengths(header.sealed, header.ec, context);
  const end = body.length - tail;
  if (end < confounder) throw badToken('Wrap', 'too short', CFX_RULE);
  const unrotated = makeUnrotated(token, body.subarray(0, confounder));
  return {
    header: unrotated,
    data: body.subarray(confounder, end),
    padding: EMPTY,
    trailer: body.subarray(end),
  };
}

function makeUnrotated(token: Uint8Array, confounder: Uint8Array): Uint8Array {
  const header = concat(token.subarray(0, CFX_HEADER_OCTETS), confounder);
  header.fill(0, 6, 8);
  return header;
}
