/**
 * What a client must find in an AS-REP or TGS-REP before it believes it (RFC 4120 sections 3.1.5 and 3.3.4). One row a
 * rule; the first broken rule ends the exchange. Names outside the encrypted part are only compared; the one that is used,
 * the client's, must be the one that asked or come with the proof of RFC 6806 section 11.
 *
 * Not refused: a ticket with fewer of the wished-for flags (forwardable, proxiable, renewable) than requested, for a KDC
 * may withhold them by policy; `Policy.requiredFlags` makes them mandatory.
 */
import { printable } from '../bytes.js';
import { encryptionType } from '../crypto/etypes.js';
import { type ClientErrorCode, ProtocolError } from '../errors.js';
import { encryptionTypeName } from '../iana/encryptionTypes.js';
import type { HostAddress, PrincipalName } from '../messages/basic.js';
import { hasFlag, KDC_OPTIONS, TICKET_FLAGS } from '../messages/flags.js';
import type { EncKdcRepPart, KdcRep, KdcReqBody } from '../messages/kdc.js';
import type { Ticket } from '../messages/ticket.js';
import type { Policy } from './environment.js';
import { nameText, sameName } from './principalName.js';

/** Everything that the rules compare. */
export interface Reply {
  readonly exchange: 'AS' | 'TGS';
  readonly body: KdcReqBody;
  /** The client that asked: from the AS-REQ, or the ticket-granting ticket's. */
  readonly cname: PrincipalName;
  readonly crealm: string;
  readonly sname: PrincipalName;
  readonly srealm: string;
  /** To which the ticket may be bound: those of the request, or of the ticket-granting ticket. */
  readonly addresses: readonly HostAddress[];
  readonly rep: KdcRep;
  readonly ticket: Ticket;
  readonly encPart: EncKdcRepPart;
  /** Whether the encrypted part proves that the KDC saw our request as we sent it (RFC 6806 section 11). */
  readonly requestProven: boolean;
  /** Seconds since 1970, on the clock that the exchange goes by. */
  readonly now: number;
  readonly policy: Policy;
}

interface Check {
  readonly code: ClientErrorCode;
  readonly place: string;
  readonly rule: string;
  /** The problem in words, or undefined when the rule holds. */
  problem(reply: Reply): string | undefined;
}

/**
 * Applies every rule.
 * @throws ProtocolError with the code of the first broken rule
 */
export function checkReply(reply: Reply): void {
  for (const check of CHECKS) {
    const problem = check.problem(reply);
    if (problem === undefined) continue;
    throw new ProtocolError(
      check.code,
      `${reply.exchange}-REP.${check.place}`,
      printable(problem),
      check.rule,
    );
  }
}

const CHECKS: readonly Check[] = [
  {
    code: 'ERR_REPLY_MSG_TYPE',
    place: 'msgType',
    rule: 'RFC 4120 section 5.4.2',
    problem: ({ exchange, rep }) =>
      rep.msgType === (exchange === 'AS' ? 11 : 13) ? undefined : `${rep.msgType} inside an ${exchange}-REP`,
  },
  {
    code: 'ERR_REPLY_NONCE',
    place: 'encPart.nonce',
    rule: 'RFC 4120 section 3.1.5',
    problem: ({ body, encPart }) =>
      body.nonce >>> 0 === encPart.nonce >>> 0 ? undefined : 'the reply belongs to another request',
  },
  {
    code: 'ERR_REPLY_CREALM',
    place: 'crealm',
    rule: 'RFC 4120 section 3.1.5',
    problem: ({ crealm, rep }) => (rep.crealm === crealm ? undefined : `${rep.crealm}, we are in ${crealm}`),
  },
  {
    code: 'ERR_REPLY_CNAME',
    place: 'cname',
    rule: 'RFC 4120 section 3.1.5, RFC 6806 section 6',
    problem: clientName,
  },
  {
    code: 'ERR_REPLY_SREALM',
    place: 'encPart.srealm',
    rule: 'RFC 4120 section 3.1.5',
    problem: ({ srealm, encPart }) =>
      encPart.srealm === srealm ? undefined : `${encPart.srealm}, we asked for ${srealm}`,
  },
  {
    code: 'ERR_REPLY_SNAME',
    place: 'encPart.sname',
    rule: 'RFC 4120 section 3.1.5, RFC 6806 section 8',
    problem: serverName,
  },
  {
    code: 'ERR_REPLY_TICKET_NAME',
    place: 'ticket',
    rule: 'RFC 4120 section 3.1.5',
    problem: ({ ticket, encPart }) =>
      ticket.realm === encPart.srealm && sameName(ticket.sname, encPart.sname)
        ? undefined
        : `the ticket is labelled ${nameText(ticket.sname, ticket.realm)}, its encrypted part says ${nameText(encPart.sname, encPart.srealm)}`,
  },
  {
    code: 'ERR_REPLY_ETYPE',
    place: 'encPart.key',
    rule: 'RFC 4120 section 3.1.3',
    problem: sessionKey,
  },
  {
    code: 'ERR_REPLY_FLAGS',
    place: 'encPart.flags',
    rule: 'RFC 4120 sections 2.1 to 2.8',
    problem: flags,
  },
  { code: 'ERR_CLOCK_SKEW', place: 'encPart', rule: 'RFC 4120 section 3.1.5', problem: skew },
  { code: 'ERR_REPLY_TIMES', place: 'encPart', rule: 'RFC 4120 section 3.1.5', problem: times },
  {
    code: 'ERR_REPLY_ADDRESSES',
    place: 'encPart.caddr',
    rule: 'RFC 4120 section 3.1.5',
    problem: ({ addresses, encPart }) =>
      (encPart.caddr ?? []).length === 0 || sameAddresses(encPart.caddr ?? [], addresses)
        ? undefined
        : 'the ticket is bound to addresses that we did not ask for',
  },
];

/** Another client name needs `canonicalize` and proof that nobody tampered with the request. */
function clientName({ body, cname, crealm, rep, requestProven }: Reply): string | undefined {
  if (sameName(cname, rep.cname)) return undefined;
  if (hasFlag(body.kdcOptions, KDC_OPTIONS.canonicalize) && requestProven) return undefined;
  return `${nameText(rep.cname, rep.crealm)}, we are ${nameText(cname, crealm)}`;
}

/** The service asked for; with `canonicalize` a TGS may refer to another realm instead. */
function serverName({ exchange, body, sname, srealm, encPart }: Reply): string | undefined {
  if (sameName(sname, encPart.sname)) return undefined;
  const canonicalize = hasFlag(body.kdcOptions, KDC_OPTIONS.canonicalize);
  if (exchange === 'TGS' && canonicalize && isCrossRealmTgt(encPart.sname, srealm)) return undefined;
  return `${nameText(encPart.sname, encPart.srealm)}, we asked for ${nameText(sname, srealm)}`;
}

/** krbtgt/OTHER, issued by `realm` for another realm. */
export function isCrossRealmTgt(sname: PrincipalName, realm: string): boolean {
  const [service, target, ...more] = sname.nameString;
  return service === 'krbtgt' && target !== undefined && target !== realm && more.length === 0;
}

function sessionKey({ body, encPart, policy }: Reply): string | undefined {
  const { keytype, keyvalue } = encPart.key;
  const name = encryptionTypeName(keytype);
  if (!body.etype.includes(keytype) || !policy.permittedEtypes.includes(keytype)) {
    return `a session key of ${name}, which we did not offer`;
  }
  return keyvalue.length === encryptionType(keytype).keyLength
    ? undefined
    : `a session key of ${keyvalue.length} octets, which is no key of ${name}`;
}

function flags({ exchange, body, encPart, policy }: Reply): string | undefined {
  const has = (flag: number): boolean => hasFlag(encPart.flags, flag);
  const asked = (option: number): boolean => hasFlag(body.kdcOptions, option);
  const required = body.kdcOptions & policy.requiredFlags & ~encPart.flags;
  if (required !== 0) return `requested flags are missing (0x${(required >>> 0).toString(16)})`;
  for (const name of ['forwarded', 'proxy', 'postdated'] as const) {
    if (asked(KDC_OPTIONS[name]) && !has(TICKET_FLAGS[name])) return `"${name}" was requested and is not set`;
    if (exchange === 'AS' && !asked(KDC_OPTIONS[name]) && has(TICKET_FLAGS[name])) {
      return `"${name}" is set and was not requested`;
    }
  }
  if (exchange === 'AS' && !has(TICKET_FLAGS.initial)) return '"initial" is not set';
  if (has(TICKET_FLAGS.invalid) && !asked(KDC_OPTIONS.postdated)) return '"invalid" is set';
  const anonymous = exchange === 'AS' && has(TICKET_FLAGS.anonymous);
  if (anonymous && !asked(KDC_OPTIONS.requestAnonymous)) return '"anonymous" is set';
  return undefined;
}

function skew({ exchange, body, encPart, now, policy }: Reply): string | undefined {
  const startsElsewhen = hasFlag(body.kdcOptions, KDC_OPTIONS.postdated | KDC_OPTIONS.validate);
  const issued = exchange === 'AS' ? encPart.authtime : startsElsewhen ? undefined : encPart.starttime;
  const ahead = issued === undefined ? 0 : issued - now;
  if (Math.abs(ahead) <= policy.skewSeconds) return undefined;
  const side = ahead > 0 ? 'behind' : 'ahead of';
  return `our clock is ${Math.abs(Math.round(ahead))} s ${side} the KDC's, the limit is ${policy.skewSeconds} s; synchronise it`;
}

function times({ body, encPart, now, policy }: Reply): string | undefined {
  const { starttime, endtime, renewTill, authtime } = encPart;
  const start = starttime ?? authtime;
  const postdated = hasFlag(body.kdcOptions, KDC_OPTIONS.postdated);
  if (postdated && body.from !== undefined && starttime !== body.from)
    return 'starttime is not the one requested';
  if (!postdated && start > now + policy.skewSeconds) return 'starttime lies in the future';
  if (endtime <= start) return 'endtime is not after starttime';
  if (endtime <= now - policy.skewSeconds) return 'the ticket has already expired';
  if (body.till !== 0 && endtime > body.till) return 'endtime is later than requested';
  return renewTill === undefined ? undefined : renewal(body, renewTill);
}

function renewal(body: KdcReqBody, renewTill: number): string | undefined {
  const asked = hasFlag(body.kdcOptions, KDC_OPTIONS.renewable);
  const limit = asked
    ? body.rtime
    : hasFlag(body.kdcOptions, KDC_OPTIONS.renewableOk)
      ? body.till
      : undefined;
  return limit !== undefined && limit !== 0 && renewTill > limit
    ? 'renew-till is later than requested'
    : undefined;
}

function sameAddresses(a: readonly HostAddress[], b: readonly HostAddress[]): boolean {
  const text = (address: HostAddress): string => `${address.addrType}:${address.address.join('.')}`;
  const known = new Set(b.map(text));
  return a.length === b.length && a.every((address) => known.has(text(address)));
}
