/** Caches in this process (type MEMORY). One collection belongs to whoever makes it; there is one for the process too. */
import type { CredentialCache } from '../formats/ccache.js';
import { isSameTicket, TicketIndex, type TicketQuery } from '../formats/ccacheIndex.js';
import type { Credential } from '../formats/credential.js';
import type { Principal } from '../formats/principal.js';
import {
  type CacheCollection,
  type CacheContents,
  type CredentialCacheStore,
  cacheWith,
  checkOwner,
  configValue,
  missingCache,
} from './cacheStore.js';

interface Held {
  readonly cache: CredentialCache;
  readonly index: TicketIndex;
}

/** Named caches in memory. */
export class MemoryCaches implements CacheCollection {
  readonly name = 'MEMORY:';
  readonly switchable = true;
  readonly #held = new Map<string, Held>();
  #primary = '';
  #counter = 0;

  /** The cache `residual`, which need not exist. */
  cache(residual: string): CredentialCacheStore {
    return new MemoryCacheStore(residual, this.#held);
  }

  async primary(): Promise<CredentialCacheStore> {
    return this.cache(this.#primary);
  }

  async list(): Promise<CredentialCacheStore[]> {
    const names = [...this.#held.keys()];
    const others = names.filter((name) => name !== this.#primary);
    return (names.length > others.length ? [this.#primary, ...others] : others).map((name) =>
      this.cache(name),
    );
  }

  async switchTo(store: CredentialCacheStore): Promise<void> {
    this.#primary = store.name.replace(/^MEMORY:/, '');
  }

  async create(): Promise<CredentialCacheStore> {
    let residual: string;
    do residual = `unique-${++this.#counter}`;
    while (this.#held.has(residual));
    return this.cache(residual);
  }
}

/** The caches that `MEMORY:name` means in this process. */
export const processCaches: MemoryCaches = new MemoryCaches();

class MemoryCacheStore implements CredentialCacheStore {
  readonly name: string;
  readonly #residual: string;
  readonly #held: Map<string, Held>;

  constructor(residual: string, held: Map<string, Held>) {
    this.name = `MEMORY:${residual}`;
    this.#residual = residual;
    this.#held = held;
  }

  async read(): Promise<CredentialCache> {
    return this.#current().cache;
  }

  async principal(): Promise<Principal> {
    return this.#current().cache.defaultPrincipal;
  }

  async find(query: TicketQuery): Promise<Credential | undefined> {
    return this.#current().index.find(query);
  }

  async initialize(principal: Principal, contents: CacheContents = {}): Promise<void> {
    this.#set(cacheWith(principal, contents));
  }

  async store(credential: Credential, owner?: Principal): Promise<void> {
    const { cache } = this.#current();
    checkOwner(this.name, cache.defaultPrincipal, owner);
    this.#set({ ...cache, credentials: [...others(cache.credentials, credential), credential] });
  }

  async remove(credential: Credential): Promise<void> {
    const { cache } = this.#current();
    this.#set({ ...cache, credentials: others(cache.credentials, credential) });
  }

  async config(key: string, principal?: string): Promise<Uint8Array | undefined> {
    return configValue(this.#current().cache, key, principal);
  }

  async setConfig(key: string, value: Uint8Array | undefined, principal?: string): Promise<void> {
    const { cache } = this.#current();
    const rest = cache.config.filter((entry) => entry.key !== key || entry.principal !== principal);
    const position = cache.credentials.length;
    this.#set({
      ...cache,
      config: value === undefined ? rest : [...rest, { key, principal, value, position }],
    });
  }

  async destroy(): Promise<void> {
    for (const { sessionKey } of this.#current().cache.credentials) sessionKey.wipe();
    this.#held.delete(this.#residual);
  }

  #current(): Held {
    const held = this.#held.get(this.#residual);
    if (held === undefined) throw missingCache(this.name);
    return held;
  }

  #set(cache: CredentialCache): void {
    this.#held.set(this.#residual, { cache, index: new TicketIndex(cache.credentials) });
  }
}

function others(credentials: readonly Credential[], credential: Credential): Credential[] {
  return credentials.filter((known) => !isSameTicket(known, credential));
}
