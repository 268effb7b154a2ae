/** Which connection a token, its bindings and an authentication belong to: replaced ones, two certificates, tunnels in TLS. */
import { readFileSync } from 'node:fs';
import { createServer as createTlsServer, Agent as HttpsAgent } from 'node:https';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import got from 'got';
import { Agent, Pool, ProxyAgent, request, fetch as undiciFetch } from 'undici';
import { afterEach, describe, expect, it } from 'vitest';
import {
  certificates,
  startApacheSite,
  startBindingServer,
  startProxy,
} from '../../scripts/realServers/index.mjs';
import {
  type NegotiateRequestOptions,
  negotiateFetch,
  negotiateGotHooks,
  negotiateInterceptor,
  negotiateProxy,
  negotiateProxyAgent,
  negotiateRequest,
} from '../../src/adapters/http/index.js';
import { alice, fetchThrough, mark, requestsWith, useServer } from './httpSupport.js';
import { failure } from './library.js';
import { servers } from './servers.js';

const { realm } = servers();
const site = useServer(startApacheSite);
const squid = useServer(startProxy);
const binding = useServer(startBindingServer);
const ca = () => readFileSync(binding().ca, 'utf8');

/** Ended after each test. */
const open: (() => unknown)[] = [];
afterEach(() => Promise.all(open.splice(0).map((end) => end())));

const USER = [200, 'REMOTE_USER=alice@EXAMPLE.TEST\n'];
const BOUND = [200, 'user=alice@EXAMPLE.TEST bound=True\n'];

async function get(url: string, options: Partial<NegotiateRequestOptions>): Promise<[number, string]> {
  const response = await negotiateRequest(url, { client: alice(), ...options });
  return [response.statusCode ?? 0, Buffer.concat(await response.toArray()).toString()];
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** A way to servers, as a load balancer is one. */
interface Relay {
  /** `localhost:port` */
  readonly host: string;
  /** How many connections came. */
  readonly connections: () => number;
  /** Gives every connection a new one to the server; those of the clients stay. */
  replace(): void;
  /** Ends the clients' connections. */
  cut(): void;
}

/** @param to where the next connection goes, an origin */
async function relayTo(to: () => string): Promise<Relay> {
  const ways: { client: Socket; join(): void }[] = [];
  const server = createServer((client) => {
    let onward: Socket | undefined;
    const join = () => {
      onward?.removeAllListeners('data').destroy();
      onward = connect(Number(new URL(to()).port), '127.0.0.1', () => undefined);
      onward.on('data', (octets) => client.write(octets)).on('error', () => undefined);
      const mine = onward;
      mine.once('end', () => mine === onward && client.end());
    };
    join();
    client.on('data', (octets) => onward?.write(octets)).on('error', () => undefined);
    client.once('close', () => onward?.destroy());
    ways.push({ client, join });
  });
  const cut = () => {
    for (const { client } of ways) client.destroy();
  };
  const port = await listening(server);
  open.push(cut);
  return {
    host: `localhost:${port}`,
    connections: () => ways.length,
    replace: () => {
      for (const { join } of ways) join();
    },
    cut,
  };
}

describe('the promise that a connection stays authenticated (Persistent-Auth)', () => {
  it('node: is not kept where the connection behind it was replaced: the server gets another token', async () => {
    const relay = await relayTo(() => site().http);
    const query = mark();
    const options = { client: alice(), connectionBound: true };
    const ask = () => get(`http://${relay.host}/bound${query}`, options);
    expect([await ask(), await ask()]).toEqual([USER, USER]);
    relay.replace();
    expect([await ask(), await ask()]).toEqual([USER, USER]);
    const requests = await requestsWith(site(), query);
    expect(requests.map(({ status }) => status)).toEqual([401, 200, 200, 401, 200, 200]);
    const tokens = requests.map(({ authorization }) => authorization !== undefined);
    expect(tokens).toEqual([false, true, false, false, true, false]);
    expect([relay.connections(), new Set(requests.map(({ connection }) => connection)).size]).toEqual([1, 2]);
  });

  it.each([false, true])('node: is not that of the next connection (pre-emptive: %s)', async (preemptive) => {
    const relay = await relayTo(() => site().http);
    const query = mark();
    const options = { client: alice(), connectionBound: true, preemptive };
    const url = `http://${relay.host}/bound${query}`;
    expect(await get(url, options)).toEqual(USER);
    relay.cut();
    expect(await get(url, options)).toEqual(USER);
    const requests = await requestsWith(site(), query);
    const tokens = requests.map(({ authorization }) => authorization !== undefined);
    expect(tokens).toEqual(preemptive ? [true, true] : [false, true, false, true]);
    const used = requests.map(({ connection }) => connection);
    expect(used.slice(preemptive ? 1 : 2)).not.toContain(used[0]);
  });

  it('node: proves the pages of that connection, and none of the next', async () => {
    const relay = await relayTo(() => site().http);
    const options = { client: alice(), connectionBound: true };
    expect(await get(`http://${relay.host}/bound`, options)).toEqual(USER);
    expect((await get(`http://${relay.host}/open`, options))[0]).toBe(200);
    relay.cut();
    const error = await failure(get(`http://${relay.host}/open`, options));
    expect(error).toMatchObject({ code: 'ERR_HTTP_MUTUAL_AUTH' });
  });

  it('node: is not believed through a proxy, whose connections to the server are not ours', async () => {
    const query = mark();
    const proxy = { url: squid().url, preemptive: true };
    const options = { client: alice(), proxy, connectionBound: true, preemptive: true };
    for (let i = 0; i < 3; i++) expect(await get(`${site().otherHttp}/bound${query}`, options)).toEqual(USER);
    const requests = await requestsWith(site(), query);
    expect(new Set(requests.map(({ authorization }) => authorization)).size).toBe(3);
  });
});

describe('two certificates behind one name', () => {
  type Ask = () => Promise<[number, string]>;
  type Options = Pick<NegotiateRequestOptions, 'preemptive' | 'channelBindings'>;

  const ways = {
    fetch: (url: string, options: Options, agent: Agent, headers: Record<string, string>): Ask => {
      const negotiate = negotiateFetch({ ...options, client: alice(), fetch: fetchThrough(() => agent) });
      return async () => {
        const response = await negotiate(url, { headers });
        return [response.status, await response.text()];
      };
    },
    undici: (url: string, options: Options, agent: Agent, headers: Record<string, string>): Ask => {
      const negotiate = negotiateInterceptor({ ...options, client: alice(), origins: [new URL(url).origin] });
      const dispatcher = agent.compose(negotiate);
      return async () => {
        const { statusCode, body } = await request(url, { dispatcher, headers });
        return [statusCode, await body.text()];
      };
    },
    node: (url: string, options: Options, _agent: Agent, headers: Record<string, string>): Ask => {
      const agent = new HttpsAgent({ keepAlive: true, maxSockets: 4, ca: ca() });
      open.push(() => agent.destroy());
      return () => get(url, { ...options, request: { agent, headers } });
    },
  };

  /** What the acceptors said to requests with that query. */
  const answers = (query: string) =>
    binding()
      .log()
      .split('\n')
      .filter((line) => line.includes(query))
      .map((line) => line.replace(/^.* \/\S* /, ''));

  const CASES = (['fetch', 'undici', 'node'] as const).flatMap((way) => [
    [way, 'kept', {}] as const,
    [way, 'closed', { connection: 'close' }] as const,
  ]);

  it.each(CASES)(
    '%s: every token is bound to the one that its own connection shows (%s)',
    async (way, _kind, headers) => {
      for (const preemptive of [false, true]) {
        let turn = 0;
        const relay = await relayTo(() => (turn++ % 2 === 0 ? binding().rsa : binding().ecdsa));
        const agent = new Agent({ connect: { ca: ca() }, connections: 2 });
        open.push(() => agent.destroy());
        const query = mark();
        const options = { preemptive, channelBindings: 'required' } as const;
        const ask = ways[way](`https://${relay.host}/required${query}`, options, agent, headers);
        for (const count of [1, 1, 1, 4, 8])
          expect(await Promise.all(Array.from({ length: count }, ask))).toEqual(Array(count).fill(BOUND));
        const refusals = answers(query).filter((answer) => answer !== BOUND.join(' ').trimEnd());
        expect(new Set(refusals)).toEqual(new Set(preemptive ? [] : ['401 no token']));
        expect(relay.connections()).toBeGreaterThan(1);
      }
    },
  );
});

describe('a tunnel through a proxy with TLS', () => {
  /** Both want Negotiate for one service, HTTP@localhost, so the bindings alone tell their tokens apart. */
  const places = () => ({ proxy: binding().ecdsa, url: `${binding().rsa}/required` });

  it.each([false, true])(
    'node: each token is bound to its own layer (pre-emptive: %s)',
    async (preemptive) => {
      const { proxy, url } = places();
      const events: string[] = [];
      const trace = ({ event, text }: { event: string; text: string }) =>
        event === 'http.token' && events.push(text.split(': ')[0] ?? '');
      const options = { client: alice(), preemptive, trace, request: { ca: ca() } };
      expect(await get(url, { ...options, proxy: { url: proxy, preemptive } })).toEqual(BOUND);
      expect(events).toEqual([proxy, new URL(url).origin]);
    },
  );

  it('undici, fetch: each token is bound to its own layer', async () => {
    for (const preemptive of [false, true]) {
      const { proxy, url } = places();
      const agent = new ProxyAgent({
        uri: proxy,
        ...{ requestTls: { ca: ca() }, proxyTls: { ca: ca() } },
        clientFactory: (origin, options) => {
          const to = new Pool(origin, options as Pool.Options);
          return to.compose(negotiateProxy({ client: alice(), preemptive, channelBindings: 'required' }));
        },
      });
      open.push(() => agent.destroy());
      const options = { client: alice(), preemptive } as const;
      const negotiate = negotiateFetch({ ...options, fetch: fetchThrough(() => agent as never) });
      const response = await negotiate(url);
      expect([response.status, await response.text()]).toEqual(BOUND);
      const origins = [new URL(url).origin];
      const dispatcher = agent.compose(negotiateInterceptor({ ...options, origins }));
      const answer = await undiciFetch(url, { dispatcher });
      expect([answer.status, await answer.text()]).toEqual(BOUND);
    }
  });

  it('got: each token is bound to its own layer', async () => {
    const { proxy, url } = places();
    const agent = negotiateProxyAgent({ url: proxy, client: alice(), agent: { ca: ca(), keepAlive: true } });
    open.push(() => agent.destroy());
    const hooks = negotiateGotHooks({ client: alice(), origins: [new URL(url).origin] });
    expect(await got(url, { agent: { https: agent }, hooks }).text()).toBe(BOUND[1]);
  });

  it('the token for the proxy is of no use at the server, nor without its own bindings', async () => {
    const tokens: string[] = [];
    const { ecdsa } = await certificates(realm);
    const files = { cert: readFileSync(ecdsa.certificate), key: readFileSync(ecdsa.key) };
    const thief = createTlsServer(files).on('connect', ({ headers }, socket) => {
      tokens.push(headers['proxy-authorization'] ?? '');
      socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
    });
    const url = `https://localhost:${await listening(thief)}`;
    for (const channelBindings of ['auto', 'auto', 'off'] as const) {
      const agent = negotiateProxyAgent({
        ...{ url, client: alice(), preemptive: true, channelBindings },
        agent: { ca: ca() },
      });
      const error = await failure(get(`${binding().rsa}/any`, { request: { agent } }));
      expect(error).toMatchObject({ code: 'ERR_HTTP_PROXY' });
    }
    const agent = new Agent({ connect: { ca: ca() } });
    open.push(() => agent.destroy());
    const use = async (at: string, authorization = '') =>
      (await request(at, { dispatcher: agent, headers: { authorization } })).statusCode;
    const [bound, another, unbound] = tokens;
    expect(tokens).toHaveLength(3);
    expect(await use(`${binding().rsa}/any`, bound)).toBe(401);
    expect(await use(`${binding().ecdsa}/any`, another)).toBe(200); // it is whole: the bindings were what was wrong
    expect(await use(`${binding().rsa}/any`, unbound)).toBe(200); // what bindings are for
  });
});
