/**
 * Caches that a KCM daemon keeps (type KCM): sssd-kcm or Heimdal's kcm. All caches of our user are one collection.
 *
 * The protocol has no operation that replaces one ticket (REPLACE is for a whole cache, and would lose what another
 * program has stored since it was read). So where there is a ticket for the same service already, it is removed, then the
 * new one is added, as MIT krb5 does. In between there is none of the two for others. When adding fails, the old one is
 * put back; a process that is killed in between leaves neither, which costs a request to a KDC or, if it is the
 * ticket-granting ticket, a login. sssd-kcm does not remove single tickets; of two for one service, it keeps the last.
 * Where the daemon lacks REPLACE, a login makes the cache empty first and then adds the tickets one by one: others see
 * it empty for a moment.
 */
import { equalBytes, uint32be } from '../bytes.js';
import { CredentialError } from '../errors.js';
import type { CredentialCache, KdcTimeOffset } from '../formats/ccache.js';
import { entriesOf } from '../formats/ccache.js';
import { configCredential, configEntry, encodeEntry, isConfig, isRemoved } from '../formats/ccacheEntry.js';
import { fitsQuery, isSameTicket, TicketIndex, type TicketQuery } from '../formats/ccacheIndex.js';
import type { Credential } from '../formats/credential.js';
import {
  isAbsent,
  isUnsupported,
  KCM_CODES,
  type KcmPattern,
  kcmCredentials,
  kcmName,
  kcmPattern,
  kcmPrincipal,
  readKcmCredential,
  readKcmCredentials,
  readKcmName,
  readKcmPrincipal,
  readKcmUuids,
} from '../formats/kcm.js';
import type { OctetReader } from '../formats/octetReader.js';
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
import { type KcmConnection, type KcmOptions, KcmRefusal, withKcm } from './kcmConnection.js';

/** sssd-kcm gives the highest number for an offset that nobody has set. */
const NO_OFFSET = 0x7fffffff;

/** One cache in the daemon. */
export class KcmCacheStore implements CredentialCacheStore {
  readonly name: string;
  readonly #residual: string;
  readonly #options: KcmOptions;

  constructor(residual: string, options: KcmOptions = {}) {
    this.#residual = residual;
    this.name = `KCM:${residual}`;
    this.#options = options;
  }

  read(): Promise<CredentialCache> {
    return this.#with(async (kcm) => {
      const defaultPrincipal = await this.#principal(kcm);
      const kdcTimeOffset = await this.#kdcTimeOffset(kcm);
      const credentials: Credential[] = [];
      const config: CredentialCache['config'][number][] = [];
      for (const credential of await this.#entries(kcm)) {
        if (isConfig(credential)) config.push(configEntry(credential, credentials.length));
        else if (!isRemoved(credential)) credentials.push(credential);
      }
      return { version: 4, kdcTimeOffset, defaultPrincipal, credentials, config };
    });
  }

  principal(): Promise<Principal> {
    return this.#with((kcm) => this.#principal(kcm));
  }

  find(query: TicketQuery): Promise<Credential | undefined> {
    return this.#with(async (kcm) => {
      const reply = await supported(() => kcm.call('RETRIEVE', this.#named, kcmPattern(patternOf(query))));
      if (reply === 'absent') return undefined;
      if (reply !== 'unsupported') {
        const credential = readKcmCredential(reply);
        if (fitsQuery(credential, query)) return credential;
      }
      const tickets = (await this.#entries(kcm)).filter((entry) => !isConfig(entry));
      return new TicketIndex(tickets).find(query);
    });
  }

  initialize(principal: Principal, contents: CacheContents = {}): Promise<void> {
    const entries = entriesOf(cacheWith(principal, contents));
    const offset = uint32be(contents.kdcTimeOffset?.seconds ?? 0);
    return this.#with(async (kcm) => {
      const replaced = await supported(() =>
        kcm.call('REPLACE', this.#named, offset, kcmPrincipal(principal), kcmCredentials(entries)),
      );
      if (typeof replaced !== 'string') return;
      await kcm.call('INITIALIZE', this.#named, kcmPrincipal(principal));
      if (contents.kdcTimeOffset !== undefined) {
        await supported(() => kcm.call('SET_KDC_OFFSET', this.#named, offset));
      }
      for (const entry of entries) await kcm.call('STORE', this.#named, encodeEntry(entry));
    });
  }

  store(credential: Credential, owner?: Principal): Promise<void> {
    return this.#with(async (kcm) => {
      checkOwner(this.name, await this.#principal(kcm), owner);
      const entry = encodeEntry(credential);
      const former = (await this.#entries(kcm)).filter((known) => isSameTicket(known, credential));
      if (former.length > 0) await this.#remove(kcm, credential);
      try {
        await kcm.call('STORE', this.#named, entry);
      } catch (error) {
        await this.#restore(former).catch(() => undefined);
        throw error;
      }
    });
  }

  /** Puts back what was removed, unless it has a successor. The old connection may be broken. */
  async #restore(former: readonly Credential[]): Promise<void> {
    if (former.length === 0) return;
    await withKcm(this.#options, async (kcm) => {
      const entries = await this.#entries(kcm);
      for (const old of former) {
        if (entries.some((known) => isSameTicket(known, old))) continue;
        await kcm.call('STORE', this.#named, encodeEntry(old));
      }
    });
  }

  remove(credential: Credential): Promise<void> {
    return this.#with(async (kcm) => {
      await this.#remove(kcm, credential);
      const rest = await this.#entries(kcm);
      if (!rest.some((known) => isSameTicket(known, credential))) return;
      throw new CredentialError(
        'ERR_CCACHE_TYPE',
        `the KCM daemon cannot remove single tickets from ${this.name}; destroy the cache and log in again`,
      );
    });
  }

  async config(key: string, principal?: string): Promise<Uint8Array | undefined> {
    return configValue(await this.read(), key, principal);
  }

  async setConfig(key: string, value: Uint8Array | undefined, principal?: string): Promise<void> {
    const cache = await this.read();
    const known = configValue(cache, key, principal);
    if (known === value || (known !== undefined && value !== undefined && equalBytes(known, value))) return;
    const note = configCredential(cache.defaultPrincipal, {
      key,
      principal,
      value: value ?? new Uint8Array(),
    });
    await (value === undefined ? this.remove(note) : this.store(note));
  }

  async destroy(): Promise<void> {
    await this.#with(async (kcm) => {
      // sssd-kcm has no principal for a cache that was chosen as primary and never written; it can be destroyed all the same.
      const principal = await supported(() => kcm.call('GET_PRINCIPAL', this.#named));
      const exists =
        typeof principal === 'string' ? principal !== 'absent' : readKcmPrincipal(principal) !== undefined;
      if (!exists) throw missingCache(this.name);
      await kcm.call('DESTROY', this.#named);
    });
  }

  get #named(): Uint8Array {
    return kcmName(this.#residual);
  }

  async #with<T>(task: (kcm: KcmConnection) => Promise<T>): Promise<T> {
    try {
      return await withKcm(this.#options, task);
    } catch (error) {
      throw refusalError(this.name, error);
    }
  }

  async #principal(kcm: KcmConnection): Promise<Principal> {
    const principal = readKcmPrincipal(await kcm.call('GET_PRINCIPAL', this.#named));
    if (principal === undefined) throw missingCache(this.name);
    return principal;
  }

  async #kdcTimeOffset(kcm: KcmConnection): Promise<KdcTimeOffset | undefined> {
    const reply = await supported(() => kcm.call('GET_KDC_OFFSET', this.#named));
    if (typeof reply === 'string') return undefined;
    const seconds = reply.int32();
    return seconds === NO_OFFSET ? undefined : { seconds, microseconds: 0 };
  }

  /** All entries in one reply, or one by one where the daemon does not know how. */
  async #entries(kcm: KcmConnection): Promise<Credential[]> {
    const list = await supported(() => kcm.call('GET_CRED_LIST', this.#named));
    if (list === 'absent') return [];
    if (list !== 'unsupported') return readKcmCredentials(list);
    const uuids = await supported(() => kcm.call('GET_CRED_UUID_LIST', this.#named));
    const entries: Credential[] = [];
    for (const uuid of typeof uuids === 'string' ? [] : readKcmUuids(uuids)) {
      const reply = await supported(() => kcm.call('GET_CRED_BY_UUID', this.#named, uuid));
      if (typeof reply !== 'string') entries.push(readKcmCredential(reply));
    }
    return entries;
  }

  async #remove(kcm: KcmConnection, { client, server, isSkey }: Credential): Promise<void> {
    await supported(() => kcm.call('REMOVE_CRED', this.#named, kcmPattern({ client, server, isSkey })));
  }
}

function patternOf({ server, client, isSkey, validAt }: TicketQuery): KcmPattern {
  const endTime = validAt === undefined ? undefined : validAt + 1;
  return { server, client, isSkey: isSkey ?? false, endTime };
}

/** The reply, or why there is none. Other refusals go on. */
async function supported(call: () => Promise<OctetReader>): Promise<OctetReader | 'unsupported' | 'absent'> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof KcmRefusal && isUnsupported(error.replyCode)) return 'unsupported';
    if (error instanceof KcmRefusal && isAbsent(error.replyCode)) return 'absent';
    throw error;
  }
}

/** A refusal in our terms. */
function refusalError(name: string, error: unknown): unknown {
  if (!(error instanceof KcmRefusal)) return error;
  if (error.replyCode === KCM_CODES.NOFILE) return missingCache(name, error);
  const text = `the KCM daemon refused ${error.operation} for ${name} with the code ${error.replyCode}`;
  return new CredentialError('ERR_CCACHE_IO', text, { cause: error });
}

/** The caches of our user in the daemon; with a residual name, that one cache. */
export function kcmCollection(options: KcmOptions = {}): CacheCollection {
  const name = 'KCM:';
  const withDaemon = async <T>(task: (kcm: KcmConnection) => Promise<T>): Promise<T> => {
    try {
      return await withKcm(options, task);
    } catch (error) {
      throw refusalError(name, error);
    }
  };
  return {
    name,
    switchable: true,
    async primary() {
      const residual = await withDaemon(async (kcm) => readKcmName(await kcm.call('GET_DEFAULT_CACHE')));
      return new KcmCacheStore(residual, options);
    },
    async list() {
      const names = await withDaemon(existingNames);
      return names.map((residual) => new KcmCacheStore(residual, options));
    },
    async switchTo(store) {
      const residual = store.name.replace(/^KCM:/, '');
      await withDaemon((kcm) => kcm.call('SET_DEFAULT_CACHE', kcmName(residual)));
    },
    async create() {
      const residual = await withDaemon(async (kcm) => readKcmName(await kcm.call('GEN_NEW')));
      return new KcmCacheStore(residual, options);
    },
  };
}

/** Names of the caches that exist, the default one first. */
async function existingNames(kcm: KcmConnection): Promise<string[]> {
  const uuids = await supported(() => kcm.call('GET_CACHE_UUID_LIST'));
  if (typeof uuids === 'string') return [];
  const names: string[] = [];
  for (const uuid of readKcmUuids(uuids)) {
    const reply = await supported(() => kcm.call('GET_CACHE_BY_UUID', uuid));
    if (typeof reply !== 'string') names.push(readKcmName(reply));
  }
  const primary = readKcmName(await kcm.call('GET_DEFAULT_CACHE'));
  return names.includes(primary) ? [primary, ...names.filter((name) => name !== primary)] : names;
}
