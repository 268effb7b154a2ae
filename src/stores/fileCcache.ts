/**
 * Credential caches in files (type FILE of MIT krb5). A cache is always replaced as a whole; there is no lock. What
 * another program writes while a ticket is being stored is noticed up to the moment of replacement, so that a new login
 * (kinit) is not undone and a destroyed cache does not come back; no cache is ever damaged.
 */
import { constants } from 'node:fs';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { resolve } from 'node:path';
import { CredentialError } from '../errors.js';
import { type CredentialCache, decodeCredentialCache, encodeCredentialCache } from '../formats/ccache.js';
import type { Credential } from '../formats/credential.js';
import { formatPrincipal, type Principal, samePrincipal } from '../formats/principal.js';
import { fileState, replaceFile } from './atomicFile.js';
import { readRegularFile, systemErrorCode, unreadable } from './boundedFile.js';

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
  await writeIfWanted(path, cache, () => true);
}

async function writeIfWanted(
  path: string,
  cache: CredentialCache,
  isWanted: () => boolean,
): Promise<boolean> {
  const octets = encodeCredentialCache(cache);
  try {
    return await replaceFile(path, octets, isWanted);
  } catch (error) {
    throw ioError(path, 'cannot be written', error);
  } finally {
    octets.fill(0);
  }
}

/** How to store a credential. */
export interface StoreOptions {
  /** Whose cache it must be; unless given, anybody's will do. */
  readonly owner?: Principal | undefined;
}

/**
 * Adds `credential` to the cache in the file `path`, in place of one with the same client and server. Calls for the
 * same file within this process wait for each other.
 * @throws CredentialError ERR_CCACHE_MISSING, ERR_CCACHE_IO (also when the cache is not the owner's)
 * @throws FormatError ERR_CCACHE_FORMAT
 */
export function storeCredential(
  path: string,
  credential: Credential,
  { owner }: StoreOptions = {},
): Promise<void> {
  return inTurn(resolve(path), async () => {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      if (await storeOnce(path, credential, owner)) return;
    }
    throw new CredentialError(
      'ERR_CCACHE_IO',
      `credential cache ${path} keeps changing; the ticket was not stored`,
    );
  });
}

/** How often to begin anew when others write to the cache meanwhile. */
const MAX_TRIES = 5;

/** Whether the ticket was stored; not if somebody else changed the cache since it was read. */
async function storeOnce(
  path: string,
  credential: Credential,
  owner: Principal | undefined,
): Promise<boolean> {
  const before = fileState(path);
  const cache = await readCcacheFile(path);
  if (owner !== undefined && !samePrincipal(cache.defaultPrincipal, owner)) {
    const now = formatPrincipal(cache.defaultPrincipal);
    throw new CredentialError('ERR_CCACHE_IO', `credential cache ${path} is that of ${now} now`);
  }
  return writeIfWanted(path, withCredential(cache, credential), () => fileState(path) === before);
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
    if (handle !== undefined) await requireRegularFile(path, handle);
    await unlink(path);
    if (handle !== undefined) await overwrite(handle);
  } catch (error) {
    throw error instanceof CredentialError ? error : ioError(path, 'cannot be removed', error);
  } finally {
    await handle?.close();
  }
}

/** Devices and pipes keep their names. */
async function requireRegularFile(path: string, handle: FileHandle): Promise<void> {
  if ((await handle.stat()).isFile()) return;
  throw new CredentialError(
    'ERR_CCACHE_IO',
    `credential cache ${path} is not a regular file; it was left alone`,
  );
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
