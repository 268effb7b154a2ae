/** The credential caches that a command works on. The one place of the program that turns names into caches. */
import { systemCcacheName } from '../client/system.js';
import { CredentialError } from '../errors.js';
import type { Krb5Config } from '../formats/krb5Config.js';
import { formatPrincipal } from '../formats/principal.js';
import type { CacheCollection, CredentialCacheStore } from '../stores/cacheStore.js';
import { findByPrincipal, principalOf } from '../stores/cacheStore.js';
import * as cacheTypes from '../stores/cacheTypes.js';
import { parseName } from './command.js';
import { during, type Situation } from './failure.js';
import { RESOLVING } from './fileSentences.js';
import { type Io, printable, writeLine } from './io.js';

/** The caches that `given` stands for, or the default name. */
export async function openCollection(
  config: Krb5Config,
  io: Io,
  given: string | undefined,
  { terse }: Pick<Situation, 'terse'> = {},
): Promise<CacheCollection> {
  const name = await during({ activity: RESOLVING }, () => given ?? systemCcacheName(config, io.env));
  return during({ activity: RESOLVING, cache: name, terse }, () =>
    cacheTypes.openCollection(name, {
      kcmSocket: config.profile.get('libdefaults', 'kcm_socket'),
    }),
  );
}

/** The one cache that `given` means, of several the primary one; or the default cache. */
export async function openCache(
  config: Krb5Config,
  io: Io,
  given: string | undefined,
): Promise<CredentialCacheStore> {
  const collection = await openCollection(config, io, given);
  return during({ activity: 'while resolving ccache' }, () => collection.primary());
}

/** The name without its type, as MIT krb5's -V shows it. */
export function residualName({ name }: CredentialCacheStore): string {
  return name.slice(name.indexOf(':') + 1);
}

/** Name and principal of a cache for programs. */
export async function cacheJson(
  store: CredentialCacheStore,
): Promise<{ readonly cache: string; readonly principal: string | null }> {
  const principal = await principalOf(store);
  return { cache: store.name, principal: principal === undefined ? null : formatPrincipal(principal) };
}

/** The cache of the principal called `name` in the collection. @throws CredentialError ERR_CCACHE_MISSING */
export function cacheOfPrincipal(
  collection: CacheCollection,
  name: string,
  config: Krb5Config,
  activity: string,
): Promise<CredentialCacheStore> {
  return during({ activity, sentence: 'Matching credential not found' }, async () => {
    const principal = parseName(name, config);
    const store = await findByPrincipal(collection, principal);
    if (store !== undefined) return store;
    const problem = `No credentials cache of ${formatPrincipal(principal)} in ${collection.name}`;
    throw new CredentialError('ERR_CCACHE_MISSING', `${problem}; krb5 klist -l lists those that there are`);
  });
}

/** Tells when a ticket goes where nobody can use it. */
export function warnOfMemory({ name }: CredentialCacheStore, command: string, io: Io): void {
  if (!name.startsWith('MEMORY:')) return;
  const problem = `${printable(name)} is in this program only, the ticket is lost when it ends`;
  writeLine(io.stderr, `${command}: ${problem}; use FILE:, DIR: or KCM:`);
}
