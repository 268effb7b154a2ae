/** The undici interceptor at Apache. */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { type Agent, type Dispatcher, interceptors, Pool, request, fetch as undiciFetch } from 'undici';
import { describe, expect, it } from 'vitest';
import { startApacheSite } from '../../scripts/realServers/index.mjs';
import { type NegotiateInterceptorOptions, negotiateInterceptor } from '../../src/adapters/http/index.js';
import { alice, fetchThrough, mark, requestsWith, useAgent, useServer } from './httpSupport.js';
import { failure } from './library.js';

const site = useServer(startApacheSite);
const agent = useAgent(() => site().ca);

const USER = 'REMOTE_USER=alice@EXAMPLE.TEST\n';
const MUTUAL = { code: 'ERR_HTTP_MUTUAL_AUTH' };
const BODY = 'body '.repeat(30_000);
const ECHOED = `length=${BODY.length}\nsha256=${createHash('sha256').update(BODY).digest('hex')}\n`;

describe('undici interceptor', () => {
  type Options = Partial<NegotiateInterceptorOptions>;

  function dispatcher(options: Options = {}, below: Dispatcher = agent()): Dispatcher {
    const origins = [site().http, site().https, site().httpsEcdsa];
    const negotiate = negotiateInterceptor({ client: alice(), origins, ...options });
    return below.compose(negotiate, interceptors.redirect({ maxRedirections: 5 }));
  }

  async function get(url: string, options: Options = {}): Promise<[status: number, text: string]> {
    const { statusCode, body } = await request(url, { dispatcher: dispatcher(options) });
    return [statusCode, await body.text()];
  }

  it('undici: request() is let in, after a 401 and at once', async () => {
    for (const preemptive of [false, true]) {
      const query = mark();
      expect(await get(`${site().http}/krb${query}`, { preemptive })).toEqual([200, USER]);
      expect(await get(`${site().https}/krb`, { preemptive })).toEqual([200, USER]);
      const requests = await requestsWith(site(), query);
      expect(requests.map(({ status }) => status)).toEqual(preemptive ? [200] : [401, 200]);
    }
  });

  it('undici: its fetch, and the fetch of Node with its dispatcher, are let in', async () => {
    const used = dispatcher();
    expect(await (await undiciFetch(`${site().https}/krb`, { dispatcher: used })).text()).toBe(USER);
    expect(await (await fetchThrough(() => used as Agent)(`${site().https}/krb`)).text()).toBe(USER);
  });

  it('undici: mutual authentication', async () => {
    expect(await failure(get(`${site().http}/stripped`))).toMatchObject(MUTUAL);
    expect(await failure(get(`${site().http}/forged`))).toMatchObject(MUTUAL);
    expect(await failure(get(`${site().http}/forged`, { mutual: 'optional' }))).toMatchObject(MUTUAL);
    expect(await get(`${site().http}/stripped`, { mutual: 'optional' })).toEqual([200, USER]);
    expect(await get(`${site().http}/forged`, { mutual: 'disabled' })).toEqual([200, USER]);
  });

  it('undici: error responses without proof are sanitized, unless told not to', async () => {
    const url = `${site().http}/stripped/500`;
    const { statusCode, headers, body } = await request(url, { dispatcher: dispatcher() });
    expect([statusCode, await body.text()]).toEqual([500, '']);
    expect(headers).not.toHaveProperty('x-secret');
    expect(headers).not.toHaveProperty('set-cookie');
    expect(await get(url, { sanitizeErrors: false })).toEqual([500, 'a secret\n']);
    expect(await get(`${site().http}/error/500`)).toEqual([500, 'a secret\n']);
  });

  it('undici: several schemes and headers', async () => {
    expect(await get(`${site().http}/several`)).toEqual([200, USER]);
    expect(await get(`${site().http}/list`)).toEqual([200, USER]);
    expect((await get(`${site().http}/basic`, { mutual: 'optional' }))[0]).toBe(401);
  });

  it('undici: a server that refuses the token gets one more, with a fresh ticket', async () => {
    const query = mark();
    expect((await get(`${site().http}/other-key${query}`))[0]).toBe(401);
    expect(await requestsWith(site(), query)).toHaveLength(3);
  });

  it('undici: redirections get a fresh token for each hop, and none outside the list', async () => {
    const query = mark();
    expect(await get(`${site().http}/dir${query}`)).toEqual([200, USER]);
    const requests = await requestsWith(site(), query);
    const tokens = requests.flatMap(({ authorization }) => authorization ?? []);
    expect([tokens.length, new Set(tokens).size]).toEqual([2, 2]);
    expect((await get(`${site().http}/go/port`))[0]).toBe(401);
    expect(await get(`${site().http}/go/https`)).toEqual([200, USER]);
  });

  it('undici: requests to other origins pass untouched', async () => {
    const query = mark();
    expect((await get(`${site().otherHttp}/krb${query}`))[0]).toBe(401);
    expect(await get(`${site().otherHttp}/open`)).toEqual([200, 'open to everybody\n']);
    const requests = await requestsWith(site(), query);
    expect(requests.map(({ authorization }) => authorization)).toEqual([undefined]);
  });

  it('undici: bodies arrive whole, or are refused', async () => {
    const post = async (body: string | Buffer | Readable, options: Options = {}) => {
      const sent = { method: 'POST', body, dispatcher: dispatcher(options) } as const;
      return (await request(`${site().http}/echo`, sent)).body.text();
    };
    for (const preemptive of [false, true]) {
      expect(await post(BODY, { preemptive })).toContain(ECHOED);
      expect(await post(Buffer.from(BODY), { preemptive })).toContain(ECHOED);
    }
    expect(await post(Readable.from([BODY]), { preemptive: true })).toContain(ECHOED);
    expect(await post(Readable.from([BODY]), { replayLimit: 1_000_000 })).toContain(ECHOED);
    const error = await failure(post(Readable.from([BODY])));
    expect(error).toMatchObject({ code: 'ERR_HTTP_BODY_REPLAY' });
  });

  it('undici: the body of its fetch arrives whole, or is refused', async () => {
    const post = async (options: Options = {}) => {
      const sent = { method: 'POST', body: BODY, dispatcher: dispatcher(options) };
      return (await undiciFetch(`${site().http}/echo`, sent)).text();
    };
    expect(await post({ preemptive: true })).toContain(ECHOED);
    expect(await post({ replayLimit: 1_000_000 })).toContain(ECHOED);
    expect(await failure(post())).toMatchObject({ cause: { code: 'ERR_HTTP_BODY_REPLAY' } });
  });

  it('undici: delegation only on opt-in, over TLS', async () => {
    expect((await get(`${site().https}/deleg`))[1]).toContain('KRB5CCNAME=(none)');
    expect((await get(`${site().https}/deleg`, { delegate: true }))[1]).toContain('KRB5CCNAME=FILE:');
    const error = await failure(get(`${site().http}/deleg`, { delegate: true }));
    expect(error).toMatchObject({ code: 'ERR_HTTP_DELEGATION' });
  });

  it('undici: another host name, another service', async () => {
    const byAddress = site().http.replace('localhost', '127.0.0.1');
    const origins = [byAddress];
    expect(await get(`${byAddress}/krb`, { origins, hostname: 'localhost' })).toEqual([200, USER]);
    expect(await get(`${byAddress}/krb`, { origins, service: 'HTTP@localhost' })).toEqual([200, USER]);
  });

  it('undici: requests of a pool may leave the origin out where the list has one', async () => {
    const pool = new Pool(site().http);
    const get = (origins: string[]) =>
      dispatcher({ origins }, pool).request({ path: '/krb', method: 'GET' } as Dispatcher.RequestOptions);
    expect(await (await get([site().http])).body.text()).toBe(USER);
    expect(await failure(get([site().http, site().https]))).toBeInstanceOf(TypeError);
    await pool.close();
  });

  it('undici: 50 requests at once, also over one connection that the server binds the identity to', async () => {
    const many = async (used: Dispatcher, path: string) => {
      const asked = Array.from({ length: 50 }, () =>
        used.request({ origin: site().http, path, method: 'GET' }),
      );
      return Promise.all((await Promise.all(asked)).map(({ body }) => body.text()));
    };
    for (const connections of [10, 1]) {
      const pool = new Pool(site().http, { connections });
      const texts = await many(dispatcher({}, pool), connections === 1 ? '/bound' : '/krb');
      expect(new Set(texts)).toEqual(new Set([USER]));
      await pool.close();
    }
  });
});
