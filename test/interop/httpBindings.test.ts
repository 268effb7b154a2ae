/** Channel bindings at an acceptor that enforces them (MIT's library), with two certificates (RFC 5929 section 4). */
import { readFileSync } from 'node:fs';
import { Agent as HttpsAgent } from 'node:https';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { pipeline } from 'node:stream';
import { TLSSocket, connect as tlsConnect } from 'node:tls';
import { Agent, interceptors, request, fetch as undiciFetch } from 'undici';
import { describe, expect, it } from 'vitest';
import { certificates, startBindingServer } from '../../scripts/realServers/index.mjs';
import {
  type NegotiateFetchOptions,
  negotiateFetch,
  negotiateInterceptor,
  negotiateRequest,
} from '../../src/adapters/http/index.js';
import { alice, fetchThrough, useAgent, useServer } from './httpSupport.js';
import { servers } from './servers.js';

const { realm } = servers();
const server = useServer(startBindingServer);
const agent = useAgent(() => server().ca);
const trusting = fetchThrough(agent);

type Options = Omit<NegotiateFetchOptions, 'client'>;

async function ask(url: string, options: Options = {}): Promise<[status: number, text: string]> {
  const response = await negotiateFetch({ client: alice(), fetch: trusting, ...options })(url);
  return [response.status, await response.text()];
}

const BOUND = [200, 'user=alice@EXAMPLE.TEST bound=True\n'];
const UNBOUND = [200, 'user=alice@EXAMPLE.TEST bound=False\n'];
const CERTIFICATES = ['rsa', 'ecdsa'] as const;

describe('channel bindings of negotiateFetch', () => {
  it.each(CERTIFICATES)('are sent by default over TLS (%s)', async (kind) => {
    expect(await ask(`${server()[kind]}/required`)).toEqual(BOUND);
    expect(await ask(`${server()[kind]}/any`, { channelBindings: 'auto' })).toEqual(BOUND);
  });

  it.each(CERTIFICATES)('are sent when required, by the first token too (%s)', async (kind) => {
    for (const preemptive of [false, true]) {
      const fresh = new Agent({ connect: { ca: readFileSync(server().ca, 'utf8') } });
      const options: Options = { channelBindings: 'required', preemptive, fetch: fetchThrough(() => fresh) };
      expect(await ask(`${server()[kind]}/required`, options)).toEqual(BOUND);
      await fresh.close();
    }
  });

  it.each(CERTIFICATES)('can be switched off (%s)', async (kind) => {
    expect(await ask(`${server()[kind]}/any`, { channelBindings: 'off' })).toEqual(UNBOUND);
    const [status] = await ask(`${server()[kind]}/required`, { channelBindings: 'off' });
    expect(status).toBe(401);
  });

  it.each(CERTIFICATES)('are right on resumed connections (%s)', async (kind) => {
    const closing = { connection: 'close' };
    const negotiate = negotiateFetch({ client: alice(), fetch: trusting, channelBindings: 'required' });
    for (let i = 0; i < 4; i++) {
      const response = await negotiate(`${server()[kind]}/required`, { headers: closing });
      expect([response.status, await response.text()]).toEqual(BOUND);
    }
  });

  it("work with undici's own fetch", async () => {
    const fetch = (input: string, init?: object) => undiciFetch(input, { ...init, dispatcher: agent() });
    expect(await ask(`${server().ecdsa}/required`, { fetch })).toEqual(BOUND);
  });

  it('work by address, and with the dispatcher of one request', async () => {
    const negotiate = negotiateFetch({ client: alice(), hostname: 'localhost', channelBindings: 'required' });
    const url = `${server().rsa.replace('localhost', '127.0.0.1')}/required`;
    const response = await negotiate(url, { dispatcher: agent() } as object);
    expect([response.status, await response.text()]).toEqual(BOUND);
  });

  it('keep somebody in between out: the server refuses the bindings of another certificate', async () => {
    const relay = await startRelay(server().rsa);
    const [status, text] = await ask(`${relay.url}/any`, { sanitizeErrors: false });
    expect(status).toBe(401);
    expect(text).toMatch(/channel bindings/i);
    expect(await ask(`${relay.url}/any`, { channelBindings: 'off' })).toEqual(UNBOUND);
    relay.close();
  });
});

const CLOSE = { connection: 'close' };
const PREEMPTIVE = { preemptive: true, channelBindings: 'required' } as const;

describe('somebody in between who comes later', () => {
  /** Statuses of a request that passes and of one that is read: the server must not accept the second token. */
  async function statuses(send: (url: string) => Promise<number>): Promise<(number | 'refused')[]> {
    const relay = await startRelay(server().rsa, false);
    try {
      const before = await send(`${relay.url}/any`);
      relay.intercept = true;
      return [before, await send(`${relay.url}/any`).catch(() => 'refused' as const)];
    } finally {
      relay.close();
    }
  }

  const fetchWith = (options: Options) => {
    const negotiate = negotiateFetch({ client: alice(), fetch: trusting, ...options });
    return async (url: string) => {
      const response = await negotiate(url, { headers: CLOSE });
      await response.arrayBuffer();
      return response.status;
    };
  };

  it('gets no token for the server from fetch: after a 401', async () => {
    expect(await statuses(fetchWith({}))).toEqual([200, 401]);
  });

  it('gets no token for the server from fetch: pre-emptive', async () => {
    const [before, then] = await statuses(fetchWith(PREEMPTIVE));
    expect(before).toBe(200);
    expect(then).not.toBe(200);
  });

  it('gets no token for the server from undici: pre-emptive', async () => {
    const [before, then] = await statuses(async (url) => {
      const { origin } = new URL(url);
      const negotiate = negotiateInterceptor({ ...PREEMPTIVE, client: alice(), origins: [origin] });
      const dispatcher = agent().compose(negotiate);
      const { statusCode, body } = await request(url, { dispatcher, headers: CLOSE });
      await body.dump();
      return statusCode;
    });
    expect(before).toBe(200);
    expect(then).not.toBe(200);
  });

  it('gets no token for the server from node:https: pre-emptive', async () => {
    const ca = readFileSync(server().ca, 'utf8');
    const [before, then] = await statuses(async (url) => {
      const options = { ...PREEMPTIVE, client: alice(), request: { ca, headers: CLOSE } };
      const response = await negotiateRequest(url, options);
      response.resume();
      return response.statusCode ?? 0;
    });
    expect(before).toBe(200);
    expect(then).not.toBe(200);
  });
});

describe('a server with a new certificate', () => {
  const ways = {
    fetch: async (url: string) => {
      const negotiate = negotiateFetch({ ...PREEMPTIVE, client: alice(), fetch: trusting });
      const response = await negotiate(url, { headers: CLOSE });
      return [response.status, await response.text()];
    },
    undici: async (url: string) => {
      const { origin } = new URL(url);
      const negotiate = negotiateInterceptor({ ...PREEMPTIVE, client: alice(), origins: [origin] });
      const { statusCode, body } = await request(url, {
        dispatcher: agent().compose(negotiate),
        headers: CLOSE,
      });
      return [statusCode, await body.text()];
    },
    node: async (url: string) => {
      const ca = readFileSync(server().ca, 'utf8');
      const options = { ...PREEMPTIVE, client: alice(), request: { ca, headers: CLOSE } };
      const response = await negotiateRequest(url, options);
      return [response.statusCode, Buffer.concat(await response.toArray()).toString()];
    },
  };

  it.each(['fetch', 'undici', 'node'] as const)('gets tokens bound to it: %s, pre-emptive', async (way) => {
    const relay = await startRelay(server().rsa, false);
    try {
      expect(await ways[way](`${relay.url}/required`)).toEqual(BOUND);
      relay.to = server().ecdsa;
      expect(await ways[way](`${relay.url}/required`)).toEqual(BOUND);
    } finally {
      relay.close();
    }
  });
});

describe('channel bindings of the others', () => {
  it.each(CERTIFICATES)('undici interceptor: sent by default, or off (%s)', async (kind) => {
    for (const [channelBindings, expected] of [
      [undefined, BOUND],
      ['required', BOUND],
      ['off', UNBOUND],
    ] as const) {
      const origins = [server()[kind]];
      const negotiate = negotiateInterceptor({ client: alice(), origins, channelBindings });
      const dispatcher = agent().compose(negotiate, interceptors.redirect({ maxRedirections: 1 }));
      const { statusCode, body } = await request(`${server()[kind]}/any`, { dispatcher });
      expect([statusCode, await body.text()]).toEqual(expected);
    }
  });

  it.each(CERTIFICATES)('node:https: sent by default, or off, also by the first token (%s)', async (kind) => {
    const ca = readFileSync(server().ca, 'utf8');
    for (const preemptive of [false, true]) {
      for (const [channelBindings, expected] of [
        [undefined, BOUND],
        ['required', BOUND],
        ['off', UNBOUND],
      ] as const) {
        const options = { client: alice(), preemptive, channelBindings };
        const httpsAgent = new HttpsAgent({ ca, keepAlive: true });
        const response = await negotiateRequest(`${server()[kind]}/any`, {
          ...options,
          request: { agent: httpsAgent },
        });
        response.setEncoding('utf8');
        const text = (await response.toArray()).join('');
        expect([response.statusCode, text]).toEqual(expected);
        httpsAgent.destroy();
      }
    }
  });

  it('node:https: the bindings of another certificate are refused', async () => {
    const relay = await startRelay(server().rsa);
    const ca = readFileSync(server().ca, 'utf8');
    const response = await negotiateRequest(`${relay.url}/any`, { client: alice(), request: { ca } });
    response.resume();
    expect(response.statusCode).toBe(401);
    relay.close();
  });
});

/**
 * Somebody in between, with a certificate that the client trusts, but not that of the server. Connections pass unread
 * until `intercept` is set; then what is sent to it goes to the server over a connection of its own.
 */
interface Relay {
  readonly url: string;
  /** The server behind it. */
  to: string;
  intercept: boolean;
  close(): void;
}

async function startRelay(to: string, intercept = true): Promise<Relay> {
  const { ca, ecdsa } = await certificates(realm);
  const files = { cert: readFileSync(ecdsa.certificate), key: readFileSync(ecdsa.key) };
  const open = new Set<Socket>();
  const server = createServer((client) => {
    open.add(client);
    const read = relay.intercept;
    const port = Number(new URL(relay.to).port);
    const near = read ? new TLSSocket(client, { isServer: true, ...files }) : client;
    const far = read
      ? tlsConnect({ host: '127.0.0.1', port, ca: readFileSync(ca) })
      : connect({ host: '127.0.0.1', port });
    pipeline(near, far, near, () => client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const relay: Relay = {
    url: `https://localhost:${(server.address() as AddressInfo).port}`,
    ...{ to, intercept },
    close: () => {
      for (const socket of open) socket.destroy();
      server.close();
    },
  };
  return relay;
}
