/** negotiateFetch at Apache: mutual authentication, names, identities and challenges, as requests-kerberos has them. */
import { describe, expect, it } from 'vitest';
import { loopbackAddresses, startApacheSite } from '../../scripts/realServers/index.mjs';
import { type NegotiateFetchOptions, negotiateFetch, negotiationOf } from '../../src/adapters/http/index.js';
import { fromCcache, type TraceEvent } from '../../src/index.js';
import { alice, mark, requestsWith, useServer } from './httpSupport.js';
import { configOf, failure, keytabClient, passwordClient } from './library.js';
import { servers } from './servers.js';

const { realm } = servers();
const site = useServer(startApacheSite);

type Options = Omit<NegotiateFetchOptions, 'client'> & { client?: NegotiateFetchOptions['client'] };

const hostPort = (address: string, port: string) =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;

/** GET of a page by alice. */
function get(path: string, options: Options = {}): Promise<Response> {
  return negotiateFetch({ client: alice(), ...options })(site().http + path);
}

async function userAt(path: string, options: Options = {}): Promise<string> {
  const response = await get(path, options);
  expect(response.status).toBe(200);
  return (await response.text()).replace(/^REMOTE_USER=|\n$/g, '');
}

const MUTUAL = { code: 'ERR_HTTP_MUTUAL_AUTH' };

describe('mutual authentication', () => {
  it('required: a proven response is handed out', async () => {
    expect(await userAt('/krb')).toBe('alice@EXAMPLE.TEST');
    expect(await userAt('/krb', { mutual: 'required' })).toBe('alice@EXAMPLE.TEST');
    expect(await userAt('/krb-only', { mechanism: 'krb5' })).toBe('alice@EXAMPLE.TEST');
  });

  it('required: a response without proof is refused', async () => {
    expect(await failure(get('/stripped'))).toMatchObject(MUTUAL);
    expect(await failure(get('/stripped', { preemptive: true }))).toMatchObject(MUTUAL);
  });

  it('required: every response is verified, not only the first', async () => {
    const negotiate = negotiateFetch({ client: alice() });
    expect((await negotiate(`${site().http}/krb`)).status).toBe(200);
    expect(await failure(negotiate(`${site().http}/stripped`))).toMatchObject(MUTUAL);
  });

  it('required: a forged proof is refused', async () => {
    expect(await failure(get('/forged'))).toMatchObject(MUTUAL);
    expect(await failure(get('/forged/500'))).toMatchObject(MUTUAL);
  });

  it('required: a page without authentication is refused, for nobody has proved anything', async () => {
    expect(await failure(get('/open'))).toMatchObject(MUTUAL);
  });

  it('required: error responses with a proof are handed out whole', async () => {
    const response = await get('/error/500');
    expect(response.status).toBe(500);
    expect(response.headers.get('x-secret')).toBe('1');
    expect(await response.text()).toBe('a secret\n');
    expect((await get('/error/403')).status).toBe(403);
    expect(await (await get('/error/404')).text()).toContain('Not Found');
  });

  it('required: error responses without proof are sanitized', async () => {
    const response = await get('/stripped/500');
    expect(response.status).toBe(500);
    expect(response.headers.get('x-secret')).toBe(null);
    expect(response.headers.getSetCookie()).toEqual([]);
    expect(await response.text()).toBe('');
  });

  it('required: sanitizing can be switched off', async () => {
    const response = await get('/stripped/500', { sanitizeErrors: false });
    expect(response.status).toBe(500);
    expect(response.headers.get('x-secret')).toBe('1');
    expect(await response.text()).toBe('a secret\n');
  });

  it('optional: a missing proof is no error', async () => {
    expect(await userAt('/stripped', { mutual: 'optional' })).toBe('alice@EXAMPLE.TEST');
    expect((await get('/open', { mutual: 'optional' })).status).toBe(200);
    expect(await (await get('/stripped/500', { mutual: 'optional' })).text()).toBe('a secret\n');
  });

  it('optional: a forged proof is refused', async () => {
    expect(await failure(get('/forged', { mutual: 'optional' }))).toMatchObject(MUTUAL);
  });

  it('disabled: no proof is asked for or looked at', async () => {
    for (const path of ['/krb', '/stripped', '/forged'])
      expect(await userAt(path, { mutual: 'disabled' })).toBe('alice@EXAMPLE.TEST');
  });
});

describe('channel bindings', () => {
  it('concern TLS alone: nothing is required of plain HTTP', async () => {
    expect(await userAt('/krb', { channelBindings: 'required' })).toBe('alice@EXAMPLE.TEST');
  });
});

describe('pre-emptive authentication', () => {
  it('sends a token with the first request, without a 401', async () => {
    const query = mark();
    expect(await userAt(`/krb${query}`, { preemptive: true })).toBe('alice@EXAMPLE.TEST');
    expect((await requestsWith(site(), query)).map(({ status }) => status)).toEqual([200]);
  });

  it('is off unless asked for: the token comes after a 401', async () => {
    const query = mark();
    expect(await userAt(`/krb${query}`)).toBe('alice@EXAMPLE.TEST');
    const requests = await requestsWith(site(), query);
    expect(requests.map(({ status }) => status)).toEqual([401, 200]);
    expect(requests[0]?.authorization).toBe(undefined);
    expect(requests[1]?.authorization).toMatch(/^Negotiate YI/);
  });

  it('is what curl does: both are let in by one request', async () => {
    const ccache = realm.newCcache();
    const input = `${realm.users.alice}\n`;
    expect(await realm.run('kinit', ['-c', ccache, 'alice'], { input })).toMatchObject({ status: 0 });
    const [ours, theirs] = [mark(), mark()];
    await userAt(`/krb${ours}`, { preemptive: true });
    const url = `${site().http}/krb${theirs}`;
    const { stdout } = await realm.run('curl', ['-s', '--negotiate', '-u', ':', url], { ccache });
    expect(stdout).toBe('REMOTE_USER=alice@EXAMPLE.TEST\n');
    for (const query of [ours, theirs]) {
      const requests = await requestsWith(site(), query);
      expect(requests.map(({ status }) => status)).toEqual([200]);
    }
  });
});

describe('the name of the service', () => {
  /** The page by its address, for which no service principal exists. */
  const byAddress = (options: Options) =>
    negotiateFetch({ client: alice(), ...options })(`${site().http.replace('localhost', '127.0.0.1')}/krb`);

  it('is HTTP and the host of the URL', async () => {
    expect(await userAt('/krb')).toBe('alice@EXAMPLE.TEST');
    expect(await failure(byAddress({}))).toMatchObject({ code: 'KDC_ERR_S_PRINCIPAL_UNKNOWN' });
  });

  it('can have another host name', async () => {
    expect((await byAddress({ hostname: 'localhost' })).status).toBe(200);
    const { port } = new URL(site().http);
    for (const address of loopbackAddresses()) {
      const negotiate = negotiateFetch({ client: alice(), hostname: 'localhost' });
      expect((await negotiate(`http://${hostPort(address, port)}/krb`)).status).toBe(200);
    }
  });

  it('can be given as a whole, or chosen by origin', async () => {
    expect((await byAddress({ service: 'HTTP@localhost' })).status).toBe(200);
    expect((await byAddress({ service: 'HTTP/localhost@EXAMPLE.TEST' })).status).toBe(200);
    const origins: string[] = [];
    const service = (origin: string) => {
      origins.push(origin);
      return 'HTTP/localhost';
    };
    expect((await byAddress({ service })).status).toBe(200);
    expect(new Set(origins)).toEqual(new Set([site().http.replace('localhost', '127.0.0.1')]));
  });

  it('can be of another kind than HTTP', async () => {
    expect(await failure(get('/krb', { service: 'nosuch' }))).toMatchObject({
      code: 'KDC_ERR_S_PRINCIPAL_UNKNOWN',
    });
    const query = mark();
    const response = await get(`/krb${query}`, { service: 'host' }); // a ticket that Apache has no key for
    expect(response.status).toBe(401);
    expect(await requestsWith(site(), query)).toHaveLength(2);
  });
});

describe('the trace', () => {
  it('tells the steps, and no token', async () => {
    const events: TraceEvent[] = [];
    await get('/krb', { trace: (event) => events.push(event) });
    const names = events.map(({ event }) => event);
    expect(names).toEqual(expect.arrayContaining(['http.challenge', 'http.token', 'http.verified']));
    expect(JSON.stringify(events)).toContain('alice@EXAMPLE.TEST');
    expect(JSON.stringify(events)).not.toMatch(/YII|oYG|[A-Za-z0-9+/=]{60}/);
  });
});

describe('the identity', () => {
  it('comes from a password', async () => {
    expect(await userAt('/krb', { client: passwordClient('bob') })).toBe('bob@EXAMPLE.TEST');
  });

  it('comes from a keytab', async () => {
    expect(await userAt('/krb', { client: await keytabClient() })).toBe(`${realm.keytabUser}@EXAMPLE.TEST`);
  });

  it("comes from a credential cache of MIT's kinit", async () => {
    const ccache = realm.newCcache();
    const input = `${realm.users.bob}\n`;
    expect(await realm.run('kinit', ['-c', ccache, 'bob'], { input })).toMatchObject({ status: 0 });
    const client = await fromCcache({ config: configOf(realm), ccache });
    expect(await userAt('/krb', { client })).toBe('bob@EXAMPLE.TEST');
  });

  it('is the principal that was asked for, of several in a cache collection', async () => {
    const collection = `DIR:${realm.dir}/cc/http-${process.pid}`;
    await realm.run('mkdir', [collection.slice('DIR:'.length)]);
    for (const user of ['alice', 'bob']) {
      const input = `${realm.users[user]}\n`;
      expect(await realm.run('kinit', [user], { ccache: collection, input })).toMatchObject({ status: 0 });
    }
    for (const principal of ['alice', 'bob']) {
      const client = await fromCcache({ config: configOf(realm), ccache: collection, principal });
      expect(await userAt('/krb', { client })).toBe(`${principal}@EXAMPLE.TEST`);
    }
  });

  it('can be another one for each origin, or none', async () => {
    const clients = new Map([
      [site().http, alice()],
      [site().otherHttp, passwordClient('bob')],
    ]);
    const client = (origin: string) => clients.get(origin);
    const known = negotiateFetch({ client });
    expect(await (await known(`${site().http}/krb`)).text()).toContain('alice@');
    expect(await (await known(`${site().otherHttp}/krb`)).text()).toContain('bob@');
    clients.delete(site().otherHttp);
    expect((await known(`${site().otherHttp}/krb`)).status).toBe(401);
  });
});

describe('the challenge', () => {
  it('is found among several headers', async () => {
    expect(await userAt('/several')).toBe('alice@EXAMPLE.TEST');
  });

  it('is found in a list with other schemes', async () => {
    expect(await userAt('/list')).toBe('alice@EXAMPLE.TEST');
  });

  it('is not found inside a quoted string', async () => {
    const query = mark();
    const response = await get(`/basic${query}`);
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe('Basic realm="a, Negotiate x"');
    const requests = await requestsWith(site(), query);
    expect(requests.map(({ authorization }) => authorization)).toEqual([undefined]);
  });

  it('is answered twice at most where the server refuses the token: once more with a fresh ticket', async () => {
    for (const preemptive of [false, true]) {
      const query = mark();
      expect((await get(`/other-key${query}`, { preemptive })).status).toBe(401);
      const requests = await requestsWith(site(), query);
      const tokens = requests.flatMap(({ authorization }) => authorization ?? []);
      expect([requests.length, tokens.length]).toEqual([preemptive ? 2 : 3, 2]);
    }
  });

  it('is refused for good: the 401 comes sanitized, with the reason of the server', async () => {
    const response = await get('/other-key');
    expect([response.status, await response.text()]).toEqual([401, '']);
    expect(response.headers.get('www-authenticate')).toMatch(/^Negotiate oX/);
    expect(negotiationOf(response)).toMatchObject({
      verified: false,
      refusal: { code: expect.stringMatching(/^KRB_AP_ERR_/) },
    });
    const whole = await get('/other-key', { sanitizeErrors: false });
    expect(await whole.text()).toContain('Unauthorized');
  });

  it('is answered with a fresh ticket after the service got a new key', async () => {
    const keytab = `${site().dir}/rekeyed.keytab`;
    const service = 'rekeyed-http/localhost';
    await realm.kadmin([`addprinc -randkey ${service}`]);
    const client = alice();
    await client.serviceTicket(service);
    await realm.kadmin([`ktadd -k ${keytab} ${service}`]); // makes a new key
    expect(await realm.run('chown', ['www-data', keytab])).toMatchObject({ status: 0 });
    for (const tries of [3, 2]) {
      const query = mark();
      expect(await userAt(`/rekeyed${query}`, { client, service })).toBe('alice@EXAMPLE.TEST');
      expect(await requestsWith(site(), query)).toHaveLength(tries);
    }
  });
});
