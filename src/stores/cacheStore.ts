/** What every type of credential cache can do, and every collection of caches. cacheTypes.ts has the types. */
import { CredentialError } from '../errors.js';
import type { CredentialCache, KdcTimeOffset } from '../formats/ccache.js';
import type { TicketQuery } from '../formats/ccacheIndex.js';
import { parseCcacheName } from '../formats/ccacheName.js';
import type { Credential } from '../formats/credential.js';
import { formatPrincipal, type Principal, samePrincipal } from '../formats/principal.js';

/** What a cache holds beside its principal. */
export interface CacheContents {
  readonly credentials?: readonly Credential[] | undefined;
  readonly config?: CredentialCache['config'] | undefined;
  readonly kdcTimeOffset?: KdcTimeOffset | undefined;
}

/**
 * One credential cache. All methods reject with CredentialError ERR_CCACHE_MISSING when there is no cache (except
 * `initialize`), ERR_CCACHE_IO when it cannot be reached, read or written, and FormatError ERR_CCACHE_FORMAT when its
 * contents are wrong.
 */
export interface CredentialCacheStore {
  /** As in KRB5CCNAME: `FILE:/tmp/krb5cc_0`, `DIR::/run/user/0/krb5cc/tkt`, `KCM:0`. */
  readonly name: string;
  read(): Promise<CredentialCache>;
  /** The default principal. */
  principal(): Promise<Principal>;
  /** The first ticket that fits, or undefined. Repeated lookups in an unchanged cache cost the same for any size. */
  find(query: TicketQuery): Promise<Credential | undefined>;
  /** Makes a cache of `principal` with these contents, in place of what is there. */
  initialize(principal: Principal, contents?: CacheContents): Promise<void>;
  /**
   * Adds a ticket, in place of one with the same client and server.
   * @param owner whose cache it must still be; otherwise CredentialError ERR_CCACHE_IO
   */
  store(credential: Credential, owner?: Principal): Promise<void>;
  /** Removes the tickets with the same client and server; that there is none is no error. */
  remove(credential: Credential): Promise<void>;
  /** The note `key` about `principal` (in text form; about the whole cache when undefined), or undefined. */
  config(key: string, principal?: string): Promise<Uint8Array | undefined>;
  /** Sets a note in place of its predecessor; the value undefined removes it. */
  setConfig(key: string, value: Uint8Array | undefined, principal?: string): Promise<void>;
  /** Removes the whole cache. */
  destroy(): Promise<void>;
}

/** The caches that one name stands for: a folder of type DIR, all of KCM, or a single cache. */
export interface CacheCollection {
  /** As in KRB5CCNAME: `DIR:/run/user/0/krb5cc`, `KCM:`. */
  readonly name: string;
  /** Whether there can be several caches, of which one is the primary (MIT krb5's krb5_cc_support_switch). */
  readonly switchable: boolean;
  /** The caches that exist, the primary one first. */
  list(): Promise<CredentialCacheStore[]>;
  /** The cache that the collection's name means; it need not exist. */
  primary(): Promise<CredentialCacheStore>;
  /** Makes `store` the primary one. @throws CredentialError ERR_CCACHE_TYPE when the type cannot */
  switchTo(store: CredentialCacheStore): Promise<void>;
  /** A further cache under a new name, without contents yet. @throws CredentialError ERR_CCACHE_TYPE */
  create(): Promise<CredentialCacheStore>;
}

/** A cache of `principal` with these contents. */
export function cacheWith(principal: Principal, contents: CacheContents): CredentialCache {
  const { credentials = [], config = [], kdcTimeOffset } = contents;
  return { version: 4, kdcTimeOffset, defaultPrincipal: principal, credentials, config };
}

/** The value of a note in `cache`, or undefined. */
export function configValue(
  { config }: CredentialCache,
  key: string,
  principal: string | undefined,
): Uint8Array | undefined {
  return config.find((entry) => entry.key === key && entry.principal === principal)?.value;
}

/** Refuses to store a ticket in a cache that is another principal's by now. */
export function checkOwner(name: string, now: Principal, owner: Principal | undefined): void {
  if (owner === undefined || samePrincipal(owner, now)) return;
  throw new CredentialError(
    'ERR_CCACHE_IO',
    `credential cache ${name} is that of ${formatPrincipal(now)} now, the ticket was not stored`,
  );
}

/** Refuses what a single cache is asked and only a collection can do. */
function notSwitchable(name: string): CredentialError {
  return new CredentialError(
    'ERR_CCACHE_TYPE',
    `credential cache ${name} is a single cache, there is nothing to switch to; use DIR:/folder, KCM: or MEMORY: in KRB5CCNAME`,
  );
}

/** A collection of the one cache `store`. */
export function singleCache(store: CredentialCacheStore): CacheCollection {
  return {
    name: store.name,
    switchable: false,
    primary: async () => store,
    async list() {
      // One that cannot be read is there all the same, and can be destroyed.
      const missing = await store.principal().then(() => false, isMissing);
      return missing ? [] : [store];
    },
    async switchTo() {
      throw notSwitchable(store.name);
    },
    async create() {
      throw notSwitchable(store.name);
    },
  };
}

/** Whether the error says that there is no such cache. */
export function isMissing(error: unknown): boolean {
  return codeOf(error) === 'ERR_CCACHE_MISSING';
}

/** The default principal, or undefined when there is no readable cache. */
export async function principalOf(store: CredentialCacheStore): Promise<Principal | undefined> {
  try {
    return await store.principal();
  } catch (error) {
    if (isUnusable(error)) return undefined;
    throw error;
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

/** One cache of a collection that is missing or damaged does not hide the others. */
function isUnusable(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'ERR_CCACHE_MISSING' || code === 'ERR_CCACHE_IO' || code === 'ERR_CCACHE_FORMAT';
}

/** The cache of `principal` in the collection, the primary one before others; undefined when there is none. */
export async function findByPrincipal(
  collection: CacheCollection,
  principal: Principal,
): Promise<CredentialCacheStore | undefined> {
  for (const store of await collection.list()) {
    const known = await principalOf(store);
    if (known !== undefined && samePrincipal(known, principal)) return store;
  }
  return undefined;
}

/**
 * Where a login of `principal` goes, as in MIT krb5's kinit: to the principal's own cache, else to the primary one when
 * that is free, else to a new one. Make it the primary one afterwards with `collection.switchTo` if `switches` says so.
 */
export async function cacheForLogin(
  collection: CacheCollection,
  principal: Principal,
): Promise<{ readonly store: CredentialCacheStore; readonly switches: boolean }> {
  const primary = await collection.primary();
  if (!collection.switchable) return { store: primary, switches: false };
  const own = await findByPrincipal(collection, principal);
  if (own !== undefined) return { store: own, switches: own.name !== primary.name };
  if ((await principalOf(primary)) === undefined) return { store: primary, switches: false };
  return { store: await collection.create(), switches: true };
}

/** The error for a cache that is not there, in MIT krb5's words. */
export function missingCache(name: string, cause?: unknown): CredentialError {
  const { type, residual } = parseCcacheName(name);
  const known = Object.hasOwn(MISSING, type) ? MISSING[type] : undefined;
  const problem = known?.(name, residual) ?? `No credentials cache found (${name})`;
  const advice =
    type === 'MEMORY'
      ? 'caches of type MEMORY are in one program only; name another in KRB5CCNAME, such as FILE:/tmp/krb5cc_me'
      : `get a ticket with kinit -c ${name} or name another cache in KRB5CCNAME`;
  return new CredentialError('ERR_CCACHE_MISSING', `${problem}; ${advice}`, { cause });
}

const MISSING: Readonly<Record<string, (name: string, residual: string) => string>> = {
  FILE: (_name, path) => `No credentials cache found (filename: ${path})`,
  DIR: (_name, path) => `No credentials cache found (filename: ${path.replace(/^:/, '')})`,
  KCM: (name) => `Credentials cache '${name}' not found`,
};

/** The error for a principal that has no cache in the collection. */
export function noCacheFor(collection: CacheCollection, principal: Principal): CredentialError {
  const name = formatPrincipal(principal);
  const text = `No credentials cache of ${name} in ${collection.name}; get a ticket with kinit ${name}`;
  return new CredentialError('ERR_CCACHE_MISSING', text);
}
