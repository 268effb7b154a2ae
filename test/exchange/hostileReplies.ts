/** What the tests of replies that nobody should send share: changes to octets, and a memory of honest ones. */
import fc from 'fast-check';
import { concat } from '../../src/bytes.js';
import { KerberosError } from '../../src/errors.js';
import { type ScriptedEnvironment, scriptedEnvironment } from '../support/scriptedKdc.js';

export type Mutation = (octets: Uint8Array) => Uint8Array;

/** None: what an honest peer sends. */
export const unchanged: Mutation = (octets) => octets;

/** Changes a few octets, cuts, inserts, appends, or replaces everything. */
export const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 4 }).map(
    (changes): Mutation =>
      (octets) => {
        const copy = octets.slice();
        for (const [at, bits] of changes) if (copy.length > 0) copy[at % copy.length]! ^= bits;
        return copy;
      },
  ),
  fc.nat().map(
    (at): Mutation =>
      (octets) =>
        octets.subarray(0, at % (octets.length + 1)),
  ),
  fc.tuple(fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 8 })).map(
    ([at, more]): Mutation =>
      (octets) => {
        const cut = at % (octets.length + 1);
        return concat(octets.subarray(0, cut), more, octets.subarray(cut));
      },
  ),
  fc.uint8Array({ maxLength: 200 }).map(
    (octets): Mutation =>
      () =>
        octets,
  ),
  fc.tuple(fc.constantFrom(0x6b, 0x6d, 0x7e), fc.uint8Array({ maxLength: 100 })).map(
    ([tag, rest]): Mutation =>
      () =>
        concat(Uint8Array.of(tag, rest.length), rest),
  ),
);

/** One of a few clients, whose requests repeat from run to run. */
export const clientEnvironment: fc.Arbitrary<ScriptedEnvironment> = fc
  .integer({ min: 100, max: 107 })
  .map((seed) => scriptedEnvironment(seed));

/** Whether it ended well or with an error of ours; anything else fails the property. */
export async function ends(exchange: () => Promise<unknown>): Promise<void> {
  try {
    await exchange();
  } catch (error) {
    if (!(error instanceof KerberosError)) throw error;
  }
}

/** `make`, which a request that came before costs no work. */
export function remembered<T>(
  make: (message: Uint8Array, tcpOnly: boolean) => T,
): (message: Uint8Array, tcpOnly: boolean) => T {
  const known = new Map<string, T>();
  return (message, tcpOnly) => {
    const request = `${tcpOnly} ${Buffer.from(message).toString('latin1')}`;
    const made = known.get(request) ?? make(message, tcpOnly);
    known.set(request, made);
    return made;
  };
}
