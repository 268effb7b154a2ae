/**
 * When a postdated ticket shall start (kinit -s): a duration, else a time in the local time zone in one of the forms that
 * MIT krb5 understands beside it.
 */
import { parseDuration } from '../formats/duration.js';

const MONTHS: readonly string[] = [
  ...['january', 'february', 'march', 'april', 'may', 'june'],
  ...['july', 'august', 'september', 'october', 'november', 'december'],
];

const MONTH_NAMES: string = MONTHS.map((month) => `${month}|${month.slice(0, 3)}`).join('|');

/** Times of day or dates with numbers only, such as `10:00` or `2611`, are durations already. */
const FORMS: readonly RegExp[] = [
  /^(?<year>\d{4})(?<month>\d\d)(?<day>\d\d)(?<hour>\d\d)(?<minute>\d\d)(?<second>\d\d)$/,
  /^(?<year>\d\d)(?<month>\d\d)(?<day>\d\d)(?<hour>\d\d)(?<minute>\d\d)(?<second>\d\d)?$/,
  new RegExp(
    `^(?<day>\\d\\d?)-(?<name>${MONTH_NAMES})-(?<year>\\d{4}):(?<hour>\\d\\d?):(?<minute>\\d\\d?)(?::(?<second>\\d\\d?))?$`,
    'i',
  ),
];

/**
 * Seconds until the time that `text` names; not above 0 when it has passed.
 * @param now seconds since 1970
 * @throws RangeError
 */
export function parseStartTime(text: string, now: number): number {
  const trimmed = text.trim();
  try {
    return parseDuration(trimmed);
  } catch {
    return timeOf(trimmed, now) - now;
  }
}

/** Seconds since 1970. */
function timeOf(text: string, now: number): number {
  for (const form of FORMS) {
    const fields = form.exec(text)?.groups;
    if (fields === undefined) continue;
    const time = localTime(fields, now);
    if (time !== undefined) return time;
  }
  throw new RangeError(`${JSON.stringify(text)} is neither a duration nor a time`);
}

/** Undefined when there is no such day or time. Without seconds, those of the present time count, as in MIT krb5. */
function localTime(fields: Readonly<Record<string, string | undefined>>, now: number): number | undefined {
  const { name } = fields;
  const number = (field: string): number => Number(fields[field]);
  const month = name === undefined ? number('month') - 1 : monthOf(name);
  const second = fields.second === undefined ? new Date(now * 1000).getSeconds() : number('second');
  const parts = [fullYear(number('year')), month, number('day'), number('hour'), number('minute')] as const;
  const time = new Date(...parts, second);
  const shown = [time.getFullYear(), time.getMonth(), time.getDate(), time.getHours(), time.getMinutes()];
  return shown.join() === parts.join() ? Math.floor(time.getTime() / 1000) : undefined;
}

function monthOf(name: string): number {
  return MONTHS.findIndex((month) => month.startsWith(name.toLowerCase()));
}

/** Of two digits: 1969 to 2068, as strptime(3). */
function fullYear(year: number): number {
  return year >= 100 ? year : year + (year >= 69 ? 1900 : 2000);
}
