/** The web servers of the HTTP tests judged by curl: a failure here is the harness's, not the library's. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type ApacheSite,
  type BindingServer,
  type ForwardProxy,
  startApacheSite,
  startBindingServer,
  startProxy,
} from '../../scripts/realServers/index.mjs';
import { servers } from './servers.js';

const { realm } = servers();
let site: ApacheSite;
let bindingServer: BindingServer;
let proxy: ForwardProxy;
let ccache: string;

beforeAll(async () => {
  [site, bindingServer, proxy] = await Promise.all([
    startApacheSite(realm),
    startBindingServer(realm),
    startProxy(realm),
  ]);
  ccache = realm.newCcache();
  const input = `${realm.users.alice}\n`;
  expect(await realm.run('kinit', ['-c', ccache, 'alice'], { input })).toMatchObject({ status: 0 });
});
afterAll(() => Promise.all([site.stop(), bindingServer.stop(), proxy.stop()]));

/** The output of curl, the headers in it. */
async function curl(...args: string[]): Promise<string> {
  const common = ['-siS', '--cacert', site.ca, '--negotiate', '-u', ':'];
  const { stdout, stderr } = await realm.run('curl', [...common, ...args], { ccache });
  return stdout + stderr;
}

const STATUS = /^HTTP\/1.[01] (\d+)/;
const TOKEN = /^WWW-Authenticate: Negotiate oYG/m;

describe('the large Apache', () => {
  it('names the user on all ports', async () => {
    for (const origin of [site.http, site.otherHttp, site.https, site.httpsEcdsa]) {
      const text = await curl(`${origin}/krb`);
      expect(text).toContain('REMOTE_USER=alice@EXAMPLE.TEST');
      expect(text).toMatch(TOKEN);
    }
  });

  it('has certificates that differ in their hash', async () => {
    const { stdout } = await realm.run('sh', [
      '-c',
      'for name in rsa ecdsa; do openssl x509 -noout -text -in tls/$name.pem; done | grep "Signature Algorithm"',
    ]);
    expect(stdout).toContain('sha256WithRSAEncryption');
    expect(stdout).toContain('ecdsa-with-SHA384');
  });

  it.each([
    ['/dir', '301', true],
    ['/go/same', '302', true],
    ['/go/echo', '307', true],
    ['/error/403', '403', true],
    ['/error/404', '404', true],
    ['/error/500', '500', true],
    ['/stripped', '200', false],
    ['/stripped/500', '500', false],
    ['/forged', '200', false],
    ['/forged/500', '500', false],
    ['/other-key', '401', false],
    ['/basic', '401', false],
    ['/several', '200', true],
    ['/list', '200', true],
    ['/open', '200', false],
  ])('%s is answered %s, with a token: %s', async (path, status, proven) => {
    const text = await curl(site.http + path);
    expect({ status: STATUS.exec(text)?.[1], proven: TOKEN.test(text) }).toEqual({ status, proven });
  });

  it('offers several schemes in headers and in a list', async () => {
    const headers = async (path: string) => (await fetch(site.http + path)).headers.get('www-authenticate');
    expect(await headers('/several')).toBe('Negotiate, Basic realm="/several"');
    expect(await headers('/list')).toBe(
      'Digest realm="a, Negotiate x", nonce="bm9uY2U=", Negotiate, Basic realm="list"',
    );
    expect(await headers('/basic')).toBe('Basic realm="a, Negotiate x"');
  });

  it('reports the length and digest of a body, chunked or not', async () => {
    const body = 'b'.repeat(100_000);
    const sha256 = createHash('sha256').update(body).digest('hex');
    for (const more of [[], ['-H', 'Transfer-Encoding: chunked']]) {
      const { stdout } = await realm.run(
        'curl',
        ['-s', '--negotiate', '-u', ':', ...more, '--data-binary', '@-', `${site.http}/echo`],
        { ccache, input: body },
      );
      expect(stdout).toContain(`length=100000\nsha256=${sha256}\n`);
    }
  });

  it('binds the identity to the connection', async () => {
    const text = await curl(`${site.http}/bound`, `${site.http}/bound`);
    expect(text.match(/Persistent-Auth: true/g)).toHaveLength(2);
    expect(text.match(/Negotiate oYG/g)).toHaveLength(1);
  });

  it('keeps delegated credentials over TLS', async () => {
    const text = await curl('--delegation', 'always', `${site.https}/deleg`);
    expect(text).toMatch(/KRB5CCNAME=FILE:\S+/);
  });
});

describe('the acceptor of channel bindings', () => {
  it('lets a client without them in where they are not required', async () => {
    for (const origin of [bindingServer.rsa, bindingServer.ecdsa]) {
      expect(await curl(`${origin}/any`)).toContain('user=alice@EXAMPLE.TEST bound=False');
      expect(await curl(`${origin}/required`)).toMatch(/^HTTP\/1.1 401/);
    }
  });
});

describe('the proxies', () => {
  it('want a token, for HTTP and for CONNECT', async () => {
    for (const url of [proxy.url, site.proxy]) {
      const use = ['-x', url, '--proxy-negotiate', '--proxy-user', ':'];
      expect(await curl('-x', url, `${site.otherHttp}/open`)).toMatch(/^HTTP\/1.1 407/);
      expect(await curl('-x', url, `${site.https}/open`)).toMatch(/^HTTP\/1.1 407/);
      expect(await curl(...use, `${site.otherHttp}/open`)).toContain('open to everybody');
      expect(await curl(...use, `${site.https}/krb`)).toContain('REMOTE_USER=alice@EXAMPLE.TEST');
    }
    // squid logs a tunnel when it has ended.
    const log = () => proxy.accessLog();
    await expect.poll(log, { timeout: 30_000 }).toMatch(/CONNECT \S+ 200 alice@EXAMPLE.TEST/);
  });

  it('prove themselves only in Apache, and only for HTTP', async () => {
    const use = ['--proxy-negotiate', '--proxy-user', ':'];
    const token = /^Proxy-Authenticate: Negotiate oYG/m;
    expect(await curl('-x', site.proxy, ...use, `${site.otherHttp}/open`)).toMatch(token);
    expect(await curl('-x', site.proxy, ...use, `${site.https}/open`)).not.toMatch(token);
    expect(await curl('-x', proxy.url, ...use, `${site.otherHttp}/open`)).not.toMatch(token);
  });
});
