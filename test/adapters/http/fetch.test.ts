/** negotiateFetch against the embedded realm: tokens, proofs, names, identities, many at once. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type NegotiateFetchOptions,
  negotiateFetch,
  negotiationOf,
} from '../../../src/adapters/http/index.js';
import { Client } from '../../../src/index.js';
import { failure, type Listening, listen, openStage, type Stage, tracing } from './servers.js';

let stage: Stage;
let server: Listening;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.stop());

const negotiate = (options: Partial<NegotiateFetchOptions> = {}): typeof fetch =>
  negotiateFetch({ client: stage.alice, ...options });

function failureOf(action: () => unknown): unknown {
  try {
    return action();
  } catch (error) {
    return error;
  }
}

describe('negotiateFetch', () => {
  beforeAll(async () => {
    server = await stage.negotiating();
  });

  it('answers a 401 with a token and verifies the proof', async () => {
    const fresh = await stage.negotiating();
    const response = await negotiate()(`${fresh.origin}/a?b#c`);
    expect(await response.text()).toBe('alice@EXAMPLE.TEST GET /a?b ');
    expect(response).toMatchObject({ status: 200, redirected: false, url: `${fresh.origin}/a?b` });
    expect(negotiationOf(response)).toEqual({ verified: true, refusal: undefined });
    expect(fresh.authorizations.map((value) => value?.slice(0, 12))).toEqual([undefined, 'Negotiate YI']);
    expect(fresh.connections()).toBe(1);
  });

  it('takes URL objects and Request objects, with init on top', async () => {
    const url = new URL(`${server.origin}/u`);
    expect(await (await negotiate()(url)).text()).toMatch(/GET \/u $/);
    const request = new Request(url, { method: 'POST', body: 'one', headers: { 'x-a': 'b' } });
    expect(await (await negotiate()(request)).text()).toMatch(/POST \/u one$/);
    const other = new Request(url, { method: 'POST', body: 'one' });
    expect(await (await negotiate()(other, { method: 'put', body: 'two' })).text()).toMatch(/PUT \/u two$/);
  });

  it('sends headers with every try', async () => {
    const seen: unknown[] = [];
    const own = await stage.negotiating((request, response) => {
      seen.push(request.headers['x-a'], request.headers.cookie);
      response.end();
    });
    await negotiate()(own.origin, { headers: { 'X-A': 'b', cookie: 'c=d', authorization: 'Bearer x' } });
    expect(seen).toEqual(['b', 'c=d']);
    expect(own.authorizations[0]).toBe('Bearer x');
    expect(own.authorizations[1]).toMatch(/^Negotiate /);
  });

  it.each([
    'https://u:secret@h.test',
    'https://:secret@h.test',
    'https://h.test/secret',
    'ftp://secret',
    'h',
  ])('refuses %s as an origin, and does not show it', (origin) => {
    const error = failureOf(() => negotiate({ origins: [origin] }));
    expect(error).toBeInstanceOf(TypeError);
    expect(String(error)).not.toContain('secret');
  });

  it('refuses a fetch beneath that follows redirects itself', async () => {
    const own = await stage.negotiating();
    const followed = async (): Promise<Response> => {
      const response = await fetch(own.origin);
      return Object.defineProperty(response, 'redirected', { value: true });
    };
    await expect(negotiate({ fetch: followed })(own.origin)).rejects.toBeInstanceOf(TypeError);
  });

  it('pre-emptive: the first request has a token', async () => {
    const own = await stage.negotiating();
    const fetch = negotiate({ preemptive: true });
    expect((await fetch(own.origin)).status).toBe(200);
    expect((await fetch(own.origin)).status).toBe(200);
    expect(new Set(own.authorizations).size).toBe(2);
    expect(own.authorizations).toEqual([expect.stringMatching(/^Neg/), expect.stringMatching(/^Neg/)]);
  });

  it('mechanism krb5 sends the krb5 token as it is', async () => {
    const own = await stage.negotiating();
    await negotiate({ mechanism: 'krb5', preemptive: true })(own.origin);
    const token = Buffer.from(own.authorizations[0]!.slice('Negotiate '.length), 'base64');
    expect(token.includes(Buffer.from('2a864886f712010202', 'hex'))).toBe(true);
    expect(token.includes(Buffer.from('2b0601050502', 'hex'))).toBe(false);
  });

  it('50 requests at once have a token each', async () => {
    const own = await stage.negotiating();
    const fetch = negotiate({ preemptive: true });
    const texts = await Promise.all(
      Array.from({ length: 50 }, async (_, i) => (await fetch(`${own.origin}/${i}`)).text()),
    );
    expect(texts).toEqual(Array.from({ length: 50 }, (_, i) => `alice@EXAMPLE.TEST GET /${i} `));
    expect(new Set(own.authorizations).size).toBe(50);
  });

  it('two identities do not mix', async () => {
    const fetches = [negotiate(), negotiate({ client: stage.bob })];
    const texts = await Promise.all(
      Array.from({ length: 20 }, async (_, i) => (await fetches[i % 2]!(server.origin)).text()),
    );
    texts.forEach((text, i) => {
      expect(text).toMatch(i % 2 === 0 ? /^alice@/ : /^bob@/);
    });
  });

  it('a function chooses the identity by origin, or none', async () => {
    const asked: string[] = [];
    const client = (origin: string) => {
      asked.push(origin);
      return origin === server.origin ? stage.bob : undefined;
    };
    expect(await (await negotiate({ client })(server.origin)).text()).toMatch(/^bob@/);
    const other = await stage.negotiating();
    expect((await negotiate({ client })(other.origin)).status).toBe(401);
    expect(other.authorizations).toEqual([undefined]);
    expect(new Set(asked)).toEqual(new Set([server.origin, other.origin]));
  });

  it('names the service by option: host, kind, whole name, principal, function', async () => {
    const byAddress = server.origin.replace('localhost', '127.0.0.1');
    expect(await failure(negotiate()(byAddress))).toMatchObject({ code: 'KDC_ERR_S_PRINCIPAL_UNKNOWN' });
    expect(await failure(negotiate({ service: 'cifs' })(server.origin))).toMatchObject({
      code: 'KDC_ERR_S_PRINCIPAL_UNKNOWN',
    });
    const principal = { nameType: 3, components: ['HTTP', 'localhost'], realm: 'EXAMPLE.TEST' };
    for (const options of [
      { hostname: 'localhost' },
      { hostname: 'LOCALHOST.', service: 'HTTP' },
      { service: 'HTTP@localhost' },
      { service: 'HTTP/localhost@EXAMPLE.TEST' },
      { service: principal },
      { service: (origin: string) => `HTTP@${origin === byAddress ? 'localhost' : 'x'}` },
    ]) {
      expect((await negotiate(options)(byAddress)).status, JSON.stringify(options)).toBe(200);
    }
  });

  it('a KDC that refuses is an error, not a 401', async () => {
    const error = await failure(negotiate({ service: 'HTTP@nobody.test' })(server.origin));
    expect(error).toMatchObject({ code: 'KDC_ERR_S_PRINCIPAL_UNKNOWN' });
  });

  it('aborts as fetch does', async () => {
    const reason = new Error('enough');
    expect(await failure(negotiate()(server.origin, { signal: AbortSignal.abort(reason) }))).toBe(reason);
    const never = await listen(() => undefined);
    const controller = new AbortController();
    const outcome = failure(negotiate()(never.origin, { signal: controller.signal }));
    setTimeout(() => controller.abort(), 50);
    expect((await outcome).name).toBe('AbortError');
    await never.stop();
  });

  it('aborts while the ticket is on its way', async () => {
    const controller = new AbortController();
    const waiting = new (class extends Client {
      override securityContext(): Promise<never> {
        return new Promise((_, reject) => {
          controller.signal.addEventListener('abort', () => reject(new Error('aborted below')));
          controller.abort();
        });
      }
    })({ principal: stage.alice.principal, config: stage.realm.config } as never);
    const error = await failure(negotiate({ client: waiting })(server.origin, { signal: controller.signal }));
    expect(error.name).toBe('AbortError');
  });

  it('traces what happens, without tokens', async () => {
    const { trace, events } = tracing();
    const own = await stage.negotiating();
    await negotiate({ trace })(own.origin);
    expect(events.map(({ event }) => event)).toEqual([
      'http.client',
      'http.challenge',
      'http.token',
      'http.verified',
    ]);
    expect(JSON.stringify(events)).not.toContain(own.authorizations[1]!.slice(-40));
    expect(events[0]).toMatchObject({ data: { origin: own.origin, user: 'alice@EXAMPLE.TEST' } });
  });
});

describe('tickets', () => {
  it('a service with a new key gets a new ticket, once', async () => {
    const client = stage.alice;
    await client.serviceTicket('HTTP@localhost');
    await stage.realm.addPrincipal('HTTP/localhost', {});
    const own = await stage.negotiating();
    const { trace, events } = tracing();
    expect(await (await negotiate({ trace })(own.origin)).text()).toMatch(/^alice@/);
    expect(own.requests).toHaveLength(3);
    expect(events.filter(({ event }) => event === 'http.token')).toHaveLength(2);
  });

  it('a service that has not got its new key is asked twice, and says why', async () => {
    const own = await stage.negotiating();
    await stage.realm.addPrincipal('HTTP/localhost', {});
    stage.alice.forget('HTTP@localhost');
    const response = await negotiate()(own.origin);
    expect(response.status).toBe(401);
    expect(own.requests).toHaveLength(3);
    expect(negotiationOf(response)?.refusal?.code).toMatch(/^KRB_AP_ERR_/);
  });

  it('another refusal is not tried again', async () => {
    await stage.realm.addPrincipal('HTTP/other.test', {});
    const own = await stage.negotiating();
    const response = await negotiate({ hostname: 'other.test' })(own.origin);
    expect([response.status, own.requests.length]).toEqual([401, 2]);
    expect(negotiationOf(response)?.refusal?.code).toBe('KRB_AP_ERR_NOT_US');
  });
});

describe('delegation', () => {
  it('is never done over http://', async () => {
    for (const delegate of [true, 'ok-as-delegate'] as const) {
      const own = await stage.negotiating();
      expect(await failure(negotiate({ delegate })(own.origin))).toMatchObject({
        code: 'ERR_HTTP_DELEGATION',
      });
      expect(own.authorizations).toEqual([undefined]);
    }
  });
});

describe('options', () => {
  it.each([
    ['nothing', undefined, 'options'],
    ['no client', {}, 'client'],
    ['a wrong client', { client: 'alice' }, 'client'],
    ['a wrong mutual', { mutual: 'REQUIRED' }, 'mutual'],
    ['a wrong mechanism', { mechanism: 'ntlm' }, 'mechanism'],
    ['a wrong channelBindings', { channelBindings: true }, 'channelBindings'],
    ['a wrong delegate', { delegate: 'yes' }, 'delegate'],
    ['a wrong preemptive', { preemptive: 'false' }, 'preemptive'],
    ['a wrong sanitizeErrors', { sanitizeErrors: 0 }, 'sanitizeErrors'],
    ['a wrong sessions', { sessions: 1 }, 'sessions'],
    ['a wrong replayLimit', { replayLimit: -1 }, 'replayLimit'],
    ['a wrong fetch', { fetch: 'fetch' }, 'fetch'],
    ['origins that are no list', { origins: 'http://a' }, 'origins'],
    ['an origin with a path', { origins: ['http://a/b'] }, 'origins'],
    ['an origin that is a host', { origins: ['localhost:80'] }, 'origins'],
    ['an origin with a user', { origins: ['http://a@b'] }, 'origins'],
  ])('%s: the error names the option', (_what, options, name) => {
    const all = options === undefined || 'client' in options || !Object.keys(options).length;
    const given = all ? options : { client: () => undefined, ...options };
    expect(() => negotiateFetch(given as never)).toThrow(new RegExp(`^${name} `));
  });

  it('a URL that is none is refused as by fetch', async () => {
    for (const url of ['nonsense', 'file:///etc/passwd', 'data:text/plain,x'])
      await expect(negotiate()(url)).rejects.toThrow(TypeError);
  });
});
