/** The header of the tokens of RFC 4121 ("CFX"): 16 octets in front of every Wrap and MIC token (section 4.2.6). */
import { KEY_USAGES } from '../iana/keyUsages.js';
import { type MessageKey, ourSide, type Side, theirSide } from './messageKey.js';
import { badToken } from './token.js';

/** Octets of the header. */
export const CFX_HEADER_OCTETS = 16;
/** Token identifiers. */
export const CFX_IDS = { mic: 0x0404, wrap: 0x0504 } as const;
/** Where the rules for tokens are. */
export const CFX_RULE = 'RFC 4121 section 4.2.6';

/** Flags octet (section 4.2.2). */
const SENT_BY_ACCEPTOR = 1;
const SEALED = 2;
const ACCEPTOR_SUBKEY = 4;

/** What tokens of a side are marked with, and the key usages that they are signed and sealed under. */
interface Marks {
  readonly flags: number;
  readonly sign: number;
  readonly seal: number;
}

/** Sections 2 and 4.2.2. */
const SIDES: Readonly<Record<Side, Marks>> = {
  initiator: { flags: 0, sign: KEY_USAGES.GSS_INITIATOR_SIGN, seal: KEY_USAGES.GSS_INITIATOR_SEAL },
  acceptor: {
    flags: SENT_BY_ACCEPTOR,
    sign: KEY_USAGES.GSS_ACCEPTOR_SIGN,
    seal: KEY_USAGES.GSS_ACCEPTOR_SEAL,
  },
};

/** Key usages of the tokens that we make. */
export function ourUsages(context: MessageKey): Marks {
  return SIDES[ourSide(context)];
}

/** Key usages of the tokens that the peer makes. */
export function theirUsages(context: MessageKey): Marks {
  return SIDES[theirSide(context)];
}

/** What a header says. */
export interface CfxHeader {
  readonly sealed: boolean;
  /** Extra count: octets of filler in a sealed token, of the checksum in one that is only signed. */
  readonly ec: number;
  /** Right rotation count. */
  readonly rrc: number;
  readonly sequence: bigint;
}

/** The header of a token of ours. */
export function makeCfxHeader(id: number, context: MessageKey, fields: CfxHeader): Uint8Array {
  const header = new Uint8Array(CFX_HEADER_OCTETS);
  const view = new DataView(header.buffer);
  view.setUint16(0, id);
  header[2] =
    ourUsages(context).flags | (fields.sealed ? SEALED : 0) | (context.acceptorSubkey ? ACCEPTOR_SUBKEY : 0);
  header[3] = 0xff;
  view.setUint16(4, fields.ec);
  view.setUint16(6, fields.rrc);
  view.setBigUint64(8, fields.sequence);
  return header;
}

/**
 * Reads the header of a token of the peer. Refuses our own tokens sent back to us, and tokens under another key than the
 * context's.
 * @throws ProtocolError ERR_GSS_TOKEN
 */
export function readCfxHeader(token: Uint8Array, id: number, context: MessageKey): CfxHeader {
  if (token.length < CFX_HEADER_OCTETS) throw badToken('token', 'shorter than its header', CFX_RULE);
  const view = new DataView(token.buffer, token.byteOffset, CFX_HEADER_OCTETS);
  const flags = token[2]!;
  if (view.getUint16(0) !== id) throw badToken('TOK_ID', 'another kind of token', CFX_RULE);
  if (token[3] !== 0xff) throw badToken('filler', 'not FF', CFX_RULE);
  if ((flags & SENT_BY_ACCEPTOR) !== theirUsages(context).flags)
    throw badToken('flags', 'our own token came back', CFX_RULE);
  if ((flags & ACCEPTOR_SUBKEY) !== (context.acceptorSubkey ? ACCEPTOR_SUBKEY : 0))
    throw badToken('flags', 'wrong AcceptorSubkey', CFX_RULE);
  return {
    sealed: (flags & SEALED) !== 0,
    ec: view.getUint16(4),
    rrc: view.getUint16(6),
    sequence: view.getBigUint64(8),
  };
}

/** The header of `token` as the copy inside of it has it: not rotated (section 4.2.4). */
export function innerCfxHeader(token: Uint8Array): Uint8Array {
  const header = new Uint8Array(token.subarray(0, CFX_HEADER_OCTETS));
  header.fill(0, 6, 8);
  return header;
}
