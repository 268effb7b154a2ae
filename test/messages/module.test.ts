/** Every declared type with generated values, and with octets that nobody should send. */
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_MESSAGE_OCTETS } from '../../src/asn1/tlv.js';
import { concat } from '../../src/bytes.js';
import { ProtocolError } from '../../src/errors.js';
import { declarations } from '../../src/messages/module.js';
import { arbitraryOf, damaged, derOf, untypedModule } from '../asn1/arbitraries.js';
import { refusal } from '../asn1/refusal.js';
import { fuzzRuns } from '../support/fuzz.js';

const kerberos = untypedModule(declarations);
const names = Object.keys(declarations);

/** `toEqual`, at the speed that tickets of 64 KiB need. */
function expectSame(actual: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(actual, expected)) expect(actual).toStrictEqual(expected);
}

/** Either a value, which must then be one that can be written and read again, or ERR_ASN1. */
function valueOrRefusal(name: string, octets: Uint8Array): 'value' | 'refusal' {
  let value: unknown;
  try {
    value = kerberos.decode(name, octets);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    expect(error.code).toBe('ERR_ASN1');
    return 'refusal';
  }
  expectSame(kerberos.decode(name, kerberos.encode(name, value)), value);
  return 'value';
}

type Sample = { readonly name: string; readonly sample: unknown };

/** What holds for every type: samples of it, and what must not fail for one. */
interface Law {
  of(name: string): fc.Arbitrary<unknown>;
  check(name: string, sample: never): void;
}

const LAWS: Readonly<Record<string, Law>> = {
  'reads what it wrote': {
    of: (name) => arbitraryOf(declarations, name),
    check(name, value: unknown) {
      expectSame(kerberos.decode(name, kerberos.encode(name, value)), value);
    },
  },
  'refuses every truncation': {
    of: (name) => fc.tuple(derOf(declarations, name), fc.nat()),
    check(name, [der, place]: [Uint8Array, number]) {
      expect(valueOrRefusal(name, der.subarray(0, place % der.length))).toBe('refusal');
    },
  },
  'gives a value or ERR_ASN1 for damaged octets': {
    of(name) {
      const once = damaged(derOf(declarations, name));
      return fc.oneof(once, damaged(damaged(once)));
    },
    check(name, octets: Uint8Array) {
      valueOrRefusal(name, octets);
    },
  },
};

/** Runs for each type alone; the others are shared by all types. */
const SHARE: number = Math.max(100, 0.03 * fuzzRuns);

describe.each(Object.entries(LAWS))('every type %s', (_title, { of, check }) => {
  const samplesOf = (name: string): fc.Arbitrary<Sample> => of(name).map((sample) => ({ name, sample }));
  const holds = ({ name, sample }: Sample): void => check(name, sample as never);

  it.each(names)('%s', (name) => {
    fc.assert(fc.property(samplesOf(name), holds), { numRuns: SHARE });
  });

  it('whichever it is', () => {
    fc.assert(fc.property(fc.oneof(...names.map(samplesOf)), holds), { numRuns: fuzzRuns });
  });
});

/** Octets that look like DER more often than chance would have it. */
const almostDer: fc.Arbitrary<Uint8Array> = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        0x30,
        0xa0,
        0xa1,
        0xa2,
        0xa3,
        0x02,
        0x03,
        0x04,
        0x1b,
        0x18,
        0x6a,
        0x6b,
        0x7e,
        0x80,
        0x81,
        0x00,
      ),
      fc.nat(24),
      fc.nat(255),
    ),
    { maxLength: 60 },
  )
  .map((octets) => Uint8Array.from(octets));

describe('octets that are no message', () => {
  const hostile = fc.oneof(fc.uint8Array({ maxLength: 200 }), almostDer);

  it('give a value or ERR_ASN1, whatever type is expected', () => {
    fc.assert(
      fc.property(fc.constantFrom(...names), hostile, (name, octets) => {
        valueOrRefusal(name, octets);
      }),
      { numRuns: 10 * fuzzRuns },
    );
  });

  it('give a value or ERR_ASN1 when they are a message of another type', () => {
    const other = fc.oneof(...names.map((name) => derOf(declarations, name)));
    fc.assert(
      fc.property(fc.constantFrom(...names), other, (name, octets) => {
        valueOrRefusal(name, octets);
      }),
      { numRuns: fuzzRuns },
    );
  });

  // As large as a message may be; the runner's time limit is the assertion
  it.each([
    ['nested SEQUENCEs', [0x30, 0x84, 0x00, 0x0f, 0xff, 0xf0]],
    ['short nested SEQUENCEs', [0x30, 0x7f]],
    ['nested context tags', [0xa0, 0x83, 0x0f, 0xff, 0xf0]],
    ['empty SEQUENCEs', [0x30, 0x00]],
    ['indefinite lengths', [0x30, 0x80]],
    ['INTEGERs', [0x02, 0x01, 0x00]],
  ])('1 MiB of %s comes to an end for every type', (_, pattern) => {
    const filler = Uint8Array.from(
      { length: MAX_MESSAGE_OCTETS - 5 },
      (_, i) => pattern[i % pattern.length]!,
    );
    const whole = concat(Uint8Array.of(0x30, 0x83, 0x0f, 0xff, 0xfb), filler);
    for (const name of names) {
      for (const octets of [whole, filler]) {
        expect(refusal(() => kerberos.decode(name, octets))).toMatchObject({ code: 'ERR_ASN1' });
      }
    }
  });
});
