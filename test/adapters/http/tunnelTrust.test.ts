/** Who a proxy, and the server behind its tunnel, must be: as without a tunnel. */
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { createSecureContext } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { negotiateProxyAgent, negotiateRequest } from '../../../src/adapters/http/index.js';
import { type NegotiateProxyServer, startNegotiateProxy } from './proxyServer.js';
import { failure, type Listening } from './servers.js';
import { openTlsStage, type TlsStage } from './tlsStage.js';

let stage: TlsStage;
let server: Listening;
let proxy: NegotiateProxyServer;
beforeAll(async () => {
  stage = await openTlsStage();
  server = await stage.binding();
  proxy = await startNegotiateProxy(stage.realm);
  stage.atEnd.push(proxy.stop);
});
afterAll(() => stage.stop());

/** By an agent of ours, and by negotiateRequest with one of its own. */
const ways: [string, (options: RequestOptions) => Promise<number | undefined>][] = [
  [
    'negotiateProxyAgent',
    (options) => {
      const agent = negotiateProxyAgent({ url: proxy.url, client: stage.alice });
      return new Promise((resolve, reject) => {
        const sent = httpsRequest(server.origin, { ...options, agent }, (response) => {
          resolve(response.resume().statusCode);
        });
        sent.on('error', reject).end();
      });
    },
  ],
  [
    'negotiateRequest',
    async (request) => {
      const options = {
        client: stage.alice,
        request,
        proxy: { url: proxy.url },
        mutual: 'optional',
      } as const;
      const response = await negotiateRequest(server.origin, options);
      return response.resume().statusCode;
    },
  ],
];

describe.each(ways)('the server behind a tunnel of %s', (name, status) => {
  it('is let be who it proves to be', async () => {
    expect(await status({ ca: stage.pem.cert })).toBe(name === 'negotiateRequest' ? 200 : 401);
  });

  it('is refused when its certificate is of another host, or not trusted', async () => {
    const other = { ca: stage.pem.cert, servername: 'www.example.test' };
    expect(await failure(status(other))).toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
    const tokens = (): number => server.authorizations.filter((value) => value !== undefined).length;
    const before = tokens();
    expect(await failure(status({}))).toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
    expect(tokens()).toBe(before);
  });
});

it.each([true, false])(
  'a kept connection is not for requests that trust otherwise (tunnel: %s)',
  async (tunnel) => {
    const options = { client: stage.alice, ...(tunnel ? { proxy: { url: proxy.url } } : {}) };
    const status = async (request: RequestOptions): Promise<number | undefined> =>
      (await negotiateRequest(server.origin, { ...options, request })).resume().statusCode;
    const secureContext = createSecureContext({ ca: stage.pem.cert });
    expect(await status({ secureContext } as object)).toBe(200);
    await expect(status({})).rejects.toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
    expect(await status({ ca: stage.pem.cert })).toBe(200);
    const checkServerIdentity = () => new Error('another key is pinned');
    await expect(status({ ca: stage.pem.cert, checkServerIdentity } as object)).rejects.toThrow('pinned');
  },
);

it('a proxy with a certificate that is not trusted gets no token', async () => {
  const secure = await startNegotiateProxy(stage.realm, 'right', stage.strangersPem);
  stage.atEnd.push(secure.stop);
  for (const preemptive of [false, true]) {
    const options = { client: stage.alice, proxy: { url: secure.url, preemptive } };
    expect(await failure(negotiateRequest(server.origin, options))).toMatchObject({ code: 'ERR_HTTP_PROXY' });
  }
  expect(secure.log).toEqual([]);
});
