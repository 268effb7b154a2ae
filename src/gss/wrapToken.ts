/**
 * Wrap tokens of RFC 4121 (sections 4.2.3 to 4.2.5), as one piece. Sealed: header | E(message | filler | header), otherwise
 * header | message | checksum; what follows the header may be rotated to the right.
 */
import { concat, equalBytes } from '../bytes.js';
import type { MessagePart, SignOnlyOctets } from '../crypto/encryptionType.js';
import { encryptionType } from '../crypto/etypes.js';
import {
  CFX_HEADER_OCTETS,
  CFX_IDS,
  CFX_RULE,
  type CfxHeader,
  innerCfxHeader,
  makeCfxHeader,
  ourUsages,
  readCfxHeader,
  theirUsages,
} from './cfxHeader.js';
import { type MessageKey, type RandomBytes, tokenIntegrityError, type Unwrapped } from './messageKey.js';
import { badToken } from './token.js';

/**
 * A Wrap token of `message`, sent by us.
 * @param sealed whether to encrypt; otherwise the message stays readable and is protected by a checksum
 */
export function wrapMessage(
  message: Uint8Array,
  sealed: boolean,
  context: MessageKey,
  sequence: bigint,
  randomBytes: RandomBytes,
): Uint8Array {
  const fields = { sealed, ec: 0, rrc: 0, sequence };
  const header = makeCfxHeader(CFX_IDS.wrap, context, fields);
  if (sealed) {
    const part = { octets: message, signOnly: false };
    return concat(header, sealBody([part], 0, header, context, randomBytes));
  }
  const mac = context.key.checksum(ourUsages(context).seal, [message, header]);
  return concat(makeCfxHeader(CFX_IDS.wrap, context, { ...fields, ec: mac.length }), message, mac);
}

/** Octets of the Wrap token of a message of `octets`. */
export function wrapLength(octets: number, sealed: boolean, { key }: MessageKey): number {
  const { checksumLength, confounderLength } = encryptionType(key.etype);
  const around = CFX_HEADER_OCTETS + octets + checksumLength;
  return sealed ? around + confounderLength + CFX_HEADER_OCTETS : around;
}

/** confounder | message | filler | header, encrypted, and the checksum (section 4.2.4). */
export function sealBody(
  parts: readonly MessagePart[],
  ec: number,
  header: Uint8Array,
  { key, ...context }: MessageKey,
  randomBytes: RandomBytes,
): Uint8Array {
  const filler = new Uint8Array(ec).fill(0xff);
  const whole = [...parts, { octets: concat(filler, header), signOnly: false }];
  return key.encrypt(ourUsages({ key, ...context }).seal, whole, randomBytes(key.confounderLength));
}

/**
 * Opens a Wrap token sent by the other side: any rotation (RRC), any filler (EC).
 * @throws ProtocolError ERR_GSS_TOKEN, CryptoError ERR_INTEGRITY
 */
export function unwrapMessage(token: Uint8Array, context: MessageKey): Unwrapped {
  const header = readCfxHeader(token, CFX_IDS.wrap, context);
  const body = rotateLeft(token.subarray(CFX_HEADER_OCTETS), rotation(header, context));
  const message = header.sealed
    ? openSealed(token, body, header.ec, context)
    : openPlain(token, body, header.ec, context);
  return { message, sealed: header.sealed, sequence: header.sequence };
}

/** How far a token was rotated. In DCE style Windows rotates by EC more than it says (as MIT krb5 and Heimdal do, too). */
export function rotation({ sealed, ec, rrc }: CfxHeader, { dceStyle = false }: MessageKey): number {
  return dceStyle && sealed && rrc !== 0 ? rrc + ec : rrc;
}

/** The octets after the header, in their order before a rotation to the right by `count`. */
export function rotateLeft(body: Uint8Array, count: number): Uint8Array {
  const by = body.length === 0 ? 0 : count % body.length;
  return by === 0 ? body : concat(body.subarray(by), body.subarray(0, by));
}

/**
 * message | filler | header copy, whose RRC is 0 (section 4.2.4).
 * @param token at least the header of the token
 * @throws ProtocolError ERR_GSS_TOKEN, CryptoError ERR_INTEGRITY
 */
export function openSealed(
  token: Uint8Array,
  body: Uint8Array,
  ec: number,
  context: MessageKey,
  signOnly?: readonly SignOnlyOctets[],
): Uint8Array {
  const plain = context.key.decrypt(theirUsages(context).seal, body, signOnly);
  const end = plain.length - CFX_HEADER_OCTETS - ec;
  if (end < 0) throw badToken('Wrap.EC', 'more filler than octets', CFX_RULE);
  const inner = plain.subarray(plain.length - CFX_HEADER_OCTETS);
  if (!equalBytes(inner, innerCfxHeader(token))) throw tokenIntegrityError();
  return plain.subarray(0, end);
}

function openPlain(token: Uint8Array, body: Uint8Array, ec: number, context: MessageKey): Uint8Array {
  const end = body.length - ec;
  if (end < 0) throw badToken('Wrap.EC', 'a checksum longer than the token', CFX_RULE);
  const message = body.subarray(0, end);
  checkPlain([message], token, body.subarray(end), ec, context);
  return message;
}

/**
 * Checks the checksum of a token that is only signed; while it is computed EC and RRC count as 0 (section 4.2.4).
 * @throws ProtocolError ERR_GSS_TOKEN, CryptoError ERR_INTEGRITY
 */
export function checkPlain(
  message: readonly Uint8Array[],
  token: Uint8Array,
  mac: Uint8Array,
  ec: number,
  context: MessageKey,
): void {
  const { key } = context;
  if (ec !== encryptionType(key.etype).checksumLength)
    throw badToken('Wrap.EC', 'not the length of the checksum', CFX_RULE);
  const header = innerCfxHeader(token);
  header.fill(0, 4, 6);
  if (!key.verifyChecksum(theirUsages(context).seal, [...message, header], mac)) throw tokenIntegrityError();
}
