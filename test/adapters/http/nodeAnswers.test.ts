/** negotiateRequest: answers that come before the request, and proofs that connections lose again. */
import { once } from 'node:events';
import { Agent, type ClientRequest } from 'node:http';
import { connect, createServer, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type NegotiateRequestOptions, negotiateRequest } from '../../../src/adapters/http/index.js';
import { toBase64 } from '../../../src/bytes.js';
import type { Client } from '../../../src/index.js';
import { failure, type Listening, listen, openStage, type Stage } from './servers.js';

let stage: Stage;
const stops: (() => Promise<unknown>)[] = [];
beforeAll(async () => {
  stage = await openStage();
});
afterEach(() => Promise.all(stops.splice(0).map((stop) => stop())));
afterAll(() => stage.stop());

const MUTUAL = { code: 'ERR_HTTP_MUTUAL_AUTH' };
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const TIMED_OUT = 'HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n';

async function text(
  url: string,
  options: Partial<NegotiateRequestOptions> & { client: unknown },
): Promise<string> {
  const message = await negotiateRequest(url, options as NegotiateRequestOptions);
  return Buffer.concat(await message.toArray()).toString();
}

/** A server that knows no HTTP. */
async function raw(connected: (socket: Socket) => void): Promise<string> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket.on('error', () => undefined));
    connected(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  stops.push(async () => {
    for (const socket of open) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`;
}

/** Whose tokens take as long as told. */
function slowly(until: () => Promise<unknown>): Client {
  return {
    principal: { nameType: 1, components: ['alice'], realm: 'EXAMPLE.TEST' },
    forget: () => undefined,
    async securityContext() {
      await until();
      return { step: () => ({ token: Uint8Array.of(1) }), delete: () => undefined };
    },
  } as unknown as Client;
}

describe('a server that answers before it is asked', () => {
  it.each<[string, (socket: Socket) => void]>([
    ['a 408 and the end', (socket) => socket.end(TIMED_OUT)],
    ['a 200', (socket) => socket.write(OK)],
    ['two of them', (socket) => socket.write(OK + OK)],
    ['half of one', (socket) => socket.write(OK.slice(0, -1))],
  ])('%s', async (_, answer) => {
    for (const timeout of [undefined, 60_000]) {
      let ended: () => void = () => undefined;
      const end = new Promise<void>((resolve) => {
        ended = resolve;
      });
      let got = '';
      const origin = await raw((socket) => {
        answer(socket.on('data', (chunk) => (got += chunk)).on('close', ended));
      });
      // The token comes when the connection has gone, which waits for nothing but the answer.
      const options = { client: slowly(() => end), preemptive: true, mutual: 'disabled' } as const;
      const request = timeout === undefined ? {} : { timeout };
      expect(await failure(text(origin, { ...options, request }))).toMatchObject(MUTUAL);
      await end;
      expect(got).toBe('');
    }
  });

  it('on an idle connection: the request, of any method, goes on a new one', async () => {
    const sockets: Socket[] = [];
    const origin = await raw((socket) => {
      sockets.push(socket.on('data', () => socket.write(OK)));
    });
    let slow = async (): Promise<unknown> => undefined;
    const client = slowly(() => slow());
    const options = { client, preemptive: true, mutual: 'disabled', body: 'x' } as const;
    const post = () => text(origin, { ...options, request: { method: 'POST' } });
    expect(await post()).toBe('ok');
    slow = async () => {
      slow = async () => undefined;
      sockets[0]?.end(TIMED_OUT);
      await once(sockets[0]!, 'close');
    };
    expect([await post(), sockets.length]).toEqual(['ok', 2]);
  });
});

it('a request that closes without a word has failed', async () => {
  class Closing extends Agent {
    addRequest(request: ClientRequest): void {
      setImmediate(() => request.emit('close'));
    }
  }
  const options = { client: stage.alice, request: { agent: new Closing() } };
  expect(await failure(text('http://127.0.0.1:1', options))).toMatchObject(MUTUAL);
});

it.each(['CONNECT', 'connect'])('%s is refused', async (method) => {
  let connections = 0;
  const origin = await raw((socket) => {
    connections++;
    socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\n\r\n'));
  });
  const error = await failure(text(origin, { client: stage.alice, request: { method } }));
  expect(error).toBeInstanceOf(TypeError);
  expect(error.message).toMatch(/^request\.method .* CONNECT/);
  expect(connections).toBe(0);
});

/** A server that proves itself wherever a token comes, and then lets `change` have its way with the answer. */
async function proving(
  change: (path: string, header: (name: string, value: string | undefined) => void) => void,
): Promise<Listening> {
  const acceptor = stage.realm.acceptor('HTTP/localhost');
  const server = await listen(({ headers: { authorization }, url = '' }, response) => {
    if (authorization !== undefined) {
      const token = new Uint8Array(Buffer.from(authorization.slice(10), 'base64'));
      response.setHeader('www-authenticate', `Negotiate ${toBase64(acceptor.accept(token).token!)}`);
    }
    change(url, (name, value) => {
      if (value === undefined) response.removeHeader(name);
      else response.setHeader(name, value);
    });
    response.end('ok');
  });
  stops.push(server.stop);
  return server;
}

describe('a proved connection', () => {
  const bound = (more: object = {}) => ({
    ...{ client: stage.alice, connectionBound: true, preemptive: true },
    ...more,
  });

  it.each(['Negotiate AAAA', 'Negotiate A', 'Negotiate AAAA, Negotiate BBBB'])(
    'that shows "%s" is used no more',
    async (proof) => {
      const server = await proving((path, header) => path === '/bad' && header('www-authenticate', proof));
      // The next request waits for the connection, or for its end.
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      const ask = (path = '/') => text(`${server.origin}${path}`, bound({ request: { agent } }));
      for (let i = 0; i < 2; i++) await ask();
      const error = await failure(ask('/bad'));
      expect(['ERR_HTTP_MUTUAL_AUTH', 'ERR_HTTP_CHALLENGE']).toContain(error.code);
      expect(await ask()).toBe('ok');
      agent.destroy();
      const tokens = server.authorizations.map((value) => value !== undefined);
      expect([tokens, server.connections()]).toEqual([[true, false, false, true], 2]);
    },
  );

  it('on which a token was sent in vain is proved no more', async () => {
    const server = await proving((path, header) => path === '/none' && header('www-authenticate', undefined));
    await text(server.origin, bound({ mutual: 'optional' }));
    await text(`${server.origin}/none`, bound({ mutual: 'optional', connectionBound: false }));
    for (let i = 0; i < 2; i++) await text(server.origin, bound({ mutual: 'optional' }));
    const tokens = server.authorizations.map((value) => value !== undefined);
    expect([tokens, server.connections()]).toEqual([[true, true, true, false], 1]);
  });

  it.each(['False', ' FALSE ', 'true, false', 'false,true'])(
    'persistent-auth: "%s" ends it',
    async (value) => {
      const server = await proving((_path, header) => header('persistent-auth', value));
      for (let i = 0; i < 2; i++) await text(server.origin, bound());
      expect(server.authorizations).not.toContain(undefined);
    },
  );
});

describe('a request that ends early', () => {
  const nobody = { client: () => undefined, mutual: 'disabled' } as const;

  it.each<[string, unknown]>([
    ['a number', 5],
    ['other numbers than octets', new Uint16Array(4)],
    ['an ArrayBuffer', new ArrayBuffer(8)],
  ])('for its body has %s, however late: that is an error, not the end of the program', async (_, bad) => {
    const url = await raw((socket) => void socket.pause());
    for (const headers of [{}, { 'content-length': 8_000_008 }]) {
      const body = (async function* () {
        yield Buffer.alloc(8_000_000);
        yield bad;
      })();
      const request = { method: 'POST', headers };
      const sent = negotiateRequest(url, { ...nobody, request, body } as NegotiateRequestOptions);
      expect(await failure(sent)).toMatchObject({
        name: 'TypeError',
        message: expect.stringMatching(/^body must/),
      });
    }
  });

  it('is aborted before it has a connection, and before it began', async () => {
    const url = await raw(() => undefined);
    class Stuck extends Agent {
      addRequest(): void {}
    }
    const signal = AbortSignal.abort(new Error('mine'));
    const sent = negotiateRequest(url, { ...nobody, request: { agent: new Stuck(), signal } });
    await expect(sent).rejects.toThrow('mine');
  });

  it.each([0, 2 ** 31])('not after a timeout of %i ms, which is none', async (timeout) => {
    const url = await raw((socket) => socket.once('data', () => socket.write(OK)));
    class Late extends Agent {
      override createConnection(options: object, created?: (error: null, socket: Socket) => void): undefined {
        setTimeout(() => created?.(null, connect(options as { port: number })), 50);
      }
    }
    expect(await text(url, { ...nobody, request: { agent: new Late(), timeout } })).toBe('ok');
  });

  it('with what is left of a sanitized response leaves the connection to the next', async () => {
    let count = 0;
    let answer = (): void => undefined;
    const arrived = new Promise<void>((resolve) => {
      answer = resolve;
    });
    let release = (): void => undefined;
    const url = await raw((socket) =>
      socket.on('data', () => {
        if (++count === 1) return void socket.write('HTTP/1.1 500 No\r\nContent-Length: 4\r\n\r\nevil');
        release = () => void socket.write(OK);
        answer();
      }),
    );
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    stops.push(async () => agent.destroy());
    const sanitized = await negotiateRequest(url, { ...nobody, mutual: 'required', request: { agent } });
    const next = text(url, { ...nobody, request: { agent, method: 'POST' } });
    await arrived;
    sanitized.destroy();
    release();
    expect(await next).toBe('ok');
    expect(count).toBe(2);
  });
});
