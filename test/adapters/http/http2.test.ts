/** HTTP/2, where undici chooses it: tokens are bound to the certificate of the connection, and go to no other. */
import { createSecureServer, type ServerHttp2Session } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { Agent, fetch as undiciFetch } from 'undici';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type NegotiateFetchOptions, negotiateFetch } from '../../../src/adapters/http/index.js';
import { certificate, openStage, type Stage } from './servers.js';

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.stop());

/** A server of HTTP/2 that wants Negotiate, and what was sent to it. */
async function serving() {
  const tokens: (string | undefined)[] = [];
  const sessions = new Set<ServerHttp2Session>();
  const server = createSecureServer(
    certificate(),
    ({ httpVersion, headers: { authorization } }, response) => {
      tokens.push(authorization);
      if (authorization === undefined) response.writeHead(401, { 'www-authenticate': 'Negotiate' });
      response.end(httpVersion);
    },
  );
  server.on('session', (session) => sessions.add(session.on('error', () => undefined)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const stop = async (): Promise<void> => {
    for (const session of sessions) session.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  const { port } = server.address() as AddressInfo;
  return { port, tokens, stop, changeCertificate: () => server.setSecureContext(certificate()) };
}

/** The text of a page, asked for over a connection of its own. */
async function page(port: number, options: Partial<NegotiateFetchOptions> = {}): Promise<string> {
  const dispatcher = new Agent({ allowH2: true, connect: { rejectUnauthorized: false } });
  const fetch = negotiateFetch({
    ...{ client: stage.alice, mutual: 'optional', ...options },
    fetch: (url, init) => undiciFetch(url, { ...init, dispatcher }),
  });
  try {
    return await (await fetch(`https://localhost:${port}/`)).text();
  } finally {
    await dispatcher.destroy();
  }
}

it('a token bound to another certificate than that of the connection is not written', async () => {
  const { port, tokens, stop, changeCertificate } = await serving();
  expect(await page(port)).toBe('2.0');
  expect(tokens.map((token) => token !== undefined)).toEqual([false, true]);
  changeCertificate();
  const events: string[] = [];
  expect(await page(port, { preemptive: true, trace: ({ event }) => events.push(event) })).toBe('2.0');
  // One for the certificate that was known, which stays here, and one for that of the connection.
  expect(events.filter((event) => event === 'http.token')).toHaveLength(2);
  expect(tokens).toHaveLength(3);
  await stop();
});
