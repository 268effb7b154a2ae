import {
  appendFileSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { utf8 } from '../../src/bytes.js';
import { decodeCredentialCache, encodeCredentialCache } from '../../src/formats/ccache.js';
import { encodeEntry } from '../../src/formats/ccacheEntry.js';
import type { Credential } from '../../src/formats/credential.js';
import { formatPrincipal, parsePrincipal } from '../../src/formats/principal.js';
import {
  type CacheCollection,
  type CredentialCacheStore,
  cacheForLogin,
  findByPrincipal,
} from '../../src/stores/cacheStore.js';
import { openCache, openCollection } from '../../src/stores/cacheTypes.js';
import { mitCcache } from '../formats/mitFiles.js';
import { testFolder } from './folder.js';
import { scriptedKcm } from './scriptedKcm.js';

const mit = decodeCredentialCache(mitCcache);
const [tgt] = mit.credentials as [Credential, ...Credential[]];
const alice = mit.defaultPrincipal;
const bob = parsePrincipal('bob@FMT.TEST');
const withCode = (code: string) => expect.objectContaining({ code });
const ticket = (name: string, changes: Partial<Credential> = {}): Credential => ({
  ...tgt,
  server: parsePrincipal(name, { defaultRealm: 'FMT.TEST' }),
  ...changes,
});
const namesIn = async (store: CredentialCacheStore) =>
  (await store.read()).credentials.map(({ server }) => formatPrincipal(server, { omitRealm: true }));

/** A new cache of each type. */
const makers: [string, () => Promise<CredentialCacheStore>][] = [
  ['FILE', () => openCache(`FILE:${join(testFolder(), 'cc')}`)],
  ['DIR', () => openCache(`DIR:${join(testFolder(), 'caches')}`)],
  ['MEMORY', async () => (await openCollection('MEMORY:')).create()],
  ['KCM', async () => openCache('KCM:', { kcmSocket: await scriptedKcm() })],
];

describe.each(makers)('a cache of type %s', (type, make) => {
  it('does not exist before it is initialized', async () => {
    const store = await make();
    const uses = [() => store.read(), () => store.principal(), () => store.store(tgt), () => store.destroy()];
    for (const use of uses) {
      await expect(use()).rejects.toThrow(withCode('ERR_CCACHE_MISSING'));
    }
  });

  it('gives back what was put in, its name says the type', async () => {
    const store = await make();
    expect(store.name).toMatch(new RegExp(`^${type}:`));
    const kdcTimeOffset = { seconds: -7, microseconds: 0 };
    await store.initialize(alice, { credentials: [tgt], config: mit.config, kdcTimeOffset });
    await store.store(ticket('HTTP/a'));
    const cache = await store.read();
    const expected = { ...mit, credentials: [tgt, ticket('HTTP/a')], kdcTimeOffset };
    expect(cache).toEqual(expected);
    expect(await store.principal()).toEqual(alice);
  });

  it('replaces tickets of the same client and server, except those for user-to-user', async () => {
    const store = await make();
    await store.initialize(alice, { credentials: [tgt, ticket('HTTP/a'), ticket('HTTP/b')] });
    await store.store(ticket('HTTP/a', { endTime: 99 }));
    await store.store(ticket('HTTP/b', { isSkey: true }));
    expect((await namesIn(store)).toSorted()).toEqual(
      [formatPrincipal(tgt.server, { omitRealm: true }), 'HTTP/a', 'HTTP/b', 'HTTP/b'].toSorted(),
    );
    expect((await store.find({ server: ticket('HTTP/a').server }))?.endTime).toBe(99);
    expect((await store.find({ server: ticket('HTTP/b').server }))?.isSkey).toBe(false);
    expect((await store.find({ server: ticket('HTTP/b').server, isSkey: true }))?.isSkey).toBe(true);
  });

  it('finds by server, client, time and type', async () => {
    const store = await make();
    await store.initialize(alice, { credentials: [tgt, ticket('HTTP/a', { endTime: 50 })] });
    const { server } = ticket('HTTP/a');
    const found = async (query: object) => (await store.find({ server, ...query })) !== undefined;
    expect(await found({})).toBe(true);
    expect(await found({ client: alice, validAt: 49, etype: tgt.sessionKey.etype })).toBe(true);
    expect(await found({ client: bob })).toBe(false);
    expect(await found({ validAt: 50 })).toBe(false);
    expect(await found({ etype: 17 })).toBe(false);
    expect(await store.find({ server: bob })).toBeUndefined();
  });

  it('removes tickets', async () => {
    const store = await make();
    await store.initialize(alice, { credentials: [tgt, ticket('HTTP/a'), ticket('HTTP/b')] });
    await store.remove(ticket('HTTP/a'));
    await store.remove(ticket('HTTP/none'));
    expect((await namesIn(store)).slice(1)).toEqual(['HTTP/b']);
  });

  it('has one note of a kind', async () => {
    const store = await make();
    await store.initialize(alice, { credentials: [tgt], config: mit.config });
    const about = mit.config[0]!.principal;
    for (const value of ['1', '2', '2']) await store.setConfig('pa_type', utf8(value), about);
    await store.setConfig('pa_type', utf8('3'));
    expect(await store.config('pa_type', about)).toEqual(utf8('2'));
    expect(await store.config('pa_type')).toEqual(utf8('3'));
    expect(await store.config('pa_type', 'other')).toBeUndefined();
    expect((await store.read()).config.length).toBe(mit.config.length + 2);
    await store.setConfig('pa_type', undefined);
    await store.setConfig('pa_type', undefined);
    expect(await store.config('pa_type')).toBeUndefined();
    expect(await store.config('pa_type', about)).toEqual(utf8('2'));
  });

  it("does not take a ticket of another principal's cache", async () => {
    const store = await make();
    await store.initialize(bob);
    await expect(store.store(tgt, alice)).rejects.toThrow(withCode('ERR_CCACHE_IO'));
    expect(await namesIn(store)).toEqual([]);
  });

  it('is gone after it was destroyed', async () => {
    const store = await make();
    await store.initialize(alice, { credentials: [tgt] });
    await store.destroy();
    await expect(store.read()).rejects.toThrow(withCode('ERR_CCACHE_MISSING'));
  });
});

const collections: [string, () => Promise<CacheCollection>][] = [
  ['DIR', async () => openCollection(`DIR:${join(testFolder(), 'caches')}`)],
  ['KCM', async () => openCollection('KCM:', { kcmSocket: await scriptedKcm() })],
];

describe.each(collections)('the collection of type %s', (_type, make) => {
  it('takes each principal to a cache of its own', async () => {
    const caches = await make();
    expect(caches.switchable).toBe(true);
    expect(await caches.list()).toEqual([]);
    const first = await cacheForLogin(caches, alice);
    expect([first.store.name, first.switches]).toEqual([(await caches.primary()).name, false]);
    await first.store.initialize(alice);
    const second = await cacheForLogin(caches, bob);
    expect([second.store.name === first.store.name, second.switches]).toEqual([false, true]);
    await second.store.initialize(bob);
    await caches.switchTo(second.store);
    expect((await caches.list()).map(({ name }) => name)).toEqual([second.store.name, first.store.name]);
    const again = await cacheForLogin(caches, alice);
    expect([again.store.name, again.switches]).toEqual([first.store.name, true]);
    expect((await findByPrincipal(caches, bob))?.name).toBe(second.store.name);
    expect(await findByPrincipal(caches, parsePrincipal('eve@FMT.TEST'))).toBeUndefined();
  });
});

describe('a collection of one cache', () => {
  it.each(['FILE:', 'DIR::'])('%s cannot switch', async (prefix) => {
    const caches = openCollection(`${prefix}${join(testFolder(), 'tkt')}`);
    const { store, switches } = await cacheForLogin(caches, alice);
    expect([caches.switchable, switches, await caches.list()]).toEqual([false, false, []]);
    await store.initialize(alice);
    expect((await caches.list()).length).toBe(1);
    await expect(caches.create()).rejects.toThrow(withCode('ERR_CCACHE_TYPE'));
    await expect(caches.switchTo(store)).rejects.toThrow(withCode('ERR_CCACHE_TYPE'));
  });
});

it('a single cache of a folder needs the folder around that', async () => {
  const folder = join(testFolder(), 'new');
  await expect(openCache(`DIR::${folder}/none/tkt`)).rejects.toThrow(withCode('ERR_CCACHE_IO'));
  expect(existsSync(folder)).toBe(false);
  await (await openCache(`DIR::${folder}/tkt`)).initialize(alice);
  expect(statSync(folder).mode & 0o777).toBe(0o700);
});

describe('a single cache of a folder', () => {
  const refused = async (result: Promise<unknown>) =>
    expect(result).rejects.toThrow(withCode('ERR_CCACHE_IO'));

  /** `action` by a user to whom nothing here belongs. */
  async function byStranger<T>(action: () => Promise<T>): Promise<T> {
    const spy = vi.spyOn(process, 'geteuid').mockReturnValue(4711);
    return action().finally(() => spy.mockRestore());
  }

  it("may be in another user's folder, or in one behind a link, where a collection may not", async () => {
    const [real, link] = [testFolder(), join(testFolder(), 'link')];
    if (process.geteuid?.() === 0) chownSync(real, 65534, 65534);
    symlinkSync(real, link);
    const cache = await byStranger(() => openCache(`DIR::${real}/tkt`));
    await byStranger(() => refused(openCollection(`DIR:${real}`).primary()));
    await byStranger(() => refused(openCollection(`DIR:${real}`).switchTo(cache)));
    await cache.initialize(alice);
    expect(readdirSync(real)).toEqual(['tkt']);
    expect(await (await openCache(`DIR::${link}/tkt`)).principal()).toEqual(alice);
  });

  it('must be ours itself and no link, and in a folder', async () => {
    const folder = testFolder();
    const cache = await openCache(`DIR::${folder}/tkt`);
    await cache.initialize(alice);
    await byStranger(() => refused(cache.read()));
    symlinkSync('tkt', join(folder, 'tktlink'));
    await refused((await openCache(`DIR::${folder}/tktlink`)).read());
    symlinkSync('nowhere', join(folder, 'broken'));
    for (const name of ['tkt', 'broken']) await refused(openCache(`DIR::${folder}/${name}/tkt`));
  });
});

describe('a folder of caches', () => {
  it.each(['tkt', 'other\n', 'tkt/../x\n', 'tktx\0\n', '', '\n', `tkt${'x'.repeat(5000)}\n`])(
    'with the primary file %j is refused',
    async (text) => {
      const folder = testFolder();
      writeFileSync(join(folder, 'primary'), text);
      await expect(openCache(`DIR:${folder}`)).rejects.toThrow(
        expect.objectContaining({ code: expect.stringMatching(/^ERR_CCACHE_(FORMAT|IO)$/) }),
      );
    },
  );

  it('lists nothing that is no cache, and a damaged one does not hide the others', async () => {
    const folder = testFolder();
    writeFileSync(join(folder, 'tktdamaged'), 'x', { mode: 0o600 });
    writeFileSync(join(folder, 'readme'), 'x');
    const caches = openCollection(`DIR:${folder}`);
    await (await caches.primary()).initialize(alice);
    expect((await caches.list()).length).toBe(2);
    expect((await findByPrincipal(caches, alice))?.name).toBe(`DIR::${join(folder, 'tkt')}`);
  });

  it('is refused when it is a link, or no folder, and made for the owner only', async () => {
    const folder = testFolder();
    mkdirSync(join(folder, 'real'));
    symlinkSync(join(folder, 'real'), join(folder, 'link'));
    writeFileSync(join(folder, 'file'), '');
    for (const name of ['link', 'file', 'missing/deeper']) {
      await expect(openCache(`DIR:${join(folder, name)}`)).rejects.toThrow(withCode('ERR_CCACHE_IO'));
    }
    await openCache(`DIR:${join(folder, 'new')}`);
    expect(statSync(join(folder, 'new')).mode & 0o777).toBe(0o700);
  });
});

describe('types', () => {
  it.each(['KEYRING:persistent:0', 'API:x', 'MSLSA:', 'XCACHE:x', 'NOSUCH:x', 'FILE:', 'DIR:', 'DIR::/x/y'])(
    '%s is refused with what to do instead',
    (name) => {
      expect(() => openCollection(name)).toThrow(withCode('ERR_CCACHE_TYPE'));
      expect(() => openCollection(name)).toThrow(/FILE:\/tmp|DIR::\/folder/);
    },
  );

  it('can be added', async () => {
    const types = { VAULT: { collection: (name: string) => openCollection(`MEMORY:vault-${name}`) } };
    expect((await openCache('VAULT:a', { types })).name).toBe('MEMORY:vault-a');
    expect(() => openCollection('toString:x', { types })).toThrow(withCode('ERR_CCACHE_TYPE'));
  });
});

describe('a file that others write to', () => {
  const fileWith = (octets: Uint8Array): string => {
    const path = join(testFolder(), 'cc');
    writeFileSync(path, octets, { mode: 0o600 });
    return path;
  };

  it('is read anew as soon as it has changed', async () => {
    const path = fileWith(mitCcache);
    const store = await openCache(path);
    const before = await store.read();
    await new Promise((resolve) => setTimeout(resolve, 80));
    const settled = await store.read();
    expect(settled).toEqual(before);
    expect(await store.read()).toBe(settled);
    appendFileSync(path, encodeEntry(ticket('HTTP/a')));
    expect(await store.find({ server: ticket('HTTP/a').server })).toBeDefined();
  });

  it('keeps what another program appends in place of a cut entry, and loses the cut one', async () => {
    const entry = encodeEntry(ticket('HTTP/cut'));
    const path = fileWith(Buffer.concat([mitCcache, entry.subarray(0, entry.length - 5)]));
    const store = await openCache(path);
    await store.store(ticket('HTTP/a'));
    expect((await namesIn(store)).slice(2)).toEqual(['HTTP/a']);
    expect(decodeCredentialCache(readFileSync(path)).credentials.length).toBe(3);
  });

  it('waits for the rest of an entry', async () => {
    const entry = encodeEntry(ticket('HTTP/slow'));
    const path = fileWith(Buffer.concat([mitCcache, entry.subarray(0, 9)]));
    const stored = (await openCache(path)).store(ticket('HTTP/a'));
    await new Promise((resolve) => setTimeout(resolve, 100));
    appendFileSync(path, entry.subarray(9));
    await stored;
    expect((await namesIn(await openCache(path))).slice(2)).toEqual(['HTTP/slow', 'HTTP/a']);
  });

  it('of version 3 becomes one of version 4', async () => {
    const v4 = encodeCredentialCache({ version: 4, defaultPrincipal: alice, credentials: [], config: [] });
    const path = fileWith(Buffer.concat([Uint8Array.of(5, 3), v4.subarray(4)]));
    await (await openCache(path)).store(tgt);
    expect([...readFileSync(path).subarray(0, 2)]).toEqual([5, 4]);
    expect((await namesIn(await openCache(path))).length).toBe(1);
    expect(readdirSync(join(path, '..'))).toEqual(['cc']);
  });
});

describe('a KCM cache that was chosen and never written', () => {
  it('can be destroyed', async () => {
    const kcmSocket = await scriptedKcm((operation) => operation === 'GET_PRINCIPAL');
    const collection = openCollection('KCM:', { kcmSocket });
    const store = await collection.primary();
    await store.initialize(alice);
    await store.destroy();
    expect(await collection.list()).toEqual([]);
  });
});

describe('a KCM daemon that refuses to add a ticket', () => {
  const refusing = async () => {
    const state = { refused: 0 };
    const kcmSocket = await scriptedKcm((operation) => operation === 'STORE' && state.refused-- > 0);
    const store = await openCache('KCM:', { kcmSocket });
    await store.initialize(alice, { credentials: [tgt, ticket('HTTP/a')] });
    return { state, store };
  };

  it('has the one that was to be replaced again', async () => {
    const { state, store } = await refusing();
    state.refused = 1;
    await expect(store.store(ticket('HTTP/a', { endTime: 99 }))).rejects.toThrow(withCode('ERR_CCACHE_IO'));
    expect(state.refused).toBe(-1);
    const found = await store.find({ server: ticket('HTTP/a').server });
    expect(found).toEqual(ticket('HTTP/a'));
    expect((await store.read()).credentials).toHaveLength(2);
  });

  it('is an error, also when it refuses to take that', async () => {
    const { state, store } = await refusing();
    state.refused = 2;
    await expect(store.store(ticket('HTTP/a', { endTime: 99 }))).rejects.toThrow(withCode('ERR_CCACHE_IO'));
    expect(await namesIn(store)).toHaveLength(1);
  });
});
