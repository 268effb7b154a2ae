/** Caches of type KCM with both daemons: MIT's and Heimdal's programs and ours see and change the same. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Heimdal,
  type KcmDaemon,
  startSssdKcm,
  unpackHeimdal,
} from '../../scripts/realServers/index.mjs';
import { utf8, utf8Text } from '../../src/bytes.js';
import type { Credential } from '../../src/formats/credential.js';
import { parsePrincipal } from '../../src/formats/principal.js';
import { fromCcache } from '../../src/index.js';
import type { CacheCollection } from '../../src/stores/cacheStore.js';
import { openCollection } from '../../src/stores/cacheTypes.js';
import {
  type Env,
  mitCaches,
  mitKinit,
  mitServices,
  nameOf,
  ourLogin,
  ourServices,
  succeeded,
  ticketFor,
} from './cacheSupport.js';
import { configOf } from './library.js';
import { servers } from './servers.js';

const { realm } = servers();
const TGT = 'krbtgt/EXAMPLE.TEST';
let heimdal: Heimdal;

beforeAll(async () => {
  heimdal = await unpackHeimdal(realm);
});

describe.each([
  ['sssd-kcm', () => startSssdKcm(realm)],
  ["Heimdal's kcm", () => heimdal.startKcm()],
])('%s', (daemonName, start) => {
  let daemon: KcmDaemon;
  let env: Env;
  let caches: CacheCollection;
  const ccache = 'KCM:';

  beforeAll(async () => {
    daemon = await start();
    env = { KRB5_CONFIG: daemon.krb5Conf };
    caches = openCollection(ccache, { kcmSocket: daemon.socket });
  });
  afterAll(() => daemon.stop());

  it('has no cache at first', async () => {
    expect(await caches.list()).toEqual([]);
    const primary = await caches.primary();
    await expect(primary.read()).rejects.toThrow(expect.objectContaining({ code: 'ERR_CCACHE_MISSING' }));
    await expect(primary.destroy()).rejects.toThrow(expect.objectContaining({ code: 'ERR_CCACHE_MISSING' }));
  });

  it('gives us what kinit and kvno of MIT stored', async () => {
    await mitKinit('alice', ccache, env);
    succeeded(await realm.run('kvno', ['HTTP/localhost'], { ccache, env }));
    const store = await caches.primary();
    const cache = await store.read();
    expect(nameOf(cache.defaultPrincipal)).toBe('alice');
    expect((await ourServices(store)).toSorted()).toEqual(['HTTP/localhost', TGT]);
    expect(cache.config.map(({ key }) => key)).toContain('fast_avail');
    const server = parsePrincipal('HTTP/localhost@EXAMPLE.TEST');
    const found = await store.find({ server });
    expect(found?.ticket).toEqual(
      cache.credentials.find((one) => nameOf(one.server) === 'HTTP/localhost')?.ticket,
    );
    expect(await store.find({ server, validAt: found?.endTime })).toBeUndefined();
    expect(await store.find({ server: { ...server, components: ['no', 'such'] } })).toBeUndefined();
  });

  it('gives MIT and Heimdal what we stored', async () => {
    const store = await ourLogin(caches, 'alice');
    const { credentials } = await store.read();
    const tgt = credentials[0] as Credential;
    await store.store(ticketFor('imap/one', tgt), tgt.client);
    expect((await mitServices(ccache, env)).toSorted()).toEqual(['imap/one', TGT]);
    const { stdout } = succeeded(
      await heimdal.run('heimtools', ['klist'], { ccache: store.name, kcm: daemon }),
    );
    expect(stdout).toContain('imap/one@EXAMPLE.TEST');
    // MIT uses the ticket-granting ticket that we stored.
    succeeded(await realm.run('kvno', ['HTTP/localhost'], { ccache, env }));
    expect(await ourServices(store)).toContain('HTTP/localhost');
  });

  it('keeps one ticket and one note of a kind', async () => {
    const store = await caches.primary();
    const tgt = (await store.read()).credentials.find((one) => nameOf(one.server) === TGT) as Credential;
    await store.store({ ...ticketFor('imap/one', tgt), endTime: tgt.endTime - 60 });
    const again = (await store.read()).credentials.filter((one) => nameOf(one.server) === 'imap/one');
    expect(again.map(({ endTime }) => endTime)).toEqual([tgt.endTime - 60]);
    for (const value of ['no', 'yes'])
      await store.setConfig('fast_avail', utf8(value), `${TGT}@EXAMPLE.TEST`);
    const value = await store.config('fast_avail', `${TGT}@EXAMPLE.TEST`);
    expect(utf8Text(value ?? new Uint8Array())).toBe('yes');
    expect((await store.read()).config.filter(({ key }) => key === 'fast_avail').length).toBe(1);
    const { stdout } = succeeded(await realm.run('klist', ['-C'], { ccache, env }));
    expect(stdout.match(/fast_avail\(.*= yes/g)?.length).toBe(1);
  });

  it('removes a single ticket, or says that it cannot', async () => {
    const store = await caches.primary();
    const tgt = (await store.read()).credentials.find((one) => nameOf(one.server) === TGT) as Credential;
    const removal = store.remove(ticketFor('imap/one', tgt));
    if (daemonName === 'sssd-kcm') {
      await expect(removal).rejects.toThrow(expect.objectContaining({ code: 'ERR_CCACHE_TYPE' }));
    } else {
      await removal;
      expect(await ourServices(store)).not.toContain('imap/one');
    }
  });

  it('holds caches of several principals, and all agree on the primary one', async () => {
    const alice = await caches.primary();
    const { keytabUser } = realm;
    const other = await caches.create();
    await other.initialize(parsePrincipal(`${keytabUser}@EXAMPLE.TEST`));
    expect(other.name).not.toBe(alice.name);
    await caches.switchTo(other);
    expect((await caches.primary()).name).toBe(other.name);
    expect((await mitCaches(ccache, env))[0]).toBe(other.name);
    succeeded(await realm.run('kswitch', ['-p', 'alice@EXAMPLE.TEST'], { ccache, env }));
    expect((await caches.list()).map(({ name }) => name)).toEqual([alice.name, other.name]);
    const { stdout } = await heimdal.run('heimtools', ['klist', '-l'], { ccache, kcm: daemon });
    expect(stdout).toContain('alice@EXAMPLE.TEST');
  });

  it('is where a client keeps its tickets, chosen by principal or service', async () => {
    const { keytabUser } = realm;
    const options = { ccache, config: configOf({ ...realm, krb5Conf: daemon.krb5Conf }) };
    const client = await fromCcache({ ...options, principal: 'alice' });
    await client.serviceTicket('host/localhost');
    expect(await mitServices(ccache, env)).toContain('host/localhost');
    const chosen = await fromCcache({ ...options, service: 'HTTP/localhost' });
    expect(nameOf(chosen.principal)).toBe('alice');
    const other = await fromCcache({ ...options, principal: keytabUser });
    expect(nameOf(other.principal)).toBe(keytabUser);
    await expect(fromCcache({ ...options, principal: 'nobody' })).rejects.toThrow(
      expect.objectContaining({ code: 'ERR_CCACHE_MISSING' }),
    );
  });

  it("reads what Heimdal's kinit stores", async () => {
    const store = await caches.primary();
    const options = { ccache: store.name, kcm: daemon };
    const args = ['--password-file=STDIN', 'alice@EXAMPLE.TEST'];
    const input = `${realm.users.alice}\n`;
    const kinit = await heimdal.run('kinit.heimdal', args, { ...options, input });
    if (daemonName === 'sssd-kcm') {
      // Heimdal's kinit needs an operation that this daemon does not have.
      expect(kinit.stderr).toContain('Internal file credentials cache error');
      return;
    }
    succeeded(kinit);
    expect(await ourServices(store)).toEqual([TGT]);
    expect(await mitServices(ccache, env)).toEqual([TGT]);
    succeeded(await realm.run('kvno', ['host/localhost'], { ccache, env }));
    expect(await ourServices(store)).toEqual([TGT, 'host/localhost']);
  });

  it('loses all caches when one of us destroys them', async () => {
    for (const store of await caches.list()) await store.destroy();
    expect(await caches.list()).toEqual([]);
    expect((await realm.run('klist', ['-s'], { ccache, env })).status).toBe(1);
    await mitKinit('alice', ccache, env);
    expect((await caches.list()).length).toBe(1);
    succeeded(await realm.run('kdestroy', ['-A'], { ccache, env }));
    expect(await caches.list()).toEqual([]);
  });
});

it('says what to do when the daemon has ended', async () => {
  const daemon = await heimdal.startKcm();
  await daemon.stop();
  const caches = openCollection('KCM:', { kcmSocket: daemon.socket });
  await expect(caches.list()).rejects.toThrow(expect.objectContaining({ code: 'ERR_CCACHE_IO' }));
  await expect(caches.list()).rejects.toThrow(/start it .*KRB5CCNAME=FILE:/);
});
