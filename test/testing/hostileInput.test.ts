/** Whatever comes in, the embedded realm answers or is silent; it never fails. */
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { systemEnvironment } from '../../src/client/system.js';
import { InitiatorContext } from '../../src/gss/context.js';
import { fromPassword, GSS_FLAGS } from '../../src/index.js';
import { AcceptError, type Acceptor, TestRealm } from '../../src/testing/index.js';
import { answer } from '../../src/testing/kdc.js';
import type { KdcContext } from '../../src/testing/kdcContext.js';
import { PrincipalDatabase } from '../../src/testing/principalDatabase.js';
import { fuzzRuns } from '../support/fuzz.js';

const requests: Uint8Array[] = [];
const tokens: Uint8Array[] = [];
let kdc: KdcContext;
let acceptor: Acceptor;

beforeAll(async () => {
  const principals = { alice: { password: 'secret' }, 'HTTP/localhost': {} };
  await using realm = await TestRealm.start({ principals, etypes: [18] });
  realm.setHooks({
    request(octets) {
      // A client that is kept waiting sends the same again.
      if (!requests.some((known) => Buffer.compare(known, octets) === 0)) requests.push(octets);
      return octets;
    },
  });
  const alice = fromPassword('alice', 'secret', { config: realm.config });
  const credential = await alice.serviceTicket('HTTP/localhost');
  const context = await alice.securityContext('HTTP/localhost');
  tokens.push(context.step().token!, new InitiatorContext({ credential }, systemEnvironment()).step().token!);
  const flags = GSS_FLAGS.dceStyle | GSS_FLAGS.channelBound;
  tokens.push(new InitiatorContext({ credential, flags }, systemEnvironment()).step().token!);
  acceptor = realm.acceptor('HTTP/localhost');
  const environment = systemEnvironment();
  const database = new PrincipalDatabase('EXAMPLE.TEST', environment, [18]);
  await database.add('alice', { password: 'secret' });
  const limits = { maxLifeSeconds: 3600, maxRenewSeconds: 3600 };
  kdc = { database, environment, skewSeconds: 300, hooks: {}, ...limits };
});

/** One of `samples` with octets changed, cut off or added; or anything. */
function mutated(samples: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
  const changed = fc.tuple(fc.nat(), changes, fc.nat(8)).map(([which, list, cut]) => {
    const octets = samples[which % samples.length]!.slice();
    for (const [at, value] of list) octets[at % octets.length] = value;
    return octets.subarray(0, octets.length - (cut === 8 ? 1 : 0));
  });
  return fc.oneof({ weight: 9, arbitrary: changed }, fc.uint8Array({ maxLength: 200 }));
}

describe('hostile input', () => {
  it('gets a message or nothing from the KDC', () => {
    expect(requests.map((octets) => octets[0])).toEqual([0x6a, 0x6a, 0x6c]);
    fc.assert(
      fc.property(mutated(requests), (octets) => {
        const reply = answer(octets, kdc, 4096);
        expect([undefined, 0x6b, 0x6d, 0x7e]).toContain(reply?.[0]);
      }),
      { numRuns: fuzzRuns },
    );
  });

  it('gets an AcceptError from the acceptor', () => {
    fc.assert(
      fc.property(mutated(tokens), (octets) => {
        try {
          acceptor.accept(octets);
        } catch (error) {
          expect(error).toBeInstanceOf(AcceptError);
        }
      }),
      { numRuns: fuzzRuns },
    );
  });
});
