/** negotiateRequest: node:http, connections and who they belong to. */
import { Agent, type IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MOST_AGENTS } from '../../../src/adapters/http/agentPool.js';
import {
  type NegotiateRequestOptions,
  negotiateRequest,
  negotiationOf,
} from '../../../src/adapters/http/index.js';
import { toBase64 } from '../../../src/bytes.js';
import { formatPrincipal } from '../../../src/formats/principal.js';
import { startNegotiateProxy } from './proxyServer.js';
import { failure, type Listening, listen, openStage, type Stage } from './servers.js';

let stage: Stage;
let server: Listening;
const servers: Listening[] = [];
beforeAll(async () => {
  stage = await openStage();
  server = await stage.negotiating();
});
afterAll(async () => {
  await Promise.all(servers.map((one) => one.stop()));
  await stage.stop();
});

const get = (url: string, options: Partial<NegotiateRequestOptions> = {}): Promise<IncomingMessage> =>
  negotiateRequest(url, { client: stage.alice, ...options });

async function text(message: IncomingMessage | Promise<IncomingMessage>): Promise<string> {
  return Buffer.concat(await (await message).toArray()).toString();
}

describe('negotiateRequest', () => {
  it('answers a 401 and verifies the proof', async () => {
    const own = await stage.negotiating();
    const response = await get(`${own.origin}/a`);
    expect([response.statusCode, await text(response)]).toEqual([200, 'alice@EXAMPLE.TEST GET /a ']);
    expect(negotiationOf(response)?.verified).toBe(true);
    expect([own.requests.length, own.connections()]).toEqual([2, 1]);
  });

  it('pre-emptive: one request', async () => {
    const own = await stage.negotiating();
    await text(get(own.origin, { preemptive: true }));
    expect(own.requests).toHaveLength(1);
  });

  it('passes method, headers and bodies', async () => {
    const request = { method: 'PUT', headers: { 'x-a': 'b' } };
    for (const body of ['hello', new TextEncoder().encode('hello')])
      expect(await text(get(server.origin, { request, body }))).toMatch(/PUT \/ hello$/);
    const stream = (): Readable => Readable.from([Buffer.from('hel'), Buffer.from('lo')]);
    expect(await failure(get(server.origin, { request, body: stream() }))).toMatchObject({
      code: 'ERR_HTTP_BODY_REPLAY',
    });
    for (const options of [{ replayLimit: 5 }, { preemptive: true }])
      expect(await text(get(server.origin, { request, body: stream(), ...options }))).toMatch(/hello$/);
  });

  it.each(['GET', 'DELETE', 'OPTIONS'])('%s with a body says where the body ends', async (method) => {
    for (const body of ['hellö', Readable.from([Buffer.from('hel'), Buffer.from('lö')])]) {
      const answer = await text(get(server.origin, { request: { method }, body, replayLimit: 10 }));
      expect(answer).toContain(`${method} / hellö`);
    }
  });

  it('a failing body fails the request', async () => {
    async function* broken(): AsyncGenerator<string> {
      yield 'a';
      throw new Error('broken');
    }
    const options = { request: { method: 'POST' }, body: broken(), preemptive: true };
    await expect(get(server.origin, options)).rejects.toThrow('broken');
  });

  it('errors without proof are sanitized', async () => {
    const own = await listen((_request, response) => {
      response.writeHead(503, { server: 'x', 'x-secret': '1' }).end('the body');
    });
    servers.push(own);
    const response = await get(own.origin);
    expect(response).toMatchObject({ statusCode: 503, statusMessage: 'Service Unavailable' });
    expect(Object.keys(response.headers).sort()).toEqual(['content-length', 'date', 'server']);
    expect(response.headersDistinct.server).toEqual(['x']);
    expect(await text(response)).toBe('');
    expect(await text(get(own.origin, { sanitizeErrors: false }))).toBe('the body');
  });

  it('several headers', async () => {
    const acceptor = stage.realm.acceptor('HTTP/localhost');
    const own = await listen(({ headers: { authorization = '' } }, response) => {
      response.setHeader('www-authenticate', ['Basic realm="a, b"', 'NTLM', 'Negotiate']);
      response.statusCode = 401;
      if (authorization !== '') {
        const token = new Uint8Array(Buffer.from(authorization.slice(10), 'base64'));
        const proof = `Negotiate ${toBase64(acceptor.accept(token).token!)}`;
        response.setHeader('www-authenticate', ['Basic realm="a, b"', proof]);
        response.statusCode = 200;
      }
      response.end('ok');
    });
    servers.push(own);
    expect(await text(get(own.origin))).toBe('ok');
  });

  it('abort and time-out', async () => {
    const silent = await listen(() => undefined);
    servers.push(silent);
    const reason = new Error('enough');
    const signal = AbortSignal.abort(reason);
    expect(await failure(get(silent.origin, { request: { signal } }))).toBe(reason);
    const controller = new AbortController();
    setTimeout(() => controller.abort(reason), 50);
    expect(await failure(get(silent.origin, { request: { signal: controller.signal } }))).toBe(reason);
    expect(await failure(get(silent.origin, { request: { timeout: 50 } }))).toMatchObject({
      code: 'ERR_TIMEOUT',
    });
  });

  it('a server that changes the protocol unasked is refused', async () => {
    const switching = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n';
    const own = await listen(({ socket }) => socket.write(switching));
    servers.push(own);
    expect(await failure(get(own.origin))).toMatchObject({ code: 'ERR_HTTP_MUTUAL_AUTH' });
  });

  it('a refused connection is what node:http says', async () => {
    expect(await failure(get('http://localhost:1/'))).toMatchObject({ code: 'ECONNREFUSED' });
    await expect(get('ftp://localhost/')).rejects.toThrow(TypeError);
  });

  it('an idle connection that the server has closed is no error', async () => {
    const handler = stage.realm.httpHandler('HTTP/localhost', (_request, response) => response.end('ok'));
    let requests = 0;
    const own = await listen((request, response) => {
      // The third request is the first on a connection of the pool that is closed under it.
      if (++requests === 3) request.socket.destroy();
      else handler(request, response);
    });
    servers.push(own);
    expect(await text(get(own.origin))).toBe('ok');
    expect(await text(get(own.origin, { preemptive: true }))).toBe('ok');
    expect(requests).toBe(4);
  });
});

interface Bound extends Listening {
  readonly users: (string | undefined)[];
  /** Whether it says that connections stay authenticated. */
  promise(kept: boolean): void;
  /** No connection is authenticated any more. */
  forget(): void;
}

/** A server that authenticates connections: the first request needs a token, later ones on the socket do not. */
async function connectionBound(): Promise<Bound> {
  const users: (string | undefined)[] = [];
  let known = new WeakMap<object, string>();
  let promised = true;
  const acceptor = stage.realm.acceptor('HTTP/localhost');
  const own = await listen(({ headers: { authorization }, socket }, response) => {
    if (authorization !== undefined) {
      const accepted = acceptor.accept(new Uint8Array(Buffer.from(authorization.slice(10), 'base64')));
      known.set(socket, formatPrincipal(accepted.client!));
      response.setHeader('www-authenticate', `Negotiate ${toBase64(accepted.token!)}`);
    }
    response.setHeader('persistent-auth', String(promised));
    const user = known.get(socket);
    users.push(user);
    if (user === undefined) response.writeHead(401, { 'www-authenticate': 'Negotiate' });
    response.end(user);
  });
  servers.push(own);
  return {
    ...{ ...own, users },
    forget: () => {
      known = new WeakMap();
    },
    promise: (kept) => {
      promised = kept;
    },
  };
}

const ALICE = 'alice@EXAMPLE.TEST';
const BOB = 'bob@EXAMPLE.TEST';

describe('connection-bound servers', () => {
  it('get one token for each connection', async () => {
    const own = await connectionBound();
    for (let i = 0; i < 3; i++) expect(await text(get(own.origin, { connectionBound: true }))).toBe(ALICE);
    expect(own.authorizations.map((value) => value !== undefined)).toEqual([false, true, false, false]);
    expect(own.connections()).toBe(1);
  });

  it('an answer without proof on a connection that was not authenticated is refused', async () => {
    const open = await listen((_request, response) => void response.end('open'));
    servers.push(open);
    expect(await failure(get(open.origin, { connectionBound: true }))).toMatchObject({
      code: 'ERR_HTTP_MUTUAL_AUTH',
    });
  });

  it('persistent-auth: false is believed', async () => {
    const handler = stage.realm.httpHandler('HTTP/localhost', (_request, response) => {
      response.setHeader('persistent-auth', 'false');
      response.end('ok');
    });
    const own = await listen(handler);
    servers.push(own);
    const options = { connectionBound: true, preemptive: true };
    for (let i = 0; i < 2; i++) expect(await text(get(own.origin, options))).toBe('ok');
    expect(own.authorizations.every((value) => value !== undefined)).toBe(true);
  });

  it('a connection that had to go for others is replaced by one that is authenticated anew', async () => {
    const own = await connectionBound();
    const options = { connectionBound: true };
    for (let i = 0; i < 2; i++) expect(await text(get(own.origin, options))).toBe(ALICE);
    const open = await listen((_request, response) => void response.end('open'));
    servers.push(open);
    for (let i = 0; i < MOST_AGENTS; i++)
      await text(get(open.origin, { service: `HTTP@host${i}.example.test`, mutual: 'disabled' }));
    for (let i = 0; i < 2; i++) expect(await text(get(own.origin, options))).toBe(ALICE);
    expect(own.users).toEqual([undefined, ALICE, ALICE, undefined, ALICE, ALICE]);
    expect(own.connections()).toBe(2);
  });

  it.each([
    ['wants a token again', (own: Bound) => own.forget()],
    ['takes its promise back', (own: Bound) => own.promise(false)],
  ])('a server that %s gets one', async (_what, change) => {
    const own = await connectionBound();
    const ask = () => text(get(own.origin, { connectionBound: true, preemptive: true }));
    expect([await ask(), await ask()]).toEqual([ALICE, ALICE]);
    change(own);
    const [before, withdrawn] = [own.authorizations.length, own.users.length];
    expect(await ask()).toBe(ALICE);
    own.promise(true);
    expect(await ask()).toBe(ALICE);
    expect(own.authorizations.slice(before).filter((value) => value !== undefined)).toHaveLength(1);
    expect(own.users.length - withdrawn).toBeLessThanOrEqual(3);
    expect(own.connections()).toBe(1);
  });

  it('what is authenticated behind a proxy is not: every request has a token', async () => {
    const own = await connectionBound();
    const proxy = await startNegotiateProxy(stage.realm);
    servers.push({ ...own, stop: proxy.stop });
    for (let i = 0; i < 3; i++) {
      const options = {
        connectionBound: true,
        preemptive: true,
        proxy: { url: proxy.url, preemptive: true },
      };
      expect(await text(get(own.origin, options))).toBe(ALICE);
    }
    expect(new Set(own.authorizations).size).toBe(3);
    expect(own.authorizations).not.toContain(undefined);
  });

  it('identities never share a connection', async () => {
    const own = await connectionBound();
    for (const client of [stage.alice, stage.bob, stage.alice, stage.bob]) {
      const expected = client === stage.alice ? ALICE : BOB;
      for (const bound of [true, false])
        expect(await text(get(own.origin, { client, connectionBound: bound, mutual: 'optional' }))).toBe(
          expected,
        );
    }
  });

  it('an agent makes the new connection, too, with all that it was told', async () => {
    let made = 0;
    class Telling extends Agent {
      override createConnection(...parameters: Parameters<Agent['createConnection']>): never {
        made++;
        return super.createConnection(...parameters) as never;
      }
    }
    for (const agent of [new Telling({ keepAlive: true }), new Agent({ keepAlive: true, family: 4 })]) {
      const own = await stage.negotiating();
      await text(get(own.origin, { request: { agent } }));
      expect(await text(get(own.origin, { client: stage.bob, request: { agent } }))).toMatch(/^bob@/);
    }
    expect(made).toBe(2);
  });

  it('not even when they are given one agent', async () => {
    const own = await connectionBound();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const request = { agent };
    for (const client of [stage.alice, stage.bob, stage.alice, undefined]) {
      const options = { client: () => client, request, connectionBound: true, mutual: 'optional' } as const;
      const response = await get(own.origin, options);
      const expected = client === undefined ? '' : client === stage.alice ? ALICE : BOB;
      expect(await text(response)).toBe(expected);
    }
    expect(new Set(own.users)).toEqual(new Set([undefined, ALICE, BOB]));
    agent.destroy();
  });
});
