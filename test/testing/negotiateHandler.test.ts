/** The embedded realm's HTTP Negotiate handler. */
import { once } from 'node:events';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toBase64 } from '../../src/bytes.js';
import { type Client, fromPassword } from '../../src/index.js';
import { TestRealm } from '../../src/testing/index.js';

let realm: TestRealm;
let alice: Client;
let server: Server;
beforeAll(async () => {
  realm = await TestRealm.start({ principals: { alice: { password: 'secret' }, 'HTTP/localhost': {} } });
  alice = fromPassword('alice', 'secret', { config: realm.config });
  server = createServer(
    realm.httpHandler('HTTP/localhost', (message, response, { user, client }) =>
      response.end(`${message.method} ${user} ${client.components.length}`),
    ),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(async () => {
  server.close();
  await realm.stop();
});

interface Answer {
  readonly status: number | undefined;
  readonly challenge: string | undefined;
  readonly body: string;
}

async function get(authorization?: string): Promise<Answer> {
  const { port } = server.address() as AddressInfo;
  const headers = authorization === undefined ? {} : { authorization };
  const sent = request({ port, host: '127.0.0.1', headers, agent: false });
  sent.end();
  const [response] = await once(sent, 'response');
  let body = '';
  for await (const part of response) body += part;
  return { status: response.statusCode, challenge: response.headers['www-authenticate'], body };
}

describe('httpHandler', () => {
  it('lets in who has a ticket, and proves itself', async () => {
    const context = await alice.securityContext('HTTP@localhost');
    const { status, challenge, body } = await get(`Negotiate ${toBase64(context.step().token!)}`);
    expect([status, body]).toEqual([200, 'GET alice@EXAMPLE.TEST 1']);
    context.step(new Uint8Array(Buffer.from(challenge!.replace('Negotiate ', ''), 'base64')));
    expect(context.mutuallyAuthenticated).toBe(true);
  });

  it.each([
    ['nothing', undefined],
    ['another scheme', 'Basic YWxpY2U6c2VjcmV0'],
    ['no base64', 'Negotiate ???'],
    ['a token of NTLM', 'Negotiate TlRMTVNTUAABAAAA'],
  ])('answers %s with 401', async (_what, authorization) => {
    expect(await get(authorization)).toMatchObject({ status: 401, challenge: 'Negotiate' });
  });

  it('answers a replay with 401 and a token that says so', async () => {
    const context = await alice.securityContext('HTTP@localhost', { mechanism: 'krb5' });
    const authorization = `Negotiate ${toBase64(context.step().token!)}`;
    expect((await get(authorization)).status).toBe(200);
    const { status, challenge } = await get(authorization);
    expect(status).toBe(401);
    const token = new Uint8Array(Buffer.from(challenge!.replace('Negotiate ', ''), 'base64'));
    expect(() => context.step(token)).toThrow(expect.objectContaining({ code: 'KRB_AP_ERR_REPEAT' }));
  });
});
