/** Channel bindings over TLS: an acceptor that knows its certificate, and clients that learn it in every way there is. */
import { X509Certificate } from 'node:crypto';
import { Agent as HttpsAgent } from 'node:https';
import { fetch as undiciFetch } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { negotiateInterceptor, negotiateRequest, negotiationOf } from '../../../src/adapters/http/index.js';
import { certificate, failure, listen, tracing } from './servers.js';
import { openTlsStage, type TlsStage } from './tlsStage.js';

let stage: TlsStage;
beforeAll(async () => {
  stage = await openTlsStage();
});
afterAll(() => stage.stop());

describe('negotiateFetch', () => {
  it('binds tokens to the certificate by default', async () => {
    const server = await stage.binding();
    expect((await stage.negotiate()(server.origin)).status).toBe(200);
    expect(server.bound).toEqual([true]);
  });

  it('also when the TLS session is resumed, and shows no certificate', async () => {
    const server = await stage.binding();
    const fetch = stage.negotiate();
    for (let i = 0; i < 3; i++) {
      const response = await fetch(server.origin, { headers: { connection: 'close' } });
      expect(await response.text()).toBe('ok');
    }
    expect(server.bound).toEqual([true, true, true]);
    expect(server.connections()).toBeGreaterThan(1);
  });

  it('off: sends tokens without binding', async () => {
    const server = await stage.binding();
    expect((await stage.negotiate({ channelBindings: 'off' })(server.origin)).status).toBe(200);
    expect(server.bound).toEqual([false]);
  });

  it('a token for somebody in the middle is worth nothing', async () => {
    const server = await stage.binding(stage.strangersPem);
    const response = await stage.negotiate()(server.origin);
    expect(response.status).toBe(401);
    expect(negotiationOf(response)?.refusal?.message).toMatch(/./);
    expect(server.bound).toEqual([]);
    expect((await stage.negotiate({ channelBindings: 'off' })(server.origin)).status).toBe(200);
  });

  it('auto: without a certificate there is no binding, and the trace says so', async () => {
    const server = await stage.binding();
    const { trace, events } = tracing();
    expect((await stage.negotiate({ preemptive: true, trace })(server.origin)).status).toBe(200);
    expect(server.bound).toEqual([false]);
    expect(events.map(({ event }) => event)).toContain('http.bindings');
    expect((await stage.negotiate({ preemptive: true })(server.origin)).status).toBe(200);
    expect(server.bound).toEqual([false, true]);
  });

  it('required: learns the certificate first', async () => {
    const server = await stage.binding();
    const options = { preemptive: true, channelBindings: 'required' } as const;
    expect((await stage.negotiate(options)(server.origin)).status).toBe(200);
    expect(server.bound).toEqual([true]);
    expect(server.connections()).toBe(2);
  });

  it('required: a certificate that cannot be learnt is an error', async () => {
    const options = { preemptive: true, channelBindings: 'required' } as const;
    const error = await failure(stage.negotiate(options)('https://localhost:1/'));
    expect(error).toMatchObject({ code: 'ERR_HTTP_CHANNEL_BINDING', cause: expect.any(Error) });
  });

  it('required: a certificate without binding is an error, auto goes without', async () => {
    const server = await stage.binding(certificate('ed25519'));
    expect((await stage.negotiate()(server.origin)).status).toBe(200);
    expect(server.bound).toEqual([false]);
    const error = await failure(stage.negotiate({ channelBindings: 'required' })(server.origin));
    expect(error).toMatchObject({ code: 'ERR_HTTP_CHANNEL_BINDING' });
    expect(server.bound).toEqual([false]);
  });

  it('a new certificate takes the place of the old', async () => {
    const first = await stage.binding(stage.strangersPem);
    await stage.negotiate()(first.origin);
    const port = Number(new URL(first.origin).port);
    await first.stop();
    const server = await stage.binding();
    const known = await import('../../../src/adapters/http/certificates.js');
    const old = known.certificateOf({ host: 'localhost', port })!;
    const raw = new X509Certificate(stage.pem.cert).raw;
    known.rememberCertificate({ getPeerCertificate: () => ({ raw }) }, { host: 'localhost', port });
    const now = known.certificateOf({ host: 'localhost', port })!;
    expect(now.bindings).not.toEqual(old.bindings);
    known.rememberCertificate({ getPeerCertificate: () => ({}) }, { host: 'localhost', port });
    known.rememberCertificate({ getPeerCertificate: () => ({ raw }) }, { host: 'localhost', port });
    expect(known.certificateOf({ host: 'localhost', port })).toBe(now);
    expect((await stage.negotiate()(server.origin)).status).toBe(200);
  });

  it('delegates over TLS, to the origin that the caller named only', async () => {
    const delegated: number[] = [];
    const handler = stage.realm.httpHandler('HTTP/localhost', (request, response, { context }) => {
      delegated.push(context.delegated.length);
      if (request.url === '/') response.end();
      else {
        response.statusCode = 302;
        response.setHeader('location', decodeURIComponent(request.url!.slice(1)));
        response.end();
      }
    });
    const [one, two] = [await listen(handler, stage.pem), await listen(handler, stage.pem)];
    stage.atEnd.push(one.stop, two.stop);
    const fetch = stage.negotiate({ delegate: true, origins: [one.origin, two.origin] });
    await fetch(one.origin);
    await fetch(`${one.origin}/${encodeURIComponent(`${one.origin}/`)}`);
    await fetch(`${one.origin}/${encodeURIComponent(`${two.origin}/`)}`);
    expect(delegated).toEqual([1, 1, 1, 1, 0]);
    await stage.negotiate({})(one.origin);
    expect(delegated.at(-1)).toBe(0);
  });

  it('sessions: a server that proved itself over TLS may rest', async () => {
    let asked = 0;
    const handler = stage.realm.httpHandler('HTTP/localhost', (_request, response) => response.end('proved'));
    const server = await listen((request, response) => {
      if (request.headers.cookie === 'session=1') response.end('by session');
      else {
        asked++;
        handler(request, response);
      }
    }, stage.pem);
    stage.atEnd.push(server.stop);
    const cookie = { headers: { cookie: 'session=1' } };
    const fetch = stage.negotiate({ sessions: true });
    expect(await failure(fetch(server.origin, cookie))).toMatchObject({ code: 'ERR_HTTP_MUTUAL_AUTH' });
    expect(await (await fetch(server.origin)).text()).toBe('proved');
    const response = await fetch(server.origin, cookie);
    expect([await response.text(), negotiationOf(response)?.verified]).toEqual(['by session', false]);
    expect(await failure(stage.negotiate()(server.origin, cookie))).toMatchObject({
      code: 'ERR_HTTP_MUTUAL_AUTH',
    });
    const bob = stage.negotiate({ sessions: true, client: stage.bob });
    expect(await failure(bob(server.origin, cookie))).toMatchObject({ code: 'ERR_HTTP_MUTUAL_AUTH' });
    expect(asked).toBe(2);
  });
});

describe('the other entries', () => {
  it('the interceptor binds tokens', async () => {
    const server = await stage.binding();
    const agent = stage.agent();
    const dispatcher = agent.compose(negotiateInterceptor({ client: stage.alice, origins: [server.origin] }));
    expect((await undiciFetch(server.origin, { dispatcher })).status).toBe(200);
    expect(server.bound).toEqual([true]);
  });

  it('negotiateRequest binds tokens, the first one too', async () => {
    const server = await stage.binding();
    for (const agent of [undefined, new HttpsAgent({ maxCachedSessions: 0 }), new HttpsAgent()]) {
      const request = { rejectUnauthorized: false, agent };
      const options = { client: stage.alice, preemptive: true, request } as const;
      for (let i = 0; i < 2; i++) {
        const response = await negotiateRequest(server.origin, options);
        expect(response.statusCode).toBe(200);
        response.resume();
        await new Promise((resolve) => response.once('close', resolve));
      }
    }
    expect(server.bound).toEqual([true, true, true, true, true, true]);
  });
});
