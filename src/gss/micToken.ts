/** MIC tokens of RFC 4121 (sections 4.2.4 and 4.2.6.1): a header and the checksum of the message and the header. */
import { concat } from '../bytes.js';
import {
  CFX_HEADER_OCTETS,
  CFX_IDS,
  CFX_RULE,
  makeCfxHeader,
  ourUsages,
  readCfxHeader,
  theirUsages,
} from './cfxHeader.js';
import { type MessageKey, tokenIntegrityError } from './messageKey.js';
import { badToken } from './token.js';

/** A MIC token of `message`, sent by us. */
export function makeMic(message: Uint8Array, context: MessageKey, sequence: bigint): Uint8Array {
  const fields = { sealed: false, ec: 0xffff, rrc: 0xffff, sequence };
  const header = makeCfxHeader(CFX_IDS.mic, context, fields);
  return concat(header, context.key.checksum(ourUsages(context).sign, [message, header]));
}

/**
 * Checks a MIC token sent by the other side.
 * @returns its sequence number
 * @throws ProtocolError ERR_GSS_TOKEN, CryptoError ERR_INTEGRITY
 */
export function checkMic(message: Uint8Array, token: Uint8Array, context: MessageKey): bigint {
  const header = readCfxHeader(token, CFX_IDS.mic, context);
  if (header.sealed || header.ec !== 0xffff || header.rrc !== 0xffff)
    throw badToken('MIC.filler', 'not FF', CFX_RULE);
  const signed = [message, token.subarray(0, CFX_HEADER_OCTETS)];
  const mic = token.subarray(CFX_HEADER_OCTETS);
  if (!context.key.verifyChecksum(theirUsages(context).sign, signed, mic)) throw tokenIntegrityError();
  return header.sequence;
}
