import fc from 'fast-check';
import { Key } from '../../src/crypto/key.js';
import { FormatError } from '../../src/errors.js';
import type { CredentialCache } from '../../src/formats/ccache.js';
import type { Credential } from '../../src/formats/credential.js';
import type { KeytabEntry } from '../../src/formats/keytab.js';
import type { Principal } from '../../src/formats/principal.js';

/** Names of any valid text, often with the characters that need escapes. */
export const nameText: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc.string({ unit: fc.constantFrom('a', '/', '@', '\\', '\n', '\t', '\b', '\0', 'n', ' '), maxLength: 8 }),
);

export const principal: fc.Arbitrary<Principal> = fc.record({
  nameType: fc.integer({ min: -0x80000000, max: 0x7fffffff }),
  components: fc.array(nameText, { minLength: 1, maxLength: 4 }),
  realm: nameText,
});

const octets = fc.uint8Array({ maxLength: 24 });
const time = fc.integer({ min: 0, max: 0xfffffffe });
const int16 = fc.integer({ min: -0x8000, max: 0x7fff });
export const key: fc.Arbitrary<Key> = fc.tuple(int16, octets).map(([etype, value]) => new Key(etype, value));

export const credential: fc.Arbitrary<Credential> = fc.record({
  client: principal,
  server: principal,
  sessionKey: key,
  authTime: time,
  startTime: time,
  // An entry that ends at 0 is a removed one.
  endTime: fc.integer({ min: 1, max: 0xfffffffe }),
  renewTill: time,
  isSkey: fc.boolean(),
  flags: fc.integer({ min: 0, max: 0xffffffff }),
  addresses: fc.array(fc.record({ addrType: fc.integer({ min: 0, max: 0xffff }), address: octets }), {
    maxLength: 3,
  }),
  authData: fc.array(fc.record({ adType: int16, adData: octets }), { maxLength: 3 }),
  ticket: octets,
  secondTicket: octets,
});

export const keytabEntry: fc.Arbitrary<KeytabEntry> = fc.record({
  principal,
  timestamp: fc.integer({ min: 0, max: 0xffffffff }),
  kvno: fc.integer({ min: 0, max: 0xffffffff }),
  key,
});

export const ccache: fc.Arbitrary<CredentialCache> = fc
  .record({
    kdcTimeOffset: fc.option(fc.record({ seconds: fc.integer(), microseconds: fc.integer() }), {
      nil: undefined,
    }),
    defaultPrincipal: principal,
    credentials: fc.array(credential, { maxLength: 3 }),
    config: fc.array(
      fc.record({
        key: nameText,
        principal: fc.option(nameText, { nil: undefined }),
        value: octets,
        position: fc.nat(3),
      }),
      { maxLength: 3 },
    ),
  })
  .map((parts) => ({
    version: 4,
    ...parts,
    config: parts.config
      .map((entry) => ({ ...entry, position: Math.min(entry.position, parts.credentials.length) }))
      .toSorted((a, b) => a.position - b.position),
  }));

/** `octets` with some of them changed, left out or put in. */
export function mutated(original: Uint8Array): fc.Arbitrary<Uint8Array> {
  const change = fc.record({
    at: fc.nat(original.length),
    remove: fc.nat(4),
    insert: fc.uint8Array({ maxLength: 4 }),
  });
  return fc.array(change, { minLength: 1, maxLength: 4 }).map((changes) => {
    let octets = [...original];
    for (const { at, remove, insert } of changes) octets = octets.toSpliced(at, remove, ...insert);
    return Uint8Array.from(octets);
  });
}

/** Runs `decode`; true for a value or a FormatError, any other error goes on. */
export function valueOrFormatError(decode: () => unknown): boolean {
  try {
    return decode() !== undefined;
  } catch (error) {
    if (error instanceof FormatError) return true;
    throw error;
  }
}
