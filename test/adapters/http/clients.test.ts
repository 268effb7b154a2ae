/** The recipes for axios and got. */
import axios, { type AxiosInstance, type AxiosRequestConfig } from 'axios';
import got, { type Got } from 'got';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type NegotiateGotOptions,
  type NegotiateOptions,
  negotiateFetch,
  negotiateGotHooks,
} from '../../../src/adapters/http/index.js';
import { failure, greet, type Listening, listen, openStage, type Stage } from './servers.js';

let stage: Stage;
let server: Listening;
beforeAll(async () => {
  stage = await openStage();
  server = await stage.negotiating((request, response, who) => {
    const [, to] = /^\/at\?(.*)/.exec(request.url ?? '') ?? [];
    if (to !== undefined) response.writeHead(302, { location: decodeURIComponent(to) }).end();
    else greet(request, response, who);
  });
});
afterAll(() => stage.stop());

/** Authenticates, then answers with a status and without its proof, or with a wrong one. */
const answering = (status: number, proof?: string): Promise<Listening> =>
  stage.negotiating((_request, response) => {
    response.removeHeader('www-authenticate');
    if (proof !== undefined) response.setHeader('www-authenticate', proof);
    response.statusCode = status;
    response.setHeader('x-secret', '1');
    response.end('the body');
  });

describe('got', () => {
  const client = (options: Partial<NegotiateGotOptions> = {}): Got =>
    got.extend({
      retry: { limit: 0 },
      hooks: negotiateGotHooks({ client: stage.alice, origins: [server.origin], ...options }),
    });

  it('answers a 401, verifies the proof, passes bodies', async () => {
    expect(await client()(`${server.origin}/a`).text()).toBe('alice@EXAMPLE.TEST GET /a ');
    expect(
      await client()
        .post(server.origin, { json: { a: 1 } })
        .text(),
    ).toMatch(/POST \/ \{"a":1\}$/);
    expect(await client({ preemptive: true }).put(server.origin, { body: 'b' }).text()).toMatch(/PUT \/ b$/);
  });

  it('one got, many requests at once', async () => {
    const one = client();
    const texts = await Promise.all(
      Array.from({ length: 20 }, (_, i) => one(`${server.origin}/${i}`).text()),
    );
    expect(texts).toEqual(Array.from({ length: 20 }, (_, i) => `alice@EXAMPLE.TEST GET /${i} `));
  });

  it('redirects have a token each', async () => {
    for (const preemptive of [false, true]) {
      const start = server.authorizations.length;
      const url = `${server.origin}/at?${encodeURIComponent('/b')}`;
      expect(await client({ preemptive })(url).text()).toBe('alice@EXAMPLE.TEST GET /b ');
      const tokens = server.authorizations.slice(start).filter((value) => value !== undefined);
      expect([tokens.length, new Set(tokens).size]).toEqual([2, 2]);
    }
  });

  it('other origins get none', async () => {
    const other = await listen((_request, response) => void response.end('open'));
    const url = `${server.origin}/at?${encodeURIComponent(other.origin)}`;
    expect(await client({ preemptive: true })(url).text()).toBe('open');
    expect(other.authorizations).toEqual([undefined]);
    await other.stop();
  });

  it('without proof nothing is handed out', async () => {
    for (const [status, proof] of [
      [200, undefined],
      [200, 'Negotiate oQcwBaADCgEA'],
      [500, 'Negotiate oQcwBaADCgEA'],
    ] as const) {
      const own = await answering(status, proof);
      for (const preemptive of [false, true]) {
        const error = await failure(client({ origins: [own.origin], preemptive })(own.origin));
        expect(error).toMatchObject({ code: 'ERR_HTTP_MUTUAL_AUTH' });
        expect(JSON.stringify(error)).not.toContain('the body');
      }
    }
    const own = await answering(200);
    const optional = client({ origins: [own.origin], mutual: 'optional' });
    expect(await optional(own.origin).text()).toBe('the body');
  });

  it('errors without proof are sanitized', async () => {
    const own = await answering(500);
    const options = { origins: [own.origin] };
    const response = await client(options)(own.origin, { throwHttpErrors: false });
    expect([response.statusCode, response.body, response.headers['x-secret']]).toEqual([500, '', undefined]);
    const error = (await failure(client(options)(own.origin))) as { response?: { body: unknown } };
    expect(error.response?.body).toBe('');
  });

  it('a 401 that stays is a 401', async () => {
    const own = await listen((_request, response) => {
      response.writeHead(401, { 'www-authenticate': 'Negotiate' }).end('the body');
    });
    const response = await client({ origins: [own.origin] })(own.origin, { throwHttpErrors: false });
    expect([response.statusCode, response.body, own.requests.length]).toEqual([401, '', 2]);
    await own.stop();
  });

  it('streams cannot be verified', async () => {
    const stream = client().stream(server.origin);
    expect((await failure(stream.toArray())).message).toContain('got.stream');
    const trusting = client({ mutual: 'disabled', preemptive: true });
    expect(Buffer.concat(await trusting.stream(server.origin).toArray()).toString()).toMatch(/^alice@/);
  });

  it('origins must be given', () => {
    expect(() => negotiateGotHooks({ client: stage.alice } as never)).toThrow(/^origins /);
  });
});

describe('axios', () => {
  const client = (options: Partial<NegotiateOptions> = {}, config: AxiosRequestConfig = {}): AxiosInstance =>
    axios.create({
      ...{ adapter: 'fetch', env: { fetch: negotiateFetch({ client: stage.alice, ...options }) } },
      ...config,
    });

  it('answers a 401, verifies the proof, passes bodies', async () => {
    expect((await client().get(`${server.origin}/a`)).data).toBe('alice@EXAMPLE.TEST GET /a ');
    expect((await client().post(server.origin, { a: 1 })).data).toMatch(/POST \/ \{"a":1\}$/);
    const form = new FormData();
    form.set('a', 'b');
    expect((await client().post(server.origin, form)).data).toContain('name="a"');
    expect((await client({ preemptive: true }).put(server.origin, 'b')).data).toMatch(/PUT \/ b$/);
  });

  it('follows redirects', async () => {
    const url = `${server.origin}/at?${encodeURIComponent('/b')}`;
    expect((await client().get(url)).data).toBe('alice@EXAMPLE.TEST GET /b ');
  });

  it('without proof nothing is handed out', async () => {
    const own = await answering(200);
    const error = await failure(client().get(own.origin));
    expect([error.code, (error.cause as { code?: string }).code]).toContain('ERR_HTTP_MUTUAL_AUTH');
    const failed = await failure(client().get((await answering(500)).origin));
    expect(failed).toMatchObject({ response: { status: 500, data: '' } });
  });

  it('time-outs work', async () => {
    const silent = await listen(() => undefined);
    const error = await failure(client({}, { timeout: 50 }).get(silent.origin));
    expect(error.code).toMatch(/ECONNABORTED|ETIMEDOUT/);
    await silent.stop();
  });
});
