/**
 * Credential caches in files (type FILE of MIT krb5). A cache is always replaced as a whole; there is no lock, so of
 * two programs that store a ticket at the same instant one may have to fetch its ticket again, but no cache is damaged.
 */
import { constants } from 'node:fs';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { resolve } from 'node:path';
import { CredentialError } from '../errors.js';
import { type CredentialCache, decodeCredentialCache, encodeCredentialCache } from '../formats/ccache.js';
import type { Credential } from '../formats/credential.js';
import { samePrincipal } from '../formats/principal.js';
import { replaceFile } from './atomicFile.js';
import { readRegularFile, systemErrorCode, UnreadableFile, unreadable } from './boundedFile.js';

/**
 * The credential cache in the file `path`. An entry that is cut off at the end is left out, as in MIT krb5, which
 * appends to the file in place.
 * @throws CredentialError ERR_CCACHE_MISSING, ERR_CCACHE_IO (not readable, no regular file, more than 64 MiB)
 * @throws FormatError ERR_CCACHE_FORMAT
 */
export async function readCcacheFile(path: string): Promise<CredentialCache> {
  const octets = await readRegularFile(path).catch((error: unknown) => {
    throw readError(path, error);
  });
  try {
    return decodeCredentialCache(octets, { file: path, ignoreTruncatedTail: true });
  } finally {
    octets.fill(0);
  }
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
 * Adds `credential` to the cache in the file `path`, in place of one with the same client and server. Calls for the
 * same file within this process wait for each other.
 * @throws CredentialError ERR_CCACHE_MISSING, ERR_CCACHE_IO
 * @throws FormatError ERR_CCACHE_FORMAT
 */
export function storeCredential(path: string, credential: Credential): Promise<void> {
  return inTurn(resolve(path), async () => {
    const cache = await readCcacheFile(path);
    await writeCcacheFile(path, withCredential(cache, credential));
  });
}

/** `cache` with `credential` at the end or in the place of its predecessor. */
function withCredential(cache: CredentialCache, credential: Credential): CredentialCache {
  const index = cache.credentials.findIndex((known) => isSameTicket(known, credential));
  const credentials =
    index < 0 ? [...cache.credentials, credential] : cache.credentials.with(index, credential);
  return { ...cache, credentials };
}

/** A user-to-user ticket is usable with one peer's ticket only and does not stand for an ordinary one. */
function isSameTicket(a: Credential, b: Credential): boolean {
  return samePrincipal(a.client, b.client) && samePrincipal(a.server, b.server) && a.isSkey === b.isSkey;
}

const lastInTurn: Map<string, Promise<void>> = new Map();

async function inTurn(key: string, task: () => Promise<void>): Promise<void> {
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
 * Destroys the cache in the file `path`: the name is removed and the contents are overwritten with zeros. A symbolic
 * link is removed and what it points to left alone, so is what has another name too.
 * @throws CredentialError ERR_CCACHE_MISSING, ERR_CCACHE_IO
 */
export async function removeCcacheFile(path: string): Promise<void> {
  const handle = await openForErasure(path);
  try {
    if (handle !== undefined && !(await handle.stat()).isFile()) {
      throw new UnreadableFile('ENOTFILE', 'is not a regular file');
    }
    await unlink(path);
    if (handle !== undefined) await overwrite(handle);
  } catch (error) {
    throw ioError(path, 'cannot be removed', error);
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
    throw errno === 'ENOENT' ? missing(path, error) : ioError(path, 'cannot be removed', error);
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

function readError(path: string, error: unknown): CredentialError {
  const { errno, message } = unreadable(error);
  if (errno === 'ENOENT') return missing(path, error);
  const text = `credential cache ${path} ${message}`;
  return new CredentialError('ERR_CCACHE_IO', text, { cause: error });
}

function missing(path: string, cause: unknown): CredentialError {
  const text = `No credentials cache found (filename: ${path}); get a ticket with kinit -c FILE:${path} or name another cache in KRB5CCNAME`;
  return new CredentialError('ERR_CCACHE_MISSING', text, { cause });
}

function ioError(path: string, problem: string, cause: unknown): CredentialError {
  const text = `credential cache ${path} ${problem} (${systemErrorCode(cause)})`;
  return new CredentialError('ERR_CCACHE_IO', text, { cause });
}
