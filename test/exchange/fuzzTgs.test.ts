/** Whatever octets come instead of a reply of a KDC or a service to a ticket, and from a peer that holds the key. */
import fc from 'fast-check';
import { beforeAll, describe, it } from 'vitest';
import type { Key } from '../../src/crypto/key.js';
import { checkApRep, makeApReq, type SentApReq } from '../../src/exchange/ap.js';
import type { Environment } from '../../src/exchange/environment.js';
import { serviceTicket } from '../../src/exchange/tgs.js';
import type { Credential } from '../../src/formats/credential.js';
import { parsePrincipal } from '../../src/formats/principal.js';
import { KEY_USAGES } from '../../src/iana/keyUsages.js';
import { KDC_OPTIONS } from '../../src/messages/flags.js';
import { decode, encode } from '../../src/messages/module.js';
import { seal } from '../../src/messages/sealed.js';
import { fuzzRuns } from '../support/fuzz.js';
import {
  drive,
  type ScriptedEnvironment,
  type ScriptedKdc,
  START,
  scriptedEnvironment,
} from '../support/scriptedKdc.js';
import { clientEnvironment, ends, type Mutation, mutation, remembered, unchanged } from './hostileReplies.js';
import { ETYPES, exampleRealm, login, POLICY, REALM, ticketFor } from './realm.js';

describe('mutated replies', () => {
  it('of the TGS exchange', async () => {
    const realm = exampleRealm();
    const { credential: tgt } = await login(realm);
    const request = { tgt, server: parsePrincipal('HTTP/web.example.test@'), kdcOptions: 0, etypes: ETYPES };
    const honest = remembered((message, tcpOnly) => realm.kdc.reply(message, tcpOnly));
    const attempt = (environment: Environment, mutate: Mutation): Promise<Credential> => {
      const reply = (message: Uint8Array, tcpOnly: boolean) => mutate(honest(message, tcpOnly).slice());
      return drive(serviceTicket(request, environment, POLICY), { realm: REALM, reply });
    };
    await attempt(scriptedEnvironment(100), unchanged);
    const property = fc.asyncProperty(clientEnvironment, mutation, (environment, mutate) =>
      ends(() => attempt(environment, mutate)),
    );
    await fc.assert(property, { numRuns: fuzzRuns });
  });

  it.each([
    ['AS', KEY_USAGES.AS_REP],
    ['TGS', KEY_USAGES.TGS_REP_SUBKEY],
  ] as const)('of the %s exchange under a key that the peer holds', async (exchange, usage) => {
    const realm = exampleRealm({ requirePreauth: false });
    const { credential: tgt } = await login(realm);
    const request = { kdcOptions: KDC_OPTIONS.canonicalize };
    const reseal = remembered((message, tcpOnly) => resealer(realm.kdc, message, tcpOnly, usage));
    const attempt = (environment: ScriptedEnvironment, mutate: Mutation): Promise<unknown> => {
      const reply = (message: Uint8Array, tcpOnly: boolean) => reseal(message, tcpOnly)(mutate);
      const peer = { ...realm, environment, kdc: { realm: REALM, reply } };
      return exchange === 'AS' ? login(peer, { request }) : ticketFor(peer, tgt, request);
    };
    await attempt(scriptedEnvironment(100), unchanged);
    const property = fc.asyncProperty(clientEnvironment, mutation, (environment, mutate) =>
      ends(() => attempt(environment, mutate)),
    );
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

/** The KDC's reply with its encrypted part changed before it is sealed. */
function resealer(
  kdc: ScriptedKdc,
  message: Uint8Array,
  tcpOnly: boolean,
  usage: number,
): (mutate: Mutation) => Uint8Array {
  let key: Key | undefined;
  let plain = new Uint8Array();
  kdc.hooks = {
    replyKey: (right) => {
      key = right;
      return right;
    },
    rewriteEncrypted: (octets) => {
      plain = Uint8Array.from(octets);
      return octets;
    },
  };
  const octets = kdc.reply(message, tcpOnly);
  const type = octets[0] === 0x6b ? 'AsRep' : 'TgsRep';
  const rep = decode(type, octets);
  const { kvno } = rep.encPart;
  return (mutate) =>
    encode(type, { ...rep, encPart: seal(mutate(plain.slice()), key!, usage, new Uint8Array(16), kvno) });
}
