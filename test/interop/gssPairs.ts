/**
 * Contexts between this library and MIT's, for every key type and both ways. The tickets are made here, so that no KDC has
 * to know about weak types; everything else goes through both libraries' own negotiation.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemEnvironment } from '../../src/client/system.js';
import { Key } from '../../src/crypto/key.js';
import { makeApReq } from '../../src/exchange/ap.js';
import type { Environment } from '../../src/exchange/environment.js';
import { encodeCredentialCache } from '../../src/formats/ccache.js';
import type { Credential } from '../../src/formats/credential.js';
import { encodeKeytab } from '../../src/formats/keytab.js';
import type { Principal } from '../../src/formats/principal.js';
import { contextChecksum } from '../../src/gss/bindings.js';
import { InitiatorContext } from '../../src/gss/context.js';
import type { AnomalyPolicy } from '../../src/gss/established.js';
import { GSS_FLAGS } from '../../src/gss/flags.js';
import type { MessageContext } from '../../src/gss/securityContext.js';
import { encodeKrb5Token, TOKEN_IDS } from '../../src/gss/token.js';
import { encode } from '../../src/messages/module.js';
import { encryptionKey, seal } from '../../src/messages/sealed.js';
import { Acceptor } from '../../src/testing/acceptor.js';
import { buildGssPeer, fastFolder, GssPeer } from './gssPeer.js';

export const ETYPES = [17, 18, 19, 20, 23] as const;
const KEY_OCTETS: Readonly<Record<number, number>> = { 17: 16, 18: 32, 19: 16, 20: 32, 23: 16 };
const REALM = 'EXAMPLE.TEST';
const CLIENT: Principal = { nameType: 1, components: ['alice'], realm: REALM };
/** Status of MIT's library: another token is needed. */
const CONTINUE_NEEDED = 1;

export const environment: Environment = systemEnvironment();

const serviceKey = new Key(18, environment.randomBytes(32));
const now = Math.floor(Date.now() / 1000);
const credentials: ReadonlyMap<number, Credential> = new Map(
  ETYPES.map((etype) => [etype, ticketFor(etype)]),
);
const keytab = encodeKeytab(
  [...credentials.values()].map(({ server }) => ({
    principal: server,
    timestamp: now,
    kvno: 1,
    key: serviceKey,
  })),
);

/** A ticket of alice for the service `test/ETYPE` with a session key of that type. */
function ticketFor(etype: number): Credential {
  const sessionKey = new Key(etype, environment.randomBytes(KEY_OCTETS[etype]!));
  const server = { nameType: 1, components: ['test', String(etype)], realm: REALM };
  const times = { authTime: now - 60, startTime: now - 60, endTime: now + 36_000 };
  const part = encode('EncTicketPart', {
    flags: 0x40e00000,
    key: encryptionKey(sessionKey),
    crealm: REALM,
    cname: { nameType: CLIENT.nameType, nameString: CLIENT.components },
    transited: { trType: 1, contents: new Uint8Array(0) },
    authtime: times.authTime,
    starttime: times.startTime,
    endtime: times.endTime,
  });
  const ticket = encode('Ticket', {
    tktVno: 5,
    realm: REALM,
    sname: { nameType: server.nameType, nameString: server.components },
    encPart: seal(part, serviceKey, 2, environment.randomBytes(16), 1),
  });
  const rest = { renewTill: 0, isSkey: false, flags: 0x40e00000, addresses: [], authData: [] };
  return { client: CLIENT, server, sessionKey, ...times, ...rest, ticket, secondTicket: new Uint8Array(0) };
}

const KRB5_CONF = `[libdefaults]
 default_realm = ${REALM}
 dns_lookup_kdc = false
 dns_canonicalize_hostname = false
 allow_weak_crypto = true
 permitted_enctypes = aes256-cts-hmac-sha1-96 aes128-cts-hmac-sha1-96 aes256-cts-hmac-sha384-192 aes128-cts-hmac-sha256-128 arcfour-hmac
`;

/** Starts MIT's side, with the tickets and the service's keys. */
export async function startGssPeer(): Promise<GssPeer> {
  const folder = fastFolder();
  const files = {
    config: join(folder, 'krb5.conf'),
    keytab: join(folder, 'keytab'),
    ccache: join(folder, 'cc'),
  };
  const cache = {
    version: 4,
    defaultPrincipal: CLIENT,
    credentials: [...credentials.values()],
    config: [],
  } as const;
  writeFileSync(files.config, KRB5_CONF);
  writeFileSync(files.keytab, keytab);
  writeFileSync(files.ccache, encodeCredentialCache(cache), { mode: 0o600 });
  return new GssPeer(await buildGssPeer(), {
    KRB5_CONFIG: files.config,
    KRB5_KTNAME: `FILE:${files.keytab}`,
    KRB5CCNAME: `FILE:${files.ccache}`,
    KRB5RCACHENAME: 'none:',
  });
}

/** One context with us on one side and MIT's library on the other. */
export interface MixedPair {
  readonly ours: MessageContext;
  /** Number of MIT's context. */
  readonly mit: number;
}

/** Which side of a context we are. */
export type OurSide = 'initiator' | 'acceptor';
export const SIDES: readonly OurSide[] = ['initiator', 'acceptor'];

/** How a context is made. */
export interface PairOptions {
  /** GSS_FLAGS; replay, sequence and mutual with protection of messages unless given. */
  readonly flags?: number;
  readonly anomalies?: AnomalyPolicy;
}

/** Contexts that the program keeps at a time. */
const MOST_CONTEXTS = 60;
let last = 0;

/** Establishes a context whose keys are of type `etype`. */
export function mixedPair(
  peer: GssPeer,
  etype: number,
  side: OurSide,
  options: PairOptions = {},
): Promise<MixedPair> {
  last = (last + 1) % MOST_CONTEXTS;
  return side === 'initiator' ? initiated(peer, last, etype, options) : accepted(peer, last, etype, options);
}

async function initiated(
  peer: GssPeer,
  mit: number,
  etype: number,
  options: PairOptions,
): Promise<MixedPair> {
  const credential = credentials.get(etype)!;
  await peer.ask('delete', mit);
  const ours = new InitiatorContext({ credential, permittedEtypes: [etype], ...options }, environment);
  for (let { token } = ours.step(); token !== undefined; ) {
    const answer = await peer.ask('accept', mit, token);
    if (answer.major > CONTINUE_NEEDED)
      throw new Error(`MIT refuses: ${answer.major.toString(16)} ${answer.minor}`);
    const reply = answer.octets();
    token = reply.length === 0 ? undefined : ours.step(reply).token;
  }
  return { ours, mit };
}

async function accepted(peer: GssPeer, mit: number, etype: number, options: PairOptions): Promise<MixedPair> {
  const { flags = DEFAULT_FLAGS, anomalies } = options;
  await peer.ask('delete', mit);
  const acceptor = new Acceptor({ keytab, environment, etypes: [etype], anomalies });
  let ours: ReturnType<Acceptor['accept']>['context'] | undefined;
  for (let reply: Uint8Array = new Uint8Array(0); ; ) {
    const answer = await peer.ask('init', mit, flags, targetName(etype), reply);
    if (answer.major > CONTINUE_NEEDED)
      throw new Error(`MIT fails: ${answer.major.toString(16)} ${answer.minor}`);
    const token = answer.octets();
    if (token.length > 0) {
      const taken = acceptor.accept(token, ours);
      ours = taken.context;
      reply = taken.token ?? new Uint8Array(0);
    }
    if (answer.major === 0) return { ours: ours!, mit };
  }
}

/** A token without mutual authentication, its numbers from `first` on, and the key of the messages. */
export function initialToken(etype: number, flags: number, first: number): { token: Uint8Array; key: Key } {
  const key = new Key(etype, environment.randomBytes(KEY_OCTETS[etype]!));
  const request = {
    credential: credentials.get(etype)!,
    mutual: false,
    checksum: contextChecksum(flags, undefined),
    subkey: key,
    seqNumber: first,
  };
  const { apReq } = makeApReq(request, environment);
  return { token: encodeKrb5Token(TOKEN_IDS.AP_REQ, apReq), key };
}

/** MIT's name for the service of a key type. */
export function targetName(etype: number): string {
  return `test/${etype}@${REALM}`;
}

const DEFAULT_FLAGS =
  GSS_FLAGS.mutual | GSS_FLAGS.replay | GSS_FLAGS.sequence | GSS_FLAGS.confidentiality | GSS_FLAGS.integrity;
