import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDuration } from '../../src/formats/duration.js';
import { fuzzRuns } from '../support/fuzz.js';

describe('parseDuration', () => {
  // Results of krb5_string_to_deltat of MIT krb5 1.20.1.
  it.each([
    ['10h', 36000],
    ['1d2h3m4s', 93784],
    ['1d 2h', 93600],
    ['7d0h0m0s', 604800],
    ['1:30', 5400],
    ['1:30:15', 5415],
    ['1:70', 7800],
    ['5-01:02:03', 435723],
    ['300', 300],
    ['0', 0],
    [' 10h ', 36000],
    ['2147483647', 2147483647],
    ['24855d', 2147472000],
  ])('%j is %i seconds', (text, seconds) => {
    expect(parseDuration(text)).toBe(seconds);
  });

  it.each([
    '',
    ' ',
    '1d2',
    '2h1d',
    '1m1m',
    '10 h',
    '1:2:3:4',
    '5-1:2',
    '-5',
    '1w',
    '10H',
    '1.5h',
    '1e3',
    '24856d',
    '2147483648',
    '99999999999',
    `1${'0'.repeat(400)}`,
    `1d${' '.repeat(100_000)}x`,
  ])('refuses %j', (text) => {
    expect(() => parseDuration(text)).toThrow(RangeError);
  });

  it('gives whole seconds or a RangeError for any text', () => {
    const text = fc.string({ unit: fc.constantFrom(...'0123456789dhms:- x'), maxLength: 20 });
    fc.assert(
      fc.property(text, (input) => {
        try {
          const seconds = parseDuration(input);
          return Number.isInteger(seconds) && seconds >= 0 && seconds <= 0x7fffffff;
        } catch (error) {
          return error instanceof RangeError;
        }
      }),
      { numRuns: fuzzRuns },
    );
  });
});
