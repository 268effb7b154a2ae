/**
 * A service in memory, for tests: accepts krb5 context tokens and SPNEGO (RFC 4121, RFC 4178), answers as scripted and
 * protects messages in the acceptor's direction. Messages go through the library's codecs; Wrap, MIC and the checksum of
 * type 0x8003 are written and read here a second time, from the RFC. Each hook changes exactly one thing.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { concat } from '../../src/bytes.js';
import { Key } from '../../src/crypto/key.js';
import type { Environment } from '../../src/exchange/environment.js';
import type { Credential } from '../../src/formats/credential.js';
import type { Principal } from '../../src/formats/principal.js';
import { encodeKrb5Token, type TokenId } from '../../src/gss/token.js';
import type { Authenticator, EncApRepPart } from '../../src/messages/ap.js';
import type { KrbError } from '../../src/messages/error.js';
import { decode, encode } from '../../src/messages/module.js';
import { encryptionKey, seal, unseal } from '../../src/messages/sealed.js';
import * as spnego from '../../src/spnego/messages.js';

/** Octets of each etype's key. */
export const KEY_OCTETS: Readonly<Record<number, number>> = { 17: 16, 18: 32, 19: 16, 20: 32 };

/** Clock that moves a millisecond per reading, and reproducible randomness. */
export function testEnvironment(startMs: number = Date.UTC(2026, 0, 2), seed = 1): Environment {
  let state = seed >>> 0 || 1;
  let readings = 0;
  return {
    nowMs: () => startMs + readings++ + 0.125,
    randomBytes: (count) =>
      Uint8Array.from({ length: count }, () => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        return state >>> 24;
      }),
  };
}

/** How the service behaves. */
export interface AcceptorOptions {
  /** Of the session key and the initiator's subkey; 18 unless given. */
  readonly etype?: number;
  /** Of the service's long-term key; 18 unless given. */
  readonly serviceEtype?: number;
  /** Subkey in the AP-REP; none unless given. */
  readonly subkey?: Key;
  /** Sequence number in the AP-REP; null for none. */
  readonly seqNumber?: number | null;
  /** Contents of the Bnd field that are expected; 16 zeros unless given. */
  readonly bindingsHash?: Uint8Array;
  /** Of the ticket; alice unless given. */
  readonly client?: Principal;
}

/** Changes to the AP-REP token, each undefined for none. */
export interface ApRepChanges {
  readonly part?: (part: EncApRepPart) => EncApRepPart;
  readonly key?: Key;
  readonly usage?: number;
  readonly tokenId?: TokenId;
  /** Without framing, as in DCE style. */
  readonly bare?: boolean;
}

/** Changes to a Wrap token. */
export interface WrapChanges {
  readonly sealed?: boolean;
  readonly rrc?: number;
  /** Octets of filler in a sealed token. */
  readonly ec?: number;
  readonly sequence?: bigint;
  /** Flags octet instead of the right one. */
  readonly flags?: number;
  /** Octet 3. */
  readonly filler?: number;
  /** Changes the copy of the header that is encrypted or signed. */
  readonly innerHeader?: (header: Uint8Array) => void;
  readonly usage?: number;
}

/** Changes to a MIC token. */
export interface MicChanges {
  readonly sequence?: bigint;
  readonly flags?: number;
  readonly usage?: number;
  /** Changes the header before it is signed. */
  readonly header?: (header: Uint8Array) => void;
}

/** What an initiator's Wrap token held. */
export interface Opened {
  readonly message: Uint8Array;
  readonly sealed: boolean;
}

const CLIENT: Principal = { nameType: 1, components: ['alice'], realm: 'EXAMPLE.TEST' };
const SERVICE: Principal = { nameType: 3, components: ['HTTP', 'www.example.test'], realm: 'EXAMPLE.TEST' };
const AUTH_TIME = Date.UTC(2026, 0, 1) / 1000;
const END_TIME = AUTH_TIME + 7 * 86400;
const BARE_AP_REQ = 0x6e;
const KRB5_MECH_DER = '06092a864886f712010202';
const SENT_BY_ACCEPTOR = 1;
const SEALED = 2;
const ACCEPTOR_SUBKEY = 4;

/** One service and one context with it. */
export class ScriptedAcceptor {
  readonly serviceKey: Key;
  readonly sessionKey: Key;
  /** What the client sends with its AP-REQ. */
  readonly credential: Credential;
  /** DER of the MechTypeList in the NegTokenInit that was accepted. */
  mechTypeList: Uint8Array = new Uint8Array(0);
  /** The KRB-CRED in the checksum that was accepted. */
  krbCred: Uint8Array | undefined;
  #options: AcceptorOptions;
  #environment: Environment;
  #authenticator: Authenticator | undefined;
  #flags = 0;
  #messageKey: Key | undefined;
  #sendSequence = 0n;
  #receiveSequence = 0n;

  constructor(options: AcceptorOptions = {}, environment: Environment = testEnvironment(undefined, 99)) {
    this.#options = options;
    this.#environment = environment;
    this.serviceKey = this.freshKey(options.serviceEtype ?? 18);
    this.sessionKey = this.freshKey(options.etype ?? 18);
    this.credential = this.#issueCredential();
  }

  /** The authenticator of the AP-REQ that was accepted. */
  get authenticator(): Authenticator {
    assert(this.#authenticator !== undefined, 'no AP-REQ has been accepted');
    return this.#authenticator;
  }

  /** The initiator's subkey. */
  get initiatorSubkey(): Key {
    const { subkey } = this.authenticator;
    assert(subkey !== undefined);
    return new Key(subkey.keytype, subkey.keyvalue);
  }

  /** Context flags of the AP-REQ that was accepted. */
  get flags(): number {
    return this.#flags;
  }

  /** Number of the next token that this side sends. */
  get sendSequence(): bigint {
    return this.#sendSequence;
  }

  /** A key of random octets. */
  freshKey(etype: number): Key {
    return new Key(etype, this.#environment.randomBytes(KEY_OCTETS[etype] ?? 16));
  }

  /** Accepts the initial krb5 token. @throws AssertionError when anything in it is wrong */
  acceptToken(token: Uint8Array): void {
    const bare = token[0] === BARE_AP_REQ;
    const apReq = decode('ApReq', bare ? token : readApReq(token));
    const ticket = decode('Ticket', apReq.ticket);
    const part = decode('EncTicketPart', unseal(ticket.encPart, this.serviceKey, 2));
    const sessionKey = new Key(part.key.keytype, part.key.keyvalue);
    const authenticator = decode('Authenticator', unseal(apReq.authenticator, sessionKey, 11));
    assert.equal(authenticator.crealm, part.crealm);
    assert.deepEqual(authenticator.cname, part.cname);
    this.#authenticator = authenticator;
    this.#flags = this.#contextFlags(authenticator);
    assert.equal(bare, (this.#flags & 0x1000) !== 0, 'framing');
    assert.equal((apReq.apOptions & 0x20000000) !== 0, (this.#flags & 2) !== 0, 'mutual-required');
    this.#startMessages(authenticator);
  }

  /** The AP-REP token. */
  apRepToken(changes: ApRepChanges = {}): Uint8Array {
    const { ctime, cusec } = this.authenticator;
    const { subkey } = this.#options;
    const part: EncApRepPart = {
      ctime,
      cusec,
      subkey: subkey === undefined ? undefined : encryptionKey(subkey),
      seqNumber: this.#ownSeqNumber(),
    };
    const plain = encode('EncApRepPart', changes.part?.(part) ?? part);
    const key = changes.key ?? this.sessionKey;
    const confounder = this.#environment.randomBytes(key.confounderLength);
    const encPart = seal(plain, key, changes.usage ?? 12, confounder);
    const apRep = encode('ApRep', { pvno: 5, msgType: 15, encPart });
    return changes.bare === true ? apRep : encodeKrb5Token(changes.tokenId ?? 0x0200, apRep);
  }

  /** Accepts the initiator's AP-REP of DCE style (RFC 4757 section 7.1). @throws AssertionError */
  acceptLastToken(token: Uint8Array): void {
    const { encPart } = decode('ApRep', token);
    const part = decode('EncApRepPart', unseal(encPart, this.sessionKey, 12));
    assert.equal(part.seqNumber, this.#ownSeqNumber());
    assert.equal(part.subkey, undefined);
  }

  /** A KRB-ERROR token. */
  errorToken(errorCode: number, tokenId: TokenId = 0x0300, more: Partial<KrbError> = {}): Uint8Array {
    const { components, nameType, realm } = SERVICE;
    const error: KrbError = {
      pvno: 5,
      msgType: 30,
      stime: AUTH_TIME,
      susec: 0,
      errorCode,
      realm,
      sname: { nameType, nameString: components },
      ...more,
    };
    return encodeKrb5Token(tokenId, encode('KrbError', error));
  }

  /** Accepts a NegTokenInit and the krb5 token in it. */
  acceptNegTokenInit(token: Uint8Array): void {
    const { mechanism, contents } = readFraming(token);
    assert.equal(mechanism, '06062b0601050502');
    const message = spnego.decode('NegotiationToken', contents);
    assert('negTokenInit' in message && message.negTokenInit.mechToken !== undefined);
    this.mechTypeList = spnego.encode('MechTypeList', message.negTokenInit.mechTypes ?? []);
    this.acceptToken(message.negTokenInit.mechToken);
  }

  /** The MIC of the mechanism list, counted in the sequence. */
  mechListMic(): Uint8Array {
    return this.mic(this.mechTypeList);
  }

  /** Reads a NegTokenResp of the initiator, which must hold a right MIC of the list. @returns its state */
  acceptMicResp(token: Uint8Array): number | undefined {
    const message = spnego.decode('NegotiationToken', token);
    assert('negTokenResp' in message && message.negTokenResp.mechListMic !== undefined);
    this.verifyMic(this.mechTypeList, message.negTokenResp.mechListMic);
    return message.negTokenResp.negState;
  }

  /** A Wrap token (RFC 4121 section 4.2.6.2), rotated and filled as asked. */
  wrap(message: Uint8Array, changes: WrapChanges = {}): Uint8Array {
    const sealed = changes.sealed ?? true;
    const rrc = changes.rrc ?? 0;
    const ec = sealed ? (changes.ec ?? 0) : this.#checksumOctets();
    const flags = changes.flags ?? this.#flagsOctet() | (sealed ? SEALED : 0);
    const sequence = changes.sequence ?? this.#nextSequence();
    const header = wrapHeader(flags, changes.filler ?? 0xff, ec, sequence);
    const inner = header.slice();
    if (!sealed) inner.fill(0, 4, 6);
    changes.innerHeader?.(inner);
    const body = this.#wrapBody(message, inner, sealed ? ec : undefined, changes.usage ?? 22);
    header.set([rrc >> 8, rrc & 0xff], 6);
    return concat(header, rotateRight(body, rrc));
  }

  /** A MIC token (RFC 4121 section 4.2.6.1). */
  mic(message: Uint8Array, changes: MicChanges = {}): Uint8Array {
    const header = new Uint8Array(16).fill(0xff);
    header.set([4, 4, changes.flags ?? this.#flagsOctet()]);
    new DataView(header.buffer).setBigUint64(8, changes.sequence ?? this.#nextSequence());
    changes.header?.(header);
    return concat(header, this.#key().checksum(changes.usage ?? 23, concat(message, header)));
  }

  /** Opens a Wrap token of the initiator. @throws AssertionError when anything in it is wrong */
  unwrap(token: Uint8Array): Opened {
    const header = token.slice(0, 16);
    const body = token.subarray(16);
    assert.deepEqual([...header.subarray(0, 2)], [5, 4], 'TOK_ID');
    assert.equal(header[3], 0xff, 'filler');
    assert.deepEqual([...header.subarray(6, 8)], [0, 0], 'RRC');
    const sealed = (header[2]! & SEALED) !== 0;
    this.#checkInitiatorHeader(header, sealed ? SEALED : 0);
    return { message: sealed ? this.#openSealed(header, body) : this.#openPlain(header, body), sealed };
  }

  /** Checks a MIC token of the initiator. @throws AssertionError */
  verifyMic(message: Uint8Array, token: Uint8Array): void {
    const header = token.subarray(0, 16);
    assert.deepEqual([...header.subarray(0, 2)], [4, 4], 'TOK_ID');
    assert.deepEqual([...header.subarray(3, 8)], [255, 255, 255, 255, 255], 'filler');
    this.#checkInitiatorHeader(header, 0);
    assert(this.#key().verifyChecksum(25, concat(message, header), token.subarray(16)), 'MIC');
  }

  #issueCredential(): Credential {
    const client = this.#options.client ?? CLIENT;
    const part = encode('EncTicketPart', {
      flags: 0x40e00000,
      key: encryptionKey(this.sessionKey),
      crealm: client.realm,
      cname: { nameType: client.nameType, nameString: client.components },
      transited: { trType: 1, contents: new Uint8Array(0) },
      authtime: AUTH_TIME,
      endtime: END_TIME,
    });
    const ticket = encode('Ticket', {
      tktVno: 5,
      realm: SERVICE.realm,
      sname: { nameType: SERVICE.nameType, nameString: SERVICE.components },
      encPart: seal(part, this.serviceKey, 2, this.#environment.randomBytes(16), 1),
    });
    return { ...CREDENTIAL_FACTS, client, sessionKey: this.sessionKey, ticket };
  }

  /** Flags of the checksum of type 0x8003 (RFC 4121 section 4.1.1). */
  #contextFlags({ cksum }: Authenticator): number {
    assert(cksum !== undefined && cksum.cksumtype === 0x8003, 'checksum of type 0x8003');
    const view = new DataView(cksum.checksum.buffer, cksum.checksum.byteOffset, cksum.checksum.length);
    assert.equal(view.getUint32(0, true), 16, 'Lgth');
    const expected = this.#options.bindingsHash ?? new Uint8Array(16);
    assert.deepEqual([...cksum.checksum.subarray(4, 20)], [...expected], 'Bnd');
    const flags = view.getUint32(20, true);
    this.krbCred = (flags & 1) === 0 ? undefined : delegatedMessage(cksum.checksum.subarray(24));
    assert.equal(cksum.checksum.length, 24 + (this.krbCred === undefined ? 0 : 4 + this.krbCred.length));
    return flags;
  }

  #startMessages({ seqNumber }: Authenticator): void {
    assert(seqNumber !== undefined);
    const mutual = (this.#flags & 2) !== 0;
    this.#receiveSequence = BigInt(seqNumber);
    this.#sendSequence = mutual ? BigInt(this.#ownSeqNumber() ?? 0) : BigInt(seqNumber);
    this.#messageKey = (mutual ? this.#options.subkey : undefined) ?? this.initiatorSubkey;
  }

  #ownSeqNumber(): number | undefined {
    const { seqNumber } = this.#options;
    return seqNumber === null ? undefined : (seqNumber ?? 1000);
  }

  #key(): Key {
    assert(this.#messageKey !== undefined, 'no AP-REQ has been accepted');
    return this.#messageKey;
  }

  #checksumOctets(): number {
    return this.#key().checksum(0, new Uint8Array(0)).length;
  }

  #subkeyFlag(): number {
    return this.#messageKey === this.#options.subkey ? ACCEPTOR_SUBKEY : 0;
  }

  #flagsOctet(): number {
    return SENT_BY_ACCEPTOR | this.#subkeyFlag();
  }

  #nextSequence(): bigint {
    return this.#sendSequence++;
  }

  /** `ec` undefined for a message that is only signed. */
  #wrapBody(message: Uint8Array, header: Uint8Array, ec: number | undefined, usage: number): Uint8Array {
    if (ec === undefined) return concat(message, this.#key().checksum(usage, concat(message, header)));
    const plain = concat(message, new Uint8Array(ec).fill(0xee), header);
    return this.#key().encrypt(usage, plain, this.#environment.randomBytes(16));
  }

  #checkInitiatorHeader(header: Uint8Array, sealed: number): void {
    assert.equal(header[2], sealed | this.#subkeyFlag(), 'flags');
    assert.equal(new DataView(header.buffer, header.byteOffset).getBigUint64(8), this.#receiveSequence++);
  }

  #openSealed(header: Uint8Array, body: Uint8Array): Uint8Array {
    assert.deepEqual([...header.subarray(4, 6)], [0, 0], 'EC');
    const plain = this.#key().decrypt(24, body);
    assert.deepEqual([...plain.subarray(-16)], [...header], 'header copy');
    return plain.subarray(0, -16);
  }

  #openPlain(header: Uint8Array, body: Uint8Array): Uint8Array {
    const ec = header[4]! * 256 + header[5]!;
    assert.equal(ec, this.#checksumOctets(), 'EC');
    const message = body.subarray(0, body.length - ec);
    const signed = concat(message, header.subarray(0, 4), new Uint8Array(4), header.subarray(8));
    assert(this.#key().verifyChecksum(24, signed, body.subarray(message.length)), 'checksum');
    return message;
  }
}

/** A NegTokenResp with the fields given. */
export function negTokenResp(fields: spnego.NegTokenResp): Uint8Array {
  return spnego.encode('NegotiationToken', { negTokenResp: fields });
}

/** The Bnd field for five fields of channel bindings, by node:crypto alone (RFC 4121 section 4.1.1.2). */
export function expectedBindingsHash(
  initiator: readonly [number, string],
  acceptor: readonly [number, string],
  data: string,
): Uint8Array {
  const hash = createHash('md5');
  const put32 = (value: number): void => {
    const octets = Buffer.alloc(4);
    octets.writeUInt32LE(value);
    hash.update(octets);
  };
  for (const [type, address] of [initiator, acceptor]) {
    put32(type);
    put32(Buffer.byteLength(address));
    hash.update(address);
  }
  put32(Buffer.byteLength(data));
  hash.update(data);
  return new Uint8Array(hash.digest());
}

const CREDENTIAL_FACTS: Omit<Credential, 'sessionKey' | 'ticket'> = {
  client: CLIENT,
  server: SERVICE,
  authTime: AUTH_TIME,
  startTime: AUTH_TIME,
  endTime: END_TIME,
  renewTill: 0,
  isSkey: false,
  flags: 0x40e00000,
  addresses: [],
  authData: [],
  secondTicket: new Uint8Array(0),
};

/** Framing of RFC 2743 section 3.1: DER of the OID in hexadecimal, and what follows it. */
function readFraming(token: Uint8Array): { mechanism: string; contents: Uint8Array } {
  assert.equal(token[0], 0x60, 'tag');
  const long = token[1]! & 0x80 ? token[1]! & 0x7f : 0;
  const length = long === 0 ? token[1]! : Number.parseInt(hex(token.subarray(2, 2 + long)), 16);
  const inner = token.subarray(2 + long);
  assert.equal(inner.length, length, 'length');
  assert.equal(inner[0], 6, 'OID');
  const end = 2 + inner[1]!;
  return { mechanism: hex(inner.subarray(0, end)), contents: inner.subarray(end) };
}

/** The AP-REQ in a krb5 token. */
function readApReq(token: Uint8Array): Uint8Array {
  const { mechanism, contents } = readFraming(token);
  assert.equal(mechanism, KRB5_MECH_DER);
  assert.deepEqual([...contents.subarray(0, 2)], [1, 0], 'TOK_ID of AP-REQ');
  return contents.subarray(2);
}

/** DlgOpt 1, Dlgth, Deleg (RFC 4121 section 4.1.1). */
function delegatedMessage(field: Uint8Array): Uint8Array {
  const view = new DataView(field.buffer, field.byteOffset, field.length);
  assert.equal(view.getUint16(0, true), 1, 'DlgOpt');
  return field.subarray(4, 4 + view.getUint16(2, true));
}

function wrapHeader(flags: number, filler: number, ec: number, sequence: bigint): Uint8Array {
  const header = Uint8Array.of(5, 4, flags, filler, ec >> 8, ec & 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
  new DataView(header.buffer).setBigUint64(8, sequence);
  return header;
}

function rotateRight(body: Uint8Array, rrc: number): Uint8Array {
  const by = body.length === 0 ? 0 : rrc % body.length;
  return concat(body.subarray(body.length - by), body.subarray(0, body.length - by));
}

function hex(octets: Uint8Array): string {
  return Buffer.from(octets).toString('hex');
}
