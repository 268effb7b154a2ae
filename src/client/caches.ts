/** Which credential cache to use: by its name, by the principal, or by the service (`.k5identity` and MIT's rules). */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { utf8Text } from '../bytes.js';
import { type IdentityRule, parseK5identity, selectCache } from '../formats/cacheSelection.js';
import type { Krb5Config } from '../formats/krb5Config.js';
import type { Principal } from '../formats/principal.js';
import { readAll } from '../stores/boundedFile.js';
import {
  type CacheCollection,
  type CredentialCacheStore,
  findByPrincipal,
  noCacheFor,
  principalOf,
} from '../stores/cacheStore.js';
import { type CacheOptions, openCollection } from '../stores/cacheTypes.js';
import { currentUser, systemCcacheName, type Variables } from './system.js';

/** What a cache is wanted for. */
export interface CacheChoice {
  /** The cache of this principal. */
  readonly principal?: Principal | undefined;
  /** The cache to use for this service. */
  readonly service?: Principal | undefined;
}

/** The most of `.k5identity` that is read, octets. */
const MAX_K5IDENTITY_OCTETS = 64 * 1024;

/**
 * The caches that `name` means, or KRB5CCNAME and krb5.conf unless it is given. The socket of a KCM daemon is
 * `kcm_socket` of krb5.conf.
 * @throws CredentialError ERR_CCACHE_TYPE
 */
export function systemCaches(
  config: Krb5Config,
  name: string = systemCcacheName(config),
  options: CacheOptions = {},
): CacheCollection {
  return openCollection(name, { kcmSocket: config.profile.get('libdefaults', 'kcm_socket'), ...options });
}

/**
 * The cache of the collection for that purpose; without one, and where nothing speaks for another, the primary one.
 * @throws CredentialError ERR_CCACHE_MISSING when the principal has no cache in the collection
 */
export async function chooseCache(
  collection: CacheCollection,
  { principal, service }: CacheChoice,
  rules: readonly IdentityRule[],
): Promise<CredentialCacheStore> {
  if (principal !== undefined) return requiredCache(collection, principal);
  if (service === undefined || !collection.switchable) return collection.primary();
  const known = await Promise.all((await collection.list()).map(withPrincipal));
  const caches = known.filter((cache) => cache !== undefined);
  const selection = selectCache(caches, service, rules);
  if (selection === undefined) return collection.primary();
  if (selection.cache === undefined) throw noCacheFor(collection, selection.principal);
  return selection.cache.store;
}

async function requiredCache(
  collection: CacheCollection,
  principal: Principal,
): Promise<CredentialCacheStore> {
  const store = await findByPrincipal(collection, principal);
  if (store === undefined) throw noCacheFor(collection, principal);
  return store;
}

async function withPrincipal(
  store: CredentialCacheStore,
): Promise<{ store: CredentialCacheStore; principal: Principal } | undefined> {
  const principal = await principalOf(store);
  return principal && { store, principal };
}

/** The rules in `.k5identity` of our user; none when there is no such file or it is not ours to read. */
export async function identityRules(
  config: Krb5Config,
  variables: Variables = process.env,
): Promise<IdentityRule[]> {
  const path = join(variables.HOME || currentUser().homedir, '.k5identity');
  const handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)).catch(() => undefined);
  if (handle === undefined) return [];
  try {
    return parseK5identity(await textOf(handle), config.defaultRealm);
  } finally {
    await handle.close();
  }
}

async function textOf(handle: FileHandle): Promise<string> {
  const status = await handle.stat();
  const readable = status.isFile() && status.size <= MAX_K5IDENTITY_OCTETS;
  return readable ? utf8Text(await readAll(handle)) : '';
}
