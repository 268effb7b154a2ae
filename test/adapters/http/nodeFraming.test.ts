/** negotiateRequest: headers of the caller, and what they say about where a body ends (RFC 9112 section 6). */
import { Agent, type ClientRequest, type OutgoingHttpHeaders } from 'node:http';
import { createServer, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import { type NegotiateRequestOptions, negotiateRequest } from '../../../src/adapters/http/index.js';
import { failure, type Listening, listen } from './servers.js';

const servers: { stop(): Promise<unknown> }[] = [];
afterEach(() => Promise.all(servers.splice(0).map((server) => server.stop())));

/** A server that says which lines it got. */
async function echoing(): Promise<Listening> {
  const server = await listen((request, response) => {
    request.resume().on('end', () => response.end(JSON.stringify(request.rawHeaders)));
  });
  servers.push(server);
  return server;
}

/** As JavaScript would pass it; without a client, and so without tokens. */
const send = async (url: string, headers: unknown, body?: unknown, method = 'POST'): Promise<string> => {
  const options = {
    client: () => undefined,
    mutual: 'disabled',
    request: { method, headers },
    body,
  } as unknown as NegotiateRequestOptions;
  return Buffer.concat(await (await negotiateRequest(url, options)).toArray()).toString();
};

const linesOf = (answer: string, name: string): string[] => {
  const raw: string[] = JSON.parse(answer);
  return raw.flatMap((one, i) => (i % 2 === 0 && one.toLowerCase() === name ? [raw[i + 1]!] : []));
};

const SMUGGLED = `${'é'.repeat(40)}GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n`;

describe('what ends a body', () => {
  it.each<[string, unknown, unknown, typeof Error]>([
    ['a length too small for a string', { 'content-length': 80 }, SMUGGLED, RangeError],
    ['a length too small for octets', { 'Content-Length': '2' }, Uint8Array.of(1, 2, 3), RangeError],
    ['a length too great', { 'content-length': 4 }, 'abc', RangeError],
    ['a length without a body', { 'content-length': 5 }, undefined, TypeError],
    ['a length that is no number', { 'content-length': '3x' }, 'abc', TypeError],
    ['a length in hexadecimal', { 'content-length': '0x3' }, 'abc', TypeError],
    ['an empty length', { 'content-length': '' }, '', TypeError],
    ['several lengths', { 'content-length': [3, 3] }, 'abc', TypeError],
    ['a list of no lengths', { 'content-length': [] }, 'abc', TypeError],
    ['length and encoding', { 'content-length': 3, 'transfer-encoding': 'chunked' }, 'abc', TypeError],
    ['no chunks', { 'transfer-encoding': 'identity' }, 'abc', TypeError],
    ['no chunks at the end', { 'transfer-encoding': 'chunked, gzip' }, 'abc', TypeError],
    ['chunks of chunks', { 'transfer-encoding': 'chunked, chunked' }, 'abc', TypeError],
    ['a list of encodings', { 'transfer-encoding': ['gzip', 'chunked'] }, 'abc', TypeError],
    ['encoding without chunks and body', { 'transfer-encoding': 'gzip' }, undefined, TypeError],
  ])('%s is refused', async (_, headers, body, kind) => {
    const server = await echoing();
    for (const method of ['GET', 'POST', 'DELETE']) {
      const error = await failure(send(server.origin, headers, body, method));
      expect(error).toBeInstanceOf(kind);
      expect(error.message).toMatch(/^headers: (content-length|transfer-encoding) /);
    }
    expect([server.requests, server.connections()]).toEqual([[], 0]);
  });

  it.each<[string, unknown, unknown]>([
    ['its length', { 'content-length': 4 }, 'aé!'],
    ['its length as text', { 'Content-Length': '3' }, new TextEncoder().encode('abc')],
    ['its length twice', ['content-length', '3', 'Content-Length', '4'], 'aé!'],
    ['chunks', { 'transfer-encoding': 'Chunked' }, 'aé!'],
    ['an encoding and chunks', { 'transfer-encoding': 'x, chunked' }, 'aé!'],
    ['a length of nothing', { 'content-length': 0 }, undefined],
    ['chunks of nothing', { 'transfer-encoding': 'chunked' }, undefined],
  ])('%s is sent once, and what follows is another request', async (_, headers, body) => {
    const server = await raw();
    for (const method of ['GET', 'POST', 'DELETE']) {
      await send(server.origin, headers, body, method);
      const head = server.text().slice(0, server.text().indexOf('\r\n\r\n'));
      expect(head.match(/^(content-length|transfer-encoding):/gim)).toHaveLength(1);
      server.clear();
    }
  });
});

/** A server of one answer for each connection that keeps all it was sent; `complete` says when to answer. */
async function raw(complete: (text: string) => boolean = (text) => text.includes('\r\n\r\n')) {
  let text = '';
  const open = new Set<Socket>();
  const closed: Promise<unknown>[] = [];
  const server = createServer((socket) => {
    open.add(socket.on('error', () => undefined));
    closed.push(new Promise((resolve) => socket.once('close', resolve)));
    socket.on('data', (chunk) => {
      text += chunk;
      if (complete(text)) socket.end('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  servers.push({
    stop: async () => {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  });
  return {
    origin: `http://127.0.0.1:${(server.address() as { port: number }).port}`,
    text: () => text,
    clear: () => {
      text = '';
    },
    ended: () => Promise.all(closed),
  };
}

describe('streams with content-length', () => {
  const pieces = (...texts: string[]): Readable => Readable.from(texts.map((text) => Buffer.from(text)));

  /** What is written of one piece has gone when the next comes. */
  async function* slowly(texts: string[]): AsyncGenerator<string> {
    for (const text of texts) {
      yield text;
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
  }

  it('of that length arrive as they are', async () => {
    const server = await echoing();
    const answer = await send(server.origin, { 'content-length': 5 }, pieces('he', '', 'llo', ''));
    expect([linesOf(answer, 'content-length'), linesOf(answer, 'transfer-encoding')]).toEqual([['5'], []]);
    expect(server.requests).toEqual(['POST / hello']);
    await send(server.origin, { 'content-length': 0 }, pieces());
    expect(server.requests.at(-1)).toBe('POST / ');
  });

  it.each<[string, string[], number]>([
    ['too long', ['hel', 'lo', 'GET /smuggled HTTP/1.1\r\n\r\n'], 5],
    ['too long in one piece', ['helloGET /smuggled'], 5],
    ['not empty', ['x'], 0],
    ['too short', ['hel', 'lo'], 6],
  ])('one that is %s fails, and the server never sees a complete request', async (_, texts, length) => {
    const server = await raw((text) => length > 0 && text.split('\r\n\r\n')[1]?.length === length);
    const body = slowly(texts);
    const error = await failure(send(server.origin, { 'content-length': length }, body));
    expect(error).toBeInstanceOf(RangeError);
    expect(error.message).toMatch(/^headers: content-length is/);
    await server.ended();
    expect(server.text()).not.toContain('smuggled');
    const sent = server.text().split('\r\n\r\n')[1];
    expect(sent?.length ?? -1).toBeLessThan(length);
  });
});

describe('headers', () => {
  it.each([
    ['null', null],
    ['a Headers object', new Headers({ 'x-a': 'b' })],
    ['a Map', new Map([['x-a', 'b']])],
    ['pairs', [['x-a', 'b']]],
    ['a list', ['x-a', 'b']],
  ])('%s', async (_, headers) => {
    const { origin } = await echoing();
    expect(linesOf(await send(origin, headers), 'x-a')).toEqual(headers === null ? [] : ['b']);
  });

  it.each<[string, unknown]>([
    ['an odd list', ['x-a', 'b', 'x-c']],
    ['a text', 'x-a: b'],
    ['a number', 5],
    ['no pairs', [['x-a', 'b', 'c']]],
    ['pairs and names', [['x-a', 'b'], 'x-c']],
    ['names that are none', [1, 'x']],
    ['a set', new Set(['x-a'])],
  ])('%s is refused', async (_, headers) => {
    const error = await failure(send('http://127.0.0.1:1', headers));
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toMatch(/^headers must be/);
  });

  it.each(['host', 'authorization', 'content-type', 'user-agent'])('the last %s counts', async (name) => {
    const { origin } = await echoing();
    const headers = { [name]: 'first', [name.toUpperCase()]: ['last'] };
    expect(linesOf(await send(origin, headers), name)).toEqual(['last']);
    const error = await failure(send(origin, { [name]: ['a', 'b'] }));
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toContain(name);
  });

  it('an expect that cannot be sent fails the request, and nothing else', async () => {
    const server = await echoing();
    const faults: unknown[] = [];
    const listener = (error: unknown): unknown => faults.push(error);
    process.on('uncaughtException', listener);
    const headers = { expect: 'a\nb' };
    expect(await failure(send('http://127.0.0.1:1', headers))).toMatchObject({ code: 'ERR_INVALID_CHAR' });
    expect(await failure(send(server.origin, headers))).toMatchObject({ code: 'ERR_INVALID_CHAR' });
    expect(await failure(send('http://127.0.0.1:1', {}))).toMatchObject({ code: 'ECONNREFUSED' });
    process.off('uncaughtException', listener);
    expect([faults, server.requests]).toEqual([[], []]);
  });

  it('nor does it ask for a connection', async () => {
    let asked = 0;
    class Asked extends Agent {
      addRequest(request: ClientRequest): void {
        asked++;
        setImmediate(() => request.emit('close'));
      }
    }
    const sent = (headers: OutgoingHttpHeaders) => {
      const request = { agent: new Asked(), headers };
      return failure(negotiateRequest('http://127.0.0.1:1', { client: () => undefined, request }));
    };
    expect(await sent({ expect: 'a\nb' })).toMatchObject({ code: 'ERR_INVALID_CHAR' });
    expect(asked).toBe(0);
    expect(await sent({})).toMatchObject({ code: 'ERR_HTTP_MUTUAL_AUTH' });
    expect(asked).toBe(1);
  });
});
