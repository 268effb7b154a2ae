/** One changed bit anywhere in the reply to a login. */
import { expect, it } from 'vitest';
import { toHex } from '../../src/bytes.js';
import { KerberosError } from '../../src/errors.js';
import { type AsResult, asExchange } from '../../src/exchange/as.js';
import { bitFlips } from '../support/gssContexts.js';
import { drive, scriptedEnvironment } from '../support/scriptedKdc.js';
import { remembered } from './hostileReplies.js';
import { ALICE, ETYPES, exampleRealm, POLICY, REALM, TILL } from './realm.js';

it('never changes what the encrypted part says', async () => {
  const { kdc, keySource } = exampleRealm({ requirePreauth: false });
  const honest = remembered((message, tcpOnly) => kdc.reply(message, tcpOnly));
  let reply = new Uint8Array();
  const loginWith = (change: (octets: Uint8Array) => Uint8Array): Promise<AsResult> => {
    const request = { client: ALICE, kdcOptions: 0, till: TILL, etypes: ETYPES };
    const exchange = asExchange(request, scriptedEnvironment(9), POLICY);
    const answer = (message: Uint8Array, tcpOnly: boolean) => change(honest(message, tcpOnly).slice());
    return drive(exchange, { realm: REALM, reply: answer }, keySource);
  };
  const expected = told(
    await loginWith((octets) => {
      reply = Uint8Array.from(octets);
      return octets;
    }),
  );
  let refused = 0;
  for (const flipped of bitFlips(reply)) {
    const result = await loginWith(() => flipped).catch((error: unknown) => error);
    if (result instanceof KerberosError) refused++;
    else expect(told(result as AsResult)).toEqual(expected);
  }
  expect(refused).toBeGreaterThan(4 * reply.length);
});

/** What a login says, but for the ticket's octets and the type of the client's name. */
function told({ credential: { ticket: _, client, sessionKey, ...rest }, ...result }: AsResult): object {
  const key = [sessionKey.etype, toHex(sessionKey.value)];
  return { ...rest, ...result, key, client: [client.realm, ...client.components] };
}
