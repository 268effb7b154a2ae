/** Times and flags of a ticket as an honest KDC sets them (RFC 4120 sections 3.1.3 and 3.3.3). */
import { hasFlag, KDC_OPTIONS, TICKET_FLAGS } from '../../src/messages/flags.js';
import type { EncKdcRepPart } from '../../src/messages/kdc.js';
import type { Issue, ScriptedKdcOptions } from './kdcHooks.js';

const DAY = 86_400;
const NO_LIMIT: number = Number.POSITIVE_INFINITY;

/** From the wishes of the request and the limits of `issue` and `options`. */
export function ticketLife(
  issue: Issue,
  options: ScriptedKdcOptions,
  now: number,
  extraFlags: number,
): Pick<EncKdcRepPart, 'flags' | 'authtime' | 'starttime' | 'endtime' | 'renewTill'> {
  const { body, authtime } = issue;
  const has = (option: number): boolean => hasFlag(body.kdcOptions, option);
  const starttime = has(KDC_OPTIONS.postdated) ? (body.from ?? now) : now;
  const till = has(KDC_OPTIONS.renew) || body.till === 0 ? NO_LIMIT : body.till;
  const endtime = Math.min(till, issue.endLimit, starttime + (options.maxLifeSeconds ?? DAY));
  const shortened = has(KDC_OPTIONS.renewableOk) && endtime < till && till !== NO_LIMIT;
  const wished = has(KDC_OPTIONS.renewable | KDC_OPTIONS.renew)
    ? body.rtime || NO_LIMIT
    : shortened
      ? till
      : 0;
  const renewTill = Math.min(wished, issue.renewLimit, starttime + (options.maxRenewSeconds ?? 7 * DAY));
  const copied = KDC_OPTIONS.forwardable | KDC_OPTIONS.forwarded | KDC_OPTIONS.proxiable | KDC_OPTIONS.proxy;
  const flags =
    issue.flags |
    (body.kdcOptions & (copied | KDC_OPTIONS.postdated | KDC_OPTIONS.requestAnonymous)) |
    (has(KDC_OPTIONS.postdated) ? TICKET_FLAGS.invalid : 0) |
    (renewTill > endtime || has(KDC_OPTIONS.renew) ? TICKET_FLAGS.renewable : 0) |
    extraFlags;
  const renewable = hasFlag(flags, TICKET_FLAGS.renewable);
  return {
    flags: flags >>> 0,
    authtime,
    starttime,
    endtime: renewable && has(KDC_OPTIONS.renew) ? Math.min(endtime, renewTill) : endtime,
    renewTill: renewable ? renewTill : undefined,
  };
}
