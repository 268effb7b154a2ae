/** Lengths of time as MIT krb5 writes them in krb5.conf and on command lines ("Time duration"). */

/** The most seconds that a duration can have: 2^31-1, as in MIT krb5. */
const MAX_DURATION_SECONDS = 0x7fffffff;

const MAX_LENGTH = 64;

/** A duration, and what stands behind it. */
export interface DurationPrefix {
  readonly seconds: number;
  readonly rest: string;
}

/**
 * Seconds of a duration: `300`, `10h`, `1d 2h 3m 4s` (units in this order, any of them), `1:30`, `1:30:15` (hours,
 * minutes, seconds) or `5-01:02:03` (days first).
 * @throws RangeError when `text` is none of these, is negative or more than 2^31-1 seconds
 */
export function parseDuration(text: string): number {
  const parsed = text.length > MAX_LENGTH ? undefined : parseDurationPrefix(text);
  if (parsed === undefined || parsed.rest !== '') {
    const shown = JSON.stringify(text.slice(0, MAX_LENGTH));
    throw new RangeError(
      `duration ${shown} must look like 300, 10h, 1d2h3m4s or 1:30:15, and be at most ${MAX_DURATION_SECONDS} s`,
    );
  }
  return parsed.seconds;
}

/**
 * The duration at the start of `text` as MIT krb5 reads it: it ends at the first character that no duration can have,
 * so `10h # note` is ten hours and `10H` ten seconds. Undefined when there is none.
 */
export function parseDurationPrefix(text: string): DurationPrefix | undefined {
  const end = /[^-\d:dhms \t\n\v\f\r]|(?<![ \t\n\v\f\r])[\v\f\r]/.exec(text)?.index ?? text.length;
  const timed = text.slice(0, end);
  const seconds = timed.length > MAX_LENGTH ? undefined : (unitSeconds(timed) ?? clockSeconds(timed));
  if (seconds === undefined || seconds > MAX_DURATION_SECONDS) return undefined;
  return { seconds, rest: text.slice(end) };
}

/** Blanks may stand before a number, and at the end where another number could. */
const UNITS =
  /^\s*(?:(\d+)|(?=\d)(?:(\d+)d(?:\s*(?=\d)|\s*$))?(?:(\d+)h(?:\s*(?=\d)|\s*$))?(?:(\d+)m(?:\s*(?=\d)|\s*$))?(?:(\d+)s)?)$/;

function unitSeconds(text: string): number | undefined {
  const match = UNITS.exec(text);
  if (match === null) return undefined;
  const [, plain, days, hours, minutes, seconds] = match;
  return total(days, hours, minutes, plain ?? seconds);
}

function clockSeconds(text: string): number | undefined {
  const match = /^\s*(?:(\d+)-(?=\d\d?:\d\d?:))?(\d+):(\d\d?)(?::(\d\d?))?$/.exec(text);
  if (match === null) return undefined;
  const [, days, hours, minutes, seconds] = match;
  return total(days, hours, minutes, seconds);
}

function total(days = '0', hours = '0', minutes = '0', seconds = '0'): number {
  return Number(days) * 86_400 + Number(hours) * 3_600 + Number(minutes) * 60 + Number(seconds);
}
