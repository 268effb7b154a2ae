/**
 * The types of credential caches, by the name before the colon in KRB5CCNAME. The one place to add a type: here, or for
 * one program only by `types` of the options.
 */
import { CredentialError } from '../errors.js';
import { parseCcacheName } from '../formats/ccacheName.js';
import type { CacheFileOptions } from './cacheFileOptions.js';
import { type CacheCollection, type CredentialCacheStore, singleCache } from './cacheStore.js';
import { dirCollection, dirSingleCache } from './dirCaches.js';
import { FileCacheStore } from './fileCacheStore.js';
import { KcmCacheStore, kcmCollection } from './kcmCaches.js';
import type { KcmOptions } from './kcmConnection.js';
import { processCaches } from './memoryCaches.js';

/** How caches are opened. */
export interface CacheOptions extends CacheFileOptions, KcmOptions {
  /** Further types by name in capitals, such as one that asks a password store. They come before the built-in ones. */
  readonly types?: Readonly<Record<string, CacheType>> | undefined;
}

/** A type of caches. */
export interface CacheType {
  /** The collection that `residual`, what stands behind the colon, means; often of one cache. */
  collection(residual: string, options: CacheOptions): CacheCollection;
}

/** The built-in types. */
const CACHE_TYPES: Readonly<Record<string, CacheType>> = {
  FILE: { collection: (path, options) => singleCache(new FileCacheStore(nonEmpty(path, 'FILE'), options)) },
  DIR: {
    collection: (residual, options) =>
      residual.startsWith(':')
        ? dirSingleCache(residual.slice(1), options)
        : dirCollection(nonEmpty(residual, 'DIR'), options),
  },
  MEMORY: {
    collection: (name) => (name === '' ? processCaches : singleCache(processCaches.cache(name))),
  },
  KCM: {
    collection: (name, options) =>
      name === '' ? kcmCollection(options) : singleCache(new KcmCacheStore(name, options)),
  },
};

/** Types that other programs have and JavaScript cannot reach, with what to do. */
const UNREACHABLE: Readonly<Record<string, string>> = {
  KEYRING: 'the kernel keyring cannot be reached from JavaScript',
  API: "the credential cache service of macOS and Windows (type API) can only be reached with MIT krb5's library",
  XCACHE: 'the credential cache of macOS can only be reached with its own library',
  MSLSA: 'the logon session of Windows (type MSLSA) can only be reached through its own interface',
};

const INSTEAD =
  'use FILE:/tmp/krb5cc_me, DIR:/folder, KCM: or MEMORY:name: set KRB5CCNAME or default_ccache_name in [libdefaults], ' +
  'and get a ticket there with kinit -c';

/**
 * The caches that `name` means. A name without a type is a FILE.
 * @throws CredentialError ERR_CCACHE_TYPE for a type that there is not, with what to use instead
 */
export function openCollection(name: string, options: CacheOptions = {}): CacheCollection {
  const { type, residual } = parseCcacheName(name);
  const known = ownValue(options.types, type) ?? ownValue(CACHE_TYPES, type);
  if (known !== undefined) return known.collection(residual, options);
  const reason = ownValue(UNREACHABLE, type);
  const problem =
    reason === undefined
      ? `Unknown credential cache type ${type}`
      : `credential cache ${JSON.stringify(name)}: ${reason}`;
  throw new CredentialError('ERR_CCACHE_TYPE', `${problem}; ${INSTEAD}`);
}

function ownValue<T>(record: Readonly<Record<string, T>> | undefined, key: string): T | undefined {
  return record !== undefined && Object.hasOwn(record, key) ? record[key] : undefined;
}

/**
 * The cache that `name` means; of a collection, the primary one. It need not exist.
 * @throws CredentialError ERR_CCACHE_TYPE; for DIR and KCM ERR_CCACHE_IO and others
 */
export async function openCache(name: string, options: CacheOptions = {}): Promise<CredentialCacheStore> {
  return openCollection(name, options).primary();
}

function nonEmpty(path: string, type: string): string {
  if (path !== '') return path;
  throw new CredentialError('ERR_CCACHE_TYPE', `credential cache "${type}:" names no path; ${INSTEAD}`);
}
