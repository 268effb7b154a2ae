/** Redirects of negotiateFetch: as the Fetch standard has them, with a token of its own for each hop, to no stranger. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type NegotiateFetchOptions, negotiateFetch } from '../../../src/adapters/http/index.js';
import { failure, greet, type Listening, listen, openStage, type Stage, tracing } from './servers.js';

let stage: Stage;
/** Authenticates; `/to/STATUS/N` leads N times further, `/at?URL` to a URL. */
let server: Listening;
let other: Listening;
beforeAll(async () => {
  stage = await openStage();
  const guide: typeof greet = (request, response, who) => {
    const [, status, count] = /^\/to\/(\d+)\/(\d+)/.exec(request.url ?? '') ?? [];
    const [, to] = /^\/at\?(.*)/.exec(request.url ?? '') ?? [];
    if (to !== undefined) response.writeHead(307, { location: decodeURIComponent(to) }).end();
    else if (Number(count) > 0)
      response.writeHead(Number(status), { location: `/to/${status}/${Number(count) - 1}` }).end('a body');
    else greet(request, response, who);
  };
  server = await stage.negotiating(guide);
  other = await stage.negotiating();
});
afterAll(() => stage.stop());

const negotiate = (options: Partial<NegotiateFetchOptions> = {}): typeof fetch =>
  negotiateFetch({ client: stage.alice, ...options });
const at = (url: string): string => `${server.origin}/at?${encodeURIComponent(url)}`;

describe('redirects', () => {
  it('each hop has a token of its own', async () => {
    const start = server.authorizations.length;
    const response = await negotiate({ preemptive: true })(`${server.origin}/to/302/3`);
    expect(await response.text()).toBe('alice@EXAMPLE.TEST GET /to/302/0 ');
    expect(response).toMatchObject({ redirected: true, url: `${server.origin}/to/302/0` });
    expect(response.clone).toBeDefined();
    const tokens = server.authorizations.slice(start);
    expect(tokens).toHaveLength(4);
    expect(new Set(tokens).size).toBe(4);
  });

  it.each([
    [301, 'POST', 'GET', ''],
    [302, 'POST', 'GET', ''],
    [303, 'POST', 'GET', ''],
    [303, 'PUT', 'GET', ''],
    [301, 'PUT', 'PUT', 'hello'],
    [302, 'DELETE', 'DELETE', 'hello'],
    [307, 'POST', 'POST', 'hello'],
    [308, 'POST', 'POST', 'hello'],
  ])('%i of %s leads to %s with body %j', async (status, method, then, body) => {
    const init = { method, body: 'hello', headers: { 'content-type': 'text/x' } };
    const [ours, theirs] = await Promise.all([
      negotiate()(`${server.origin}/to/${status}/1`, init),
      plain(status, init),
    ]);
    expect(await ours.text()).toBe(`alice@EXAMPLE.TEST ${then} /to/${status}/0 ${body}`);
    expect(await theirs.text()).toBe(`${then} ${body} ${body === '' ? 'undefined' : 'text/x'}`);
  });

  /** What fetch itself makes of the redirect. */
  async function plain(status: number, init: RequestInit): Promise<Response> {
    const own = await listen((request, response) => {
      if (request.url === '/') return void response.writeHead(status, { location: '/b' }).end();
      let body = '';
      request.on('data', (chunk) => {
        body += chunk;
      });
      request.on('end', () => response.end(`${request.method} ${body} ${request.headers['content-type']}`));
    });
    const response = await fetch(own.origin, init);
    const text = await response.text();
    await own.stop();
    return new Response(text);
  }

  it('303 of HEAD stays HEAD', async () => {
    const start = server.requests.length;
    await negotiate({ preemptive: true })(`${server.origin}/to/303/1`, { method: 'HEAD' });
    expect(server.requests.slice(start)).toEqual(['HEAD /to/303/1 ', 'HEAD /to/303/0 ']);
  });

  it('body headers do not go along without the body', async () => {
    const seen: unknown[] = [];
    const own = await stage.negotiating((request, response) => {
      seen.push(request.headers['content-type'], request.headers['content-language'], request.headers['x-a']);
      response.writeHead(request.url === '/' ? 303 : 200, { location: '/b' }).end();
    });
    const headers = { 'content-type': 'a/b', 'content-language': 'de', 'x-a': 'c' };
    await negotiate({ preemptive: true })(own.origin, { method: 'POST', body: 'x', headers });
    expect(seen).toEqual(['a/b', 'de', 'c', undefined, undefined, 'c']);
  });

  it('20 are followed, no more', async () => {
    const options = { preemptive: true };
    expect((await negotiate(options)(`${server.origin}/to/302/20`)).status).toBe(200);
    const error = await failure(negotiate(options)(`${server.origin}/to/302/21`));
    expect(error).toMatchObject({ name: 'TypeError', message: 'fetch failed' });
  });

  it('redirect: manual hands out the redirect, proof and all', async () => {
    const response = await negotiate()(`${server.origin}/to/302/1`, { redirect: 'manual' });
    expect([response.status, response.headers.get('location')]).toEqual([302, '/to/302/0']);
    expect(await response.text()).toBe('a body');
    const open = await listen((_request, answer) => void answer.writeHead(302, { location: '/' }).end());
    expect(await failure(negotiate()(open.origin, { redirect: 'manual' }))).toMatchObject({
      code: 'ERR_HTTP_MUTUAL_AUTH',
    });
    await open.stop();
  });

  it('redirect: error is an error', async () => {
    const error = await failure(negotiate()(`${server.origin}/to/302/1`, { redirect: 'error' }));
    expect(error).toMatchObject({ name: 'TypeError', message: 'fetch failed' });
    await expect(negotiate()(server.origin, { redirect: 'never' as never })).rejects.toThrow(/^redirect /);
  });

  it('the fragment goes along', async () => {
    const urls: string[] = [];
    const beneath: typeof fetch = (url, init) => {
      urls.push(String(url));
      return fetch(url, init);
    };
    await negotiate({ preemptive: true, fetch: beneath })(`${server.origin}/to/302/1#part`);
    expect(urls).toEqual([`${server.origin}/to/302/1#part`, `${server.origin}/to/302/0#part`]);
  });

  it.each([['http://['], ['ftp://localhost/'], ['javascript:alert(1)'], ['http://a:b@localhost/']])(
    'to %s is an error',
    async (location) => {
      expect(await failure(negotiate()(at(location)))).toMatchObject({ name: 'TypeError' });
    },
  );

  it('a redirect without proof is followed, one with a wrong proof is not', async () => {
    const open = await listen((request, response) => {
      const proof = request.url === '/wrong' ? { 'www-authenticate': 'Negotiate oQcwBaADCgEA' } : {};
      response.writeHead(302, { location: `${server.origin}/x`, ...proof }).end();
    });
    const options = { origins: [server.origin, open.origin] };
    expect((await negotiate(options)(open.origin)).status).toBe(200);
    expect(await failure(negotiate(options)(`${open.origin}/wrong`))).toMatchObject({
      code: 'ERR_HTTP_MUTUAL_AUTH',
    });
    await open.stop();
  });
});

describe('another origin', () => {
  it('gets no token, and its answer is not handed out as if it were proved', async () => {
    const start = other.authorizations.length;
    expect((await negotiate()(at(`${other.origin}/x`))).status).toBe(401);
    expect(other.authorizations.slice(start)).toEqual([undefined]);
    const open = await listen((_request, response) => void response.end('open'));
    const error = await failure(negotiate()(at(open.origin)));
    expect(error).toMatchObject({ code: 'ERR_HTTP_MUTUAL_AUTH' });
    expect(error.message).toContain('not among the origins');
    expect(await (await negotiate({ mutual: 'optional' })(at(open.origin))).text()).toBe('open');
    await open.stop();
  });

  it('gets no token without being asked, either', async () => {
    const start = other.authorizations.length;
    await negotiate({ preemptive: true })(at(`${other.origin}/x`));
    expect(other.authorizations.slice(start)).toEqual([undefined]);
  });

  it('gets one when it is in the list', async () => {
    const lists = [
      [server.origin, other.origin],
      [`${server.origin}/`, `${other.origin}/`],
    ];
    for (const origins of [...lists, (origin: string) => origin.startsWith('http://localhost:')]) {
      const response = await negotiate({ origins })(at(`${other.origin}/x`));
      expect(await response.text()).toMatch(/^alice@/);
    }
  });

  it('the list decides on the first hop, too', async () => {
    const start = other.authorizations.length;
    expect((await negotiate({ origins: [server.origin] })(other.origin)).status).toBe(401);
    expect((await negotiate({ origins: () => 'yes' as never })(other.origin)).status).toBe(401);
    expect(other.authorizations.slice(start)).toEqual([undefined, undefined]);
  });

  it('gets no credentials of the caller', async () => {
    const seen: unknown[] = [];
    const thief = await listen((request, response) => {
      const { authorization, cookie, 'proxy-authorization': proxy, 'x-a': x } = request.headers;
      seen.push(authorization, cookie, proxy, x);
      response.end();
    });
    const headers = { authorization: 'Bearer x', cookie: 'a=b', 'proxy-authorization': 'c', 'x-a': 'd' };
    await negotiate({ mutual: 'optional' })(at(thief.origin), { headers });
    expect(seen).toEqual([undefined, undefined, undefined, 'd']);
    await thief.stop();
  });

  it('is traced', async () => {
    const { trace, events } = tracing();
    await negotiate({ trace })(at(`${other.origin}/x`));
    expect(events).toContainEqual(
      expect.objectContaining({
        event: 'http.redirect',
        data: { origin: server.origin, to: other.origin },
      }),
    );
  });
});
