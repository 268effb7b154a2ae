/**
 * Caches in a folder (type DIR of MIT krb5): each file whose name begins with `tkt` is one, and the file `primary` holds
 * the name of the primary one.
 */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { lstat, mkdir, open, readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { utf8, utf8Text } from '../bytes.js';
import { CredentialError, FormatError } from '../errors.js';
import { replaceFile } from './atomicFile.js';
import { readAll, systemErrorCode, UnreadableFile } from './boundedFile.js';
import type { CacheFileOptions } from './cacheFileOptions.js';
import { type CacheCollection, type CredentialCacheStore, singleCache } from './cacheStore.js';
import { IS_LINK, ioError, isAbsent, notOurs } from './ccacheFile.js';
import { FileCacheStore } from './fileCacheStore.js';

const PRIMARY = 'primary';
/** The primary cache of a folder that names none. */
const FIRST = 'tkt';
/** The most that the file `primary` may have, octets: a file name and its end of line. */
const MAX_PRIMARY_OCTETS = 4096;

/**
 * The cache in the file `path` of a folder, such as `/run/user/0/krb5cc/tkt`.
 * @throws CredentialError ERR_CCACHE_TYPE when that is no name of such a cache
 */
function dirCache(path: string, options: CacheFileOptions = {}): CredentialCacheStore {
  if (!isCacheName(basename(path)) || dirname(path) === '.' || path.endsWith('/')) {
    throw new CredentialError(
      'ERR_CCACHE_TYPE',
      `credential cache "DIR::${path}" must name a file that begins with "tkt" in a folder, as DIR::/folder/tkt`,
    );
  }
  return new FileCacheStore(path, options, `DIR::${path}`);
}

/**
 * The one cache in the file `path` of a folder, which is made when it is missing. It may be anybody's, such as `/tmp`, or a
 * link: as for a FILE, it is the file that must be ours and no link.
 */
export function dirSingleCache(path: string, options: CacheFileOptions = {}): CacheCollection {
  const collection = singleCache(dirCache(path, options));
  return {
    ...collection,
    async primary() {
      await ensureFolder(dirname(path), { allowLink: true, allowOtherOwner: true });
      return collection.primary();
    },
  };
}

function isCacheName(name: string): boolean {
  return name.startsWith('tkt');
}

/**
 * The caches in the folder. It is made when it is missing (but not the folders around it) and a cache is asked for.
 */
export function dirCollection(folder: string, options: CacheFileOptions = {}): CacheCollection {
  const cache = (name: string) => dirCache(join(folder, name), options);
  return {
    name: `DIR:${folder}`,
    switchable: true,
    async primary() {
      await ensureFolder(folder, options);
      return cache((await readPrimary(folder, options)) ?? FIRST);
    },
    async list() {
      const primary = await readPrimary(folder, options);
      const names = await cacheNames(folder);
      const first = primary !== undefined && names.includes(primary) ? [primary] : [];
      return [...first, ...names.filter((name) => !first.includes(name))].map(cache);
    },
    async switchTo(store) {
      await ensureFolder(folder, options);
      const path = store.name.replace(/^DIR::/, '');
      await writePrimary(dirname(path), basename(path));
    },
    async create() {
      await ensureFolder(folder, options);
      return cache(await freeName(folder));
    },
  };
}

async function cacheNames(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter(isCacheName).toSorted();
  } catch (error) {
    if (isAbsent(systemErrorCode(error))) return [];
    throw ioError(folder, 'cannot be read', error);
  }
}

/** Makes the folder when it is missing. Refuses one that others could put links into, unless `options` allow it. */
async function ensureFolder(folder: string, options: CacheFileOptions): Promise<void> {
  try {
    await mkdir(folder, { mode: 0o700 });
  } catch (error) {
    const errno = systemErrorCode(error);
    if (isAbsent(errno)) throw noFolder(folder, error);
    if (errno !== 'EEXIST') throw ioError(folder, 'cannot be made', error);
  }
  const status = await (options.allowLink === true ? stat(folder) : lstat(folder)).catch((error: unknown) => {
    throw ioError(folder, 'cannot be read', error);
  });
  if (status.isSymbolicLink()) throw ioError(folder, IS_LINK);
  if (!status.isDirectory()) throw ioError(folder, 'is not a folder');
  const us = process.geteuid?.();
  if (us === undefined || status.uid === us || options.allowOtherOwner === true) return;
  throw ioError(folder, notOurs(status.uid, us));
}

function noFolder(folder: string, cause: unknown): CredentialError {
  const text =
    `Credential cache directory ${folder} does not exist; the folder around it is missing too or a file, so it is not made: ` +
    'make it, or name another cache in KRB5CCNAME';
  return new CredentialError('ERR_CCACHE_IO', text, { cause });
}

/** What the file `primary` names, or undefined when there is none. */
async function readPrimary(folder: string, options: CacheFileOptions): Promise<string | undefined> {
  const path = join(folder, PRIMARY);
  const line = await readLine(path, options);
  if (line === undefined) return undefined;
  const name = line.endsWith('\n') ? line.slice(0, -1) : line;
  if (isCacheName(name) && !/[/\\\n\0]/.test(name) && line.endsWith('\n')) return name;
  const problem = 'it must hold one line with the name of a cache file beside it, such as "tkt"';
  throw new FormatError('credential cache', problem, { file: path, line: 1, offset: 0 });
}

async function readLine(path: string, options: CacheFileOptions): Promise<string | undefined> {
  const nofollow = options.allowLink === true ? 0 : (constants.O_NOFOLLOW ?? 0);
  try {
    const handle = await open(path, constants.O_RDONLY | nofollow | (constants.O_NONBLOCK ?? 0));
    try {
      const { size } = await handle.stat();
      if (size > MAX_PRIMARY_OCTETS) throw new UnreadableFile('EFBIG', 'is too large');
      const text = utf8Text(await readAll(handle));
      return text.slice(0, text.indexOf('\n') + 1 || undefined);
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (isAbsent(systemErrorCode(error))) return undefined;
    throw ioError(path, 'cannot be read', error);
  }
}

async function writePrimary(folder: string, name: string): Promise<void> {
  const path = join(folder, PRIMARY);
  try {
    await replaceFile(path, utf8(`${name}\n`));
  } catch (error) {
    throw ioError(path, 'cannot be written', error);
  }
}

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** `tkt` and six letters, as MIT krb5 names new caches. */
async function freeName(folder: string): Promise<string> {
  const taken = await cacheNames(folder);
  let name: string;
  do name = `tkt${[...randomBytes(6)].map((octet) => LETTERS[octet % LETTERS.length]).join('')}`;
  while (taken.includes(name));
  return name;
}
