/** A granted request becomes a ticket and the reply around it (RFC 4120 sections 3.1.3, 3.3.3, 5.3 and 5.4.2). */
import type { Key } from '../crypto/key.js';
import { principalName, sameName } from '../exchange/principalName.js';
import { ENCRYPTION_TYPES } from '../iana/encryptionTypes.js';
import { KEY_USAGES } from '../iana/keyUsages.js';
import { PA_DATA_TYPES } from '../iana/paDataTypes.js';
import type { AuthorizationData, HostAddress, PrincipalName } from '../messages/basic.js';
import { TICKET_FLAGS } from '../messages/flags.js';
import type { EncKdcRepPart } from '../messages/kdc.js';
import { encode } from '../messages/module.js';
import type { PaData } from '../messages/paData.js';
import { encryptionKey, seal } from '../messages/sealed.js';
import type { EncTicketPart, Ticket } from '../messages/ticket.js';
import type { KdcRequest } from './hooks.js';
import { type KdcContext, secondsNow } from './kdcContext.js';
import type { PrincipalEntry } from './principalDatabase.js';
import { Refusal } from './refusal.js';
import type { TicketTimes } from './ticketTimes.js';

/** Everything that a reply is made from. */
export interface Grant {
  readonly request: KdcRequest;
  readonly crealm: string;
  readonly cname: PrincipalName;
  readonly server: PrincipalEntry;
  /** Key of the ticket; the server's best one unless given (user-to-user). */
  readonly ticketKey?: Key | undefined;
  readonly times: TicketTimes;
  /** TICKET_FLAGS; `renewable` follows from the times. */
  readonly flags: number;
  readonly caddr: readonly HostAddress[] | undefined;
  /** Realms between the client's and ours, without both. */
  readonly transited: Uint8Array;
  readonly authorizationData: AuthorizationData | undefined;
  readonly replyKey: Key;
  readonly replyUsage: number;
  readonly padata: readonly PaData[];
}

/** DER of the AS-REP or TGS-REP. @throws Refusal KDC_ERR_ETYPE_NOSUPP */
export function issueReply(grant: Grant, kdc: KdcContext): Uint8Array {
  const { request, crealm, cname, replyKey } = grant;
  const { hooks } = kdc;
  const part = encTicketPart(grant, kdc);
  const ticket = sealTicket(grant, part, kdc);
  const honest = encKdcRepPart(grant, part, kdc);
  const encPart = hooks.encPart?.(honest, request) ?? honest;
  const as = request.exchange === 'AS';
  const plain = encode(as ? 'EncAsRepPart' : 'EncTgsRepPart', encPart);
  const kvno = as ? kdc.database.find(cname)?.kvno : undefined;
  const rep = {
    pvno: 5,
    msgType: as ? 11 : 13,
    padata: grant.padata.length === 0 ? undefined : grant.padata,
    crealm,
    cname,
    ticket: encode('Ticket', hooks.ticket?.(ticket, request) ?? ticket),
    encPart: seal(plain, replyKey, grant.replyUsage, confounder(replyKey, kdc), kvno),
  };
  return encode(as ? 'AsRep' : 'TgsRep', hooks.rep?.(rep, request) ?? rep);
}

function encTicketPart(grant: Grant, kdc: KdcContext): EncTicketPart {
  const { times } = grant;
  const etype = sessionEtype(grant.request.req.reqBody.etype, grant.server);
  const renewable = times.renewTill === undefined ? 0 : TICKET_FLAGS.renewable;
  return {
    flags: (grant.flags | renewable) >>> 0,
    key: encryptionKey(kdc.database.randomKey(etype)),
    crealm: grant.crealm,
    cname: grant.cname,
    transited: { trType: DOMAIN_X500_COMPRESS, contents: grant.transited },
    ...times,
    caddr: grant.caddr?.length ? grant.caddr : undefined,
    authorizationData: grant.authorizationData?.length ? grant.authorizationData : undefined,
  };
}

/** RFC 4120 section 3.3.3.2. */
const DOMAIN_X500_COMPRESS = 1;

/** Every service is believed to know aes256-cts-hmac-sha1-96, as MIT krb5 believes. */
function sessionEtype(offered: readonly number[], { keys, options }: PrincipalEntry): number {
  const usable = options.sessionEtypes ?? [
    ...keys.map(({ key }) => key.etype),
    ENCRYPTION_TYPES['aes256-cts-hmac-sha1-96'],
  ];
  const chosen = offered.find((etype) => usable.includes(etype));
  if (chosen === undefined) throw new Refusal('KDC_ERR_ETYPE_NOSUPP', 'BAD_ENCRYPTION_TYPE');
  return chosen;
}

function sealTicket(grant: Grant, part: EncTicketPart, kdc: KdcContext): Ticket {
  const { server, ticketKey } = grant;
  const plain = encode('EncTicketPart', part);
  const key = ticketKey ?? server.keys[0]!.key;
  const kvno = ticketKey === undefined ? server.kvno : undefined;
  return {
    tktVno: 5,
    realm: server.principal.realm,
    sname: askedName(grant, principalName(server.principal)),
    encPart: seal(plain, key, KEY_USAGES.TICKET, confounder(key, kdc), kvno),
  };
}

/** The name as the client wrote it, with its type, unless the KDC answers for another one. */
function askedName({ request }: Grant, own: PrincipalName): PrincipalName {
  const asked = request.req.reqBody.sname;
  return asked !== undefined && sameName(asked, own) ? asked : own;
}

function encKdcRepPart(grant: Grant, part: EncTicketPart, kdc: KdcContext): EncKdcRepPart {
  const { principal } = grant.server;
  const { flags, key, authtime, starttime, endtime, renewTill, caddr } = part;
  return {
    key,
    lastReq: [{ lrType: 0, lrValue: secondsNow(kdc) }],
    nonce: grant.request.req.reqBody.nonce,
    flags,
    authtime,
    starttime,
    endtime,
    renewTill,
    srealm: principal.realm,
    sname: askedName(grant, principalName(principal)),
    caddr,
    encryptedPaData: requestProof(grant),
  };
}

/** RFC 6806 section 11: the checksum of the AS-REQ, if the client asked for it. */
function requestProof({ request, flags, replyKey }: Grant): readonly PaData[] | undefined {
  if ((flags & TICKET_FLAGS.encPaRep) === 0) return undefined;
  const checksum = replyKey.checksum(KEY_USAGES.AS_REQ_CHECKSUM, request.octets);
  const padataValue = encode('Checksum', { cksumtype: replyKey.checksumType, checksum });
  return [{ padataType: PA_DATA_TYPES['PA-REQ-ENC-PA-REP'], padataValue }];
}

function confounder(key: Key, { environment }: KdcContext): Uint8Array {
  return environment.randomBytes(key.confounderLength);
}
