/** Lifetimes of tickets as a KDC computes them (RFC 4120 sections 3.1.3 and 3.3.3, with MIT krb5's limits). */

import { hasFlag, KDC_OPTIONS, TICKET_FLAGS } from '../messages/flags.js';
import type { KdcReqBody } from '../messages/kdc.js';
import type { EncTicketPart } from '../messages/ticket.js';
import { Refusal } from './refusal.js';

/** Times of a ticket, seconds since 1970. */
export interface TicketTimes {
  readonly authtime: number;
  readonly starttime: number;
  readonly endtime: number;
  /** Only of a renewable ticket. */
  readonly renewTill: number | undefined;
}

/** The most that may be granted, seconds. */
export interface Limits {
  readonly maxLifeSeconds: number;
  readonly maxRenewSeconds: number;
}

/** Times of an initial ticket. @throws Refusal KDC_ERR_NEVER_VALID */
export function initialTimes(body: KdcReqBody, now: number, limits: Limits): TicketTimes {
  const endtime = Math.min(body.till || Number.POSITIVE_INFINITY, now + limits.maxLifeSeconds);
  return checked({
    authtime: now,
    starttime: now,
    endtime,
    renewTill: renewTill(body, endtime, now + limits.maxRenewSeconds),
  });
}

/** Times of a ticket that follows from `header`, the ticket of the TGS-REQ. @throws Refusal KDC_ERR_NEVER_VALID */
export function followingTimes(
  body: KdcReqBody,
  now: number,
  limits: Limits,
  header: EncTicketPart,
): TicketTimes {
  if (hasFlag(body.kdcOptions, KDC_OPTIONS.renew)) return renewedTimes(now, header);
  const { authtime } = header;
  const endtime = Math.min(
    body.till || Number.POSITIVE_INFINITY,
    header.endtime,
    now + limits.maxLifeSeconds,
  );
  const renewable = hasFlag(header.flags, TICKET_FLAGS.renewable);
  const latest = Math.min(header.renewTill ?? 0, now + limits.maxRenewSeconds);
  return checked({
    authtime,
    starttime: now,
    endtime,
    renewTill: renewable ? renewTill(body, endtime, latest) : undefined,
  });
}

/** As long as the old ticket was, up to the end of its renewable life. */
function renewedTimes(now: number, { authtime, starttime, endtime, renewTill }: EncTicketPart): TicketTimes {
  if (renewTill === undefined || renewTill <= now) throw new Refusal('KRB_AP_ERR_TKT_EXPIRED', 'TKT_EXPIRED');
  const life = endtime - (starttime ?? authtime);
  return { authtime, starttime: now, endtime: Math.min(now + life, renewTill), renewTill };
}

/** A ticket is renewable only beyond its own end; renewable-ok asks for what the life leaves to wish. */
function renewTill(
  { kdcOptions, till, rtime }: KdcReqBody,
  endtime: number,
  latest: number,
): number | undefined {
  const wished = hasFlag(kdcOptions, KDC_OPTIONS.renewable)
    ? rtime || Number.POSITIVE_INFINITY
    : hasFlag(kdcOptions, KDC_OPTIONS.renewableOk)
      ? till
      : 0;
  const granted = Math.min(wished, latest);
  return granted > endtime ? granted : undefined;
}

function checked(times: TicketTimes): TicketTimes {
  if (times.endtime <= times.starttime) throw new Refusal('KDC_ERR_NEVER_VALID', 'NEVER_VALID');
  return times;
}
