/** The hooks for got: whether a server is who it should be is left to TLS, and where a redirect led is not forgotten. */
import type { LookupFunction } from 'node:net';
import got, { type HttpsOptions } from 'got';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { negotiateGotHooks } from '../../../src/adapters/http/index.js';
import { failure } from './servers.js';
import { openTlsStage, type TlsStage } from './tlsStage.js';

let stage: TlsStage;
beforeAll(async () => {
  stage = await openTlsStage();
});
afterAll(() => stage.stop());

const toHere: LookupFunction = (_host, options, callback) => {
  const address = { address: '127.0.0.1', family: 4 };
  if (options.all === true) callback(null, [address]);
  else callback(null, address.address, address.family);
};

/** A page of a server whose certificate is trusted, and is of localhost. */
async function page(host: string, https: HttpsOptions = {}): Promise<string> {
  const { origin } = await stage.binding();
  const url = origin.replace('localhost', host);
  const hooks = negotiateGotHooks({ client: stage.alice, origins: [url] });
  const trusting = { certificateAuthority: stage.pem.cert, ...https };
  return got(url, { hooks, https: trusting, dnsLookup: toHere as never, retry: { limit: 0 } }).text();
}

it('a trusted certificate of the host lets the request through', async () => {
  expect(await page('localhost')).toBe('ok');
});

it('a trusted certificate of another host is refused', async () => {
  expect(await failure(page('www.example.test'))).toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
});

it('a certificate that is not trusted is refused', async () => {
  const own = { certificateAuthority: stage.strangersPem.cert };
  expect((await failure(page('localhost', own))).code).toMatch(/SELF_SIGNED|UNABLE_TO/);
});

it('the caller’s own check is asked', async () => {
  const asked: string[] = [];
  const checkServerIdentity = (host: string): Error => {
    asked.push(host);
    return new Error('not this one');
  };
  expect((await failure(page('localhost', { checkServerIdentity }))).message).toContain('not this one');
  expect(asked).toEqual(['localhost']);
});

it('an origin to which a redirect led gets no delegated ticket, however many redirects follow there', async () => {
  const delegated: [string, number][] = [];
  let [one, two] = ['', ''];
  const server = async (name: string, next: (path: string) => string | undefined): Promise<string> => {
    const { origin } = await stage.negotiating(({ url = '' }, response, { context }) => {
      delegated.push([name + url, context.delegated.length]);
      const location = next(url);
      if (location === undefined) response.end('ok');
      else response.writeHead(302, { location }).end();
    }, stage.pem);
    return origin;
  };
  one = await server('one', () => `${two}/a`);
  two = await server('two', (path) => ({ '/a': '/b', '/b': `${two}/c` })[path]);
  const hooks = negotiateGotHooks({ client: stage.alice, origins: [one, two], delegate: true });
  const https = { certificateAuthority: stage.pem.cert };
  expect(await got(`${one}/`, { hooks, https, retry: { limit: 0 } }).text()).toBe('ok');
  expect(delegated).toEqual([
    ['one/', 1],
    ['two/a', 0],
    ['two/b', 0],
    ['two/c', 0],
  ]);
});

it('a redirect with a wrong proof is not followed', async () => {
  const paths: (string | undefined)[] = [];
  const { origin } = await stage.negotiating(({ url }, response) => {
    paths.push(url);
    response.setHeader('www-authenticate', 'Negotiate oQcwBaADCgEA');
    response.writeHead(302, { location: '/elsewhere' }).end();
  });
  const hooks = negotiateGotHooks({ client: stage.alice, origins: [origin] });
  const error = await failure(got(`${origin}/`, { hooks, retry: { limit: 0 } }).text());
  expect([error.code, (error.cause as { code?: string } | undefined)?.code]).toContain(
    'ERR_HTTP_MUTUAL_AUTH',
  );
  expect(paths).toEqual(['/']);
});
