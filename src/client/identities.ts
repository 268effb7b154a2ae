/** The ways to become a client: password, keytab, key, or the tickets in a credential cache. */
import type { Key } from '../crypto/key.js';
import { CredentialError } from '../errors.js';
import type { Environment } from '../exchange/environment.js';
import type { CredentialCache } from '../formats/ccache.js';
import { keytabPath } from '../formats/ccacheName.js';
import type { Credential } from '../formats/credential.js';
import { parseKrb5Conf } from '../formats/krb5Conf.js';
import { configOfRealm, type Krb5Config, krb5ConfigFromProfile } from '../formats/krb5Config.js';
import { formatPrincipal, type Principal, parsePrincipal, samePrincipal } from '../formats/principal.js';
import { NAME_TYPES } from '../iana/nameTypes.js';
import type { CredentialCacheStore } from '../stores/cacheStore.js';
import type { CacheOptions } from '../stores/cacheTypes.js';
import type { Trace } from '../trace.js';
import { checkOptions, checkPassword, checkRealm, checkText } from './arguments.js';
import { chooseCache, identityRules, systemCaches } from './caches.js';
import { Client } from './client.js';
import { cautiousLogin, refreshFromClientKeytab } from './clientKeytab.js';
import { type KdcConnection, networkConnection } from './kdcConnection.js';
import { type KeySource, keytabKeySource, passwordKeySource, rawKeySource } from './keySource.js';
import { keytabFileKeySource, openKeytab } from './keytabFileKeys.js';
import { permittedEtypes } from './policy.js';
import { parseServiceName } from './serviceName.js';
import {
  systemCcacheName,
  systemClientKeytabName,
  systemConfig,
  systemEnvironment,
  systemKeytabName,
} from './system.js';

/** What every identity can be given. */
export interface ClientOptions {
  /** KRB5_CONFIG or /etc/krb5.conf unless given; `parseConfig` makes one from text. */
  readonly config?: Krb5Config | undefined;
  /** Way to the KDCs; UDP and TCP unless given. */
  readonly connection?: KdcConnection | undefined;
  /** When to give up on the KDCs of a realm, milliseconds; `request_timeout` of krb5.conf, else 30 s. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly trace?: Trace | undefined;
  /** Clock and randomness; the system's unless given. */
  readonly environment?: Environment | undefined;
}

/**
 * A configuration from the text of a krb5.conf; include lines are refused.
 * @throws FormatError ERR_KRB5_CONF
 */
export function parseConfig(text: string): Krb5Config {
  return krb5ConfigFromProfile(parseKrb5Conf([{ file: 'krb5.conf', text }], () => []));
}

/**
 * A client that logs in with a password.
 * @param principal `alice` or `alice@EXAMPLE.TEST`; the realm is `default_realm` of krb5.conf unless given
 * @throws FormatError ERR_PRINCIPAL_NAME, ERR_KRB5_CONF
 */
export function fromPassword(
  principal: string,
  password: string | Uint8Array,
  options: ClientOptions = {},
): Client {
  checkText(principal, 'principal');
  checkPassword(password);
  checkOptions(options, '{ config }');
  const config = options.config ?? systemConfig();
  return makeClient(parseName(principal, config), config, options, passwordKeySource(password));
}

/** A client that logs in with a key known already. */
export function fromKey(principal: string, key: Key, options: ClientOptions = {}): Client {
  checkText(principal, 'principal');
  checkOptions(options, '{ config }');
  const config = options.config ?? systemConfig();
  const name = parseName(principal, config);
  return makeClient(name, config, options, rawKeySource(key, name));
}

/** Which keytab, and whom of it. */
export interface KeytabOptions extends ClientOptions {
  /** Path or `FILE:path`; KRB5_KTNAME, `default_keytab_name` or /etc/krb5.keytab unless given. */
  readonly keytab?: string | undefined;
  /** The keytab's first principal unless given. */
  readonly principal?: string | undefined;
}

/**
 * A client that logs in with a key of a keytab, which is read again when the file has changed.
 * @throws CredentialError ERR_KEYTAB_MISSING, ERR_KEYTAB_NO_KEY; FormatError ERR_KEYTAB_FORMAT
 */
export async function fromKeytab(options: KeytabOptions = {}): Promise<Client> {
  checkOptions(options, "{ keytab: '/etc/krb5.keytab' }");
  const config = options.config ?? systemConfig();
  const name = options.keytab ?? systemKeytabName(config);
  const keytab = await openKeytab(keytabPath(name));
  const { entries } = keytab;
  const principal =
    options.principal === undefined ? entries[0]?.principal : parseName(options.principal, config);
  if (principal === undefined || !entries.some((entry) => samePrincipal(entry.principal, principal))) {
    const wanted = principal === undefined ? 'it is empty' : `no key of ${formatPrincipal(principal)}`;
    throw new CredentialError(
      'ERR_KEYTAB_NO_KEY',
      `keytab ${name}: ${wanted}; krb5 klist -k lists what it holds`,
    );
  }
  return makeClient(principal, config, options, keytabFileKeySource(keytab, principal));
}

/** Which credential cache. */
export interface CcacheOptions extends ClientOptions, CacheOptions {
  /**
   * Path, `FILE:path`, `DIR:folder`, `KCM:` or `MEMORY:name`; KRB5CCNAME, `default_ccache_name` or /tmp/krb5cc_UID
   * unless given.
   */
  readonly ccache?: string | undefined;
  /** Of several caches (DIR, KCM, MEMORY), that of this principal; the primary one unless given. */
  readonly principal?: string | undefined;
  /** Of several caches, the one to use for this service, by `.k5identity`, else by realm or host name. */
  readonly service?: string | undefined;
  /** Whether service tickets are written back to the cache, as MIT krb5 does; true unless given. */
  readonly writeBack?: boolean | undefined;
  /**
   * Keytab with which to log in when there is no cache or its tickets near their end, now or later;
   * KRB5_CLIENT_KTNAME, `default_client_keytab_name` or /etc/krb5/user/UID/client.keytab unless given, none when false.
   */
  readonly clientKeytab?: string | false | undefined;
}

/**
 * A client with the tickets of a credential cache, such as kinit wrote.
 * @throws CredentialError ERR_CCACHE_MISSING, ERR_CCACHE_IO, ERR_CCACHE_TYPE; FormatError ERR_CCACHE_FORMAT
 */
export async function fromCcache(options: CcacheOptions = {}): Promise<Client> {
  checkOptions(options, "{ ccache: 'FILE:/tmp/krb5cc_me' }");
  const config = options.config ?? systemConfig();
  const store = await cacheFor(config, options);
  const refresh = byClientKeytab(store, config, options);
  await refresh();
  const cache = await store.read();
  return new Client({
    ...commonParts(cache.defaultPrincipal, config, options),
    credentials: cache.credentials.filter((credential) => isOf(credential, cache.defaultPrincipal, config)),
    kdcTimeOffsetSeconds: kdcTimeOffset(cache, options.environment ?? systemEnvironment()),
    keep: options.writeBack === false ? undefined : (credential) => keepIn(store, credential, cache, options),
    async reload() {
      await refresh().catch((error: unknown) => {
        tell(options, 'ccache.login', 'There was no login with the client keytab', error);
      });
      return ticketsNow(store, cache.defaultPrincipal, config, options);
    },
  });
}

/** What logs in if the client keytab can and the cache needs it, as MIT krb5's GSS-API does. */
function byClientKeytab(
  store: CredentialCacheStore,
  config: Krb5Config,
  options: CcacheOptions,
): () => Promise<void> {
  if (options.clientKeytab === false) return async () => undefined;
  const name = options.clientKeytab || systemClientKeytabName(config);
  const environment = options.environment ?? systemEnvironment();
  const nowSeconds = (): number => environment.nowMs() / 1000;
  const login = cautiousLogin((principal, entries) => {
    const client = makeClient(principal, config, options, keytabKeySource(entries, principal));
    return client.login({ signal: options.signal });
  }, nowSeconds);
  return async () => {
    await refreshFromClientKeytab(store, name, nowSeconds(), login);
  };
}

function tell({ trace }: CcacheOptions, event: string, text: string, error: unknown): void {
  const reason = error instanceof Error ? error.message : String(error);
  trace?.({ event, text: `${text}: ${reason}` });
}

/**
 * Whether the client's tickets include this one: neither another client's, nor one for user-to-user, nor one for a
 * service whose session key only other programs may use.
 */
function isOf(credential: Credential, owner: Principal, config: Krb5Config): boolean {
  const { client, server, isSkey, sessionKey } = credential;
  const usable = server.components[0] === 'krbtgt' || permittedEtypes(config).includes(sessionKey.etype);
  return samePrincipal(client, owner) && !isSkey && usable;
}

/** The tickets that other programs have left in the cache by now; none when it cannot be read. */
async function ticketsNow(
  store: CredentialCacheStore,
  owner: Principal,
  config: Krb5Config,
  options: CcacheOptions,
): Promise<readonly Credential[]> {
  try {
    return (await store.read()).credentials.filter((credential) => isOf(credential, owner, config));
  } catch (error) {
    tell(options, 'ccache.read', 'The cache was not read again', error);
    return [];
  }
}

/** The cache's clock offset; one that leads to before 1970 is no measurement. */
function kdcTimeOffset(cache: CredentialCache, environment: Environment): number | undefined {
  const seconds = cache.kdcTimeOffset?.seconds ?? 0;
  return environment.nowMs() / 1000 + seconds < 0 ? undefined : seconds;
}

/** The cache that the options mean. */
async function cacheFor(config: Krb5Config, options: CcacheOptions): Promise<CredentialCacheStore> {
  const { principal, service } = options;
  const { allowLink, allowOtherOwner, kcmTimeoutMs, types } = options;
  const kcmSocket = options.kcmSocket ?? config.profile.get('libdefaults', 'kcm_socket');
  const access = { allowLink, allowOtherOwner, kcmTimeoutMs, kcmSocket, types };
  const collection = systemCaches(config, options.ccache ?? systemCcacheName(config), access);
  const choice = {
    principal: principal === undefined ? undefined : parseName(principal, config),
    service: service === undefined ? undefined : hostBased(parseServiceName(service, config)),
  };
  return chooseCache(collection, choice, service === undefined ? [] : await identityRules(config));
}

/** Rules about host names are for host-based services; the name `service/host` does not say that it is one. */
function hostBased(service: Principal): Principal {
  return service.components.length === 2 ? { ...service, nameType: NAME_TYPES['NT-SRV-HST'] } : service;
}

/** Stores a ticket; a cache that cannot be written costs a request next time, nothing else. */
async function keepIn(
  store: CredentialCacheStore,
  credential: Credential,
  { defaultPrincipal: owner }: CredentialCache,
  { trace }: CcacheOptions,
): Promise<void> {
  try {
    await store.store(credential, owner);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    trace?.({
      event: 'ccache.store',
      text: `The ticket was not stored: ${reason}`,
      data: { cache: store.name },
    });
  }
}

function parseName(text: string, config: Krb5Config): Principal {
  const { defaultRealm } = config;
  const principal = parsePrincipal(text, defaultRealm === undefined ? {} : { defaultRealm });
  checkRealm(principal, text);
  return principal;
}

function makeClient(
  principal: Principal,
  config: Krb5Config,
  options: ClientOptions,
  keySource: KeySource,
): Client {
  return new Client({ ...commonParts(principal, config, options), keySource });
}

function commonParts(principal: Principal, config: Krb5Config, options: ClientOptions) {
  const { trace, timeoutMs, signal } = options;
  return {
    principal,
    config: configOfRealm(config, principal.realm),
    trace,
    environment: options.environment ?? systemEnvironment(),
    connection: options.connection ?? networkConnection({ config, trace, timeoutMs, signal }),
  };
}
