/** The credential caches that a command works on. The one place of the program that turns names into caches. */
import { systemCcacheName } from '../client/system.js';
import { CredentialError } from '../errors.js';
import type { Krb5Config } from '../formats/krb5Config.js';
import { formatPrincipal } from '../formats/principal.js';
import type { CacheFileOptions } from '../stores/cacheFileOptions.js';
import type { CacheCollection, CredentialCacheStore } from '../stores/cacheStore.js';
import { findByPrincipal, principalOf } from '../stores/cacheStore.js';
import * as cacheTypes from '../stores/cacheTypes.js';
import { parseName } from './command.js';
import { during, type Situation } from './failure.js';
import { RESOLVING } from './fileSentences.js';
import { type Io, printable, writeLine } from './io.js';
import type { Arguments } from './options.js';

/** What MIT krb5 says where a cache cannot be opened. */
type Opening = Partial<Pick<Situation, 'activity' | 'terse'>>;

/** Which files the options take for caches. */
export function cacheAccess(args: Arguments): CacheFileOptions {
  return { allowLink: args.has('allow-link'), allowOtherOwner: args.has('allow-other-owner') };
}

/** The caches that `given` stands for, or the default name. */
export async function openCollection(
  args: Arguments,
  config: Krb5Config,
  io: Io,
  given: string | undefined,
  { activity = RESOLVING, terse }: Opening = {},
): Promise<CacheCollection> {
  const name = await during({ activity }, () => given ?? systemCcacheName(config, io.env));
  return during({ activity, opening: true, cache: name, terse }, () =>
    cacheTypes.openCollection(name, {
      kcmSocket: config.profile.get('libdefaults', 'kcm_socket'),
      ...cacheAccess(args),
    }),
  );
}

/** The one cache that `given` means, of several the primary one; or the default cache. */
export async function openCache(
  args: Arguments,
  config: Krb5Config,
  io: Io,
  given: string | undefined,
  opening: Opening = {},
): Promise<CredentialCacheStore> {
  const collection = await openCollection(args, config, io, given, opening);
  return during({ activity: RESOLVING, ...opening, opening: true }, () => collection.primary());
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
  return during({ activity, opening: true, sentence: 'Matching credential not found' }, async () => {
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
