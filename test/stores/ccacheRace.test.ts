/** What other programs do at the worst moment: between two steps of ours. */
import { appendFileSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { concat } from '../../src/bytes.js';
import { decodeCredentialCache, encodeCredentialCache } from '../../src/formats/ccache.js';
import { encodeEntry } from '../../src/formats/ccacheEntry.js';
import type { Credential } from '../../src/formats/credential.js';
import { parsePrincipal } from '../../src/formats/principal.js';
import * as atomicFile from '../../src/stores/atomicFile.js';
import { readCcacheFile, storeCredential } from '../../src/stores/fileCcache.js';
import { mitCcache } from '../formats/mitFiles.js';
import { testFolder } from './folder.js';

vi.mock('../../src/stores/atomicFile.js', async (original) => {
  const module = await original<typeof atomicFile>();
  return { replaceFile: vi.fn(module.replaceFile) };
});

const cache = decodeCredentialCache(mitCcache);
const [tgt] = cache.credentials as [Credential, ...Credential[]];
const ticket = (name: string): Credential => ({ ...tgt, server: parsePrincipal(`${name}@FMT.TEST`) });
const servicesIn = async (path: string) =>
  (await readCcacheFile(path)).credentials.map(({ server }) => server.components[0]);

function fileWith(octets: Uint8Array): string {
  const path = join(testFolder(), 'cc');
  writeFileSync(path, octets, { mode: 0o600 });
  return path;
}

/** Runs `meanwhile` before the next write to any file. */
async function beforeNextWrite(path: string, meanwhile: () => void): Promise<void> {
  const handle = await open(path);
  await handle.close();
  const prototype: FileHandle = Object.getPrototypeOf(handle);
  const write = prototype.write;
  vi.spyOn(prototype, 'write').mockImplementationOnce(function (this: FileHandle, ...args: unknown[]) {
    meanwhile();
    return Reflect.apply(write, this, args);
  } as never);
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe('storing a ticket', () => {
  it('keeps what others append just before', async () => {
    const path = fileWith(mitCcache);
    await beforeNextWrite(path, () => appendFileSync(path, encodeEntry(ticket('theirs'))));
    await storeCredential(path, ticket('ours'));
    expect((await servicesIn(path)).slice(2)).toEqual(['theirs', 'ours']);
  });

  it('goes to the new cache when a login replaces the old one just before', async () => {
    const path = fileWith(mitCcache);
    await beforeNextWrite(path, () => {
      writeFileSync(`${path}.new`, encodeCredentialCache({ ...cache, credentials: [tgt] }), { mode: 0o600 });
      renameSync(`${path}.new`, path);
    });
    await storeCredential(path, ticket('ours'));
    expect(await servicesIn(path)).toEqual(['krbtgt', 'ours']);
  });

  it("stays out of the new cache when that is somebody else's", async () => {
    const path = fileWith(mitCcache);
    const bob = parsePrincipal('bob@FMT.TEST');
    const others = encodeCredentialCache({ ...cache, defaultPrincipal: bob, credentials: [] });
    await beforeNextWrite(path, () => {
      writeFileSync(`${path}.new`, others, { mode: 0o600 });
      renameSync(`${path}.new`, path);
    });
    const stored = storeCredential(path, ticket('ours'));
    await expect(stored).rejects.toThrow(expect.objectContaining({ code: 'ERR_CCACHE_IO' }));
    expect(readFileSync(path).equals(others)).toBe(true);
  });

  it('keeps what others append while a cut entry is repaired', async () => {
    const cut = encodeEntry(ticket('cut')).subarray(0, 40);
    const path = fileWith(concat(mitCcache, cut));
    const replace = vi.mocked(atomicFile.replaceFile);
    const original = replace.getMockImplementation();
    replace.mockImplementationOnce(async (target, octets) => {
      appendFileSync(path, encodeEntry(ticket('theirs')));
      await original?.(target, octets);
    });
    await storeCredential(path, ticket('ours'));
    expect((await servicesIn(path)).slice(2)).toEqual(['theirs', 'ours']);
    expect(decodeCredentialCache(readFileSync(path)).credentials.length).toBe(4);
  });
});
