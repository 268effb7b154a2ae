/**
 * When a ticket is good, when it is due for another, and how to get that one (RFC 4120 sections 2.3 and 3.3). All times
 * are seconds since 1970 on the KDC's clock; lifetimes are seconds.
 */
import type { Credential } from '../formats/credential.js';
import { hasFlag, TICKET_FLAGS } from '../messages/flags.js';

/** How far ahead the start of a postdated ticket may lie: once a KDC has validated it, clocks differ only a little. */
const POSTDATED_TOLERANCE_SECONDS = 60;

/** A ticket is due in the last tenth of its life, but not earlier than five minutes before its end. */
const DUE_SHARE = 0.1;
const DUE_AT_MOST_SECONDS = 300;

/** In the background a ticket is replaced after half of its life, or up to a tenth of its life later. */
const EARLY_SHARE = 0.5;
const JITTER_SHARE = 0.1;

/** How long the ticket was made for. */
function lifeSeconds({ startTime, authTime, endTime }: Credential): number {
  return endTime - (startTime || authTime);
}

/**
 * Whether the ticket has begun and not ended, and is not a postdated one that no KDC has validated.
 * @param skewSeconds by which clocks may differ: a KDC whose clock is ahead gives tickets that begin so much later
 */
export function isValid(
  { startTime, endTime, flags }: Credential,
  now: number,
  skewSeconds: number,
): boolean {
  const tolerance = hasFlag(flags, TICKET_FLAGS.postdated) ? POSTDATED_TOLERANCE_SECONDS : skewSeconds;
  return startTime <= now + tolerance && endTime > now && !hasFlag(flags, TICKET_FLAGS.invalid);
}

/** Whether the ticket's end is near enough to look for another. */
export function isDue(credential: Credential, now: number): boolean {
  const margin = Math.min(lifeSeconds(credential) * DUE_SHARE, DUE_AT_MOST_SECONDS);
  return credential.endTime - now <= margin;
}

/** Whether the ticket can be renewed. */
export function isRenewable(credential: Credential): boolean {
  return hasFlag(credential.flags, TICKET_FLAGS.renewable);
}

/** Whether renewing would give a ticket that ends later: a ticket that has ended cannot be renewed. */
export function renewalHelps(credential: Credential, now: number): boolean {
  return isRenewable(credential) && credential.endTime > now && credential.renewTill > credential.endTime;
}

/** Whether renewing would give a ticket that lives as long as this one did. Otherwise a login is better. */
export function renewalSuffices(credential: Credential, now: number): boolean {
  return renewalHelps(credential, now) && credential.renewTill - now >= lifeSeconds(credential);
}

/**
 * When to replace the ticket in the background.
 * @param jitter 0 to 1: many machines that logged in at once need not come back at once
 */
export function earlyMoment(credential: Credential, jitter: number): number {
  const left = 1 - EARLY_SHARE - JITTER_SHARE * jitter;
  return credential.endTime - lifeSeconds(credential) * left;
}
