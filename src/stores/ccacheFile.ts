/**
 * A FILE cache that other programs change at the same time.
 *
 * MIT krb5 and Heimdal guard a cache with fcntl locks, which no Node.js interface reaches. So nothing here depends on a
 * lock, ours or theirs; what is done instead is safe without one:
 *
 * - A ticket is added by one write to a file that is open for appending. The system orders such writes, also against
 *   those of MIT krb5 and Heimdal, which do the same under their lock: none overwrites or splits another (local file
 *   systems; over NFS the check below finds a loss and the ticket is written again).
 * - What a ticket replaces is marked as removed in place, as MIT krb5 does, after its successor is there and after its
 *   octets were compared. Entries never move within one file, so the place stays right whatever others append.
 * - A whole cache is replaced only by initialising it, by renaming a complete file. That ends the old cache, as in MIT
 *   krb5: a ticket that another program stores into it at that instant belongs to the cache that was replaced.
 * - After each write the file that bears the name is compared with the one written to, and the entry is looked for. If
 *   the cache was replaced meanwhile for the same principal, the ticket is written to the new one; if it is another
 *   principal's now, that is an error.
 * - A reader leaves out an entry that the end of the file cuts off. A writer waits until it is complete; when it stays
 *   as it is for a second, its writer was killed, and the file is replaced by one without the rest, together with what
 *   others have appended meanwhile.
 *
 * A killed process leaves the file whole, or (in the instant of a write over a page boundary) with a cut entry at the
 * end, which readers leave out. Appended tickets are not forced to the disk, as in MIT krb5; whole caches are.
 */
import { type BigIntStats, constants } from 'node:fs';
import { type FileHandle, lstat, open, realpath, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { equalBytes } from '../bytes.js';
import { CredentialError, FormatError } from '../errors.js';
import {
  type CcacheSnapshot,
  type CredentialCache,
  cacheOf,
  decodeCcacheLayout,
  encodeCredentialCache,
} from '../formats/ccache.js';
import { encodeEntry, isRemoved, type LocatedCredential, removalPatches } from '../formats/ccacheEntry.js';
import { isSameTicket } from '../formats/ccacheIndex.js';
import type { Credential } from '../formats/credential.js';
import type { Principal } from '../formats/principal.js';
import { replaceFile } from './atomicFile.js';
import { MAX_FILE_OCTETS, readAll, systemErrorText, UnreadableFile, unreadable } from './boundedFile.js';
import type { CacheFileOptions, StoreOptions } from './cacheFileOptions.js';
import { checkOwner, missingCache } from './cacheStore.js';

const NOFOLLOW = constants.O_NOFOLLOW ?? 0;
const NONBLOCK = constants.O_NONBLOCK ?? 0;
/** How long an incomplete entry at the end may stay before its writer counts as dead. */
const ABANDONED_MS = 1000;
const POLL_MS = 10;
/** How often a cache may be replaced under a writer before it gives up. */
const MAX_ATTEMPTS = 20;

/**
 * Opens the cache in the file `path`.
 * @throws CredentialError ERR_CCACHE_MISSING, ERR_CCACHE_IO when it is no regular file, a link or not ours
 */
async function openCcacheFile(path: string, flags: number, options: CacheFileOptions): Promise<FileHandle> {
  try {
    const handle = await open(path, flags | NONBLOCK | (options.allowLink === true ? 0 : NOFOLLOW));
    try {
      await checkFile(handle, options);
      return handle;
    } catch (error) {
      await handle.close();
      throw error;
    }
  } catch (error) {
    throw readError(path, error);
  }
}

/** @throws UnreadableFile for what is no regular file or not ours */
export async function checkFile(handle: FileHandle, options: CacheFileOptions): Promise<void> {
  const status = await handle.stat();
  if (!status.isFile()) throw new UnreadableFile('ENOTFILE', 'is not a regular file');
  const us = process.geteuid?.();
  if (us === undefined || status.uid === us || options.allowOtherOwner === true) return;
  throw new UnreadableFile('EOWNER', notOurs(status.uid, us));
}

/** What is said of a file or folder of another user. */
export function notOurs(uid: number | bigint, us: number): string {
  const where = 'where allowOtherOwner is set (krb5: --allow-other-owner)';
  return `belongs to the user ${uid} and we are ${us}; it is used only ${where}`;
}

/** What is said of a link to a file or folder. */
export const IS_LINK =
  'is a symbolic link; name what it points to, links are followed only where allowLink is set (krb5: --allow-link)';

/** The whole cache in the file `path`, as it is now. @throws as openCcacheFile; FormatError ERR_CCACHE_FORMAT */
export async function readSnapshot(
  path: string,
  options: CacheFileOptions,
  known?: CcacheSnapshot,
): Promise<CcacheSnapshot> {
  const handle = await openCcacheFile(path, constants.O_RDONLY, options);
  try {
    return await snapshotOf(path, handle, known);
  } finally {
    await handle.close();
  }
}

/** What is read before and has not changed is not decoded again. */
async function snapshotOf(path: string, handle: FileHandle, known?: CcacheSnapshot): Promise<CcacheSnapshot> {
  const octets = await readAll(handle).catch((error: unknown) => {
    throw readError(path, error);
  });
  if (octets.length === 0) throw emptyFile(path);
  const layout = decodeCcacheLayout(octets, { file: path, ignoreTruncatedTail: true, known });
  return { octets, layout };
}

/**
 * Appends `entry` to the cache in the file `path` and marks as removed what it replaces.
 * @throws CredentialError ERR_CCACHE_MISSING, ERR_CCACHE_IO (also when the cache is not the owner's)
 * @throws FormatError ERR_CCACHE_FORMAT
 */
export async function appendEntry(
  path: string,
  entry: Credential,
  options: StoreOptions,
  known?: CcacheSnapshot,
): Promise<void> {
  const octets = encodeEntry(entry);
  try {
    let { owner } = options;
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const result = await tryAppend({ path, entry, octets, options, known, owner });
      if (result === 'stored') return;
      owner = result;
    }
  } finally {
    octets.fill(0);
  }
  throw ioError(path, 'is replaced again and again by another program');
}

interface Append {
  readonly path: string;
  readonly entry: Credential;
  readonly octets: Uint8Array;
  readonly options: CacheFileOptions;
  readonly known: CcacheSnapshot | undefined;
  /** Whose cache it must be; in a second try, whose it was at first. */
  readonly owner: Principal | undefined;
}

/** One try; the cache's principal when it was replaced under our hands. */
async function tryAppend(append: Append): Promise<'stored' | Principal> {
  const { path, entry, octets, options } = append;
  const handle = await openCcacheFile(path, constants.O_RDWR, options);
  try {
    const before = await settled(path, handle, append.known);
    const { layout } = before;
    const owner = layout.defaultPrincipal;
    checkOwner(path, owner, append.owner);
    if (layout.version < 4 || isCut(before)) {
      await rewrite(path, handle, before, cacheOf(layout), options);
      return owner;
    }
    if (!(await write(path, handle, octets, options))) return owner;
    const after = await snapshotOf(path, handle, before);
    const stored = after.layout.entries.findLast(
      ({ offset, end }) => offset >= layout.end && equalBytes(after.octets.subarray(offset, end), octets),
    );
    if (stored === undefined || !(await bearsName(path, handle, options))) return owner;
    await markRemoved(path, handle, after, (other) => isBefore(other, stored) && replaces(entry, other));
    return 'stored';
  } finally {
    await handle.close();
  }
}

function isBefore(a: LocatedCredential, b: LocatedCredential): boolean {
  return a.offset < b.offset;
}

function replaces(entry: Credential, { credential }: LocatedCredential): boolean {
  return isSameTicket(entry, credential);
}

/** The file once nobody is in the middle of appending to it, or as a killed process has left it. */
async function settled(path: string, handle: FileHandle, known?: CcacheSnapshot): Promise<CcacheSnapshot> {
  let snapshot = await snapshotOf(path, handle, known);
  for (let waited = 0; waited < ABANDONED_MS && isCut(snapshot); waited += POLL_MS) {
    await sleep(POLL_MS);
    const { size } = await handle.stat();
    if (size === snapshot.octets.length) continue;
    snapshot = await snapshotOf(path, handle, snapshot);
    waited = 0;
  }
  return snapshot;
}

function isCut({ octets, layout }: CcacheSnapshot): boolean {
  return layout.end < octets.length;
}

/** Writes `octets` at the end; false when the name belongs to another file by now. */
async function write(
  path: string,
  handle: FileHandle,
  octets: Uint8Array,
  options: CacheFileOptions,
): Promise<boolean> {
  const appender = await openCcacheFile(path, constants.O_WRONLY | constants.O_APPEND, options);
  try {
    if (!(await isSameFile(appender, handle))) return false;
    const { bytesWritten } = await appender.write(octets);
    if (bytesWritten < octets.length) throw ioError(path, 'cannot be written to the end (the disk is full)');
    return true;
  } catch (error) {
    throw error instanceof CredentialError ? error : ioError(path, 'cannot be written', error);
  } finally {
    await appender.close();
  }
}

async function isSameFile(a: FileHandle, b: FileHandle): Promise<boolean> {
  const [left, right] = [await a.stat({ bigint: true }), await b.stat({ bigint: true })];
  return left.dev === right.dev && left.ino === right.ino;
}

/** Whether the file at `path` is still the open one. */
async function bearsName(path: string, handle: FileHandle, options: CacheFileOptions): Promise<boolean> {
  const ours = await handle.stat({ bigint: true });
  const named = await statusOf(path, options).catch(() => undefined);
  return named !== undefined && named.dev === ours.dev && named.ino === ours.ino;
}

/** Status of the file, or of the link where links are refused. */
export function statusOf(path: string, options: CacheFileOptions): Promise<BigIntStats> {
  return options.allowLink === true ? stat(path, { bigint: true }) : lstat(path, { bigint: true });
}

/**
 * Marks entries of the cache in the file `path` as removed.
 * @throws as appendEntry
 */
export async function removeEntries(
  path: string,
  options: CacheFileOptions,
  which: (entry: LocatedCredential) => boolean,
): Promise<void> {
  const handle = await openCcacheFile(path, constants.O_RDWR, options);
  try {
    const snapshot = await settled(path, handle);
    if (snapshot.layout.version < 3) {
      const entries = snapshot.layout.entries.filter((entry) => !which(entry));
      const cache = cacheOf({ ...snapshot.layout, entries });
      await rewrite(path, handle, snapshot, cache, options);
      return;
    }
    await markRemoved(path, handle, snapshot, which);
  } finally {
    await handle.close();
  }
}

/** An entry that differs from what was read was removed by somebody else. */
async function markRemoved(
  path: string,
  handle: FileHandle,
  { octets, layout }: CcacheSnapshot,
  which: (entry: LocatedCredential) => boolean,
): Promise<void> {
  const doomed = layout.entries.filter((entry) => !isRemoved(entry.credential) && which(entry));
  for (const entry of doomed) {
    const there = new Uint8Array(entry.end - entry.offset);
    try {
      await handle.read(there, 0, there.length, entry.offset);
      if (!equalBytes(there, octets.subarray(entry.offset, entry.end))) continue;
      for (const patch of removalPatches(entry)) {
        await handle.write(patch.octets, 0, patch.octets.length, patch.offset);
      }
    } catch (error) {
      throw ioError(path, 'cannot be written', error);
    }
  }
}

/**
 * Replaces the file by `cache` in version 4. What others append to the old file meanwhile, behind the octets that were
 * read, goes to the new one.
 */
async function rewrite(
  path: string,
  handle: FileHandle,
  old: CcacheSnapshot,
  cache: CredentialCache,
  options: CacheFileOptions,
): Promise<void> {
  if (!(await bearsName(path, handle, options))) return;
  const octets = encodeCredentialCache(cache);
  try {
    await replaceFile(options.allowLink === true ? await realpath(path) : path, octets);
  } catch (error) {
    throw ioError(path, 'cannot be written', error);
  } finally {
    octets.fill(0);
  }
  for (const late of await lateEntries(path, handle, old)) await appendEntry(path, late, options);
}

/** Entries behind `old`, and behind what a killed process has left at its end. */
async function lateEntries(path: string, handle: FileHandle, old: CcacheSnapshot): Promise<Credential[]> {
  const layout = { ...old.layout, end: old.octets.length };
  const now = await snapshotOf(path, handle, { ...old, layout });
  return now.layout.entries.slice(layout.entries.length).map(({ credential }) => credential);
}

function emptyFile(path: string): FormatError {
  const problem = `the file is empty; get a ticket with kinit -c FILE:${path}`;
  return new FormatError('credential cache', problem, { file: path, offset: 0 });
}

export function readError(path: string, error: unknown): CredentialError | FormatError {
  if (error instanceof CredentialError) return error;
  const { errno, message } = unreadable(error);
  if (isAbsent(errno)) return missing(path, error);
  if (errno === 'EFBIG') {
    return new FormatError('credential cache', message, { file: path, offset: MAX_FILE_OCTETS });
  }
  const problem = errno === 'ELOOP' || errno === 'EMLINK' ? IS_LINK : message;
  return new CredentialError('ERR_CCACHE_IO', `credential cache ${path} ${problem}`, { cause: error });
}

/** Whether the system's error code says that there is no such file, or no folder that it could be in. */
export function isAbsent(errno: string): boolean {
  return errno === 'ENOENT' || errno === 'ENOTDIR';
}

export function missing(path: string, cause: unknown): CredentialError {
  return missingCache(`FILE:${path}`, cause);
}

export function ioError(path: string, problem: string, cause?: unknown): CredentialError {
  const reason = cause === undefined ? '' : ` (${systemErrorText(cause)})`;
  return new CredentialError('ERR_CCACHE_IO', `credential cache ${path} ${problem}${reason}`, { cause });
}
