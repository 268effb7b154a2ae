/** Where negotiateFetch sends tokens at Apache, and delegated credentials: redirections and origins. */
import { describe, expect, it } from 'vitest';
import { startApacheSite } from '../../scripts/realServers/index.mjs';
import { type NegotiateFetchOptions, negotiateFetch } from '../../src/adapters/http/index.js';
import { alice, fetchThrough, mark, requestsWith, useAgent, useServer } from './httpSupport.js';
import { failure } from './library.js';
import { servers } from './servers.js';

const { realm } = servers();
const site = useServer(startApacheSite);
const trusting = fetchThrough(useAgent(() => site().ca));

type Options = Omit<NegotiateFetchOptions, 'client' | 'fetch'>;

function get(url: string, options: Options = {}, init?: RequestInit): Promise<Response> {
  return negotiateFetch({ client: alice(), fetch: trusting, ...options })(url, init);
}

const portOf = (origin: string) => Number(new URL(origin).port);

/** The requests with that query which carried a token, as port and path. */
async function tokensWith(query: string): Promise<string[]> {
  const requests = await requestsWith(site(), query);
  const withToken = requests.filter(({ authorization }) => authorization?.startsWith('Negotiate '));
  return withToken.map(({ port, path }) => `${port} ${path.replace(query, '')}`);
}

describe('redirections', () => {
  it('are followed with a fresh token for each hop', async () => {
    const query = mark();
    const response = await get(`${site().http}/dir${query}`);
    expect(response.status).toBe(200);
    expect(response.url).toBe(`${site().http}/dir/${query}`);
    expect(response.redirected).toBe(true);
    expect(await response.text()).toBe('REMOTE_USER=alice@EXAMPLE.TEST\n');
    const requests = await requestsWith(site(), query);
    const tokens = requests.flatMap(({ authorization }) => authorization ?? []);
    expect(tokens).toHaveLength(2);
    expect(new Set(tokens).size).toBe(2);
  });

  it('are followed to another page of the origin, by the pre-emptive too', async () => {
    for (const preemptive of [false, true]) {
      const response = await get(`${site().http}/go/same`, { preemptive });
      expect(await response.text()).toBe('REMOTE_USER=alice@EXAMPLE.TEST\n');
    }
  });

  it.each(['port', 'host', 'https'] as const)(
    'take no token to another origin (%s) outside the list',
    async (name) => {
      for (const preemptive of [false, true]) {
        const query = mark();
        const response = await get(`${site().http}/go/${name}${query}`, { preemptive });
        expect(response.status).toBe(401);
        const tokens = await tokensWith(query);
        expect(tokens).toEqual([`${portOf(site().http)} /go/${name}`]);
      }
    },
  );

  it.each(['port', 'host', 'https'] as const)('go to another origin (%s) of the list', async (name) => {
    const byAddress = site().http.replace('localhost', '127.0.0.1');
    const origins = [site().http, site().otherHttp, site().https, byAddress];
    const response = await get(`${site().http}/go/${name}`, { origins, hostname: 'localhost' });
    expect(await response.text()).toBe('REMOTE_USER=alice@EXAMPLE.TEST\n');
  });

  it('from https to http take no token unless that origin is in the list', async () => {
    const query = mark();
    expect((await get(`${site().https}/go/http${query}`)).status).toBe(401);
    expect(await tokensWith(query)).toEqual([`${portOf(site().https)} /go/http`]);
    const origins = [site().https, site().http];
    expect((await get(`${site().https}/go/http`, { origins })).status).toBe(200);
  });

  it('end: a loop is an error, as in any fetch', async () => {
    expect(await failure(get(`${site().http}/go/loop`, { preemptive: true }))).toBeInstanceOf(TypeError);
  });

  it('are handed out, proven, when the caller follows them', async () => {
    const response = await get(`${site().http}/go/same`, {}, { redirect: 'manual' });
    expect(response.status).toBe(302);
    expect(response.headers.get('location')).toBe(`${site().http}/krb`);
    expect(await failure(get(`${site().http}/go/same`, {}, { redirect: 'error' }))).toBeInstanceOf(TypeError);
  });

  it('to another origin lose what was meant for the first: cookies, credentials', async () => {
    const query = mark();
    const headers = { cookie: 'secret=1', authorization: 'Basic YTpi', 'x-other': '1' };
    const response = await get(`${site().http}/go/open${query}`, { mutual: 'optional' }, { headers });
    expect(await response.text()).toBe('open to everybody\n');
    const requests = await requestsWith(site(), query);
    const [first, other] = [site().http, site().otherHttp].map((origin) =>
      requests.filter(({ port }) => port === portOf(origin)),
    );
    expect(first?.map(({ cookie }) => cookie)).toEqual(['secret=1', 'secret=1']);
    expect(other).toMatchObject([{ cookie: undefined, authorization: undefined }]);
  });

  it('302 turns a POST into a GET without a body', async () => {
    const query = mark();
    const response = await get(`${site().http}/go/same${query}`, {}, { method: 'POST', body: 'hello' });
    expect(await response.text()).toBe('REMOTE_USER=alice@EXAMPLE.TEST\n');
    const requests = await requestsWith(site(), query);
    expect(requests.map(({ method, path }) => `${method} ${path.replace(query, '')}`)).toEqual([
      ...['POST /go/same', 'POST /go/same'],
      ...['GET /krb', 'GET /krb'],
    ]);
  });

  it('307 sends the body again', async () => {
    const response = await get(`${site().http}/go/echo`, {}, { method: 'POST', body: 'hello' });
    expect(await response.text()).toContain('method=POST\nuser=alice@EXAMPLE.TEST\n');
  });
});

describe('delegation', () => {
  /** The file of the delegated credentials, if there is one. */
  async function delegated(url: string, options: Options): Promise<string | undefined> {
    const response = await get(url, options);
    expect(response.status).toBe(200);
    return /KRB5CCNAME=(FILE:\S+)/.exec(await response.text())?.[1];
  }

  async function flagsIn(ccache: string | undefined): Promise<string> {
    const { stdout } = await realm.run('klist', ['-f', ccache ?? 'none']);
    expect(stdout).toContain('Default principal: alice@EXAMPLE.TEST');
    return /krbtgt\/EXAMPLE\.TEST@EXAMPLE\.TEST\s+.*Flags: (\w+)/s.exec(stdout)?.[1] ?? '';
  }

  it('does not happen unless asked for', async () => {
    expect(await delegated(`${site().https}/deleg`, {})).toBe(undefined);
    expect(await delegated(`${site().https}/deleg`, { delegate: false })).toBe(undefined);
    expect(await delegated(`${site().http}/deleg`, {})).toBe(undefined);
  });

  it('gives Apache a forwarded ticket over TLS', async () => {
    for (const preemptive of [false, true]) {
      const flags = await flagsIn(await delegated(`${site().https}/deleg`, { delegate: true, preemptive }));
      expect(flags).toContain('f'); // forwarded
      expect(flags).toContain('F'); // forwardable
    }
  });

  it('lets Apache act for the user', async () => {
    const ccache = await delegated(`${site().https}/deleg`, { delegate: true });
    expect(await realm.run('kvno', ['host/localhost'], { ccache })).toMatchObject({ status: 0 });
  });

  it('never goes over http://', async () => {
    const query = mark();
    for (const preemptive of [false, true]) {
      const error = await failure(get(`${site().http}/deleg${query}`, { delegate: true, preemptive }));
      expect(error).toMatchObject({ code: 'ERR_HTTP_DELEGATION' });
    }
    expect(await tokensWith(query)).toEqual([]);
  });

  it('never goes to an origin to which a redirection led, though it is in the list', async () => {
    const origins = [site().https, site().httpsEcdsa];
    const ccache = await delegated(`${site().https}/go/deleg`, { delegate: true, origins });
    expect(ccache).toBe(undefined);
  });

  it('can follow the KDC, which marks services that are trusted with it (ok-as-delegate)', async () => {
    expect(await delegated(`${site().https}/deleg`, { delegate: 'ok-as-delegate' })).toBe(undefined);
    await realm.kadmin(['modprinc +ok_as_delegate HTTP/localhost']);
    try {
      const ccache = await delegated(`${site().https}/deleg`, { delegate: 'ok-as-delegate' });
      expect(await flagsIn(ccache)).toContain('f');
    } finally {
      await realm.kadmin(['modprinc -ok_as_delegate HTTP/localhost']);
    }
  });
});
