/** How a client's tickets stay good: renewal, login, the clock, refusals. A clock that the test moves. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { Client } from '../../src/client/client.js';
import { isValid } from '../../src/client/lifetime.js';
import {
  type Credential,
  type CredentialCache,
  formatPrincipal,
  fromCcache,
  fromKey,
  fromPassword,
  parsePrincipal,
  readCcacheFile,
  TICKET_FLAGS,
  TransportError,
  writeCcacheFile,
} from '../../src/index.js';
import type { EncKdcRepPart } from '../../src/messages/kdc.js';
import { TestRealm } from '../../src/testing/index.js';
import { scriptedEnvironment } from '../support/scriptedKdc.js';
import { config, HOUR, type Realm, realm, SERVICE } from './identity.js';

const folder = mkdtempSync(join(tmpdir(), 'krb5-client-upkeep-'));
afterAll(() => rmSync(folder, { recursive: true }));

const UNREACHABLE = new TransportError('ERR_KDC_UNREACHABLE', 'no network today');
const RENEWABLE = { lifetimeSeconds: 10 * HOUR, renewLifetimeSeconds: 72 * HOUR };
let files = 0;

/** A client that has nothing but the tickets of a cache. */
async function cacheClient(made: Realm, login: object = RENEWABLE) {
  const ccache = join(folder, `ccache${files++}`);
  const first = made.client();
  await writeCcacheFile(ccache, first.credentialCache(await first.login(login)));
  made.asked.length = 0;
  return { ccache, client: await fromCcache({ ...made.options, ccache }) };
}

const toEnd = (made: Realm, { endTime }: Credential, seconds: number): void => {
  made.environment.advance((endTime - seconds) * 1000 - made.environment.nowMs());
};

describe('a ticket-granting ticket', () => {
  it('is used until five minutes before its end, or until a tenth of its life is left', async () => {
    for (const [lifetimeSeconds, margin] of [
      [10 * HOUR, 300],
      [600, 60],
      [5, 0.5],
    ] as const) {
      const made = realm();
      const client = made.client();
      const { credential } = await client.login({ lifetimeSeconds });
      toEnd(made, credential, margin + 0.1);
      expect(await client.ticketGrantingTicket()).toBe(credential);
      toEnd(made, credential, margin - 0.1);
      expect(await client.ticketGrantingTicket()).not.toBe(credential);
      expect(made.asked).toEqual(['AS', 'AS', 'AS', 'AS']);
    }
  });

  it('is renewed when that gives a whole life, otherwise replaced by a login like the first', async () => {
    const made = realm();
    const client = made.client();
    let { credential } = await client.login({ lifetimeSeconds: 10 * HOUR, renewLifetimeSeconds: 25 * HOUR });
    const { authTime } = credential;
    const ways: string[] = [];
    for (let i = 0; i < 3; i++) {
      made.asked.length = 0;
      toEnd(made, credential, 60);
      credential = await client.ticketGrantingTicket();
      ways.push(made.asked.join(' '));
    }
    expect(ways).toEqual(['renew', 'AS AS', 'renew']);
    expect(credential.authTime).toBeGreaterThan(authTime);
    expect(credential.renewTill - credential.authTime).toBeGreaterThanOrEqual(25 * HOUR - 1);
  });

  it('is got by a login when the KDC does not renew it', async () => {
    const made = realm();
    const client = made.client();
    const { credential } = await client.login(RENEWABLE);
    made.kdc.hooks = {
      instead: (message) => (message[0] === 0x6c ? made.kdc.error('KDC_ERR_BADOPTION') : undefined),
    };
    toEnd(made, credential, 60);
    expect((await client.ticketGrantingTicket()).authTime).toBeGreaterThan(credential.authTime);
    expect(made.asked.slice(2)).toEqual(['renew', 'AS', 'AS']);
    expect(made.events.map(({ event }) => event)).toEqual(['tgt.renew']);
  });

  it('is used on while it cannot be replaced, tried again every half minute, then missed', async () => {
    const made = realm();
    const client = made.client();
    const { credential } = await client.login(RENEWABLE);
    made.asked.length = 0;
    made.failure = UNREACHABLE;
    toEnd(made, credential, 200);
    for (let i = 0; i < 3; i++) expect(await client.ticketGrantingTicket()).toBe(credential);
    expect(made.asked).toEqual(['renew']);
    made.environment.advance(31_000);
    expect(await client.ticketGrantingTicket()).toBe(credential);
    expect(made.asked).toEqual(['renew', 'renew']);
    expect(made.events.map(({ event }) => event)).toEqual(['ticket.refresh', 'ticket.refresh']);
    toEnd(made, credential, -1);
    await expect(client.ticketGrantingTicket()).rejects.toBe(UNREACHABLE);
    made.failure = undefined;
    expect(await client.ticketGrantingTicket()).not.toBe(credential);
  });

  it('is not asked for again and again when the key is refused, which would lock the account', async () => {
    const made = realm();
    const client = made.client();
    const { credential } = await client.login({ lifetimeSeconds: 10 * HOUR });
    made.kdc.addPrincipal('alice', made.kdc.freshKey(18));
    made.asked.length = 0;
    for (const left of [299, 200, 100, 1]) {
      toEnd(made, credential, left);
      expect(await client.ticketGrantingTicket()).toBe(credential);
    }
    expect(made.asked).toEqual(['AS', 'AS']);
    toEnd(made, credential, 0);
    await expect(client.ticketGrantingTicket()).rejects.toMatchObject({ code: 'KDC_ERR_PREAUTH_FAILED' });
  });

  it('that the KDC refuses in spite of its times is replaced by a login', async () => {
    const made = realm();
    const client = made.client();
    await client.login();
    made.kdc.addPrincipal('krbtgt/EXAMPLE.TEST', made.kdc.freshKey(18));
    made.asked.length = 0;
    await client.serviceTicket(SERVICE);
    expect(made.asked).toEqual(['TGS', 'AS', 'AS', 'TGS']);
  });
});

describe('the tickets of a cache', () => {
  it('are renewed and written back', async () => {
    const made = realm();
    const { ccache, client } = await cacheClient(made);
    const first = await client.ticketGrantingTicket();
    toEnd(made, first, 60);
    const renewed = await client.ticketGrantingTicket();
    expect(made.asked).toEqual(['renew']);
    expect(renewed.endTime).toBeGreaterThan(first.endTime);
    const { credentials } = await readCcacheFile(ccache);
    expect(credentials).toHaveLength(1);
    expect(credentials[0]!.ticket).toEqual(renewed.ticket);
    expect(credentials[0]!.sessionKey.equals(renewed.sessionKey)).toBe(true);
  });

  it('are renewed to the end of their renewable life, then used to their end', async () => {
    const made = realm();
    const { client } = await cacheClient(made, {
      lifetimeSeconds: 10 * HOUR,
      renewLifetimeSeconds: 15 * HOUR,
    });
    toEnd(made, await client.ticketGrantingTicket(), 60);
    const last = await client.ticketGrantingTicket();
    expect(last.endTime).toBe(last.renewTill);
    toEnd(made, last, 10);
    expect(await client.ticketGrantingTicket()).toBe(last);
    await client.serviceTicket(SERVICE);
    const asked = [...made.asked];
    expect(asked).toEqual(['renew', 'TGS']);
    for (let i = 0; i < 3; i++) await client.serviceTicket(SERVICE);
    expect(made.asked).toEqual(asked);
    toEnd(made, last, 0);
    await expect(client.serviceTicket(SERVICE)).rejects.toMatchObject({ code: 'ERR_TICKET_EXPIRED' });
    await expect(client.ticketGrantingTicket()).rejects.toMatchObject({ code: 'ERR_TICKET_EXPIRED' });
  });

  it('are taken from where somebody else has renewed them', async () => {
    const made = realm();
    const other = made.client();
    const { credential } = await other.login({ lifetimeSeconds: HOUR });
    let inCache: readonly Credential[] = [credential];
    const client = new Client({
      ...made.options,
      config: config(),
      environment: made.environment,
      connection: made.options.connection!,
      principal: parsePrincipal('alice@EXAMPLE.TEST'),
      credentials: inCache,
      reload: async () => inCache,
    });
    toEnd(made, credential, 60);
    expect(await client.ticketGrantingTicket()).toBe(credential);
    const next = (await other.login({ lifetimeSeconds: HOUR })).credential;
    inCache = [next];
    made.asked.length = 0;
    expect(await client.ticketGrantingTicket()).toBe(credential);
    made.environment.advance(31_000);
    expect(await client.ticketGrantingTicket()).toBe(next);
    expect(made.asked).toEqual([]);
  });

  it('come back to life when somebody logs in again into the cache', async () => {
    const made = realm();
    const { ccache, client } = await cacheClient(made, { lifetimeSeconds: HOUR });
    made.environment.advance(2 * HOUR * 1000);
    await expect(client.serviceTicket(SERVICE)).rejects.toMatchObject({ code: 'ERR_TICKET_EXPIRED' });
    const other = made.client();
    await writeCcacheFile(ccache, other.credentialCache(await other.login()));
    await expect(client.serviceTicket(SERVICE)).resolves.toBeDefined();
    rmSync(ccache);
    made.environment.advance(48 * HOUR * 1000);
    await expect(client.serviceTicket(SERVICE)).rejects.toMatchObject({ code: 'ERR_TICKET_EXPIRED' });
    expect(made.events.map(({ event }) => event)).toContain('ccache.read');
  });

  it('reach the cache whole even when the client is disposed of meanwhile', async () => {
    const made = realm();
    const first = made.client();
    const cache: CredentialCache = first.credentialCache(await first.login());
    let kept: Credential | undefined;
    const client: Client = new Client({
      ...made.options,
      config: config(),
      environment: made.environment,
      connection: made.options.connection!,
      principal: cache.defaultPrincipal,
      credentials: cache.credentials,
      keep: async (credential) => {
        client.dispose();
        kept = { ...credential, ticket: credential.sessionKey.value.slice() };
      },
    });
    await expect(client.serviceTicket(SERVICE)).rejects.toMatchObject({ code: 'ERR_DISPOSED' });
    expect(kept!.ticket.some((octet) => octet !== 0)).toBe(true);
    expect(kept!.sessionKey.value.every((octet) => octet === 0)).toBe(true);
  });
});

describe('a service ticket', () => {
  it('is fetched anew near its end if the ticket-granting ticket ends later', async () => {
    const made = realm();
    const client = made.client();
    const ticket = await client.serviceTicket(SERVICE);
    toEnd(made, ticket, 60);
    const next = await client.serviceTicket(SERVICE);
    expect(next.endTime).toBeGreaterThan(ticket.endTime);
    expect(made.asked.slice(3)).toEqual(['AS', 'AS', 'TGS']);
  });

  it('is used on while the KDC does not answer', async () => {
    const made = realm();
    const client = made.client();
    const ticket = await client.serviceTicket(SERVICE);
    toEnd(made, ticket, 60);
    made.failure = UNREACHABLE;
    expect(await client.serviceTicket(SERVICE)).toBe(ticket);
    expect(await client.serviceTicket(SERVICE)).toBe(ticket);
    expect(made.asked.slice(3)).toEqual(['AS']);
    toEnd(made, ticket, 0);
    await expect(client.serviceTicket(SERVICE)).rejects.toBe(UNREACHABLE);
  });

  it('can be dropped, whatever name it was asked for by', async () => {
    const made = realm();
    const client = made.client();
    const first = await client.serviceTicket('HTTP@web.example.test');
    const names = [SERVICE, 'HTTP@web.example.test', `${SERVICE}@EXAMPLE.TEST`];
    for (const name of names) {
      expect(client.forget(name)).toBe(true);
      for (const other of names) expect(client.forget(other)).toBe(false);
      expect(await client.serviceTicket('HTTP@web.example.test')).not.toBe(first);
    }
    expect(made.asked).toEqual(['AS', 'AS', 'TGS', 'TGS', 'TGS', 'TGS']);
    client.forget('krbtgt/EXAMPLE.TEST@EXAMPLE.TEST');
    await client.ticketGrantingTicket();
    expect(made.asked.slice(6)).toEqual(['AS', 'AS']);
  });
});

describe("the KDC's clock", () => {
  const timesync = { config: config('kdc_timesync = true') };

  it.each([7200, -7200])('%i s off decides what is valid', async (clockOffsetSeconds) => {
    const made = realm({ clockOffsetSeconds });
    const client = made.client(timesync);
    const { credential } = await client.login();
    const now = (): number => made.environment.nowMs() / 1000 + clockOffsetSeconds;
    made.asked.length = 0;
    expect(await client.ticketGrantingTicket()).toBe(credential);
    made.environment.advance((credential.endTime - 299 - now()) * 1000);
    const next = await client.ticketGrantingTicket();
    expect(next).not.toBe(credential);
    expect(Math.abs(next.endTime - now() - 24 * HOUR)).toBeLessThan(3);
  });

  it('is followed once by a TGS exchange, if the configuration lets us', async () => {
    for (const [options, asked] of [
      [timesync, ['TGS', 'TGS']],
      [{}, ['TGS']],
    ] as const) {
      let offset = 0;
      const environment = scriptedEnvironment();
      const kdcs = { ...environment, nowMs: () => environment.nowMs() + offset * 1000 };
      const made = realm({ environment: kdcs }, environment);
      const client = made.client(options);
      await client.login();
      made.asked.length = 0;
      offset = 3000;
      const ticket = client.serviceTicket(SERVICE);
      if (options === timesync) await ticket;
      else await expect(ticket).rejects.toMatchObject({ code: 'KRB_AP_ERR_SKEW' });
      expect(made.asked).toEqual(asked);
    }
  });

  it('is not believed unless a ticket comes of it', async () => {
    const made = realm();
    const client = made.client(timesync);
    const { credential } = await client.login();
    made.asked.length = 0;
    made.kdc.hooks = {
      instead: () => made.kdc.error('KRB_AP_ERR_SKEW'),
      rewriteError: (error) => ({ ...error, stime: error.stime + 365 * 86_400 }),
    };
    await expect(client.serviceTicket(SERVICE)).rejects.toMatchObject({ code: 'KRB_AP_ERR_SKEW' });
    expect(made.asked).toEqual(['TGS', 'TGS']);
    expect(await client.ticketGrantingTicket()).toBe(credential);
  });
});

describe('several principals', () => {
  it('ask exactly once for what a thousand callers want', async () => {
    const made = realm();
    const services = Array.from({ length: 50 }, (_, i) => `HTTP/web${i}.example.test`);
    for (const service of services) made.kdc.addPrincipal(service, made.kdc.freshKey(18));
    for (const name of ['bob', 'carol']) made.kdc.addPrincipal(name, made.key);
    const clients = ['alice', 'bob', 'carol'].map((name) => fromKey(name, made.key, made.options));
    const tickets = await Promise.all(
      Array.from({ length: 1000 }, async (_, i) => {
        const client = clients[i % 3]!;
        const service = services[i % 50]!;
        const signal = i % 7 === 0 ? new AbortController().signal : undefined;
        const ticket = await client.serviceTicket(service, { signal });
        expect(formatPrincipal(ticket.client)).toBe(formatPrincipal(client.principal));
        expect(formatPrincipal(ticket.server)).toBe(`${service}@EXAMPLE.TEST`);
        return ticket;
      }),
    );
    expect(new Set(tickets).size).toBe(150);
    expect(made.asked.filter((one) => one === 'AS')).toHaveLength(3 * 2);
    expect(made.asked.filter((one) => one === 'TGS')).toHaveLength(150);
  });

  it('do not remember an error, nor share it', async () => {
    const made = realm();
    made.kdc.addPrincipal('bob', made.kdc.freshKey(18));
    const [alice, bob] = [made.client(), fromKey('bob', made.key, made.options)];
    const [good, bad] = await Promise.allSettled([alice.serviceTicket(SERVICE), bob.serviceTicket(SERVICE)]);
    expect([good.status, bad.status]).toEqual(['fulfilled', 'rejected']);
    made.kdc.addPrincipal('bob', made.key);
    await expect(bob.login()).resolves.toBeDefined();
    made.failure = UNREACHABLE;
    await expect(bob.serviceTicket(SERVICE)).rejects.toBe(UNREACHABLE);
    made.failure = undefined;
    await expect(bob.serviceTicket(SERVICE)).resolves.toBeDefined();
  });
});

describe.each([
  ['says when a ticket starts', (encPart: EncKdcRepPart) => encPart],
  ['does not', (encPart: EncKdcRepPart) => ({ ...encPart, starttime: undefined })],
])('a KDC whose clock is ahead that %s', (_title, encPart) => {
  async function ahead(): Promise<{ kdc: TestRealm; logins: () => number }> {
    const kdc = await TestRealm.start({
      principals: {
        alice: { password: 'secret', requiresPreauth: false },
        'HTTP/a.test': {},
        'HTTP/b.test': {},
      },
      nowMs: () => Date.now() + 120_000,
    });
    onTestFinished(() => kdc.stop());
    let logins = 0;
    kdc.setHooks({
      encPart(part, { exchange }) {
        if (exchange === 'AS') logins++;
        return encPart(part);
      },
    });
    return { kdc, logins: () => logins };
  }

  it('gives tickets that can be used at once, within clockskew', async () => {
    const { kdc, logins } = await ahead();
    const client = fromPassword('alice', 'secret', { config: kdc.config });
    const names = ['HTTP/a.test', 'HTTP/b.test', 'HTTP/a.test', 'HTTP/b.test'];
    const tickets = [];
    for (const name of names) tickets.push(await client.serviceTicket(name));
    expect([logins(), new Set(tickets).size]).toEqual([1, 2]);
    const ccache = join(folder, `ccache${files++}`);
    await writeCcacheFile(ccache, client.credentialCache(await client.login()));
    const later = await fromCcache({ config: kdc.config, ccache });
    expect(await later.serviceTicket('HTTP/a.test')).toMatchObject({ client: client.principal });
    expect(logins()).toBe(2);
  });
});

describe('a ticket that starts later', () => {
  const base = { startTime: 1000, endTime: 9000, flags: 0 } as Credential;

  it('is good within clockskew, a postdated one within a minute, and no invalid one', () => {
    const good = (now: number, flags: number, skew = 300) => isValid({ ...base, flags }, now, skew);
    expect([good(700, 0), good(699, 0), good(990, 0, 10), good(989, 0, 10)]).toEqual([
      true,
      false,
      true,
      false,
    ]);
    const { postdated, invalid } = TICKET_FLAGS;
    expect([good(940, postdated), good(939, postdated), good(2000, invalid)]).toEqual([true, false, false]);
  });
});
