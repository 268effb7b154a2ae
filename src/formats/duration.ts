/** Lengths of time as MIT krb5 writes them in krb5.conf and on command lines ("Time duration"). */

/** The most seconds that a duration can have: 2^31-1, as in MIT krb5. */
export const MAX_DURATION_SECONDS = 0x7fffffff;

const MAX_LENGTH = 64;

/**
 * Seconds of a duration: `300`, `10h`, `1d 2h 3m 4s` (units in this order, any of them), `1:30`, `1:30:15` (hours,
 * minutes, seconds) or `5-01:02:03` (days first).
 * @throws RangeError when `text` is none of these, is negative or more than 2^31-1 seconds
 */
export function parseDuration(text: string): number {
  const trimmed = text.length > MAX_LENGTH ? '' : text.trim();
  const seconds = plainSeconds(trimmed) ?? unitSeconds(trimmed) ?? clockSeconds(trimmed);
  if (seconds === undefined) {
    const shown = JSON.stringify(text.slice(0, MAX_LENGTH));
    throw new RangeError(`duration ${shown} must look like 300, 10h, 1d2h3m4s or 1:30:15`);
  }
  if (seconds > MAX_DURATION_SECONDS) {
    throw new RangeError(`duration must be at most ${MAX_DURATION_SECONDS} s (about 68 years)`);
  }
  return seconds;
}

function plainSeconds(text: string): number | undefined {
  return /^\d+$/.test(text) ? Number(text) : undefined;
}

function unitSeconds(text: string): number | undefined {
  const match = /^(?:(\d+)d)?\s*(?:(\d+)h)?\s*(?:(\d+)m)?\s*(?:(\d+)s)?$/.exec(text);
  if (match === null || text === '') return undefined;
  const [, days, hours, minutes, seconds] = match;
  return total(days, hours, minutes, seconds);
}

function clockSeconds(text: string): number | undefined {
  const match = /^(?:(\d+)-(?=\d+:\d+:))?(\d+):(\d+)(?::(\d+))?$/.exec(text);
  if (match === null) return undefined;
  const [, days, hours, minutes, seconds] = match;
  return total(days, hours, minutes, seconds);
}

function total(days = '0', hours = '0', minutes = '0', seconds = '0'): number {
  return Number(days) * 86_400 + Number(hours) * 3_600 + Number(minutes) * 60 + Number(seconds);
}
