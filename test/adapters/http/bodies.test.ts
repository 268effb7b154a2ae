/** Bodies of negotiateFetch: sent again whole, or refused; never silently empty. */
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KeptBody } from '../../../src/adapters/http/body.js';
import { type NegotiateFetchOptions, negotiateFetch } from '../../../src/adapters/http/index.js';
import { failure, type Listening, openStage, type Stage } from './servers.js';

let stage: Stage;
let server: Listening;
beforeAll(async () => {
  stage = await openStage();
  server = await stage.negotiating();
});
afterAll(() => stage.stop());

const post = (body: unknown, options: Partial<NegotiateFetchOptions> = {}): Promise<Response> =>
  negotiateFetch({ client: stage.alice, ...options })(server.origin, {
    ...{ method: 'POST', duplex: 'half' },
    body: body as never,
  } as RequestInit);

/** `count` pieces of ten octets. */
async function* pieces(count: number): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < count; i++) yield new TextEncoder().encode(`${i}`.padStart(10, '.'));
}

const all = <Chunk>(iterable: AsyncIterable<Chunk>): Promise<Chunk[]> => Readable.from(iterable).toArray();

const text = async (count: number): Promise<string> => Buffer.concat(await all(pieces(count))).toString();

describe('bodies that can be read again', () => {
  const octets = new TextEncoder().encode('hello');
  it.each([
    ['a string', 'hello'],
    ['octets', octets],
    ['part of octets', new TextEncoder().encode('>hello<').subarray(1, 6)],
    ['a DataView', new DataView(octets.buffer, 0, 5)],
    ['an ArrayBuffer', octets.slice().buffer],
    ['a Blob', new Blob(['hello'])],
    ['URLSearchParams', new URLSearchParams('hello')],
  ])('%s', async (_what, body) => {
    const start = server.requests.length;
    expect(await (await post(body)).text()).toMatch(/POST \/ hello=?$/);
    const requests = server.requests.slice(start);
    expect(requests).toHaveLength(2);
    expect(requests[0]).toBe(requests[1]);
  });

  it('a form', async () => {
    const form = new FormData();
    form.set('a', 'b');
    form.set('file', new Blob(['contents']), 'name');
    const answer = await (await post(form)).text();
    expect(answer).toContain('name="a"\r\n\r\nb');
    expect(answer).toContain('contents');
  });

  it('nothing', async () => {
    for (const body of [undefined, null, '']) expect(await (await post(body)).text()).toMatch(/POST \/ $/);
  });
});

describe('bodies that can be read once', () => {
  const kinds: [string, (count: number) => unknown][] = [
    ['a web stream', (count) => ReadableStream.from(pieces(count))],
    ['a stream of Node.js', (count) => Readable.from(pieces(count), { objectMode: false })],
    ['an iterable', (count) => pieces(count)],
  ];

  it.each(kinds)('%s is refused after a 401', async (_what, body) => {
    const error = await failure(post(body(3)));
    expect(error).toMatchObject({ code: 'ERR_HTTP_BODY_REPLAY' });
    expect(error.message).toContain('preemptive');
  });

  it.each(kinds)('%s arrives with pre-emptive authentication', async (_what, body) => {
    expect(await (await post(body(100), { preemptive: true })).text()).toContain(await text(100));
  });

  it.each(kinds)('%s arrives after a 401 when it may be kept', async (_what, body) => {
    expect(await (await post(body(100), { replayLimit: 1000 })).text()).toContain(await text(100));
  });

  it.each(kinds)('%s is refused beyond the limit', async (_what, body) => {
    const error = await failure(post(body(101), { replayLimit: 1000 }));
    expect(error).toMatchObject({ code: 'ERR_HTTP_BODY_REPLAY' });
    expect(error.message).toContain('1000 octets');
  });

  it('a body that was read already is refused, never sent empty', async () => {
    const used = ReadableStream.from(pieces(3));
    const reader = used.getReader();
    while (!(await reader.read()).done);
    reader.releaseLock();
    const locked = ReadableStream.from(pieces(3));
    locked.getReader();
    const consumed = Readable.from(pieces(3));
    await consumed.toArray();
    for (const body of [used, locked, consumed]) {
      for (const preemptive of [false, true])
        await expect(post(body, { preemptive, replayLimit: 100 })).rejects.toThrow(TypeError);
    }
    const request = new Request(server.origin, { method: 'POST', body: 'hello' });
    await request.text();
    await expect(negotiateFetch({ client: stage.alice })(request)).rejects.toThrow(TypeError);
  });

  it('an empty stream is no problem', async () => {
    expect(await (await post(ReadableStream.from(pieces(0)))).text()).toMatch(/POST \/ $/);
  });

  it('a redirect that keeps the body needs it, too', async () => {
    const own = await stage.negotiating((request, response) => {
      request.resume().on('end', () => {
        response.writeHead(request.url === '/' ? 307 : 200, { location: '/b' }).end();
      });
    });
    const send = (options: Partial<NegotiateFetchOptions>): Promise<Response> =>
      negotiateFetch({ client: stage.alice, preemptive: true, ...options })(own.origin, {
        ...{ method: 'POST', duplex: 'half', body: ReadableStream.from(pieces(3)) },
      } as RequestInit);
    expect(await failure(send({}))).toMatchObject({ code: 'ERR_HTTP_BODY_REPLAY' });
    expect((await send({ replayLimit: 30 })).status).toBe(200);
    expect(own.requests.at(-1)).toBe(`POST /b ${await text(3)}`);
  });

  it('a failing stream fails the request, also when it is sent again', async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield Uint8Array.of(65);
      throw new Error('broken');
    }
    for (const options of [{}, { replayLimit: 100 }, { preemptive: true }])
      await expect(post(broken(), options)).rejects.toThrow();
  });

  it('the body of a Request is kept up to 1 MiB unless told otherwise', async () => {
    const send = (length: number, options: Partial<NegotiateFetchOptions> = {}): Promise<Response> => {
      const request = new Request(server.origin, { method: 'POST', body: 'x'.repeat(length) });
      return negotiateFetch({ client: stage.alice, ...options })(request);
    };
    expect((await (await send(2 ** 20)).text()).length).toBeGreaterThan(2 ** 20);
    expect(await failure(send(2 ** 20 + 1))).toMatchObject({ code: 'ERR_HTTP_BODY_REPLAY' });
    expect((await send(2 ** 21, { replayLimit: 2 ** 21 })).status).toBe(200);
    expect(await failure(send(1, { replayLimit: 0 }))).toMatchObject({ code: 'ERR_HTTP_BODY_REPLAY' });
  });
});

describe('KeptBody', () => {
  it('gives the chunks from the first on to a second reader that begins in the middle, and ends the first', async () => {
    const body = new KeptBody(pieces(5), 1000);
    const first = body[Symbol.asyncIterator]();
    await first.next();
    const pending = failure(first.next());
    expect(await all(body)).toHaveLength(5);
    expect((await pending).message).toBe('the body is being sent again');
    body.rewind('again');
    expect(await all(body)).toHaveLength(5);
  });

  it('the last read of the first takes nothing from the second, though it passes the limit', async () => {
    let open: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    async function* source(): AsyncGenerator<Uint8Array> {
      for (let i = 0; i < 5; i++) {
        if (i === 3) await gate;
        yield new Uint8Array(10).fill(i);
      }
    }
    const body = new KeptBody(source(), 35);
    const first = body[Symbol.asyncIterator]();
    for (let i = 0; i < 3; i++) await first.next();
    const pending = failure(first.next());
    body.rewind('401');
    const second = body[Symbol.asyncIterator]();
    const begin = (await second.next()).value as Uint8Array;
    open();
    await pending;
    const chunks = [begin, ...(await all(second))] as Uint8Array[];
    expect(chunks.map((chunk) => chunk[0])).toEqual([0, 1, 2, 3, 4]);
    expect(() => body.rewind('401')).toThrow(expect.objectContaining({ code: 'ERR_HTTP_BODY_REPLAY' }));
  });

  it('a reader that ends early does not end the source', async () => {
    const body = new KeptBody(pieces(5), 1000);
    for await (const _chunk of body) break;
    expect(await all(body)).toHaveLength(5);
  });

  it('ends the source when it is cancelled', async () => {
    let ended = false;
    async function* source(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield Uint8Array.of(1);
      } finally {
        ended = true;
      }
    }
    const body = new KeptBody(source(), 10);
    await body[Symbol.asyncIterator]().next();
    body.cancel();
    await new Promise((resolve) => setTimeout(resolve));
    expect(ended).toBe(true);
  });

  it('takes strings, also of an iterable that does not wait', async () => {
    const body = new KeptBody(['a', 'é'], 3);
    expect(await all(body)).toEqual(['a', 'é']);
    body.rewind('again');
    expect(await all(body)).toEqual(['a', 'é']);
  });
});
