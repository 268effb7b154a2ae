/** Proxies that want Negotiate (407): squid, and Apache, which proves itself on plain HTTP. */
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import axios from 'axios';
import got from 'got';
import { Pool, ProxyAgent, fetch as undiciFetch } from 'undici';
import { afterAll, describe, expect, it } from 'vitest';
import { startApacheSite, startProxy } from '../../scripts/realServers/index.mjs';
import {
  type NegotiateRequestOptions,
  negotiateFetch,
  negotiateGotHooks,
  negotiateInterceptor,
  negotiateProxy,
  negotiateProxyAgent,
  negotiateRequest,
} from '../../src/adapters/http/index.js';
import { alice, fetchThrough, mark, useServer } from './httpSupport.js';
import { failure, passwordClient } from './library.js';

const site = useServer(startApacheSite);
const squid = useServer(startProxy);
const PROXIES = ['squid', 'Apache'] as const;
const urlOf = (name: 'squid' | 'Apache') => (name === 'squid' ? squid().url : site().proxy);
const ca = () => readFileSync(site().ca, 'utf8');

const USER = 'REMOTE_USER=alice@EXAMPLE.TEST\n';
const OPEN = 'open to everybody\n';

const textOf = async (response: IncomingMessage) => Buffer.concat(await response.toArray()).toString();

type Options = Partial<NegotiateRequestOptions> & { proxy: NegotiateRequestOptions['proxy'] };

async function get(url: string, options: Options): Promise<[status: number, text: string]> {
  const response = await negotiateRequest(url, { client: alice(), request: { ca: ca() }, ...options });
  return [response.statusCode ?? 0, await textOf(response)];
}

describe.each(PROXIES)('node:http through %s', (name) => {
  it('proxy: plain HTTP, with the token of the server beside that of the proxy', async () => {
    const proxy = { url: urlOf(name) };
    const url = site().otherHttp;
    expect(await get(`${url}/open`, { proxy, mutual: 'optional' })).toEqual([200, OPEN]);
    expect(await get(`${url}/krb`, { proxy })).toEqual([200, USER]);
    const preemptive = { preemptive: true, proxy: { ...proxy, preemptive: true } };
    expect(await get(`${url}/krb`, preemptive)).toEqual([200, USER]);
  });

  it('proxy: CONNECT, after a 407 and at once', async () => {
    for (const preemptive of [false, true]) {
      const proxy = { url: urlOf(name), preemptive };
      expect(await get(`${site().https}/krb`, { proxy })).toEqual([200, USER]);
      expect(await get(`${site().httpsEcdsa}/krb`, { proxy, preemptive })).toEqual([200, USER]);
    }
  });

  it('proxy: another identity than at the server', async () => {
    const proxy = { url: urlOf(name), client: passwordClient('bob') };
    expect(await get(`${site().https}/krb`, { proxy })).toEqual([200, USER]);
    const url = `${site().otherHttp}/krb${mark()}`;
    expect(await get(url, { proxy })).toEqual([200, USER]);
    if (name === 'squid') {
      const log = () => squid().accessLog();
      await expect.poll(log, { timeout: 30_000 }).toContain(`GET ${url} 200 bob@EXAMPLE.TEST`);
    }
  });

  it('proxy: a refused token is an error that says so', async () => {
    const proxy = { url: urlOf(name), service: 'host@localhost' };
    const error = await failure(get(`${site().https}/krb`, { proxy }));
    expect(error).toMatchObject({ code: 'ERR_HTTP_PROXY', message: expect.stringContaining('407') });
    expect((await get(`${site().otherHttp}/open`, { proxy, mutual: 'optional' }))[0]).toBe(407);
  });
});

describe('the proof of a proxy', () => {
  it('proxy: may be required of Apache, for plain HTTP', async () => {
    const proxy = { url: site().proxy, mutual: 'required' } as const;
    expect(await get(`${site().otherHttp}/krb`, { proxy })).toEqual([200, USER]);
  });

  it('proxy: may not be required of squid, which has none', async () => {
    const proxy = { url: squid().url, mutual: 'required' } as const;
    for (const url of [`${site().otherHttp}/krb`, `${site().https}/krb`])
      expect(await failure(get(url, { proxy }))).toMatchObject({ code: 'ERR_HTTP_MUTUAL_AUTH' });
  });
});

describe.each(PROXIES)('undici and fetch through %s', (name) => {
  const agents: ProxyAgent[] = [];
  afterAll(() => Promise.all(agents.map((one) => one.destroy())));

  function proxyAgent(preemptive = false): ProxyAgent {
    const agent = new ProxyAgent({
      uri: urlOf(name),
      requestTls: { ca: ca() },
      clientFactory: (origin, options) =>
        new Pool(origin, options as Pool.Options).compose(negotiateProxy({ client: alice(), preemptive })),
    });
    agents.push(agent);
    return agent;
  }

  it('proxy: CONNECT by the ProxyAgent of undici, with its fetch and that of Node', async () => {
    for (const preemptive of [false, true]) {
      const origins = [site().https];
      const negotiate = negotiateInterceptor({ client: alice(), origins });
      const dispatcher = proxyAgent(preemptive).compose(negotiate);
      expect(await (await undiciFetch(`${site().https}/krb`, { dispatcher })).text()).toBe(USER);
      const through = fetchThrough(() => proxyAgent(preemptive) as never);
      const fetch = negotiateFetch({ client: alice(), fetch: through });
      expect(await (await fetch(`${site().https}/krb`)).text()).toBe(USER);
    }
  });

  it('proxy: many connections at once, each with a token of its own', async () => {
    const dispatcher = proxyAgent();
    const answers = Array.from({ length: 20 }, async () =>
      (await undiciFetch(`${site().https}/open`, { dispatcher })).text(),
    );
    expect(new Set(await Promise.all(answers))).toEqual(new Set([OPEN]));
  });
});

describe.each(PROXIES)('the https.Agent through %s', (name) => {
  const agentOf = () =>
    negotiateProxyAgent({ url: urlOf(name), client: alice(), agent: { ca: ca(), keepAlive: true } });

  it('proxy: node:https', async () => {
    const agent = agentOf();
    const response = await new Promise<IncomingMessage>((resolve, reject) =>
      httpsRequest(`${site().https}/open`, { agent }, resolve).on('error', reject).end(),
    );
    expect(await textOf(response)).toBe(OPEN);
    agent.destroy();
  });

  it('proxy: got and axios', async () => {
    const agent = agentOf();
    const hooks = negotiateGotHooks({ client: alice(), origins: [site().https] });
    expect(await got(`${site().https}/krb`, { agent: { https: agent }, hooks }).text()).toBe(USER);
    const { data } = await axios.get(`${site().https}/open`, { httpsAgent: agent, proxy: false });
    expect(data).toBe(OPEN);
    agent.destroy();
  });
});
