/**
 * Per-message tokens of the krb5 mechanism: Wrap and MIC (RFC 4121 section 4.2).
 *
 * Sequence numbers are 64 bits wide. Here they are checked strictly in order or not at all; windows for datagrams are not
 * here.
 */
import { concat, equalBytes } from '../bytes.js';
import { encryptionType } from '../crypto/etypes.js';
import type { Key } from '../crypto/key.js';
import { CryptoError } from '../errors.js';
import { KEY_USAGES } from '../iana/keyUsages.js';
import { badToken } from './token.js';

const HEADER_OCTETS = 16;
const MIC_ID = 0x0404;
const WRAP_ID = 0x0504;

/** Flags octet (section 4.2.2). */
const SENT_BY_ACCEPTOR = 1;
const SEALED = 2;
const ACCEPTOR_SUBKEY = 4;

/** Key and direction of one side of a context. */
export interface MessageKey {
  readonly key: Key;
  /** Whether `key` is the acceptor's subkey. */
  readonly acceptorSubkey: boolean;
  /** Which side we are; the initiator unless given. */
  readonly sender?: Side | undefined;
}

/** The two sides of a context. */
export type Side = 'initiator' | 'acceptor';

/** What tokens of a side are marked and sealed with (RFC 4121 sections 2 and 4.2.2). */
const SIDES = {
  initiator: { flags: 0, sign: KEY_USAGES.GSS_INITIATOR_SIGN, seal: KEY_USAGES.GSS_INITIATOR_SEAL },
  acceptor: {
    flags: SENT_BY_ACCEPTOR,
    sign: KEY_USAGES.GSS_ACCEPTOR_SIGN,
    seal: KEY_USAGES.GSS_ACCEPTOR_SEAL,
  },
} as const;

function ours({ sender = 'initiator' }: MessageKey): (typeof SIDES)[Side] {
  return SIDES[sender];
}

function theirs({ sender = 'initiator' }: MessageKey): (typeof SIDES)[Side] {
  return SIDES[sender === 'initiator' ? 'acceptor' : 'initiator'];
}

const RULE = 'RFC 4121 section 4.2.6';

/** A MIC token of `message`, sent by us. */
export function makeMic(message: Uint8Array, context: MessageKey, sequence: bigint): Uint8Array {
  const header = makeHeader(MIC_ID, headerFlags(context), 0xffff, 0xffff, sequence);
  return concat(header, context.key.checksum(ours(context).sign, concat(message, header)));
}

function headerFlags(context: MessageKey): number {
  return ours(context).flags | (context.acceptorSubkey ? ACCEPTOR_SUBKEY : 0);
}

/**
 * Checks a MIC token sent by the other side.
 * @returns its sequence number
 * @throws ProtocolError ERR_GSS_TOKEN, CryptoError ERR_INTEGRITY
 */
export function checkMic(message: Uint8Array, token: Uint8Array, context: MessageKey): bigint {
  const header = readHeader(token, MIC_ID, context);
  if (header.sealed || header.ec !== 0xffff || header.rrc !== 0xffff)
    throw badToken('MIC.filler', 'not FF', RULE);
  const signed = concat(message, token.subarray(0, HEADER_OCTETS));
  const mic = token.subarray(HEADER_OCTETS);
  if (!context.key.verifyChecksum(theirs(context).sign, signed, mic)) throw integrity();
  return header.sequence;
}

/**
 * A Wrap token of `message`, sent by us.
 * @param sealed whether to encrypt; otherwise the message stays readable and is protected by a checksum
 */
export function wrapMessage(
  message: Uint8Array,
  sealed: boolean,
  context: MessageKey,
  sequence: bigint,
  randomBytes: (count: number) => Uint8Array,
): Uint8Array {
  const { key } = context;
  const flags = headerFlags(context) | (sealed ? SEALED : 0);
  const header = makeHeader(WRAP_ID, flags, 0, 0, sequence);
  const usage = ours(context).seal;
  if (sealed) return concat(header, key.encrypt(usage, concat(message, header), randomBytes(16)));
  const mac = key.checksum(usage, concat(message, header));
  return concat(makeHeader(WRAP_ID, flags, mac.length, 0, sequence), message, mac);
}

/** What a Wrap token held. */
export interface Unwrapped {
  readonly message: Uint8Array;
  readonly sealed: boolean;
  readonly sequence: bigint;
}

/**
 * Opens a Wrap token sent by the other side: any rotation (RRC), any filler (EC).
 * @throws ProtocolError ERR_GSS_TOKEN, CryptoError ERR_INTEGRITY
 */
export function unwrapMessage(token: Uint8Array, context: MessageKey): Unwrapped {
  const header = readHeader(token, WRAP_ID, context);
  const body = rotateLeft(token.subarray(HEADER_OCTETS), header.rrc);
  const message = header.sealed
    ? openSealed(token, body, header.ec, context)
    : openPlain(token, body, header.ec, context);
  return { message, sealed: header.sealed, sequence: header.sequence };
}

/** plaintext | filler | header copy, whose RRC is 0 (section 4.2.4). */
function openSealed(token: Uint8Array, body: Uint8Array, ec: number, context: MessageKey): Uint8Array {
  const plain = context.key.decrypt(theirs(context).seal, body);
  const end = plain.length - HEADER_OCTETS - ec;
  if (end < 0) throw badToken('Wrap.EC', 'more filler than octets', RULE);
  if (!equalBytes(plain.subarray(plain.length - HEADER_OCTETS), withoutRotation(token))) throw integrity();
  return plain.subarray(0, end);
}

/** plaintext | checksum; while it is computed EC and RRC count as 0 (section 4.2.4). */
function openPlain(token: Uint8Array, body: Uint8Array, ec: number, context: MessageKey): Uint8Array {
  const { key } = context;
  const end = body.length - ec;
  if (ec !== encryptionType(key.etype).checksumLength || end < 0)
    throw badToken('Wrap.EC', 'not the length of the checksum', RULE);
  const message = body.subarray(0, end);
  const header = withoutRotation(token);
  header.fill(0, 4, 6);
  if (!key.verifyChecksum(theirs(context).seal, concat(message, header), body.subarray(end)))
    throw integrity();
  return message;
}

function withoutRotation(token: Uint8Array): Uint8Array {
  const header = token.slice(0, HEADER_OCTETS);
  header.fill(0, 6, 8);
  return header;
}

function rotateLeft(body: Uint8Array, rrc: number): Uint8Array {
  const by = body.length === 0 ? 0 : rrc % body.length;
  return by === 0 ? body : concat(body.subarray(by), body.subarray(0, by));
}

function makeHeader(id: number, flags: number, ec: number, rrc: number, sequence: bigint): Uint8Array {
  const header = new Uint8Array(HEADER_OCTETS);
  const view = new DataView(header.buffer);
  view.setUint16(0, id);
  header[2] = flags;
  header[3] = 0xff;
  view.setUint16(4, ec);
  view.setUint16(6, rrc);
  view.setBigUint64(8, sequence);
  return header;
}

interface Header {
  readonly sealed: boolean;
  readonly ec: number;
  readonly rrc: number;
  readonly sequence: bigint;
}

/** Refuses our own tokens sent back to us, and tokens under another key than the context's. */
function readHeader(token: Uint8Array, id: number, context: MessageKey): Header {
  if (token.length < HEADER_OCTETS) throw badToken('token', 'shorter than its header', RULE);
  const view = new DataView(token.buffer, token.byteOffset, HEADER_OCTETS);
  const flags = token[2]!;
  if (view.getUint16(0) !== id) throw badToken('TOK_ID', 'another kind of token', RULE);
  if (token[3] !== 0xff) throw badToken('filler', 'not FF', RULE);
  if ((flags & SENT_BY_ACCEPTOR) !== theirs(context).flags)
    throw badToken('flags', 'our own token came back', RULE);
  if ((flags & ACCEPTOR_SUBKEY) !== (context.acceptorSubkey ? ACCEPTOR_SUBKEY : 0))
    throw badToken('flags', 'wrong AcceptorSubkey', RULE);
  return {
    sealed: (flags & SEALED) !== 0,
    ec: view.getUint16(4),
    rrc: view.getUint16(6),
    sequence: view.getBigUint64(8),
  };
}

function integrity(): CryptoError {
  return new CryptoError(
    'ERR_INTEGRITY',
    'integrity check failed: the message was changed or sealed with another key',
  );
}
