/** Sequence windows (RFC 2743 section 1.2.3) against a record of everything received. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GSS_FLAGS } from '../../src/gss/flags.js';
import { initialSequence, type SequenceAnomaly, SequenceWindow } from '../../src/gss/sequence.js';
import { fuzzRuns } from '../support/fuzz.js';

const { replay, sequence } = GSS_FLAGS;

/** The same, by all numbers that came; places count from the first. */
class Record {
  readonly #flags: number;
  readonly #received = new Set<number>();
  #next = 0;

  constructor(flags: number) {
    this.#flags = flags;
  }

  check(place: number): SequenceAnomaly | undefined {
    if (this.#flags === 0) return undefined;
    const ordered = (this.#flags & sequence) !== 0;
    if (place >= this.#next) {
      const missing = place > this.#next;
      this.#next = place + 1;
      this.#received.add(place);
      return missing && ordered ? 'gap' : undefined;
    }
    if (this.#next - place > 64) return ordered ? 'unsequenced' : 'old';
    if ((this.#flags & replay) !== 0 && this.#received.has(place)) return 'duplicate';
    this.#received.add(place);
    return ordered ? 'unsequenced' : undefined;
  }
}

const widths = fc.constantFrom<32 | 64>(32, 64);
const flags = fc.constantFrom(0, replay, sequence, replay | sequence);
/** Steps from the last place. */
const steps = fc.array(fc.oneof(fc.constant(1), fc.integer({ min: -80, max: 80 })), { maxLength: 60 });

describe('SequenceWindow', () => {
  it('reports as a record of all numbers does, from any first number and across the wrap-around', () => {
    const start = fc.oneof(
      fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
      fc.constantFrom(0n, (1n << 64n) - 30n),
    );
    fc.assert(
      fc.property(widths, flags, start, steps, (bits, flag, base, moves) => {
        const first = BigInt.asUintN(bits, base);
        const window = new SequenceWindow(flag, initialSequence(first), bits);
        const record = new Record(flag);
        let place = 0;
        for (const step of moves) {
          place = Math.max(0, place + step);
          const number = BigInt.asUintN(bits, first + BigInt(place));
          expect(window.check(number)).toBe(record.check(place));
        }
      }),
      { numRuns: fuzzRuns },
    );
  });

  it('knows nothing of tokens before a gap of 64 and more', () => {
    const window = new SequenceWindow(replay, initialSequence(0n));
    for (const number of [0n, 1n, 66n]) expect(window.check(number)).toBeUndefined();
    expect(window.check(1n)).toBe('old');
    expect(window.check(3n)).toBeUndefined();
    expect(window.check(3n)).toBe('duplicate');
    expect(window.check(66n)).toBe('duplicate');
  });

  it('goes on from a kept state', () => {
    const flag = replay | sequence;
    const window = new SequenceWindow(flag, initialSequence(5n));
    for (const number of [5n, 6n, 9n]) window.check(number);
    const again = new SequenceWindow(flag, window.state);
    expect([10n, 9n, 7n, 7n].map((number) => again.check(number))).toEqual([
      undefined,
      'duplicate',
      'unsequenced',
      'duplicate',
    ]);
  });

  it.each([32, 64] as const)(
    'takes the farthest number of %i bits, in no time, and the first after it',
    (bits) => {
      const last = (1n << BigInt(bits)) - 1n;
      for (const far of [last / 2n, last]) {
        const window = new SequenceWindow(replay | sequence, initialSequence(5n), bits);
        const number = (place: bigint): bigint => BigInt.asUintN(bits, 5n + place);
        expect(window.check(number(0n))).toBeUndefined();
        expect(window.check(number(far))).toBe('gap');
        // As in MIT krb5, the count begins again behind the last.
        expect(window.check(number(far + 1n))).toBeUndefined();
        expect(window.check(number(far + 1n))).toBe('duplicate');
      }
    },
  );

  it('takes numbers of 32 bits around zero', () => {
    const window = new SequenceWindow(replay | sequence, initialSequence(0xfffffffen), 32);
    expect([0xfffffffen, 0xffffffffn, 0n, 1n, 0n].map((number) => window.check(number))).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
      'duplicate',
    ]);
  });
});
