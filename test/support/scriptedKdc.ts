/**
 * An honest KDC in memory (RFC 4120 sections 3.1 to 3.3, RFC 6806 sections 8 and 11) whose `hooks` break exactly one
 * thing. It decodes requests with the library's codecs but checks the binding of a TGS-REQ over the octets it received.
 */
import { concat, equalBytes, utf8 } from '../../src/bytes.js';
import { Key } from '../../src/crypto/key.js';
import { kerberosTime } from '../../src/exchange/environment.js';
import { ERROR_CODES, type KdcErrorSymbol } from '../../src/iana/errorCodes.js';
import { KEY_USAGES } from '../../src/iana/keyUsages.js';
import { PA_DATA_TYPES } from '../../src/iana/paDataTypes.js';
import type { PrincipalName } from '../../src/messages/basic.js';
import type { KrbError } from '../../src/messages/error.js';
import { hasFlag, KDC_OPTIONS, TICKET_FLAGS } from '../../src/messages/flags.js';
import type { EncKdcRepPart, KdcRep, KdcReqBody } from '../../src/messages/kdc.js';
import { decode, encode } from '../../src/messages/module.js';
import type { PaData } from '../../src/messages/paData.js';
import { encryptionKey, seal, unseal } from '../../src/messages/sealed.js';
import type { Ticket } from '../../src/messages/ticket.js';

import {
  type EncTicketPart,
  type Issue,
  type KdcHooks,
  Refusal,
  type ScriptedKdcOptions,
  type ScriptedKey,
} from './kdcHooks.js';
import { ticketLife } from './ticketLife.js';
import { orUndefined, SKEW_SECONDS, verifyTgsReq } from './verifyTgsReq.js';

export * from './drive.js';
export type { KdcHooks, ScriptedKdcOptions, ScriptedKey } from './kdcHooks.js';

const NO_LIMIT: number = Number.POSITIVE_INFINITY;

/** The KDC of one realm. */
export class ScriptedKdc {
  readonly realm: string;
  /** Replace or change to break something. */
  hooks: KdcHooks = {};
  /** PA-ENC-TIMESTAMPs seen. */
  timestamps: Uint8Array[] = [];
  /** Requests seen. */
  requests: Uint8Array[] = [];
  /** Realms to which services are referred, by the service's name. */
  readonly referrals: Map<string, string> = new Map();
  /** Flags that tickets for a service get in addition, by the service's name. */
  readonly extraFlags: Map<string, number> = new Map();
  readonly #options: ScriptedKdcOptions;
  readonly #principals: Map<string, readonly ScriptedKey[]> = new Map();
  /** Keys of krbtgt/THIS@OTHER by OTHER. */
  readonly #incoming: Map<string, Key> = new Map();
  readonly #cookie: Uint8Array = utf8('cookie of the script');

  constructor(options: ScriptedKdcOptions) {
    this.realm = options.realm;
    this.#options = options;
    this.addPrincipal(`krbtgt/${options.realm}`, this.freshKey(18));
  }

  /** A random key. */
  freshKey(etype: number): Key {
    return new Key(etype, this.#options.environment.randomBytes(etype % 2 === 0 ? 32 : 16));
  }

  /** Enters a client or service, keys best first. */
  addPrincipal(name: string, ...keys: readonly (Key | ScriptedKey)[]): void {
    this.#principals.set(
      name,
      keys.map((key) => (key instanceof Key ? { key } : key)),
    );
  }

  /** First key of a principal. */
  keyOf(name: string): Key {
    return this.#known(name.split('/'), 'KDC_ERR_S_PRINCIPAL_UNKNOWN')[0]!.key;
  }

  /** Lets this realm's clients into `other`. */
  trust(other: ScriptedKdc, key: Key = this.freshKey(18)): void {
    this.addPrincipal(`krbtgt/${other.realm}`, key);
    other.#incoming.set(this.realm, key);
  }

  /** The reply to a request. */
  reply(message: Uint8Array, tcpOnly: boolean): Uint8Array {
    this.requests.push(message);
    const octets = this.hooks.instead?.(message, tcpOnly) ?? this.#honestReply(message);
    return this.hooks.raw?.(octets) ?? octets;
  }

  /** A KRB-ERROR of this KDC. */
  error(symbol: KdcErrorSymbol, eData?: Uint8Array, sname?: PrincipalName): Uint8Array {
    const { seconds, microseconds } = kerberosTime(this.#nowMs());
    const error: KrbError = {
      pvno: 5,
      msgType: 30,
      stime: seconds,
      susec: microseconds,
      errorCode: ERROR_CODES[symbol].number,
      realm: this.realm,
      sname: sname ?? { nameType: 2, nameString: ['krbtgt', this.realm] },
      eData,
    };
    return encode('KrbError', this.hooks.rewriteError?.(error) ?? error);
  }

  #honestReply(message: Uint8Array): Uint8Array {
    try {
      return this.#issue(message[0] === 0x6a ? this.#authenticate(message) : this.#grant(message));
    } catch (error) {
      if (error instanceof Refusal) return this.error(error.symbol, error.eData);
      throw error;
    }
  }

  #nowMs(): number {
    return this.#options.environment.nowMs() + (this.#options.clockOffsetSeconds ?? 0) * 1000;
  }

  #now(): number {
    return Math.floor(this.#nowMs() / 1000);
  }

  #known(name: readonly string[], refusal: KdcErrorSymbol): readonly ScriptedKey[] {
    const keys = this.#principals.get(name.join('/'));
    if (keys === undefined) throw new Refusal(refusal);
    return keys;
  }

  /** AS-REQ. */
  #authenticate(message: Uint8Array): Issue {
    const { padata = [], reqBody: body } = decode('AsReq', message);
    const [cname, sname] = [body.cname!, body.sname!];
    const keys = this.#known(cname.nameString, 'KDC_ERR_C_PRINCIPAL_UNKNOWN');
    const ticketKey = this.#known(sname.nameString, 'KDC_ERR_S_PRINCIPAL_UNKNOWN')[0]!.key;
    if (hasFlag(body.kdcOptions, KDC_OPTIONS.forwarded | KDC_OPTIONS.proxy))
      throw new Refusal('KDC_ERR_BADOPTION');
    const usable = body.etype.flatMap((etype) => keys.filter(({ key }) => key.etype === etype));
    if (usable[0] === undefined) throw new Refusal('KDC_ERR_ETYPE_NOSUPP');
    const proven = this.#checkTimestamp(padata, usable);
    if (proven === undefined && (this.#options.requirePreauth ?? true)) {
      throw this.#preauthRefusal('KDC_ERR_PREAUTH_REQUIRED', usable);
    }
    const chosen = proven ?? usable[0];
    return {
      exchange: 'AS',
      message,
      body,
      client: { crealm: this.realm, cname },
      sname,
      ticketKey,
      replyKey: chosen.key,
      usage: KEY_USAGES.AS_REP,
      padata: [etypeInfo2([chosen])],
      flags: TICKET_FLAGS.initial | (proven === undefined ? 0 : TICKET_FLAGS.preAuthent),
      authtime: this.#now(),
      endLimit: NO_LIMIT,
      renewLimit: NO_LIMIT,
      caddr: body.addresses,
    };
  }

  /** The key that the client has proven to hold, or undefined when it did not try. */
  #checkTimestamp(padata: readonly PaData[], keys: readonly ScriptedKey[]): ScriptedKey | undefined {
    const value = padata.find((pa) => pa.padataType === PA_DATA_TYPES['PA-ENC-TIMESTAMP'])?.padataValue;
    if (value === undefined) return undefined;
    this.timestamps.push(value);
    const cookie = padata.find((pa) => pa.padataType === PA_DATA_TYPES['PA-FX-COOKIE']);
    if (cookie === undefined || !equalBytes(cookie.padataValue, this.#cookie)) {
      throw new Refusal('KDC_ERR_PREAUTH_EXPIRED');
    }
    const data = decode('PaEncTimestamp', value);
    const entry = keys.find(({ key }) => key.etype === data.etype);
    const plain = entry && orUndefined(() => unseal(data, entry.key, KEY_USAGES.PA_ENC_TIMESTAMP));
    if (plain === undefined) throw this.#preauthRefusal('KDC_ERR_PREAUTH_FAILED', keys);
    const { patimestamp } = decode('PaEncTsEnc', plain);
    if (Math.abs(patimestamp - this.#now()) > SKEW_SECONDS) throw new Refusal('KRB_AP_ERR_SKEW');
    return entry;
  }

  #preauthRefusal(symbol: KdcErrorSymbol, keys: readonly ScriptedKey[]): Refusal {
    const methodData: readonly PaData[] = [
      { padataType: PA_DATA_TYPES['PA-FX-FAST'], padataValue: new Uint8Array(0) },
      etypeInfo2(keys),
      { padataType: PA_DATA_TYPES['PA-ENC-TIMESTAMP'], padataValue: new Uint8Array(0) },
      { padataType: PA_DATA_TYPES['PA-FX-COOKIE'], padataValue: this.#cookie },
    ];
    const rewritten = this.hooks.rewriteMethodData?.(methodData, symbol) ?? methodData;
    return new Refusal(symbol, encode('MethodData', rewritten));
  }

  /** TGS-REQ. */
  #grant(message: Uint8Array): Issue {
    const { reqBody: body } = decode('TgsReq', message);
    const { ticket, subkey, sessionKey } = verifyTgsReq(message, this.#now(), (outer) =>
      this.#ticketKey(outer),
    );
    const has = (option: number): boolean => hasFlag(body.kdcOptions, option);
    if (has(KDC_OPTIONS.renew) && !hasFlag(ticket.flags, TICKET_FLAGS.renewable)) {
      throw new Refusal('KDC_ERR_BADOPTION');
    }
    const sname = this.#referred(body);
    const ownKey = this.#known(sname.nameString, 'KDC_ERR_S_PRINCIPAL_UNKNOWN')[0]!.key;
    const underSubkey = subkey !== undefined && this.#options.replyUnderSessionKey !== true;
    const bound = has(KDC_OPTIONS.forwarded | KDC_OPTIONS.proxy) ? body.addresses : ticket.caddr;
    return {
      exchange: 'TGS',
      message,
      body,
      client: ticket,
      sname,
      ticketKey: has(KDC_OPTIONS.encTktInSkey) ? this.#peerKey(body) : ownKey,
      replyKey: underSubkey ? subkey : sessionKey,
      usage: underSubkey ? KEY_USAGES.TGS_REP_SUBKEY : KEY_USAGES.TGS_REP_SESSION,
      padata: [],
      flags: ticket.flags & (TICKET_FLAGS.preAuthent | TICKET_FLAGS.forwarded | TICKET_FLAGS.anonymous),
      authtime: ticket.authtime,
      endLimit: has(KDC_OPTIONS.renew)
        ? this.#now() + ticket.endtime - (ticket.starttime ?? ticket.authtime)
        : ticket.endtime,
      renewLimit: ticket.renewTill ?? 0,
      caddr: bound,
    };
  }

  /** Key of a ticket that we, or a realm that trusts us, issued. */
  #ticketKey({ realm, sname }: Ticket): Key | undefined {
    return realm === this.realm ? this.keyOf(sname.nameString.join('/')) : this.#incoming.get(realm);
  }

  #referred(body: KdcReqBody): PrincipalName {
    const realm = this.referrals.get(body.sname!.nameString.join('/'));
    return realm === undefined ? body.sname! : { nameType: 2, nameString: ['krbtgt', realm] };
  }

  /** Session key of the peer's ticket-granting ticket (user-to-user). */
  #peerKey(body: KdcReqBody): Key {
    const [second] = body.additionalTickets ?? [];
    if (second === undefined) throw new Refusal('KDC_ERR_BADOPTION');
    const { sname, encPart } = decode('Ticket', second);
    const plain = unseal(encPart, this.keyOf(sname.nameString.join('/')), KEY_USAGES.TICKET);
    const { key } = decode('EncTicketPart', plain);
    return new Key(key.keytype, key.keyvalue);
  }

  #issue(issue: Issue): Uint8Array {
    const { body, client, sname, ticketKey } = issue;
    const sessionEtypes = this.#options.sessionEtypes ?? [18, 17, 20, 19];
    const etype = body.etype.find((candidate) => sessionEtypes.includes(candidate));
    if (etype === undefined) throw new Refusal('KDC_ERR_ETYPE_NOSUPP');
    const common = {
      key: encryptionKey(this.freshKey(etype)),
      ...ticketLife(issue, this.#options, this.#now(), this.extraFlags.get(sname.nameString.join('/')) ?? 0),
      caddr: issue.caddr,
    };
    const encTicketPart: EncTicketPart = {
      ...common,
      ...{ crealm: client.crealm, cname: client.cname },
      transited: { trType: 1, contents: new Uint8Array(0) },
    };
    const part = this.hooks.rewriteEncTicketPart?.(encTicketPart) ?? encTicketPart;
    const ticket: Ticket = {
      tktVno: 5,
      realm: this.realm,
      sname,
      encPart: seal(
        encode('EncTicketPart', part),
        ticketKey,
        KEY_USAGES.TICKET,
        this.#confounder(ticketKey),
        1,
      ),
    };
    const lastReq = [{ lrType: 0, lrValue: this.#now() }];
    return this.#seal(
      issue,
      encode('Ticket', this.hooks.rewriteTicket?.(ticket) ?? ticket),
      this.#prove(issue, { ...common, lastReq, nonce: body.nonce, srealm: this.realm, sname }),
    );
  }

  /** RFC 6806 section 11: the checksum of the AS-REQ as it came in, if the client asked for it. */
  #prove(issue: Issue, encPart: EncKdcRepPart): EncKdcRepPart {
    const { exchange, message, replyKey } = issue;
    if (exchange !== 'AS' || this.#options.encPaRep === false) return encPart;
    const padataType = PA_DATA_TYPES['PA-REQ-ENC-PA-REP'];
    if (!decode('AsReq', message).padata?.some((pa) => pa.padataType === padataType)) return encPart;
    const checksum = replyKey.checksum(KEY_USAGES.AS_REQ_CHECKSUM, message);
    const padataValue = encode('Checksum', { cksumtype: replyKey.checksumType, checksum });
    return {
      ...encPart,
      flags: (encPart.flags | TICKET_FLAGS.encPaRep) >>> 0,
      encryptedPaData: [{ padataType, padataValue }],
    };
  }

  #seal(issue: Issue, ticket: Uint8Array, honest: EncKdcRepPart): Uint8Array {
    const { hooks } = this;
    const encPart = hooks.rewriteEncPart?.(honest) ?? honest;
    const as = issue.exchange === 'AS';
    const tag = hooks.encPartTag ?? (as ? 25 : 26);
    const plain = encode(tag === 25 ? 'EncAsRepPart' : 'EncTgsRepPart', encPart);
    const key = hooks.replyKey?.(issue.replyKey) ?? issue.replyKey;
    const rep: KdcRep = {
      pvno: 5,
      msgType: as ? 11 : 13,
      padata: issue.padata.length === 0 ? undefined : issue.padata,
      crealm: issue.client.crealm,
      cname: issue.client.cname,
      ticket,
      encPart: seal(
        hooks.rewriteEncrypted?.(plain) ?? plain,
        key,
        hooks.replyUsage ?? issue.usage,
        this.#confounder(key),
      ),
    };
    return encode(hooks.repTag ?? (as ? 'AsRep' : 'TgsRep'), hooks.rewriteRep?.(rep) ?? rep);
  }

  #confounder(key: Key): Uint8Array {
    return this.#options.environment.randomBytes(key.confounderLength);
  }
}

/** ETYPE-INFO2 of keys. */
export function etypeInfo2(keys: readonly ScriptedKey[]): PaData {
  const entries = keys.map(({ key, salt, s2kparams }) => ({ etype: key.etype, salt, s2kparams }));
  return { padataType: PA_DATA_TYPES['PA-ETYPE-INFO2'], padataValue: encode('EtypeInfo2', entries) };
}

/** Octets with one bit of one octet changed; a negative index counts from the end. */
export function flipped(octets: Uint8Array, index: number = -1): Uint8Array {
  const at = index < 0 ? octets.length + index : index;
  return concat(octets.subarray(0, at), Uint8Array.of(octets[at]! ^ 1), octets.subarray(at + 1));
}
