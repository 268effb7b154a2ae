/** kinit -s in every form. The tests run in whatever time zone there is; times are local. */
import { describe, expect, it } from 'vitest';
import { parseStartTime } from '../../src/cli/startTime.js';

const NOW = new Date(2026, 10, 22, 5, 54, 51);
const now = NOW.getTime() / 1000;
const start = (text: string): Date => new Date((now + parseStartTime(text, now)) * 1000);

describe('a start time', () => {
  it.each([
    ['20261224103000', new Date(2026, 11, 24, 10, 30, 0)],
    ['261224103000', new Date(2026, 11, 24, 10, 30, 0)],
    // Without seconds, those of now.
    ['2612241030', new Date(2026, 11, 24, 10, 30, 51)],
    ['24-Dec-2026:10:30:07', new Date(2026, 11, 24, 10, 30, 7)],
    ['24-december-2026:10:30', new Date(2026, 11, 24, 10, 30, 51)],
    ['4-MAY-2027:1:2:3', new Date(2027, 4, 4, 1, 2, 3)],
    ['  29-Feb-2028:00:00:00 ', new Date(2028, 1, 29)],
    ['20251224103000', new Date(2025, 11, 24, 10, 30, 0)],
  ])('%s', (text, expected) => {
    expect(start(text)).toEqual(expected);
  });

  it.each([
    ['90', 90],
    ['1h30m', 5400],
    ['10:00', 36_000],
    ['0', 0],
  ])('%s is a duration', (text, expected) => {
    expect(parseStartTime(text, now)).toBe(expected);
  });

  it.each([
    ...['', 'x', '-5', '31-Feb-2027:10:00', '29-Feb-2027:00:00:00', '20261324000000', '24-Dez-2026:10:30'],
    // MIT krb5 takes the number at the beginning for a duration.
    ...['2026.12.24.10.30.00', '12/24/26:10:30:00', '2026-12-24', '2026-12-24T10:30:00Z', '10H'],
    ...['24-Dec-2026', '24-Dec-26:10:30', '99999999999999', '9'.repeat(100), '24-Dec-2026:25:00', '1\0'],
  ])('%j is none', (text) => {
    expect(() => parseStartTime(text, now)).toThrow(RangeError);
  });
});
