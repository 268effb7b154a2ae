/** Servers that mean harm: what they send leads to our errors, in bounded time, and their content is not handed out. */
import type { RequestListener } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NegotiateExchange } from '../../../src/adapters/http/exchange.js';
import { negotiateFetch, negotiateRequest } from '../../../src/adapters/http/index.js';
import { settingsOf, targetOf } from '../../../src/adapters/http/settings.js';
import { toBase64 } from '../../../src/bytes.js';
import { failure, type Listening, listen, openStage, type Stage } from './servers.js';

let stage: Stage;
const servers: Listening[] = [];
beforeAll(async () => {
  stage = await openStage();
});
afterAll(async () => {
  await Promise.all(servers.map((server) => server.stop()));
  await stage.stop();
});

async function hostile(listener: RequestListener): Promise<Listening> {
  const server = await listen(listener);
  servers.push(server);
  return server;
}

const MUTUAL = { code: 'ERR_HTTP_MUTUAL_AUTH' };
const tokenIn = (authorization: string | undefined): Uint8Array =>
  new Uint8Array(Buffer.from((authorization ?? '').replace('Negotiate ', ''), 'base64'));

/** The two entries that hand out responses, as one function each. */
const entries: [string, (url: string) => Promise<{ status: number; read: () => Promise<string> }>][] = [
  [
    'negotiateFetch',
    async (url) => {
      const response = await negotiateFetch({ client: stage.alice })(url);
      return { status: response.status, read: () => response.text() };
    },
  ],
  [
    'negotiateRequest',
    async (url) => {
      const response = await negotiateRequest(url, { client: stage.alice });
      const read = async (): Promise<string> => Buffer.concat(await response.toArray()).toString();
      return { status: response.statusCode ?? 0, read };
    },
  ],
];

describe.each(entries)('%s', (_name, get) => {
  /** Accepts the token, then answers 200 with another proof. */
  const proving = (proof: (ours: Uint8Array, theirs: Uint8Array) => string): Promise<Listening> => {
    const acceptor = stage.realm.acceptor('HTTP/localhost');
    return hostile(({ headers: { authorization } }, response) => {
      if (authorization === undefined) {
        response.writeHead(401, { 'www-authenticate': 'Negotiate' }).end();
        return;
      }
      const token = tokenIn(authorization);
      const { token: reply } = acceptor.accept(token);
      response.setHeader('www-authenticate', proof(reply!, token));
      response.end('stolen');
    });
  };

  it('a replayed proof', async () => {
    let first: string | undefined;
    const server = await proving((ours) => {
      first ??= `Negotiate ${toBase64(ours)}`;
      return first;
    });
    expect((await get(server.origin)).status).toBe(200);
    expect(await failure(get(server.origin))).toMatchObject(MUTUAL);
  });

  it.each([
    ['our own token', (_ours: Uint8Array, theirs: Uint8Array) => `Negotiate ${toBase64(theirs)}`],
    ['half a proof', (ours: Uint8Array) => `Negotiate ${toBase64(ours.subarray(0, ours.length / 2))}`],
    ['a changed proof', (ours: Uint8Array) => `Negotiate ${toBase64(ours.with(-1, ours.at(-1)! ^ 1))}`],
    ['no base64', () => 'Negotiate ***'],
    ['an empty token', () => 'Negotiate'],
    ['two proofs', (ours: Uint8Array) => `Negotiate ${toBase64(ours)}, Negotiate ${toBase64(ours)}`],
    ['a proof in quotes', (ours: Uint8Array) => `Basic realm="Negotiate ${toBase64(ours)}"`],
    ['a long list', (ours: Uint8Array) => `${'a,'.repeat(5000)}NegotiateX ${toBase64(ours)}`],
  ])('%s for a proof', async (_what, proof) => {
    const server = await proving(proof);
    expect(await failure(get(server.origin))).toMatchObject(MUTUAL);
  });

  it('a proof of nothing, for no token was sent', async () => {
    const server = await hostile((_request, response) => {
      response.setHeader('www-authenticate', 'Negotiate oQcwBaADCgEA');
      response.end('stolen');
    });
    expect(await failure(get(server.origin))).toMatchObject(MUTUAL);
  });

  it.each([
    ['a bare 401', 'Negotiate', 2],
    ['a 401 that wants more', 'Negotiate oQcwBaADCgEB', 2],
    ['a 401 that accepts', 'Negotiate oQcwBaADCgEA', 2],
    ['a 401 with nonsense', 'Negotiate AAAA', 2],
  ])('%s, endlessly', async (_what, challenge, most) => {
    const server = await hostile(({ headers: { authorization } }, response) => {
      const first = authorization === undefined;
      response.writeHead(401, { 'www-authenticate': first ? 'Negotiate' : challenge }).end('stolen');
    });
    const { status, read } = await get(server.origin);
    expect([status, await read()]).toEqual([401, '']);
    expect(server.requests).toHaveLength(most);
  });

  it('a 401 with a token before ours', async () => {
    const server = await hostile((_request, response) => {
      response.writeHead(401, { 'www-authenticate': 'Negotiate oQcwBaADCgEB' }).end();
    });
    expect((await get(server.origin)).status).toBe(401);
    expect(server.requests).toHaveLength(2);
  });

  it('a 401 whose body never ends', async () => {
    for (const chunk of ['x', 'x'.repeat(65_536)]) {
      const acceptor = stage.realm.acceptor('HTTP/localhost');
      const timers = new Set<NodeJS.Timeout>();
      const server = await hostile(({ headers: { authorization } }, response) => {
        if (authorization !== undefined) {
          const { token } = acceptor.accept(tokenIn(authorization));
          response.setHeader('www-authenticate', `Negotiate ${toBase64(token!)}`);
          response.end('ok');
          return;
        }
        response.writeHead(401, { 'www-authenticate': 'Negotiate' });
        timers.add(setInterval(() => response.write(chunk), 20));
      });
      const { status, read } = await get(server.origin);
      expect([status, await read()]).toEqual([200, 'ok']);
      for (const timer of timers) clearInterval(timer);
    }
  });

  it('an error whose body never ends', async () => {
    let timer: NodeJS.Timeout | undefined;
    let written = 0;
    const server = await hostile((_request, response) => {
      response.writeHead(500);
      timer = setInterval(() => {
        written++;
        response.write('x'.repeat(1000));
      }, 20);
    });
    const { status, read } = await get(server.origin);
    expect([status, await read()]).toEqual([500, '']);
    // Nobody has waited for the second that is read of it.
    expect(written).toBeLessThan(15);
    clearInterval(timer);
  });

  it('a body that ends too early is an error, not a short body', async () => {
    const acceptor = stage.realm.acceptor('HTTP/localhost');
    const server = await hostile(({ headers: { authorization } }, response) => {
      if (authorization === undefined) {
        response.writeHead(401, { 'www-authenticate': 'Negotiate' }).end();
        return;
      }
      const { token } = acceptor.accept(tokenIn(authorization));
      response.writeHead(200, {
        'www-authenticate': `Negotiate ${toBase64(token!)}`,
        'content-length': '100',
      });
      response.write('half', () => response.destroy());
    });
    const { read } = await get(server.origin);
    await expect(read()).rejects.toThrow();
  });
});

describe('headers of any size', () => {
  it('10 MB of challenges are refused, by whatever fetch they come', async () => {
    const long = `Negotiate ${'A'.repeat(10_000_000)}`;
    const fake = (status: number) => async (): Promise<Response> =>
      new Response('stolen', { status, headers: { 'www-authenticate': long } });
    const get = (status: number): Promise<Response> =>
      negotiateFetch({ client: stage.alice, fetch: fake(status) })('http://localhost/');
    expect(await failure(get(401))).toMatchObject({ code: 'ERR_HTTP_CHALLENGE' });
    expect(await failure(get(200))).toMatchObject(MUTUAL);
  });

  it('thousands of challenges are read', async () => {
    const list = `${'Basic realm="a, Negotiate b", '.repeat(3000)}Negotiate`;
    let tries = 0;
    const fake = async (): Promise<Response> => {
      tries++;
      return new Response('', { status: 401, headers: { 'www-authenticate': list } });
    };
    const response = await negotiateFetch({ client: stage.alice, fetch: fake })('http://localhost/');
    expect([response.status, tries]).toEqual([401, 2]);
  });
});

describe('a server that finds ever new reasons', () => {
  it('gets four tokens, then an error', async () => {
    const { rememberCertificate } = await import('../../../src/adapters/http/certificates.js');
    const target = targetOf(new URL('https://loop.test'));
    const settings = settingsOf({ client: stage.alice, service: 'HTTP@localhost' });
    const exchange = new NegotiateExchange(settings, target, stage.alice);
    const der = (octet: number): Uint8Array =>
      Uint8Array.of(0x30, 14, 0x30, 1, octet, 0x30, 9, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1);
    let tokens = 0;
    const loop = async (): Promise<void> => {
      for (;;) {
        const raw = der(tokens);
        rememberCertificate({ getPeerCertificate: () => ({ raw }) }, target);
        if (exchange.judge(401, ['Negotiate']) !== 'authenticate') return;
        await exchange.authorization();
        tokens++;
      }
    };
    expect(await failure(loop())).toMatchObject({ code: 'ERR_HTTP_AUTH_LOOP' });
    expect(tokens).toBe(4);
  });
});
