/** Caches of the types FILE and DIR: MIT's and Heimdal's programs and ours see and change the same, also at once. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Heimdal, type RunResult, run, unpackHeimdal } from '../../scripts/realServers/index.mjs';
import { utf8 } from '../../src/bytes.js';
import type { Credential } from '../../src/formats/credential.js';
import { parsePrincipal } from '../../src/formats/principal.js';
import { openCache, openCollection } from '../../src/stores/cacheTypes.js';
import { storeCredential } from '../../src/stores/fileCcache.js';
import {
  mitCaches,
  mitKinit,
  mitServices,
  nameOf,
  ourLogin,
  ourServices,
  succeeded,
  ticketFor,
} from './cacheSupport.js';
import { servers } from './servers.js';

const { realm } = servers();
const TGT = 'krbtgt/EXAMPLE.TEST';
const HELPER = fileURLToPath(new URL('./storeTickets.mjs', import.meta.url));
let heimdal: Heimdal;

beforeAll(async () => {
  heimdal = await unpackHeimdal(realm);
});

const pathOf = (ccache: string) => ccache.replace(/^FILE:/, '');

describe('FILE', () => {
  it('of MIT: read, extended and used by both', async () => {
    const ccache = realm.newCcache();
    await mitKinit('alice', ccache);
    const store = await openCache(ccache);
    expect(await ourServices(store)).toEqual([TGT]);
    const tgt = (await store.read()).credentials[0] as Credential;
    await store.store(ticketFor('imap/one', tgt), tgt.client);
    succeeded(await realm.run('kvno', ['HTTP/localhost'], { ccache }));
    expect(await mitServices(ccache)).toEqual([TGT, 'imap/one', 'HTTP/localhost']);
    expect(await ourServices(store)).toEqual([TGT, 'imap/one', 'HTTP/localhost']);
    await store.remove(ticketFor('imap/one', tgt));
    expect(await mitServices(ccache)).toEqual([TGT, 'HTTP/localhost']);
    const { stdout } = succeeded(await heimdal.run('heimtools', ['klist'], { ccache }));
    expect(stdout).toContain('HTTP/localhost@EXAMPLE.TEST');
    // Heimdal shows what was removed as expired, also what MIT has removed.
    expect(stdout).toMatch(/>>>Expired<<<.*imap\/one/);
    expect(statSync(pathOf(ccache)).mode & 0o777).toBe(0o600);
  });

  it('of Heimdal: read and extended by us, read by MIT', async () => {
    const ccache = realm.newCcache();
    const args = ['--password-file=STDIN', 'alice@EXAMPLE.TEST'];
    succeeded(await heimdal.run('kinit.heimdal', args, { ccache, input: `${realm.users.alice}\n` }));
    const store = await openCache(ccache);
    expect(await ourServices(store)).toEqual([TGT]);
    const tgt = (await store.read()).credentials[0] as Credential;
    await store.store(ticketFor('imap/one', tgt));
    expect(await mitServices(ccache)).toEqual([TGT, 'imap/one']);
    const { stdout } = succeeded(await heimdal.run('heimtools', ['klist'], { ccache }));
    expect(stdout).toContain('imap/one@EXAMPLE.TEST');
  });

  it('of ours: used by MIT and Heimdal', async () => {
    const ccache = realm.newCcache();
    const store = await ourLogin(openCollection(ccache), 'alice');
    succeeded(await realm.run('kvno', ['HTTP/localhost'], { ccache }));
    expect(await ourServices(store)).toEqual([TGT, 'HTTP/localhost']);
    const { stdout } = succeeded(await heimdal.run('heimtools', ['klist'], { ccache }));
    expect(stdout).toContain('HTTP/localhost@EXAMPLE.TEST');
  });

  it('has each note once, whoever sets it', async () => {
    const ccache = realm.newCcache();
    await mitKinit('alice', ccache);
    const store = await openCache(ccache);
    const about = `${TGT}@EXAMPLE.TEST`;
    for (const value of ['no', 'maybe']) await store.setConfig('fast_avail', utf8(value), about);
    await store.setConfig('refresh_time', utf8('1234567890'));
    const { stdout } = succeeded(await realm.run('klist', ['-C'], { ccache }));
    expect(stdout.match(/^config: fast_avail\(.*\) = .*$/gm)).toEqual([
      `config: fast_avail(${about}) = maybe`,
    ]);
    expect(stdout).toContain('config: refresh_time = 1234567890');
    await store.setConfig('refresh_time', undefined);
    expect((await realm.run('klist', ['-C'], { ccache })).stdout).not.toContain('refresh_time');
    expect(await store.config('fast_avail', about)).toEqual(utf8('maybe'));
  });

  it('is gone for all when one of us destroys it', async () => {
    const ccache = realm.newCcache();
    await mitKinit('alice', ccache);
    const store = await openCache(ccache);
    await store.destroy();
    expect((await realm.run('klist', [], { ccache })).status).toBe(1);
    await mitKinit('alice', ccache);
    succeeded(await realm.run('kdestroy', [], { ccache }));
    await expect(store.read()).rejects.toThrow(expect.objectContaining({ code: 'ERR_CCACHE_MISSING' }));
  });
});

describe('DIR', () => {
  it('is one collection for MIT and for us', async () => {
    const folder = mkdtempSync(`${realm.dir}/dir-`);
    const ccache = `DIR:${folder}`;
    const caches = openCollection(ccache);
    const alice = await ourLogin(caches, 'alice');
    expect(await mitCaches(ccache)).toEqual([alice.name]);
    // A second principal gets a cache of its own, by MIT's kinit as by us.
    const user = realm.keytabUser;
    succeeded(await realm.run('kinit', ['-k', '-t', realm.keytabs.user, user], { ccache }));
    const primary = await caches.primary();
    expect([nameOf(await primary.principal()), primary.name === alice.name]).toEqual([user, false]);
    await caches.switchTo(alice);
    expect(await mitCaches(ccache)).toEqual([alice.name, primary.name]);
    succeeded(await realm.run('kswitch', ['-p', user], { ccache }));
    expect((await caches.list()).map(({ name }) => name)).toEqual([primary.name, alice.name]);
    // Alice again, by both: her cache, which becomes the primary one.
    await ourLogin(caches, 'alice');
    expect(await mitCaches(ccache)).toEqual([alice.name, primary.name]);
    await mitKinit('alice', ccache);
    expect((await caches.list()).length).toBe(2);
    succeeded(await realm.run('kvno', ['HTTP/localhost'], { ccache: primary.name }));
    expect(await ourServices(primary)).toEqual([TGT, 'HTTP/localhost']);
    succeeded(await realm.run('kdestroy', ['-A'], { ccache }));
    expect(await caches.list()).toEqual([]);
  });

  it('of ours: read and used by Heimdal', async () => {
    const ccache = `DIR:${mkdtempSync(`${realm.dir}/dir-`)}`;
    const store = await ourLogin(openCollection(ccache), 'alice');
    for (const name of [ccache, store.name]) {
      const { stdout } = succeeded(await heimdal.run('heimtools', ['klist'], { ccache: name }));
      expect(stdout).toContain('Principal: alice@EXAMPLE.TEST');
      expect(stdout).toContain(`${TGT}@EXAMPLE.TEST`);
    }
    succeeded(await heimdal.run('kgetcred', ['HTTP/localhost@EXAMPLE.TEST'], { ccache }));
    expect(await ourServices(store)).toEqual([TGT, 'HTTP/localhost']);
  });

  it('of Heimdal: read and extended by us, read by MIT', async () => {
    const ccache = `DIR:${mkdtempSync(`${realm.dir}/dir-`)}`;
    // Heimdal crashes when it walks through the caches of a folder, as kinit without -c and klist -l do, also MIT's.
    const args = ['--password-file=STDIN', '-c', ccache, 'alice@EXAMPLE.TEST'];
    succeeded(await heimdal.run('kinit.heimdal', args, { input: `${realm.users.alice}\n` }));
    const caches = openCollection(ccache);
    const store = await caches.primary();
    expect(nameOf(await store.principal())).toBe('alice');
    expect((await caches.list()).map(({ name }) => name)).toEqual([store.name]);
    const tgt = (await store.read()).credentials[0] as Credential;
    await store.store(ticketFor('imap/one', tgt));
    expect(await mitServices(ccache)).toEqual([TGT, 'imap/one']);
    const { stdout } = succeeded(await heimdal.run('heimtools', ['klist'], { ccache }));
    expect(stdout).toContain('imap/one@EXAMPLE.TEST');
  });
});

describe('one FILE cache and many programs', () => {
  const names = (program: string, length: number) =>
    Array.from({ length }, (_, i) => `parallel/${program}${i}`);
  const services = { mit: names('mit', 400), heimdal: names('heimdal', 200), ours: names('ours', 400) };
  const chunks = (all: readonly string[], parts: number) =>
    Array.from({ length: parts }, (_, part) => all.filter((_name, i) => i % parts === part));

  /** Heimdal's kgetcred gets one ticket a run. */
  async function heimdalGets(ccache: string, wanted: readonly string[]): Promise<RunResult> {
    let last: RunResult = { status: 0, stdout: '', stderr: '' };
    for (const name of wanted) {
      last = succeeded(await heimdal.run('kgetcred', [`${name}@EXAMPLE.TEST`], { ccache }));
    }
    return last;
  }

  it('loses none of 1,000 tickets that MIT, Heimdal and we store at once, and is whole all the time', async () => {
    const known = [...services.mit, ...services.heimdal];
    await realm.kadmin(known.map((name) => `addprinc -nokey ${name}`).concat('getprinc alice'));
    await realm.kadmin(known.map((name) => `cpw -randkey ${name}`));
    const ccache = realm.newCcache();
    await mitKinit('alice', ccache);
    let running = true;
    const mit = chunks(services.mit, 2).map((some) => realm.run('kvno', ['-q', ...some], { ccache }));
    const theirs = chunks(services.heimdal, 2).map((some) => heimdalGets(ccache, some));
    const ours = chunks(services.ours, 2).map((some) =>
      run(process.execPath, [HELPER, pathOf(ccache), ...some]),
    );
    const all = Promise.all([...mit, ...theirs, ...ours]).finally(() => {
      running = false;
    });
    const store = await openCache(ccache);
    let reads = 0;
    while (running) {
      await store.read();
      expect((await realm.run('klist', ['-s'], { ccache })).status).toBe(0);
      expect((await heimdal.run('heimtools', ['klist', '-s'], { ccache })).status).toBe(0);
      reads++;
    }
    for (const result of await all) succeeded(result);
    const expected = [TGT, ...Object.values(services).flat()].toSorted();
    expect((await ourServices(store)).toSorted()).toEqual(expected);
    expect((await mitServices(ccache)).toSorted()).toEqual(expected);
    expect(reads).toBeGreaterThan(1);
  }, 300_000);

  it('stays readable for all when writers are killed, and nothing that was stored is lost', async () => {
    const ccache = realm.newCcache();
    await mitKinit('alice', ccache);
    const store = await openCache(ccache);
    const tgt = (await store.read()).credentials[0] as Credential;
    const survivors: string[] = [];
    for (let round = 0; round < 40; round++) {
      const names = Array.from({ length: 200 }, (_, i) => `r${round}/s${i}`);
      const reported = await killedAfter(5 * round, [HELPER, '--report', pathOf(ccache), ...names]);
      survivors.push(...reported, `after/r${round}`);
      expect(await ourServices(store)).toContain(TGT);
      await storeCredential(pathOf(ccache), ticketFor(`after/r${round}`, tgt));
      expect((await realm.run('klist', ['-s'], { ccache })).status).toBe(0);
    }
    expect(await mitServices(ccache)).toEqual(expect.arrayContaining(survivors));
    expect(await ourServices(store)).toEqual(expect.arrayContaining(survivors));
  }, 300_000);

  it('has no half cache when a login is killed', async () => {
    const folder = mkdtempSync(`${realm.dir}/killed-`);
    const path = `${folder}/cc`;
    await mitKinit('alice', `FILE:${path}`);
    for (let round = 0; round < 30; round++) {
      await killedAfter(3 * round, [HELPER, '--initialize', path]);
      const store = await openCache(path);
      expect((await ourServices(store))[0]).toBe(TGT);
      expect((await realm.run('klist', ['-s'], { ccache: path })).status).toBe(0);
    }
    const others = readdirSync(folder).filter((name) => name !== 'cc');
    expect(others.every((name) => /^\.cc\.[0-9a-f]{16}$/.test(name))).toBe(true);
    rmSync(folder, { recursive: true });
  }, 300_000);
});

/** Lines that the program wrote until it was killed, `ms` after the first one. */
function killedAfter(ms: number, args: string[]): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.once('data', () => setTimeout(() => child.kill('SIGKILL'), ms));
    child.stdout.on('data', (octets) => {
      text += octets;
    });
    child.once('error', reject);
    child.once('close', () => resolve(text.split('\n').slice(1, -1)));
  });
}

it('is found by principal among the caches of a folder', async () => {
  const folder = mkdtempSync(`${realm.dir}/dir-`);
  const caches = openCollection(`DIR:${folder}`);
  const alice = await ourLogin(caches, 'alice');
  const other = await caches.create();
  await other.initialize(parsePrincipal('bob@EXAMPLE.TEST'));
  expect((await mitCaches(`DIR:${folder}`)).toSorted()).toEqual([alice.name, other.name].toSorted());
});
