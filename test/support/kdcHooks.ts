/** How a scripted KDC is set up, and where it can be made to break a rule. */
import type { Key } from '../../src/crypto/key.js';
import type { Environment } from '../../src/exchange/environment.js';
import type { KdcErrorSymbol } from '../../src/iana/errorCodes.js';
import type { HostAddress, PrincipalName } from '../../src/messages/basic.js';
import type { KrbError } from '../../src/messages/error.js';
import type { EncKdcRepPart, KdcRep, KdcReqBody } from '../../src/messages/kdc.js';
import type { Message } from '../../src/messages/module.js';
import type { PaData } from '../../src/messages/paData.js';
import type { Ticket } from '../../src/messages/ticket.js';

export type EncTicketPart = Message<'EncTicketPart'>;

/** A long-term key and how clients make it from a password. */
export interface ScriptedKey {
  readonly key: Key;
  /** As ETYPE-INFO2 has it; absent for the default salt. */
  readonly salt?: string | undefined;
  readonly s2kparams?: Uint8Array | undefined;
}

/** What a KDC may do differently from an honest one. */
export interface KdcHooks {
  /** Answers in the KDC's place; undefined lets the KDC answer. */
  instead?(message: Uint8Array, tcpOnly: boolean): Uint8Array | undefined;
  rewriteError?(error: KrbError): KrbError;
  /** METHOD-DATA of PREAUTH_REQUIRED and PREAUTH_FAILED. */
  rewriteMethodData?(methodData: readonly PaData[], symbol: KdcErrorSymbol): readonly PaData[];
  /** The Ticket outside; its encrypted part keeps the truth. */
  rewriteTicket?(ticket: Ticket): Ticket;
  rewriteEncTicketPart?(part: EncTicketPart): EncTicketPart;
  rewriteEncPart?(encPart: EncKdcRepPart): EncKdcRepPart;
  /** The encrypted part's octets before they are sealed. */
  rewriteEncrypted?(plain: Uint8Array): Uint8Array;
  rewriteRep?(rep: KdcRep): KdcRep;
  replyKey?(key: Key): Key;
  replyUsage?: number;
  /** Outer tag of the encrypted part; 25 in an AS-REP and 26 in a TGS-REP otherwise. */
  encPartTag?: 25 | 26;
  /** Outer tag of the reply. */
  repTag?: 'AsRep' | 'TgsRep';
  /** The octets at last. */
  raw?(octets: Uint8Array): Uint8Array;
}

/** How the KDC is set up. Times in seconds. */
export interface ScriptedKdcOptions {
  readonly realm: string;
  readonly environment: Environment;
  /** The KDC's clock minus the environment's. */
  readonly clockOffsetSeconds?: number;
  readonly requirePreauth?: boolean;
  /** Whether it knows RFC 6806 section 11. */
  readonly encPaRep?: boolean;
  /** Whether TGS-REPs come under the session key although the client sent a subkey. */
  readonly replyUnderSessionKey?: boolean;
  readonly maxLifeSeconds?: number;
  readonly maxRenewSeconds?: number;
  /** Session key types, best first. */
  readonly sessionEtypes?: readonly number[];
}

/** What a reply is made from. */
export interface Issue {
  readonly exchange: 'AS' | 'TGS';
  readonly message: Uint8Array;
  readonly body: KdcReqBody;
  readonly client: { readonly crealm: string; readonly cname: PrincipalName };
  readonly sname: PrincipalName;
  readonly ticketKey: Key;
  readonly replyKey: Key;
  readonly usage: number;
  readonly padata: readonly PaData[];
  readonly flags: number;
  readonly authtime: number;
  readonly endLimit: number;
  readonly renewLimit: number;
  readonly caddr: readonly HostAddress[] | undefined;
}

/** Ends the request with a KRB-ERROR. */
export class Refusal extends Error {
  readonly symbol: KdcErrorSymbol;
  readonly eData: Uint8Array | undefined;

  constructor(symbol: KdcErrorSymbol, eData?: Uint8Array) {
    super(symbol);
    this.symbol = symbol;
    this.eData = eData;
  }
}
