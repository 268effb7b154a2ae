/** The writer against asn1js, and its buffer at the steps where it grows. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DerWriter } from '../../src/asn1/derWriter.js';
import type { Declarations } from '../../src/asn1/schema.js';
import { SIMPLE_CODECS } from '../../src/asn1/types.js';
import { toHex } from '../../src/bytes.js';
import { declarations } from '../../src/messages/module.js';
import { fuzzRuns } from '../support/fuzz.js';
import { expectOctets } from '../support/octets.js';
import { arbitraryOf, untypedModule } from './arbitraries.js';
import { oracleDer } from './oracle.js';

/** Every simple type and every kind of declaration that the messages do not use. */
const others: Declarations = {
  ...Object.fromEntries(
    Object.keys(SIMPLE_CODECS).map((type) => [`Only ${type}`, { alias: type, of: type }] as const),
  ),
  Either: {
    choice: 'Either',
    alternatives: { number: '[0] Int32', names: '[3] SEQUENCE OF KerberosString' },
  },
  Tagged: { application: 'Tagged', tag: 30, of: 'Either' },
};

function agrees(all: Declarations, name: string, runs: number): void {
  const module = untypedModule(all);
  fc.assert(
    fc.property(arbitraryOf(all, name), (value) => {
      expectOctets(module.encode(name, value), oracleDer(all, name, value));
    }),
    { numRuns: runs },
  );
}

describe('the writer agrees with asn1js', () => {
  const names = Object.keys(declarations);
  it.each(names)('on %s', (name) => agrees(declarations, name, fuzzRuns / 25));
  it.each(Object.keys(others))('on %s', (name) => agrees(others, name, fuzzRuns / 10));
});

describe('DerWriter', () => {
  it.each([0, 1, 127, 128, 255, 256, 500, 512, 65535, 65536, 70000, 2 ** 24])(
    'writes a length of %i in the shortest form',
    (length) => {
      const writer = new DerWriter();
      const mark = writer.mark;
      writer.prepend(new Uint8Array(length).fill(7));
      writer.tag(4, mark);
      const digits = length.toString(16);
      const octets = digits.padStart(digits.length + (digits.length % 2), '0');
      const header = length < 128 ? octets : (0x80 + octets.length / 2).toString(16) + octets;
      const written = writer.finish();
      expect(toHex(written.subarray(0, written.length - length))).toBe(`04${header}`);
      expect(written.subarray(written.length - length).every((octet) => octet === 7)).toBe(true);
    },
  );

  it('gives octets that later writing does not change', () => {
    const writer = new DerWriter();
    writer.prependOctet(1);
    const before = writer.finish();
    writer.prependOctet(2);
    expect([toHex(before), toHex(writer.finish())]).toEqual(['01', '02']);
  });
});
