/** Proxies that want Negotiate: 407 to CONNECT and to absolute URLs, by undici, node:http, got. */
import { request as httpsRequest } from 'node:https';
import { type AddressInfo, createServer } from 'node:net';
import got from 'got';
import { Pool, ProxyAgent, fetch as undiciFetch } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type NegotiateProxyOptions,
  type NegotiateRequestOptions,
  negotiateInterceptor,
  negotiateProxy,
  negotiateProxyAgent,
  negotiateRequest,
} from '../../../src/adapters/http/index.js';
import type { Client } from '../../../src/index.js';
import { type NegotiateProxyServer, type Proof, startNegotiateProxy } from './proxyServer.js';
import { certificate, failure, type Listening, openStage, type Stage } from './servers.js';

let stage: Stage;
let plain: Listening;
let secure: Listening;
const stops: (() => Promise<void>)[] = [];
beforeAll(async () => {
  stage = await openStage();
  plain = await stage.negotiating();
  secure = await stage.negotiating(undefined, certificate());
});
afterAll(async () => {
  await Promise.all(stops.map((stop) => stop()));
  await stage.stop();
});

async function proxy(proof?: Proof): Promise<NegotiateProxyServer> {
  const started = await startNegotiateProxy(stage.realm, proof);
  stops.push(started.stop);
  return started;
}

const ALICE = 'alice@EXAMPLE.TEST';

describe('undici.ProxyAgent', () => {
  async function get(
    url: string,
    uri: string,
    options: Partial<NegotiateProxyOptions> = {},
  ): Promise<string> {
    const bare = new ProxyAgent({
      uri,
      requestTls: { rejectUnauthorized: false },
      clientFactory: (origin, poolOptions) =>
        new Pool(origin, poolOptions).compose(negotiateProxy({ client: stage.alice, ...options })),
    });
    const origins = [plain.origin, secure.origin];
    const dispatcher = bare.compose(negotiateInterceptor({ client: stage.alice, origins }));
    try {
      return await (await undiciFetch(url, { dispatcher })).text();
    } finally {
      await bare.destroy();
    }
  }

  it.each([
    ['https', () => secure.origin],
    ['http', () => plain.origin],
  ])('%s through CONNECT', async (_scheme, origin) => {
    for (const proof of ['none', 'right'] as const) {
      const { url, log } = await proxy(proof);
      expect(await get(`${origin()}/a`, url)).toBe(`${ALICE} GET /a `);
      // undici may open more than one tunnel for what is one after the other.
      expect(log.slice(0, 2)).toEqual(['407', ALICE]);
      const before = log.length;
      await get(origin(), url, { preemptive: true });
      expect(new Set(log.slice(before))).toEqual(new Set([ALICE]));
    }
  });

  it('a proof may be required, a wrong one is always refused', async () => {
    const outcome = async (proof: Proof, mutual: 'required' | 'optional' | 'disabled'): Promise<string> => {
      const { url } = await proxy(proof);
      return get(`${secure.origin}/a`, url, { mutual }).catch(
        (error: Error) => (error.cause as { code: string }).code,
      );
    };
    expect(await outcome('right', 'required')).toMatch(/^alice/);
    expect(await outcome('none', 'required')).toBe('ERR_HTTP_MUTUAL_AUTH');
    expect(await outcome('wrong', 'required')).toBe('ERR_HTTP_MUTUAL_AUTH');
    expect(await outcome('wrong', 'optional')).toBe('ERR_HTTP_MUTUAL_AUTH');
    expect(await outcome('wrong', 'disabled')).toMatch(/^alice/);
  });

  it('a refusal is an error', async () => {
    const { url, log } = await proxy();
    const error = await failure(get(secure.origin, url, { client: () => undefined }));
    expect(error.cause).toMatchObject({ code: 'ERR_HTTP_PROXY', message: expect.stringContaining('407') });
    expect(log).toEqual(['407']);
  });

  it('origins are left to others', async () => {
    const { url } = await proxy();
    await get(secure.origin, url);
    expect(secure.authorizations.at(-1)).toMatch(/^Negotiate /);
  });
});

describe('negotiateRequest', () => {
  async function get(
    url: string,
    proxyOptions: NegotiateRequestOptions['proxy'],
    options: Partial<NegotiateRequestOptions> = {},
  ): Promise<[number | undefined, string]> {
    const response = await negotiateRequest(url, {
      ...{ client: stage.alice, request: { rejectUnauthorized: false }, proxy: proxyOptions },
      ...options,
    });
    return [response.statusCode, Buffer.concat(await response.toArray()).toString()];
  }

  it('http by absolute URLs: tokens for both', async () => {
    for (const proof of ['none', 'right'] as const) {
      const { url, log } = await proxy(proof);
      expect(await get(`${plain.origin}/a`, { url })).toEqual([200, `${ALICE} GET /a `]);
      expect(log).toEqual(['407', ALICE, ALICE]);
    }
  });

  it('https through CONNECT, the tunnel is used again', async () => {
    const { url, log } = await proxy();
    for (let i = 0; i < 2; i++) expect((await get(`${secure.origin}/a`, { url }))[0]).toBe(200);
    expect(log).toEqual(['407', ALICE]);
  });

  it('another identity at the proxy, and another host name', async () => {
    const { url, log } = await proxy();
    const options = { client: stage.bob, hostname: 'localhost', preemptive: true };
    const byAddress = url.replace('localhost', '127.0.0.1');
    expect(await get(`${plain.origin}/a`, { url: byAddress, ...options })).toEqual([200, `${ALICE} GET /a `]);
    expect((await get(secure.origin, { url: byAddress, ...options }))[0]).toBe(200);
    expect(new Set(log)).toEqual(new Set(['bob@EXAMPLE.TEST']));
  });

  it('a function that chooses another identity for the proxy gets another tunnel', async () => {
    const { url, log } = await proxy();
    let who = stage.alice;
    const chosen = (): Client => who;
    const atProxy = (origin: string): Client => (origin === url ? who : stage.alice);
    const users: readonly Partial<NegotiateRequestOptions>[] = [
      { proxy: { url, client: chosen, preemptive: true } },
      { client: atProxy, proxy: { url, preemptive: true } },
    ];
    for (const options of users) {
      for (who of [stage.alice, stage.bob])
        expect((await get(secure.origin, options.proxy, { ...options, preemptive: true }))[0]).toBe(200);
      expect(log.splice(0)).toEqual([ALICE, 'bob@EXAMPLE.TEST']);
    }
  });

  it('wrong proofs, missing proofs, refusals', async () => {
    for (const target of [plain, secure]) {
      const wrong = await proxy('wrong');
      expect(await failure(get(target.origin, { url: wrong.url }))).toMatchObject({
        code: 'ERR_HTTP_MUTUAL_AUTH',
      });
      const none = await proxy('none');
      expect(await failure(get(target.origin, { url: none.url, mutual: 'required' }))).toMatchObject({
        code: 'ERR_HTTP_MUTUAL_AUTH',
      });
    }
    const { url } = await proxy();
    expect(await failure(get(secure.origin, { url, client: () => undefined }))).toMatchObject({
      code: 'ERR_HTTP_PROXY',
      message: expect.stringContaining('407'),
    });
    expect((await get(plain.origin, { url, client: () => undefined }))[0]).toBe(407);
    expect(await failure(get('https://localhost:1', { url }))).toMatchObject({
      code: 'ERR_HTTP_PROXY',
      message: expect.stringContaining('502'),
    });
    expect(await failure(get(secure.origin, { url: 'http://localhost:1' }))).toMatchObject({
      code: 'ERR_HTTP_PROXY',
      cause: { code: 'ECONNREFUSED' },
    });
  });
});

describe('the URL of a proxy', () => {
  it('has no credentials: they would go to the server as well', async () => {
    const proxy = { url: 'http://me:secret@localhost:1' };
    for (const url of ['http://localhost:1/', 'https://localhost:1/']) {
      const error = await failure(negotiateRequest(url, { client: stage.alice, proxy }));
      expect(error).toBeInstanceOf(TypeError);
      expect(error.message).not.toContain('secret');
    }
  });

  it.each(['time-out', 'abort'])('may lead to one that never answers: %s', async (how) => {
    const silent = createServer((socket) => socket.on('error', () => undefined).resume());
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const proxy = { url: `http://localhost:${(silent.address() as AddressInfo).port}` };
    const request = how === 'abort' ? { signal: AbortSignal.timeout(50) } : { timeout: 50 };
    const error = await failure(
      negotiateRequest('https://localhost:1/', { client: stage.alice, proxy, request }),
    );
    expect(error).toMatchObject(how === 'abort' ? { name: 'TimeoutError' } : { code: 'ERR_TIMEOUT' });
    silent.close();
  });
});

describe('negotiateProxyAgent', () => {
  it('is an https.Agent, for node:https and got', async () => {
    const { url, log } = await proxy('right');
    const open = await stage.negotiating(undefined, certificate());
    const agent = negotiateProxyAgent({ url, client: stage.alice, mutual: 'required' });
    const status = await new Promise((resolve, reject) => {
      const options = { agent, rejectUnauthorized: false };
      httpsRequest(open.origin, options, (response) => resolve(response.resume().statusCode))
        .on('error', reject)
        .end();
    });
    expect([status, log]).toEqual([401, ['407', ALICE]]);
    const response = await got(open.origin, {
      ...{ agent: { https: agent }, https: { rejectUnauthorized: false }, throwHttpErrors: false },
    });
    expect(response.statusCode).toBe(401);
  });

  it('names a wrong url', () => {
    for (const url of [undefined, 'localhost:3128', 'socks5://localhost'])
      expect(() => negotiateProxyAgent({ url: url as never, client: stage.alice })).toThrow(/^url /);
  });
});
