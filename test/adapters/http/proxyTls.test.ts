/** A proxy with TLS: each token is bound to the layer that it goes over, that of the proxy or that in the tunnel. */
import type { IncomingMessage } from 'node:http';
import got from 'got';
import { Pool, ProxyAgent, fetch as undiciFetch } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  negotiateFetch,
  negotiateGotHooks,
  negotiateInterceptor,
  negotiateProxy,
  negotiateProxyAgent,
  negotiateRequest,
} from '../../../src/adapters/http/index.js';
import { type NegotiateProxyServer, startNegotiateProxy } from './proxyServer.js';
import { listen } from './servers.js';
import { type Bound, openTlsStage, type TlsStage } from './tlsStage.js';

let stage: TlsStage;
beforeAll(async () => {
  stage = await openTlsStage();
});
afterAll(() => stage.stop());

/** A server with `pem`, and a proxy with `strangersPem` which takes nothing but tokens bound to that. */
async function places(): Promise<{ server: Bound; proxy: NegotiateProxyServer }> {
  const proxy = await startNegotiateProxy(stage.realm, 'right', stage.strangersPem);
  stage.atEnd.push(proxy.stop);
  return { server: await stage.binding(), proxy };
}

/** The proxy is trusted for its certificate; the server is not looked at, for OpenSSL tells no two authorities of one name apart. */
const trust = (): { ca: string; rejectUnauthorized: false } => ({
  ca: stage.strangersPem.cert,
  rejectUnauthorized: false,
});

async function text(message: Promise<IncomingMessage>): Promise<string> {
  return Buffer.concat(await (await message).toArray()).toString();
}

const ALICE = 'alice@EXAMPLE.TEST';

describe.each([false, true])('through CONNECT (pre-emptive: %s)', (preemptive) => {
  const log = preemptive ? [ALICE] : ['407', ALICE];

  it('negotiateProxyAgent and negotiateRequest', async () => {
    const { server, proxy } = await places();
    const options = { client: stage.alice, preemptive } as const;
    const agent = negotiateProxyAgent({
      ...{ ...options, url: proxy.url, mutual: 'required' },
      agent: { ...trust(), keepAlive: true },
    });
    stage.atEnd.push(async () => agent.destroy());
    expect(await text(negotiateRequest(server.origin, { ...options, request: { agent } }))).toBe('ok');
    expect([server.bound, proxy.log]).toEqual([[true], log]);
  });

  it('negotiateRequest', async () => {
    const { server, proxy } = await places();
    const options = { client: stage.alice, preemptive, request: trust() };
    for (let i = 0; i < 2; i++) {
      const to = { url: proxy.url, preemptive, mutual: 'required' } as const;
      expect(await text(negotiateRequest(server.origin, { ...options, proxy: to }))).toBe('ok');
    }
    expect([server.bound, proxy.log]).toEqual([[true, true], log]);
  });

  it('negotiateProxyAgent and got', async () => {
    const { server, proxy } = await places();
    const options = { client: stage.alice, preemptive } as const;
    const agent = negotiateProxyAgent({
      ...{ ...options, url: proxy.url },
      agent: { ...trust(), keepAlive: true },
    });
    stage.atEnd.push(async () => agent.destroy());
    const hooks = negotiateGotHooks({ client: stage.alice, origins: [server.origin] });
    expect(await got(server.origin, { hooks, agent: { https: agent }, retry: { limit: 0 } }).text()).toBe(
      'ok',
    );
    // The second request takes another tunnel where the first one's is not free yet.
    expect([server.bound, new Set(proxy.log)]).toEqual([[true], new Set(log)]);
  });

  it('undici.ProxyAgent, for fetch and the interceptor', async () => {
    const { server, proxy } = await places();
    const channelBindings = 'required' as const;
    const agent = new ProxyAgent({
      uri: proxy.url,
      ...{ requestTls: { ca: stage.pem.cert }, proxyTls: { ca: stage.strangersPem.cert } },
      clientFactory: (origin, options) =>
        new Pool(origin, options).compose(
          negotiateProxy({ client: stage.alice, preemptive, channelBindings }),
        ),
    });
    stage.atEnd.push(() => agent.destroy());
    const beneath = ((url: string, init: object) =>
      fetch(url, { ...init, dispatcher: agent } as never)) as never;
    const negotiate = negotiateFetch({ client: stage.alice, fetch: beneath });
    expect(await (await negotiate(server.origin)).text()).toBe('ok');
    const dispatcher = agent.compose(negotiateInterceptor({ client: stage.alice, origins: [server.origin] }));
    expect(await (await undiciFetch(server.origin, { dispatcher })).text()).toBe('ok');
    expect([server.bound, new Set(proxy.log)]).toEqual([[true, true], new Set(log)]);
  });
});

it('with absolute URLs the token of the server has no binding: it goes on in the open', async () => {
  const { proxy } = await places();
  const bound: boolean[] = [];
  const handler = stage.realm.httpHandler('HTTP/localhost', (_request, response, { context }) => {
    bound.push(context.channelBound);
    response.end('ok');
  });
  const plain = await listen(handler);
  stage.atEnd.push(plain.stop);
  for (const preemptive of [false, true]) {
    const options = { client: stage.alice, preemptive, request: trust() };
    const to = { url: proxy.url, preemptive, mutual: 'required', channelBindings: 'required' } as const;
    expect(await text(negotiateRequest(plain.origin, { ...options, proxy: to }))).toBe('ok');
  }
  expect(bound).toEqual([false, false]);
  expect(proxy.log).toEqual(['407', ALICE, ALICE, ALICE]);
});
