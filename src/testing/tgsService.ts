/** The ticket-granting service (RFC 4120 sections 3.3.2 to 3.3.4): TGS-REQ in, TGS-REP or KRB-ERROR out. */
import { parseTlv } from '../asn1/tlv.js';
import { Key } from '../crypto/key.js';
import { sameName } from '../exchange/principalName.js';
import { KEY_USAGES } from '../iana/keyUsages.js';
import { PA_DATA_TYPES } from '../iana/paDataTypes.js';
import type { PrincipalName } from '../messages/basic.js';
import { hasFlag, KDC_OPTIONS, TICKET_FLAGS } from '../messages/flags.js';
import type { KdcReqBody } from '../messages/kdc.js';
import { decode } from '../messages/module.js';
import type { Ticket } from '../messages/ticket.js';
import { open, type VerifiedApReq, verifyApReq } from './apRequest.js';
import type { KdcRequest } from './hooks.js';
import { checkServer, type KdcContext, limitsFor, secondsNow } from './kdcContext.js';
import type { PrincipalDatabase, PrincipalEntry } from './principalDatabase.js';
import { Refusal } from './refusal.js';
import { followingFlags } from './ticketFlags.js';
import { issueReply } from './ticketIssue.js';
import { followingTimes } from './ticketTimes.js';
import { transitedAfter } from './transited.js';

/** DER of the TGS-REP. @throws Refusal */
export function grantTicket(request: KdcRequest, kdc: KdcContext): Uint8Array {
  const { reqBody: body } = request.req;
  const verified = processed(() => verifyTgsReq(request, kdc));
  const { ticket, ticketPart, sessionKey, subkey } = verified;
  const has = (option: number): boolean => hasFlag(body.kdcOptions, option);
  const sname = body.sname && (kdc.hooks.sname?.(body.sname) ?? body.sname);
  const server = findServer({ ...body, sname }, kdc.database);
  checkServer(server);
  checkHeaderTicket(body, ticket, kdc.database);
  const flags = followingFlags(body.kdcOptions, ticketPart, server);
  const checkedPath = has(KDC_OPTIONS.disableTransitedCheck) ? 0 : TICKET_FLAGS.transitedPolicyChecked;
  return issueReply(
    {
      request,
      crealm: ticketPart.crealm,
      cname: ticketPart.cname,
      server,
      ticketKey: has(KDC_OPTIONS.encTktInSkey) ? peerKey(body, kdc.database) : undefined,
      flags: flags | checkedPath,
      times: followingTimes(body, secondsNow(kdc), limitsFor(kdc, server), ticketPart),
      caddr: has(KDC_OPTIONS.forwarded | KDC_OPTIONS.proxy) ? body.addresses : ticketPart.caddr,
      transited: transitedAfter(ticket, ticketPart, kdc.database.realm),
      authorizationData: ticketPart.authorizationData,
      replyKey: subkey ?? sessionKey,
      replyUsage: subkey === undefined ? KEY_USAGES.TGS_REP_SESSION : KEY_USAGES.TGS_REP_SUBKEY,
      padata: [],
    },
    kdc,
  );
}

/** The ticket of the request, once its authenticator binds the body that came with it. */
function verifyTgsReq({ req, octets }: KdcRequest, kdc: KdcContext): VerifiedApReq {
  const pa = req.padata?.find(({ padataType }) => padataType === PA_DATA_TYPES['PA-TGS-REQ']);
  if (pa === undefined) throw new Refusal('KDC_ERR_PADATA_TYPE_NOSUPP', 'PROCESS_TGS');
  const verified = verifyApReq(pa.padataValue, {
    keyOf: (ticket) => headerKey(ticket, kdc.database),
    nowMs: kdc.environment.nowMs(),
    skewSeconds: kdc.skewSeconds,
    authenticatorUsage: KEY_USAGES.TGS_REQ_AUTHENTICATOR,
  });
  const { sessionKey, authenticator } = verified;
  const { cksum } = authenticator;
  if (cksum?.cksumtype !== sessionKey.checksumType) {
    throw new Refusal('KRB_AP_ERR_INAPP_CKSUM', 'PROCESS_TGS');
  }
  const usage = KEY_USAGES.TGS_REQ_AUTHENTICATOR_CHECKSUM;
  if (!sessionKey.verifyChecksum(usage, bodyOctets(octets), cksum.checksum)) {
    throw new Refusal('KRB_AP_ERR_MODIFIED', 'PROCESS_TGS');
  }
  return verified;
}

/** MIT krb5 has one text for all that can be wrong with the AP-REQ. */
function processed<Result>(action: () => Result): Result {
  try {
    return action();
  } catch (error) {
    throw error instanceof Refusal ? new Refusal(error.symbol, 'PROCESS_TGS') : error;
  }
}

/** KDC-REQ-BODY octet for octet: what the checksum covers. */
function bodyOctets(message: Uint8Array): Uint8Array {
  const fields = parseTlv(message, 'KDC-REQ').children![0]!.children!;
  return fields.find(({ tagNumber }) => tagNumber === 4)!.children![0]!.raw;
}

/** The key of the ticket in the request, or of a second ticket. */
function headerKey({ realm, sname, encPart }: Ticket, database: PrincipalDatabase): Key {
  const entry = database.ticketEntry(realm, sname);
  if (entry === undefined) throw new Refusal('KRB_AP_ERR_NOT_US', 'PROCESS_TGS');
  if (encPart.kvno !== undefined && encPart.kvno !== entry.kvno) {
    throw new Refusal('KRB_AP_ERR_BADKEYVER', 'PROCESS_TGS');
  }
  const found = entry.keys.find(({ key }) => key.etype === encPart.etype);
  if (found === undefined) throw new Refusal('KRB_AP_ERR_NOKEY', 'PROCESS_TGS');
  return found.key;
}

/** The service asked for, or the ticket-granting service of a realm nearer to it (RFC 6806 section 8). */
function findServer(body: KdcReqBody, database: PrincipalDatabase): PrincipalEntry {
  const { sname, realm } = body;
  const own = sname && realm === database.realm ? database.find(sname) : undefined;
  const entry = own ?? (sname && referral(sname, body, database));
  if (entry === undefined) throw new Refusal('KDC_ERR_S_PRINCIPAL_UNKNOWN', 'LOOKING_UP_SERVER');
  return entry;
}

function referral(
  sname: PrincipalName,
  { kdcOptions }: KdcReqBody,
  database: PrincipalDatabase,
): PrincipalEntry | undefined {
  const [service, target] = sname.nameString;
  let next: string | undefined;
  if (service === 'krbtgt' && sname.nameString.length === 2) {
    next = database.nextRealm(({ realm }) => realm === target);
  } else if (hasFlag(kdcOptions, KDC_OPTIONS.canonicalize)) {
    next = database.nextRealm((other) => other.find(sname) !== undefined);
  }
  return next === undefined ? undefined : database.find({ nameType: 2, nameString: ['krbtgt', next] });
}

/** New tickets need a ticket-granting ticket; a renewal needs the very ticket. */
function checkHeaderTicket(body: KdcReqBody, { sname }: Ticket, { realm }: PrincipalDatabase): void {
  const renewing = hasFlag(body.kdcOptions, KDC_OPTIONS.renew | KDC_OPTIONS.validate);
  const own: PrincipalName = { nameType: 2, nameString: ['krbtgt', realm] };
  if (renewing && !(body.sname && sameName(body.sname, sname))) {
    throw new Refusal('KDC_ERR_SERVER_NOMATCH', 'SERVER DIDNT MATCH TICKET FOR RENEW/FORWARD/ETC');
  }
  if (!renewing && !sameName(sname, own)) throw new Refusal('KRB_AP_ERR_NOT_US', 'BAD TGS SERVER NAME');
}

/** Session key of the peer's ticket-granting ticket (user-to-user, RFC 4120 section 3.3.3). */
function peerKey({ additionalTickets }: KdcReqBody, database: PrincipalDatabase): Key {
  const [second] = additionalTickets ?? [];
  if (second === undefined) throw new Refusal('KDC_ERR_BADOPTION', 'NO_2ND_TKT');
  const ticket = decode('Ticket', second);
  const plain = open(ticket.encPart, headerKey(ticket, database), KEY_USAGES.TICKET);
  const { key } = decode('EncTicketPart', plain);
  return new Key(key.keytype, key.keyvalue);
}
