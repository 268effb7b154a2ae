/** The interceptor for undici: with request, both fetches and redirects; bodies; proofs before bodies. */
import { Readable } from 'node:stream';
import {
  Agent,
  type Dispatcher,
  interceptors,
  Pool,
  request,
  Client as UndiciClient,
  fetch as undiciFetch,
} from 'undici';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type NegotiateInterceptorOptions, negotiateInterceptor } from '../../../src/adapters/http/index.js';
import { failure, greet, type Listening, listen, openStage, type Stage } from './servers.js';

let stage: Stage;
let server: Listening;
const open: { destroy(): Promise<void> }[] = [];
beforeAll(async () => {
  stage = await openStage();
  server = await stage.negotiating((incoming, response, who) => {
    const [, count] = /^\/to\/(\d+)$/.exec(incoming.url ?? '') ?? [];
    if (Number(count) > 0) response.writeHead(302, { location: `/to/${Number(count) - 1}` }).end();
    else greet(incoming, response, who);
  });
});
afterAll(() => stage.stop());
afterEach(() => Promise.all(open.splice(0).map((one) => one.destroy())));

const negotiate = (options: Partial<NegotiateInterceptorOptions> = {}) =>
  negotiateInterceptor({ client: stage.alice, origins: [server.origin], ...options });

function agent(options: Partial<NegotiateInterceptorOptions> = {}): Dispatcher {
  const bare = new Agent();
  open.push(bare);
  return bare.compose(negotiate(options));
}

const MUTUAL = { code: 'ERR_HTTP_MUTUAL_AUTH' };

describe('with undici.request', () => {
  it('answers a 401 on the same connection', async () => {
    const own = await stage.negotiating();
    const dispatcher = agent({ origins: [own.origin] });
    const { statusCode, body } = await request(`${own.origin}/a`, { dispatcher });
    expect([statusCode, await body.text()]).toEqual([200, 'alice@EXAMPLE.TEST GET /a ']);
    expect(own.connections()).toBe(1);
  });

  it.each([
    ['a Pool', () => new Pool(server.origin)],
    ['a Client', () => new UndiciClient(server.origin)],
  ])('works on %s', async (_what, make) => {
    const bare = make();
    open.push(bare);
    const { body } = await bare.compose(negotiate()).request({ path: '/a', method: 'GET' });
    expect(await body.text()).toBe('alice@EXAMPLE.TEST GET /a ');
  });

  it('a request without origin takes no token to another server than that of the list', async () => {
    const other = await listen((_request, response) => {
      response.writeHead(401, { 'www-authenticate': 'Negotiate' }).end();
    });
    const negotiate = negotiateInterceptor({ client: stage.alice, origins: ['http://localhost:1'] });
    const pool = new Pool(other.origin).compose(negotiate);
    expect(await failure(pool.request({ path: '/', method: 'GET' }))).toBeInstanceOf(TypeError);
    expect(other.authorizations).toEqual([undefined]);
    await pool.destroy();
    await other.stop();
  });

  it('a request without origin needs a list of one', async () => {
    const bare = new Pool(server.origin);
    open.push(bare);
    const pool = bare.compose(negotiate({ origins: [server.origin, 'http://other.test'] }));
    expect((await failure(pool.request({ path: '/', method: 'GET' }))).message).toMatch(/^origin must/);
  });

  it.each([
    ['a list', ['x-a', 'b', 'authorization', 'old']],
    [
      'pairs',
      new Map([
        ['x-a', 'b'],
        ['Authorization', 'old'],
      ]),
    ],
    ['an object', { 'x-a': ['b'], authorization: 'old' }],
    ['nothing', undefined],
  ])('keeps headers that are %s', async (_what, headers) => {
    const seen: unknown[] = [];
    const own = await stage.negotiating((incoming, response) => {
      seen.push(incoming.headers['x-a']);
      response.end();
    });
    const dispatcher = agent({ origins: [own.origin] });
    await (await request(own.origin, { dispatcher, headers: headers as never })).body.text();
    expect(seen).toEqual([headers === undefined ? undefined : 'b']);
    expect(own.authorizations[1]).toMatch(/^Negotiate /);
  });

  it.each([
    ['a string', 'hello'],
    ['octets', new TextEncoder().encode('hello')],
    ['a Buffer', Buffer.from('hello')],
  ])('sends %s again', async (_what, body) => {
    const answer = await request(server.origin, { dispatcher: agent(), method: 'POST', body });
    expect(await answer.body.text()).toMatch(/POST \/ hello$/);
  });

  it('a stream is refused after a 401, kept on request, sent at once with a token', async () => {
    const send = async (options: Partial<NegotiateInterceptorOptions>): Promise<string> => {
      const body = Readable.from([Buffer.from('hel'), Buffer.from('lo')]);
      return (await request(server.origin, { dispatcher: agent(options), method: 'POST', body })).body.text();
    };
    expect(await failure(send({}))).toMatchObject({ code: 'ERR_HTTP_BODY_REPLAY' });
    expect(await failure(send({ replayLimit: 4 }))).toMatchObject({ code: 'ERR_HTTP_BODY_REPLAY' });
    expect(await send({ replayLimit: 5 })).toMatch(/POST \/ hello$/);
    expect(await send({ preemptive: true })).toMatch(/POST \/ hello$/);
  });

  it('50 requests at once have a token each', async () => {
    const own = await stage.negotiating();
    const dispatcher = agent({ origins: [own.origin], preemptive: true });
    await Promise.all(
      Array.from({ length: 50 }, async (_, i) => {
        const { body } = await request(`${own.origin}/${i}`, { dispatcher });
        expect(await body.text()).toBe(`alice@EXAMPLE.TEST GET /${i} `);
      }),
    );
    expect(new Set(own.authorizations).size).toBe(50);
  });

  it('an error of the KDC is that of the request', async () => {
    for (const preemptive of [false, true]) {
      const outcome = request(server.origin, { dispatcher: agent({ service: 'x', preemptive }) });
      expect(await failure(outcome)).toMatchObject({ code: 'KDC_ERR_S_PRINCIPAL_UNKNOWN' });
    }
  });

  it('abort works before and after the 401', async () => {
    const reason = new Error('enough');
    const signal = AbortSignal.abort(reason);
    expect(await failure(request(server.origin, { dispatcher: agent(), signal }))).toBe(reason);
    const silent = await listen(({ headers }, response) => {
      if (headers.authorization === undefined)
        response.writeHead(401, { 'www-authenticate': 'Negotiate' }).end();
      else controller.abort(reason);
    });
    const controller = new AbortController();
    const dispatcher = agent({ origins: [silent.origin] });
    expect(await failure(request(silent.origin, { dispatcher, signal: controller.signal }))).toBe(reason);
    await silent.stop();
  });

  it('other origins pass untouched', async () => {
    const other = await listen((_incoming, response) => void response.end('open'));
    const { body } = await request(other.origin, { dispatcher: agent({ preemptive: true }) });
    expect([await body.text(), other.authorizations]).toEqual(['open', [undefined]]);
    await other.stop();
  });
});

describe('proofs', () => {
  const answering = (status: number, header: string): Promise<Listening> =>
    stage.negotiating((_incoming, response) => {
      if (header === '') response.removeHeader('www-authenticate');
      else response.setHeader('www-authenticate', header);
      response.statusCode = status;
      response.setHeader('x-secret', '1');
      response.end('the body');
    });

  it('without one there is no response', async () => {
    for (const [status, header] of [
      [200, ''],
      [200, 'Negotiate oQcwBaADCgEA'],
      [500, 'Negotiate oQcwBaADCgEA'],
    ] as const) {
      const own = await answering(status, header);
      const origins = [own.origin];
      expect(await failure(request(own.origin, { dispatcher: agent({ origins }) }))).toMatchObject(MUTUAL);
      const optional = agent({ origins, mutual: 'optional' });
      if (header === '')
        expect((await request(own.origin, { dispatcher: optional })).statusCode).toBe(status);
      else expect(await failure(request(own.origin, { dispatcher: optional }))).toMatchObject(MUTUAL);
    }
  });

  it('fetch says why in the cause', async () => {
    const own = await answering(200, '');
    const dispatcher = agent({ origins: [own.origin] });
    for (const one of [undiciFetch, fetch] as unknown as ((url: string, init: object) => Promise<unknown>)[])
      expect(await failure(one(own.origin, { dispatcher }))).toMatchObject({
        name: 'TypeError',
        cause: MUTUAL,
      });
  });

  it('errors without one are sanitized', async () => {
    const own = await answering(500, '');
    const origins = [own.origin];
    const { statusCode, headers, body } = await request(own.origin, { dispatcher: agent({ origins }) });
    expect([statusCode, Object.keys(headers).sort()]).toEqual([500, ['content-length', 'date']]);
    expect(await body.text()).toBe('');
    const whole = await request(own.origin, { dispatcher: agent({ origins, sanitizeErrors: false }) });
    expect([whole.headers['x-secret'], await whole.body.text()]).toEqual(['1', 'the body']);
  });

  it('a 401 or an error that does not end is cut off', async () => {
    const timers: NodeJS.Timeout[] = [];
    const own = await listen((_incoming, response) => {
      response.writeHead(401, { 'www-authenticate': 'Negotiate' });
      timers.push(setInterval(() => response.write('x'.repeat(10_000)), 10));
    });
    const { statusCode, body } = await request(own.origin, { dispatcher: agent({ origins: [own.origin] }) });
    expect([statusCode, await body.text()]).toEqual([401, '']);
    expect(own.requests).toHaveLength(2);
    for (const timer of timers) clearInterval(timer);
    await own.stop();
  });
});

describe('with fetch', () => {
  it('both fetches follow redirects, each hop with a token of its own', async () => {
    const dispatcher = agent();
    const start = server.authorizations.length;
    for (const one of [undiciFetch, fetch] as unknown as ((
      url: string,
      init: object,
    ) => Promise<Response>)[]) {
      const response = await one(`${server.origin}/to/2`, { dispatcher });
      expect([response.url, await response.text()]).toEqual([
        `${server.origin}/to/0`,
        'alice@EXAMPLE.TEST GET /to/0 ',
      ]);
    }
    const tokens = server.authorizations.slice(start).filter((value) => value !== undefined);
    expect([tokens.length, new Set(tokens).size]).toEqual([6, 6]);
  });

  it('a string body comes as an iterable: kept on request, or sent at once with a token', async () => {
    for (const options of [{ replayLimit: 5 }, { preemptive: true }]) {
      const init = { dispatcher: agent(options), method: 'POST', body: 'hello' };
      expect(await (await undiciFetch(server.origin, init)).text()).toMatch(/POST \/ hello$/);
      expect(await (await fetch(server.origin, init as never)).text()).toMatch(/POST \/ hello$/);
    }
    const init = { dispatcher: agent(), method: 'POST', body: 'hello' };
    const error = await failure(undiciFetch(server.origin, init));
    expect(error).toMatchObject({ cause: { code: 'ERR_HTTP_BODY_REPLAY' } });
  });

  it('works beneath the redirect and retry interceptors', async () => {
    const bare = new Agent();
    open.push(bare);
    const composed = bare.compose(
      negotiate(),
      interceptors.retry({ maxRetries: 1 }),
      interceptors.redirect({ maxRedirections: 5 }),
    );
    const { body } = await request(`${server.origin}/to/2`, { dispatcher: composed });
    expect(await body.text()).toBe('alice@EXAMPLE.TEST GET /to/0 ');
  });
});

describe('options', () => {
  it('origins must be given', () => {
    expect(() => negotiateInterceptor({ client: stage.alice } as never)).toThrow(/^origins /);
    expect(() => negotiateInterceptor({ origins: [] } as never)).toThrow(/^client /);
  });
});
