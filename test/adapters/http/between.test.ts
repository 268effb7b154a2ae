/** Somebody who comes in between client and server after the client learnt the server's certificate. */
import { X509Certificate } from 'node:crypto';
import { Agent as HttpsAgent } from 'node:https';
import { type AddressInfo, connect, createServer } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import got from 'got';
import { Agent, Pool, fetch as undiciFetch } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  negotiateGotHooks,
  negotiateInterceptor,
  negotiateRequest,
} from '../../../src/adapters/http/index.js';
import { failure, tracing } from './servers.js';
import { type Bound, openTlsStage, type TlsStage } from './tlsStage.js';

let stage: TlsStage;
beforeAll(async () => {
  stage = await openTlsStage();
});
afterAll(() => stage.stop());

describe('somebody who comes in between later', () => {
  /** A port that leads to the server, and after `turn` to somebody who hands all tokens on to it. */
  async function turnable(): Promise<{
    origin: string;
    there: Bound;
    between: Bound;
    turn: () => void;
    turnBack: () => void;
  }> {
    const [there, between] = [await stage.binding(), await stage.binding(stage.strangersPem)];
    let to = there;
    const relay = createServer((socket) => {
      const onward = connect(Number(new URL(to.origin).port), '127.0.0.1');
      socket.pipe(onward).pipe(socket);
      for (const one of [socket, onward]) one.on('error', () => undefined);
    });
    await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
    const { port } = relay.address() as AddressInfo;
    stage.atEnd.push(async () => relay.close());
    return {
      ...{ origin: `https://localhost:${port}`, there, between },
      turn: () => {
        to = between;
      },
      turnBack: () => {
        to = there;
      },
    };
  }

  const close = { connection: 'close' };

  it.each([false, true])(
    'gets no token that the server takes, from fetch (pre-emptive: %s)',
    async (preemptive) => {
      const { origin, there, between, turn } = await turnable();
      const { trace, events } = tracing();
      const fetch = stage.negotiate({ preemptive, trace, channelBindings: 'required' });
      expect((await fetch(origin, { headers: close })).status).toBe(200);
      expect(there.bound).toEqual([true]);
      turn();
      expect((await fetch(origin, { headers: close })).status).toBe(401);
      expect(between.bound).toEqual([]);
      // The token that was bound to the server did not even leave.
      expect(between.authorizations.filter((value) => value !== undefined)).toHaveLength(1);
      expect(events.filter(({ event }) => event === 'http.token')).toHaveLength(preemptive ? 3 : 2);
    },
  );

  it.each([false, true])('nor from the interceptor (pre-emptive: %s)', async (preemptive) => {
    const { origin, there, between, turn } = await turnable();
    const agent = stage.agent();
    const options = { client: stage.alice, origins: [origin], preemptive };
    const dispatcher = agent.compose(negotiateInterceptor({ ...options, channelBindings: 'required' }));
    expect((await undiciFetch(origin, { dispatcher, headers: close })).status).toBe(200);
    turn();
    expect((await undiciFetch(origin, { dispatcher, headers: close })).status).toBe(401);
    expect([there.bound, between.bound]).toEqual([[true], []]);
  });

  it('nor from got', async () => {
    const { origin, there, between, turn } = await turnable();
    const hooks = negotiateGotHooks({ client: stage.alice, origins: [origin], preemptive: true });
    const http = got.extend({ hooks, retry: { limit: 0 }, https: { certificateAuthority: stage.pem.cert } });
    expect((await http(origin)).statusCode).toBe(200);
    expect((await http(origin)).statusCode).toBe(200);
    expect(there.bound).toEqual([false, true]);
    turn();
    const https = { certificateAuthority: stage.strangersPem.cert };
    const error = await failure(http(origin, { https }));
    expect(error).toMatchObject({ code: 'ERR_HTTP_CHANNEL_BINDING' });
    expect(between.requests).toEqual([]);
  });

  it('nor from negotiateRequest', async () => {
    const { origin, between, turn } = await turnable();
    const request = { rejectUnauthorized: false, headers: close, agent: false as const };
    const options = { client: stage.alice, preemptive: true, request };
    expect((await negotiateRequest(origin, options)).resume().statusCode).toBe(200);
    turn();
    expect((await negotiateRequest(origin, options)).resume().statusCode).toBe(401);
    expect(between.bound).toEqual([]);
  });

  it('a session of theirs that is resumed counts as theirs, whatever was seen elsewhere since', async () => {
    const { origin, there, between, turn, turnBack } = await turnable();
    const dispatcher = new Pool(origin, { connect: { rejectUnauthorized: false } });
    stage.atEnd.push(() => dispatcher.destroy());
    const beneath = ((url: string, init: object) => fetch(url, { ...init, dispatcher } as never)) as never;
    const options = { fetch: beneath, preemptive: true, channelBindings: 'required' } as const;
    turn();
    expect((await stage.negotiate(options)(origin, { headers: close })).status).toBe(401);
    turnBack();
    const elsewhere = stage.negotiate({ client: stage.bob, preemptive: true });
    expect((await elsewhere(origin, { headers: close })).status).toBe(200);
    const before = between.authorizations.length;
    turn();
    expect((await stage.negotiate(options)(origin, { headers: close })).status).toBe(401);
    expect(there.bound).toEqual([true]);
    // One token only, and that is bound to their own certificate.
    expect(between.authorizations.slice(before)).toHaveLength(1);
  });

  it.each([true, false])(
    'nor do the idle connections and sessions of got give them any (idle: %s)',
    async (keepAlive) => {
      const { origin, there, between, turn, turnBack } = await turnable();
      const hooks = negotiateGotHooks({ client: stage.alice, origins: [origin], preemptive: true });
      const agent = { https: new HttpsAgent({ keepAlive }) };
      stage.atEnd.push(async () => agent.https.destroy());
      const https = { rejectUnauthorized: false };
      const http = got.extend({ hooks, retry: { limit: 0 }, https, agent, throwHttpErrors: false });
      turn();
      await http(origin);
      turnBack();
      const request = { rejectUnauthorized: false, agent: false as const };
      (await negotiateRequest(origin, { client: stage.bob, request })).resume();
      const before = between.authorizations.length;
      turn();
      expect(await failure(http(origin))).toMatchObject({ code: 'ERR_HTTP_CHANNEL_BINDING' });
      expect([there.bound, between.authorizations.length]).toEqual([[true], before]);
    },
  );

  it('required: a connection from before, whose certificate nobody saw, is not used', async () => {
    const server = await stage.binding(stage.strangersPem);
    const { certificateOf, rememberCertificate } = await import('../../../src/adapters/http/certificates.js');
    const port = Number(new URL(server.origin).port);
    const raw = new X509Certificate(stage.pem.cert).raw;
    let made = 0;
    const unseen = new Agent({
      connect: (_options, done) => {
        const socket = tlsConnect({ port, host: 'localhost', rejectUnauthorized: false });
        socket.once('secureConnect', () => {
          const hidden = { getPeerCertificate: () => ({}), getSession: () => undefined };
          if (made++ === 0) Object.assign(socket, hidden);
          done(null, socket);
        });
        socket.on('error', () => undefined);
      },
    });
    stage.agent(unseen);
    const beneath = ((url: string, init: object) =>
      fetch(url, { ...init, dispatcher: unseen } as never)) as never;
    const first = await fetch(server.origin, { dispatcher: unseen } as never);
    expect(first.status).toBe(401);
    await first.arrayBuffer(); // its connection is idle now
    expect(certificateOf({ host: 'localhost', port })).toBe(undefined);
    rememberCertificate({ getPeerCertificate: () => ({ raw }) }, { host: 'localhost', port });
    const options = { fetch: beneath, preemptive: true, channelBindings: 'required' } as const;
    await stage.negotiate(options)(server.origin);
    // Another one shows its certificate, which is not what the token was bound to; the third gets one bound to it.
    expect(server.connections()).toBe(3);
  });
});

describe('two certificates behind one name', () => {
  /** A port that leads to each of two servers in turn. */
  async function inTurn(): Promise<{ origin: string; bound: () => boolean[] }> {
    const { strangersPem } = stage;
    const behind = [await stage.binding(), await stage.binding(strangersPem, strangersPem)];
    let turn = 0;
    const relay = createServer((socket) => {
      const onward = connect(Number(new URL(behind[turn++ % 2]!.origin).port), '127.0.0.1');
      socket.pipe(onward).pipe(socket);
      for (const one of [socket, onward]) one.on('error', () => undefined);
    });
    await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
    stage.atEnd.push(async () => relay.close());
    const { port } = relay.address() as AddressInfo;
    return {
      origin: `https://localhost:${port}`,
      bound: () => behind.flatMap(({ bound }) => bound),
    };
  }

  const CLOSED = { connection: 'close' };
  const ways: [string, (origin: string) => () => Promise<number>][] = [
    [
      'fetch',
      (origin) => {
        const negotiate = stage.negotiate({ preemptive: true, channelBindings: 'required' });
        return async () => (await negotiate(origin, { headers: CLOSED })).status;
      },
    ],
    [
      'the interceptor',
      (origin) => {
        const options = { client: stage.alice, origins: [origin], preemptive: true } as const;
        const dispatcher = stage
          .agent()
          .compose(negotiateInterceptor({ ...options, channelBindings: 'required' }));
        return async () => (await undiciFetch(origin, { dispatcher, headers: CLOSED })).status;
      },
    ],
    [
      'negotiateRequest',
      (origin) => {
        const agent = new HttpsAgent({ keepAlive: true, rejectUnauthorized: false, maxSockets: 4 });
        stage.atEnd.push(async () => agent.destroy());
        const options = { client: stage.alice, preemptive: true, request: { agent } };
        return async () => {
          const response = await negotiateRequest(origin, options);
          await response.toArray();
          return response.statusCode ?? 0;
        };
      },
    ],
  ];

  it.each(ways)('%s: each token is bound to the one of its own connection', async (_name, way) => {
    const { origin, bound } = await inTurn();
    const ask = way(origin);
    for (const count of [1, 1, 1, 4, 8])
      expect(await Promise.all(Array.from({ length: count }, ask))).toEqual(Array(count).fill(200));
    expect(bound()).toEqual(Array(15).fill(true));
  });
});
