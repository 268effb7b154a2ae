/** Whatever octets come instead of a reply to a login: an error of the library, never another one, never a hang. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { asExchange } from '../../src/exchange/as.js';
import type { Environment } from '../../src/exchange/environment.js';
import { fuzzRuns } from '../support/fuzz.js';
import { drive, type ScriptedServer, scriptedEnvironment } from '../support/scriptedKdc.js';
import { clientEnvironment, ends, type Mutation, mutation, remembered, unchanged } from './hostileReplies.js';
import { ALICE, ETYPES, exampleRealm, POLICY, REALM, TILL } from './realm.js';

const REQUEST = { client: ALICE, kdcOptions: 0, till: TILL, etypes: ETYPES };

it.each([0, 1, 2])('a mutated reply after %i good ones', async (good) => {
  const { kdc, keySource } = exampleRealm();
  kdc.hooks = {
    instead: (_, tcpOnly) => (good < 2 || tcpOnly ? undefined : kdc.error('KRB_ERR_RESPONSE_TOO_BIG')),
  };
  const honest = remembered((message, tcpOnly) => kdc.reply(message, tcpOnly));
  const attempt = async (environment: Environment, mutate: Mutation, kdcTimesync: boolean): Promise<void> => {
    let requests = 0;
    const server: ScriptedServer = {
      realm: REALM,
      reply(message, tcpOnly) {
        const reply = honest(message, tcpOnly).slice();
        return ++requests > good ? mutate(reply) : reply;
      },
    };
    const exchange = asExchange(REQUEST, environment, { ...POLICY, kdcTimesync });
    await drive(exchange, server, keySource).finally(() => {
      expect(requests).toBeGreaterThan(good);
      expect(requests).toBeLessThanOrEqual(6);
    });
  };
  await attempt(scriptedEnvironment(100), unchanged, false);
  const property = fc.asyncProperty(
    clientEnvironment,
    mutation,
    fc.boolean(),
    (environment, mutate, kdcTimesync) => ends(() => attempt(environment, mutate, kdcTimesync)),
  );
  await fc.assert(property, { numRuns: fuzzRuns });
});
