/** Request bodies, connections, sessions and many requests at once: negotiateFetch at Apache. */
import { createHash } from 'node:crypto';
import { Agent } from 'undici';
import { describe, expect, it } from 'vitest';
import { startApacheSite } from '../../scripts/realServers/index.mjs';
import { type NegotiateFetchOptions, negotiateFetch } from '../../src/adapters/http/index.js';
import { alice, fetchThrough, mark, requestsWith, useAgent, useServer } from './httpSupport.js';
import { failure, passwordClient } from './library.js';

const site = useServer(startApacheSite);
const trusting = fetchThrough(useAgent(() => site().ca));

type Options = Omit<NegotiateFetchOptions, 'client' | 'fetch'>;

/** What the CGI program behind /echo has read. */
interface Echo {
  readonly method: string;
  readonly user: string;
  readonly type: string;
  readonly length: number;
  readonly sha256: string;
}

async function post(init: RequestInit, options: Options = {}, path = '/echo'): Promise<Echo> {
  const negotiate = negotiateFetch({ client: alice(), fetch: trusting, ...options });
  const response = await negotiate(site().http + path, { method: 'POST', ...init });
  expect(response.status).toBe(200);
  const text = await response.text();
  const value = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(text)?.[1] ?? '';
  return {
    ...{ method: value('method'), user: value('user'), type: value('type') },
    ...{ length: Number(value('length')), sha256: value('sha256') },
  };
}

const TEXT = 'pässwörd '.repeat(20_000);
const OCTETS = new TextEncoder().encode(TEXT);
const WHOLE = {
  ...{ method: 'POST', user: 'alice@EXAMPLE.TEST', length: OCTETS.length },
  sha256: createHash('sha256').update(OCTETS).digest('hex'),
};

/** The octets in pieces, once. */
function stream(): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= OCTETS.length) return controller.close();
      controller.enqueue(OCTETS.slice(at, at + 10_000));
      at += 10_000;
    },
  });
}

const streamed = (body: ReadableStream<Uint8Array>): RequestInit => ({ body, duplex: 'half' }) as RequestInit;

describe('bodies that can be sent again', () => {
  it.each([
    ['a string', () => TEXT],
    ['a Uint8Array', () => OCTETS],
    ['an ArrayBuffer', () => OCTETS.slice().buffer],
    ['a Blob', () => new Blob([OCTETS])],
  ] as const)('%s arrives whole after a 401, and at once', async (_, body) => {
    expect(await post({ body: body() })).toMatchObject(WHOLE);
    expect(await post({ body: body() }, { preemptive: true })).toMatchObject(WHOLE);
  });

  it('a form arrives whole after a 401, and at once', async () => {
    for (const preemptive of [false, true]) {
      const form = new FormData();
      form.set('text', TEXT);
      form.set('file', new Blob([OCTETS]), 'file.bin');
      const { type, length } = await post({ body: form }, { preemptive });
      expect(type).toMatch(/^multipart\/form-data; boundary=/);
      expect(length).toBeGreaterThan(2 * OCTETS.length);
      const query = await post({ body: new URLSearchParams({ a: 'b' }) }, { preemptive });
      expect(query).toMatchObject({ type: expect.stringContaining('x-www-form-urlencoded'), length: 3 });
    }
  });

  it('a Request arrives whole after a 401', async () => {
    const request = new Request(`${site().http}/echo`, { method: 'POST', body: TEXT });
    const response = await negotiateFetch({ client: alice() })(request);
    expect(await response.text()).toContain(`length=${WHOLE.length}\nsha256=${WHOLE.sha256}\n`);
  });
});

describe('bodies that can be read once', () => {
  it('a stream arrives whole with pre-emptive authentication', async () => {
    expect(await post(streamed(stream()), { preemptive: true })).toMatchObject(WHOLE);
  });

  it('a stream is refused after a 401, never silently empty', async () => {
    const query = mark();
    const error = await failure(post(streamed(stream()), {}, `/echo${query}`));
    expect(error).toMatchObject({ code: 'ERR_HTTP_BODY_REPLAY' });
    expect((await requestsWith(site(), query)).map(({ status }) => status)).toEqual([401]);
  });

  it('a stream arrives whole after a 401 when its octets may be kept', async () => {
    expect(await post(streamed(stream()), { replayLimit: OCTETS.length })).toMatchObject(WHOLE);
    const error = await failure(post(streamed(stream()), { replayLimit: OCTETS.length - 1 }));
    expect(error).toMatchObject({ code: 'ERR_HTTP_BODY_REPLAY' });
  });

  it('a stream is refused when a 307 redirection would send it again', async () => {
    const error = await failure(post(streamed(stream()), { preemptive: true }, '/go/echo'));
    expect(error).toMatchObject({ code: 'ERR_HTTP_BODY_REPLAY' });
  });
});

describe('connections and sessions', () => {
  it('a server that binds identities to connections lets every request in', async () => {
    const query = mark();
    const negotiate = negotiateFetch({ client: alice(), fetch: trusting, preemptive: true });
    for (let i = 0; i < 5; i++) {
      const response = await negotiate(`${site().http}/bound${query}`);
      expect(response.headers.get('persistent-auth')).toBe('true');
      expect(await response.text()).toBe('REMOTE_USER=alice@EXAMPLE.TEST\n');
    }
    const requests = await requestsWith(site(), query);
    expect(new Set(requests.map(({ authorization }) => authorization)).size).toBe(5);
  });

  it('a connection that is bound to one identity never serves another', async () => {
    const connection = new Agent({ connections: 1 });
    const through = fetchThrough(() => connection);
    const ask = (user: string, options: Options = {}) =>
      negotiateFetch({ client: passwordClient(user), fetch: through, ...options })(`${site().http}/bound`);
    expect(await (await ask('alice')).text()).toContain('alice@');
    expect(await failure(ask('bob'))).toMatchObject({ code: 'ERR_HTTP_MUTUAL_AUTH' });
    expect(await (await ask('bob', { preemptive: true })).text()).toContain('bob@');
    await connection.close();
  });

  it('a session cookie takes the place of tokens, over TLS, where the caller allows it', async () => {
    const negotiate = negotiateFetch({ client: alice(), fetch: trusting, sessions: true });
    const url = `${site().https}/sessions`;
    const first = await negotiate(url);
    const cookie = first.headers.getSetCookie()[0]?.split(';')[0] ?? '';
    expect(cookie).toMatch(/^gss_session=/);
    const query = mark();
    const second = await negotiate(url + query, { headers: { cookie } });
    expect(await second.text()).toBe('REMOTE_USER=alice@EXAMPLE.TEST\n');
    const requests = await requestsWith(site(), query);
    expect(requests.map(({ authorization }) => authorization)).toEqual([undefined]);
    const strict = negotiateFetch({ client: alice(), fetch: trusting });
    expect(await failure(strict(url, { headers: { cookie } }))).toMatchObject({
      code: 'ERR_HTTP_MUTUAL_AUTH',
    });
  });

  it('50 requests at once on one identity are let in, each with its own token', async () => {
    for (const preemptive of [false, true]) {
      const query = mark();
      const negotiate = negotiateFetch({ client: alice(), fetch: trusting, preemptive });
      const texts = await Promise.all(
        Array.from({ length: 50 }, async () => (await negotiate(`${site().http}/krb${query}`)).text()),
      );
      expect(new Set(texts)).toEqual(new Set(['REMOTE_USER=alice@EXAMPLE.TEST\n']));
      const requests = await requestsWith(site(), query);
      const tokens = requests.flatMap(({ authorization }) => authorization ?? []);
      expect(new Set(tokens).size).toBe(50);
    }
  });

  it('50 requests at once over TLS, too', async () => {
    const negotiate = negotiateFetch({ client: alice(), fetch: trusting });
    const texts = await Promise.all(
      Array.from({ length: 50 }, async () => (await negotiate(`${site().https}/krb`)).text()),
    );
    expect(new Set(texts)).toEqual(new Set(['REMOTE_USER=alice@EXAMPLE.TEST\n']));
  });
});
