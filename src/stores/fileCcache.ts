/**
 * Credential caches in files (type FILE of MIT krb5): reading, writing and removing by path. ccacheFile.ts says how
 * this stays safe beside other programs.
 */
import { constants } from 'node:fs';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type CredentialCache, cacheOf, encodeCredentialCache } from '../formats/ccache.js';
import type { Credential } from '../formats/credential.js';
import { replaceFile } from './atomicFile.js';
import { systemErrorCode, UnreadableFile } from './boundedFile.js';
import type { CacheFileOptions, StoreOptions } from './cacheFileOptions.js';
import { appendEntry, checkFile, ioError, isAbsent, missing, readError, readSnapshot } from './ccacheFile.js';

export type { CacheFileOptions, StoreOptions } from './cacheFileOptions.js';

/**
 * The credential cache in the file `path`. An entry that is cut off at the end is left out, as in MIT krb5, which
 * appends to the file in place.
 * @throws CredentialError ERR_CCACHE_MISSING, ERR_CCACHE_IO (not readable, no regular file, a symbolic link or another
 *   user's unless `options` allow it)
 * @throws FormatError ERR_CCACHE_FORMAT, also for a file of more than 64 MiB
 */
export async function readCcacheFile(path: string, options: CacheFileOptions = {}): Promise<CredentialCache> {
  const { octets, layout } = await readSnapshot(path, options);
  octets.fill(0);
  return cacheOf(layout);
}

/**
 * Writes `cache` to the file `path`, readable by the owner only, in place of what is there. When that fails, what is
 * there stays as it is.
 * @throws CredentialError ERR_CCACHE_IO
 * @throws FormatError ERR_CCACHE_FORMAT when the format cannot hold a value
 */
export async function writeCcacheFile(path: string, cache: CredentialCache): Promise<void> {
  const octets = encodeCredentialCache(cache);
  try {
    await replaceFile(path, octets);
  } catch (error) {
    throw ioError(path, 'cannot be written', error);
  } finally {
    octets.fill(0);
  }
}

/**
 * Adds `credential` to the cache in the file `path`, in place of one with the same client and server. Other programs,
 * also MIT krb5's and Heimdal's, may store tickets in it at the same time: none is lost.
 * @throws CredentialError ERR_CCACHE_MISSING, ERR_CCACHE_IO (also when the cache is not the owner's)
 * @throws FormatError ERR_CCACHE_FORMAT
 */
export function storeCredential(
  path: string,
  credential: Credential,
  options: StoreOptions = {},
): Promise<void> {
  return inTurn(path, () => appendEntry(path, credential, options));
}

const lastInTurn: Map<string, Promise<void>> = new Map();

/** Calls for the same file within this process wait for each other, so that they need not try again. */
export async function inTurn(path: string, task: () => Promise<void>): Promise<void> {
  const key = resolve(path);
  const before = lastInTurn.get(key) ?? Promise.resolve();
  const mine = before.then(task);
  const settled = mine.catch(() => undefined);
  lastInTurn.set(key, settled);
  try {
    await mine;
  } finally {
    if (lastInTurn.get(key) === settled) lastInTurn.delete(key);
  }
}

/**
 * Destroys the cache in the file `path`, whatever it holds: the name is removed and the contents are overwritten with
 * zeros. A symbolic link is removed and what it points to left alone, so is what has another name too.
 * @throws CredentialError ERR_CCACHE_MISSING, ERR_CCACHE_IO (also for what is no regular file, or another user's unless
 *   `options` allow it)
 */
export async function removeCcacheFile(path: string, options: CacheFileOptions = {}): Promise<void> {
  const handle = await openForErasure(path);
  try {
    if (handle !== undefined) await checkFile(handle, options);
    await unlink(path);
    if (handle !== undefined) await overwrite(handle);
  } catch (error) {
    throw error instanceof UnreadableFile
      ? readError(path, error)
      : ioError(path, 'cannot be removed', error);
  } finally {
    await handle?.close();
  }
}

/** The file open for writing, or undefined for a symbolic link. */
async function openForErasure(path: string): Promise<FileHandle | undefined> {
  try {
    const flags = constants.O_RDWR | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
    return await open(path, flags);
  } catch (error) {
    const errno = systemErrorCode(error);
    if (errno === 'ELOOP' || errno === 'EMLINK') return undefined;
    throw isAbsent(errno) ? missing(path, error) : ioError(path, 'cannot be removed', error);
  }
}

async function overwrite(handle: FileHandle): Promise<void> {
  const status = await handle.stat();
  if (!status.isFile() || status.nlink > 0) return;
  const zeros = new Uint8Array(64 * 1024);
  for (let offset = 0; offset < status.size; offset += zeros.length) {
    await handle.write(zeros, 0, Math.min(zeros.length, status.size - offset), offset);
  }
  await handle.sync();
}
