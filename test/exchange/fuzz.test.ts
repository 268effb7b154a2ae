/** Whatever octets come instead of a reply: an error of the library, never another one, never a hang. */
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { concat } from '../../src/bytes.js';
import { KerberosError } from '../../src/errors.js';
import { checkApRep, makeApReq, type SentApReq } from '../../src/exchange/ap.js';
import { type AsResult, asExchange } from '../../src/exchange/as.js';
import { serviceTicket } from '../../src/exchange/tgs.js';
import type { Credential } from '../../src/formats/credential.js';
import { parsePrincipal } from '../../src/formats/principal.js';
import { KDC_OPTIONS } from '../../src/messages/flags.js';
import { encode } from '../../src/messages/module.js';
import { seal } from '../../src/messages/sealed.js';
import { fuzzRuns } from '../support/fuzz.js';
import { drive, type ScriptedServer, START, scriptedEnvironment } from '../support/scriptedKdc.js';
import { ALICE, ETYPES, exampleRealm, login, POLICY, REALM, TILL, ticketFor } from './realm.js';

type Mutation = (octets: Uint8Array) => Uint8Array;

/** Changes a few octets, cuts, inserts, appends, or replaces everything. */
const mutation: fc.Arbitrary<Mutation> = fc.oneof(
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

/** Whether it ended well or with an error of ours; anything else fails the property. */
async function ends(exchange: () => Promise<unknown>): Promise<void> {
  try {
    await exchange();
  } catch (error) {
    if (!(error instanceof KerberosError)) throw error;
  }
}

describe('mutated replies', () => {
  it.each([0, 1, 2])('of the AS exchange, the reply after %i good ones', async (good) => {
    const realm = exampleRealm();
    const { kdc } = realm;
    kdc.hooks = {
      raw: (octets) => octets,
      instead: (_, tcpOnly) => (good < 2 || tcpOnly ? undefined : kdc.error('KRB_ERR_RESPONSE_TOO_BIG')),
    };
    const property = fc.asyncProperty(mutation, fc.boolean(), async (mutate, kdcTimesync) => {
      kdc.requests = [];
      kdc.hooks.raw = (octets) => (kdc.requests.length > good ? mutate(octets) : octets);
      await ends(() => login(realm, { policy: { kdcTimesync } }));
      expect(kdc.requests.length).toBeGreaterThan(good);
      expect(kdc.requests.length).toBeLessThanOrEqual(6);
    });
    await fc.assert(property, { numRuns: fuzzRuns });
  });

  it('of the TGS exchange', async () => {
    const realm = exampleRealm();
    const { credential: tgt } = await login(realm);
    const request = { tgt, server: parsePrincipal('HTTP/web.example.test@'), kdcOptions: 0, etypes: ETYPES };
    const property = fc.asyncProperty(mutation, async (mutate) => {
      realm.kdc.hooks = { raw: mutate };
      await ends(() => drive(serviceTicket(request, realm.environment, POLICY), realm.kdc));
    });
    await fc.assert(property, { numRuns: fuzzRuns });
  });

  it.each(['AS', 'TGS'])('of the %s exchange under a key that the peer holds', async (exchange) => {
    const realm = exampleRealm({ requirePreauth: false });
    const { credential: tgt } = await login(realm);
    const request = { kdcOptions: KDC_OPTIONS.canonicalize };
    const property = fc.asyncProperty(mutation, async (mutate) => {
      realm.kdc.hooks = { rewriteEncrypted: mutate };
      await ends(() => (exchange === 'AS' ? login(realm, { request }) : ticketFor(realm, tgt, request)));
    });
    await fc.assert(property, { numRuns: fuzzRuns });
  });

  describe('of the AP exchange', () => {
    const environment = scriptedEnvironment(3);
    let credential: Credential;
    let sent: SentApReq;
    beforeAll(async () => {
      const realm = exampleRealm();
      credential = await ticketFor(realm, (await login(realm)).credential);
      sent = makeApReq({ credential, mutual: true }, environment);
    });
    const part = (): Uint8Array =>
      encode('EncApRepPart', { ctime: sent.ctime, cusec: sent.cusec, seqNumber: 5 });
    const wrap = (plain: Uint8Array): Uint8Array =>
      encode('ApRep', {
        ...{ pvno: 5, msgType: 15 },
        encPart: seal(plain, credential.sessionKey, 12, environment.randomBytes(16)),
      });

    it('outside and inside the encryption', async () => {
      const property = fc.asyncProperty(mutation, fc.boolean(), async (mutate, inside) => {
        const octets = inside ? wrap(mutate(part())) : mutate(wrap(part()));
        await ends(async () => checkApRep(octets, sent, START * 1000));
      });
      await fc.assert(property, { numRuns: fuzzRuns });
    });
  });
});

describe('one changed bit in the reply', () => {
  it('never changes what the encrypted part says', async () => {
    const { kdc, keySource } = exampleRealm();
    const replies: Uint8Array[] = [];
    kdc.hooks = {
      raw(octets) {
        replies.push(octets);
        return octets;
      },
    };
    const again = (server: ScriptedServer): Promise<AsResult> => {
      const request = { client: ALICE, kdcOptions: 0, till: TILL, etypes: ETYPES };
      return drive(asExchange(request, scriptedEnvironment(9), POLICY), server, keySource);
    };
    const honest = told(await again(kdc));
    const last = replies[1]!;
    let refused = 0;
    for (let bit = 0; bit < 8 * last.length; bit++) {
      const answers = [replies[0]!, withBitFlipped(last, bit)];
      const result = await again({ realm: REALM, reply: () => answers.shift()! }).catch(
        (error: unknown) => error,
      );
      if (result instanceof KerberosError) refused++;
      else expect(told(result as AsResult)).toEqual(honest);
    }
    expect(refused).toBeGreaterThan(4 * last.length);
  });
});

/** What a login says, but for the ticket's octets and the type of the client's name. */
function told({ credential: { ticket: _, client, ...rest }, ...result }: AsResult): object {
  return { ...rest, ...result, client: [client.realm, ...client.components] };
}

function withBitFlipped(octets: Uint8Array, bit: number): Uint8Array {
  const copy = octets.slice();
  copy[bit >> 3]! ^= 1 << (bit & 7);
  return copy;
}
