import { execFileSync } from 'node:child_process';
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import {
  type CredentialCache,
  decodeCredentialCache,
  encodeCredentialCache,
} from '../../src/formats/ccache.js';
import type { Credential } from '../../src/formats/credential.js';
import { parsePrincipal } from '../../src/formats/principal.js';
import {
  readCcacheFile,
  removeCcacheFile,
  storeCredential,
  writeCcacheFile,
} from '../../src/stores/fileCcache.js';
import { mitCcache } from '../formats/mitFiles.js';
import { testFolder } from './folder.js';

const cache = decodeCredentialCache(mitCcache);
const [tgt] = cache.credentials as [Credential, ...Credential[]];
const withCode = (code: string) => expect.objectContaining({ code });

/** A folder with MIT's cache in the file `cc`. */
function folderWithCache(): { folder: string; path: string } {
  const folder = testFolder();
  const path = join(folder, 'cc');
  writeFileSync(path, mitCcache, { mode: 0o600 });
  return { folder, path };
}

describe('readCcacheFile', () => {
  it('reads what MIT krb5 wrote', async () => {
    const read = await readCcacheFile(folderWithCache().path);
    expect(read.credentials.map(({ server }) => server)).toEqual(
      cache.credentials.map(({ server }) => server),
    );
  });

  it('refuses a symbolic link unless it is told to follow', async () => {
    const { folder, path } = folderWithCache();
    const link = join(folder, 'link');
    symlinkSync(path, link);
    await expect(readCcacheFile(link)).rejects.toThrow(withCode('ERR_CCACHE_IO'));
    await expect(storeCredential(link, tgt)).rejects.toThrow(withCode('ERR_CCACHE_IO'));
    expect((await readCcacheFile(link, { allowLink: true })).defaultPrincipal).toEqual(
      cache.defaultPrincipal,
    );
    await storeCredential(link, tgt, { allowLink: true });
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
  });

  it('refuses what belongs to somebody else unless it is told to take it', async () => {
    const { path } = folderWithCache();
    const spy = vi.spyOn(process, 'geteuid').mockReturnValue(4711);
    try {
      await expect(readCcacheFile(path)).rejects.toThrow(withCode('ERR_CCACHE_IO'));
      await expect(storeCredential(path, tgt)).rejects.toThrow(withCode('ERR_CCACHE_IO'));
      expect((await readCcacheFile(path, { allowOtherOwner: true })).version).toBe(4);
    } finally {
      spy.mockRestore();
    }
  });

  it('reads over a last entry that is cut off', async () => {
    const { path } = folderWithCache();
    truncateSync(path, mitCcache.length - 10);
    expect((await readCcacheFile(path)).credentials.length).toBe(1);
  });

  it('says when there is none, and where it looked', async () => {
    const path = join(testFolder(), 'absent');
    const error = await readCcacheFile(path).catch((e: unknown) => e);
    expect(error).toMatchObject({ code: 'ERR_CCACHE_MISSING' });
    expect(String(error)).toContain(`(filename: ${path})`);
  });

  it('refuses a folder, a pipe without a writer and a device; a path that cannot be is of no cache', async () => {
    const folder = testFolder();
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    for (const path of [folder, pipe, '/dev/zero', 'a\0b']) {
      await expect(readCcacheFile(path)).rejects.toThrow(withCode('ERR_CCACHE_IO'));
    }
    for (const use of [readCcacheFile, removeCcacheFile]) {
      await expect(use(join(pipe, 'below'))).rejects.toThrow(withCode('ERR_CCACHE_MISSING'));
    }
  });

  it('refuses a file of more than 64 MiB without reading it', async () => {
    const { path } = folderWithCache();
    truncateSync(path, 64 * 1024 * 1024 + 1);
    await expect(readCcacheFile(path)).rejects.toThrow(withCode('ERR_CCACHE_FORMAT'));
  });

  it('names file and offset when the contents are wrong', async () => {
    const { path } = folderWithCache();
    writeFileSync(path, 'no cache');
    await expect(readCcacheFile(path)).rejects.toThrow(
      expect.objectContaining({ code: 'ERR_CCACHE_FORMAT', file: path, offset: 0 }),
    );
  });
});

describe('writeCcacheFile', () => {
  it('writes for the owner only, and leaves nothing beside it', async () => {
    const folder = testFolder();
    await writeCcacheFile(join(folder, 'cc'), cache);
    expect(readdirSync(folder)).toEqual(['cc']);
    expect(statSync(join(folder, 'cc')).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(folder, 'cc')).equals(mitCcache)).toBe(true);
  });

  it('replaces a symbolic link instead of writing through it', async () => {
    const { folder, path } = folderWithCache();
    const other = join(folder, 'other');
    writeFileSync(other, 'of somebody else');
    rmSync(path);
    symlinkSync(other, path);
    await writeCcacheFile(path, cache);
    expect(lstatSync(path).isSymbolicLink()).toBe(false);
    expect(readFileSync(other, 'utf8')).toBe('of somebody else');
  });

  it.each(['writeFile', 'sync'] as const)('keeps the old cache when %s fails', async (step) => {
    const { folder, path } = folderWithCache();
    const handle = await open(path);
    await handle.close();
    const failure = Object.assign(new Error('disk full'), { code: 'ENOSPC' });
    const spy = vi.spyOn(Object.getPrototypeOf(handle), step).mockRejectedValue(failure);
    try {
      const written = writeCcacheFile(path, { ...cache, credentials: [] });
      await expect(written).rejects.toThrow(withCode('ERR_CCACHE_IO'));
    } finally {
      spy.mockRestore();
    }
    expect(readdirSync(folder)).toEqual(['cc']);
    expect(readFileSync(path).equals(mitCcache)).toBe(true);
  });

  it('keeps a folder that stands in the way, and removes its own file', async () => {
    const folder = testFolder();
    mkdirSync(join(folder, 'cc'));
    await expect(writeCcacheFile(join(folder, 'cc'), cache)).rejects.toThrow(withCode('ERR_CCACHE_IO'));
    expect(readdirSync(folder)).toEqual(['cc']);
  });

  it('fails where the folder is missing', async () => {
    const path = join(testFolder(), 'absent', 'cc');
    await expect(writeCcacheFile(path, cache)).rejects.toThrow(withCode('ERR_CCACHE_IO'));
  });
});

describe('storeCredential', () => {
  const ticketFor = (service: string, changes: Partial<Credential> = {}): Credential => ({
    ...tgt,
    server: parsePrincipal(service, { defaultRealm: 'FMT.TEST' }),
    ...changes,
  });
  const serversIn = async (path: string) =>
    (await readCcacheFile(path)).credentials.map((c) => c.server.components[0]);

  it('adds a ticket behind the others', async () => {
    const { path } = folderWithCache();
    await storeCredential(path, ticketFor('imap/mail.fmt.test'));
    expect(await serversIn(path)).toEqual(['krbtgt', 'HTTP', 'imap']);
  });

  it('replaces an older ticket, whatever the name type', async () => {
    const { path } = folderWithCache();
    const server = { ...tgt.server, nameType: 7 };
    await storeCredential(path, { ...tgt, server, endTime: 12345 });
    const read: CredentialCache = await readCcacheFile(path);
    expect(await serversIn(path)).toEqual(['HTTP', 'krbtgt']);
    expect(read.credentials[1]!.endTime).toBe(12345);
    expect(read.config.map((entry) => entry.key)).toEqual(['fast_avail']);
  });

  it('keeps a user-to-user ticket beside the ordinary one', async () => {
    const { path } = folderWithCache();
    await storeCredential(path, ticketFor('HTTP/www.fmt.test', { isSkey: true }));
    expect(await serversIn(path)).toEqual(['krbtgt', 'HTTP', 'HTTP']);
  });

  it('loses none of many tickets stored at once', async () => {
    const { path } = folderWithCache();
    const names = Array.from({ length: 20 }, (_, i) => `s${i}`);
    await Promise.all(names.map((name) => storeCredential(path, ticketFor(`${name}/h`))));
    expect(await serversIn(path)).toEqual(['krbtgt', 'HTTP', ...names]);
  });

  it('undoes neither a login nor a destruction that comes in between', async () => {
    const { folder, path } = folderWithCache();
    const stored = { ...tgt, server: parsePrincipal('HTTP/new@FMT.TEST') };
    const renewed = encodeCredentialCache({ ...cache, credentials: [{ ...tgt, authTime: 42 }] });
    for (let wait = 0; wait < 40; wait++) {
      writeFileSync(path, mitCcache);
      const storing = storeCredential(path, stored).catch(() => undefined);
      for (let i = 0; i < wait; i++) await new Promise(setImmediate);
      if (wait % 2 === 0) rmSync(path);
      else {
        writeFileSync(join(folder, 'new'), renewed);
        renameSync(join(folder, 'new'), path);
      }
      await storing;
      if (wait % 2 === 0) expect(existsSync(path)).toBe(false);
      else expect((await readCcacheFile(path)).credentials[0]!.authTime).toBe(42);
      rmSync(path, { force: true });
    }
    expect(readdirSync(folder)).toEqual([]);
  });

  it('refuses the cache of another owner where one is given', async () => {
    const { path } = folderWithCache();
    const owner = parsePrincipal('bob@FMT.TEST');
    await expect(storeCredential(path, tgt, { owner })).rejects.toThrow(withCode('ERR_CCACHE_IO'));
    expect(readFileSync(path).equals(mitCcache)).toBe(true);
    await storeCredential(path, tgt, { owner: tgt.client });
  });

  it('goes on after a failure', async () => {
    const path = join(testFolder(), 'cc');
    const failed = storeCredential(path, ticketFor('a/h'));
    await expect(failed).rejects.toThrow(withCode('ERR_CCACHE_MISSING'));
    writeFileSync(path, mitCcache);
    await storeCredential(path, ticketFor('a/h'));
    expect(await serversIn(path)).toEqual(['krbtgt', 'HTTP', 'a']);
  });
});

describe('removeCcacheFile', () => {
  it('removes the name and overwrites the contents', async () => {
    const { folder, path } = folderWithCache();
    const handle = await open(path);
    await removeCcacheFile(path);
    const contents = await handle.readFile().finally(() => handle.close());
    expect(readdirSync(folder)).toEqual([]);
    expect(contents.equals(new Uint8Array(mitCcache.length))).toBe(true);
  });

  it('leaves alone what has another name', async () => {
    const { folder, path } = folderWithCache();
    linkSync(path, join(folder, 'second'));
    await removeCcacheFile(path);
    expect(readFileSync(join(folder, 'second')).equals(mitCcache)).toBe(true);
  });

  it('removes a symbolic link only', async () => {
    const { folder, path } = folderWithCache();
    const link = join(folder, 'link');
    symlinkSync(path, link);
    await removeCcacheFile(link);
    expect(readdirSync(folder)).toEqual(['cc']);
    expect(readFileSync(path).equals(mitCcache)).toBe(true);
  });

  it('leaves what belongs to somebody else, unless it is told to take it or it is a link', async () => {
    const { folder, path } = folderWithCache();
    const link = join(folder, 'link');
    symlinkSync(path, link);
    const spy = vi.spyOn(process, 'geteuid').mockReturnValue(4711);
    try {
      await removeCcacheFile(link);
      await expect(removeCcacheFile(path)).rejects.toThrow(withCode('ERR_CCACHE_IO'));
      expect(readFileSync(path).equals(mitCcache)).toBe(true);
      await removeCcacheFile(path, { allowOtherOwner: true });
      expect(readdirSync(folder)).toEqual([]);
    } finally {
      spy.mockRestore();
    }
  });

  it('leaves a pipe where it is', async () => {
    const pipe = join(testFolder(), 'pipe');
    execFileSync('mkfifo', [pipe]);
    await expect(removeCcacheFile(pipe)).rejects.toThrow(withCode('ERR_CCACHE_IO'));
    expect(lstatSync(pipe).isFIFO()).toBe(true);
  });

  it('says when there is none, and refuses a folder', async () => {
    const folder = testFolder();
    await expect(removeCcacheFile(join(folder, 'absent'))).rejects.toThrow(withCode('ERR_CCACHE_MISSING'));
    await expect(removeCcacheFile(folder)).rejects.toThrow(withCode('ERR_CCACHE_IO'));
  });
});
