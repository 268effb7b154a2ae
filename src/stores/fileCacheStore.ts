/** A cache in a file as a store: type FILE, and each single cache of type DIR. */
import type { BigIntStats } from 'node:fs';
import { equalBytes } from '../bytes.js';
import { CredentialError } from '../errors.js';
import { type CcacheSnapshot, type CredentialCache, cacheOf } from '../formats/ccache.js';
import { configCredential, configEntry, isConfig, type LocatedCredential } from '../formats/ccacheEntry.js';
import { isSameTicket, TicketIndex, type TicketQuery } from '../formats/ccacheIndex.js';
import type { Credential } from '../formats/credential.js';
import type { Principal } from '../formats/principal.js';
import type { CacheFileOptions } from './cacheFileOptions.js';
import {
  type CacheContents,
  type CredentialCacheStore,
  cacheWith,
  configValue,
  missingCache,
} from './cacheStore.js';
import { appendEntry, readSnapshot, removeEntries, statusOf } from './ccacheFile.js';
import { inTurn, removeCcacheFile, writeCcacheFile } from './fileCcache.js';

/** What was read last. */
interface KnownFile {
  readonly status: BigIntStats | undefined;
  readonly snapshot: CcacheSnapshot;
  readonly cache: CredentialCache;
  /** Whether an equal status means that the file is the same. */
  readonly statusTells: boolean;
  index?: TicketIndex;
}

/** A file that changed so shortly before it was read may change again without a new time stamp, nanoseconds. */
const STAMP_GRAIN_NS = 50_000_000n;

/** The cache in one file. It is read again only after it has changed. */
export class FileCacheStore implements CredentialCacheStore {
  readonly name: string;
  readonly path: string;
  readonly #options: CacheFileOptions;
  #known: KnownFile | undefined;

  constructor(path: string, options: CacheFileOptions = {}, name = `FILE:${path}`) {
    this.path = path;
    this.name = name;
    this.#options = options;
  }

  async read(): Promise<CredentialCache> {
    return (await this.#current()).cache;
  }

  async principal(): Promise<Principal> {
    return (await this.#current()).cache.defaultPrincipal;
  }

  async find(query: TicketQuery): Promise<Credential | undefined> {
    const known = await this.#current();
    known.index ??= new TicketIndex(known.cache.credentials);
    return known.index.find(query);
  }

  async initialize(principal: Principal, contents: CacheContents = {}): Promise<void> {
    await inTurn(this.path, () => writeCcacheFile(this.path, cacheWith(principal, contents)));
  }

  store(credential: Credential, owner?: Principal): Promise<void> {
    const options = { ...this.#options, owner };
    return this.#named(
      inTurn(this.path, () => appendEntry(this.path, credential, options, this.#known?.snapshot)),
    );
  }

  remove(credential: Credential): Promise<void> {
    return this.#removeEntries((entry) => isSameTicket(entry.credential, credential));
  }

  async config(key: string, principal?: string): Promise<Uint8Array | undefined> {
    return configValue((await this.#current()).cache, key, principal);
  }

  async setConfig(key: string, value: Uint8Array | undefined, principal?: string): Promise<void> {
    const { cache } = await this.#current();
    if (value === undefined) return this.#removeEntries((entry) => isNote(entry, key, principal));
    const known = configValue(cache, key, principal);
    if (known !== undefined && equalBytes(known, value)) return;
    return this.store(configCredential(cache.defaultPrincipal, { key, principal, value }));
  }

  async destroy(): Promise<void> {
    this.#known = undefined;
    await this.#named(removeCcacheFile(this.path, this.#options));
  }

  #removeEntries(which: (entry: LocatedCredential) => boolean): Promise<void> {
    return this.#named(inTurn(this.path, () => removeEntries(this.path, this.#options, which)));
  }

  /** That there is no cache is told by its own name, which need not be that of a FILE. */
  async #named<T>(result: Promise<T>): Promise<T> {
    try {
      return await result;
    } catch (error) {
      const missing = error instanceof CredentialError && error.code === 'ERR_CCACHE_MISSING';
      throw missing ? missingCache(this.name, error.cause) : error;
    }
  }

  /** The cache as it is now. */
  async #current(): Promise<KnownFile> {
    const known = this.#known;
    const status = await statusOf(this.path, this.#options).catch(() => undefined);
    if (known?.statusTells === true && status !== undefined && isUnchanged(known.status, status))
      return known;
    const statusTells = status !== undefined && !isRecent(status);
    const snapshot = await this.#named(readSnapshot(this.path, this.#options, known?.snapshot));
    this.#known = { status, snapshot, statusTells, cache: cacheOf(snapshot.layout) };
    return this.#known;
  }
}

function isUnchanged(a: BigIntStats | undefined, b: BigIntStats): boolean {
  return (
    a !== undefined &&
    a.dev === b.dev &&
    a.ino === b.ino &&
    a.size === b.size &&
    a.mtimeNs === b.mtimeNs &&
    a.ctimeNs === b.ctimeNs
  );
}

function isRecent({ ctimeNs }: BigIntStats): boolean {
  return BigInt(Date.now()) * 1_000_000n - ctimeNs < STAMP_GRAIN_NS;
}

function isNote({ credential }: LocatedCredential, key: string, principal: string | undefined): boolean {
  if (!isConfig(credential)) return false;
  const note = configEntry(credential, 0);
  return note.key === key && note.principal === principal;
}
