/** The ways to become a client: password, keytab, key, or the tickets in a credential cache. */
import { SUPPORTED_ETYPES } from '../crypto/etypes.js';
import type { Key } from '../crypto/key.js';
import { CredentialError } from '../errors.js';
import type { Environment } from '../exchange/environment.js';
import type { CredentialCache } from '../formats/ccache.js';
import { ccachePath, keytabPath } from '../formats/ccacheName.js';
import type { Credential } from '../formats/credential.js';
import { parseKrb5Conf } from '../formats/krb5Conf.js';
import { type Krb5Config, krb5ConfigFromProfile } from '../formats/krb5Config.js';
import { formatPrincipal, type Principal, parsePrincipal, samePrincipal } from '../formats/principal.js';
import { readCcacheFile, storeCredential } from '../stores/fileCcache.js';
import { readKeytabFile } from '../stores/fileKeytab.js';
import type { Trace } from '../trace.js';
import { Client } from './client.js';
import { type KdcConnection, networkConnection } from './kdcConnection.js';
import { type KeySource, keytabKeySource, passwordKeySource, rawKeySource } from './keySource.js';
import { systemCcacheName, systemConfig, systemEnvironment, systemKeytabName } from './system.js';

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
  const config = options.config ?? systemConfig();
  return makeClient(parseName(principal, config), config, options, passwordKeySource(password));
}

/** A client that logs in with a key known already. */
export function fromKey(principal: string, key: Key, options: ClientOptions = {}): Client {
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
 * A client that logs in with a key of a keytab.
 * @throws CredentialError ERR_KEYTAB_MISSING, ERR_KEYTAB_NO_KEY; FormatError ERR_KEYTAB_FORMAT
 */
export async function fromKeytab(options: KeytabOptions = {}): Promise<Client> {
  const config = options.config ?? systemConfig();
  const name = options.keytab ?? systemKeytabName(config);
  const entries = await readKeytabFile(keytabPath(name));
  const principal =
    options.principal === undefined ? entries[0]?.principal : parseName(options.principal, config);
  if (principal === undefined || !entries.some((entry) => samePrincipal(entry.principal, principal))) {
    const wanted = principal === undefined ? 'it is empty' : `no key of ${formatPrincipal(principal)}`;
    throw new CredentialError(
      'ERR_KEYTAB_NO_KEY',
      `keytab ${name}: ${wanted}; krb5 klist -k lists what it holds`,
    );
  }
  return makeClient(principal, config, options, keytabKeySource(entries, principal));
}

/** Which credential cache. */
export interface CcacheOptions extends ClientOptions {
  /** Path or `FILE:path`; KRB5CCNAME, `default_ccache_name` or /tmp/krb5cc_UID unless given. */
  readonly ccache?: string | undefined;
  /** Whether service tickets are written back to the cache, as MIT krb5 does; true unless given. */
  readonly writeBack?: boolean | undefined;
}

/**
 * A client with the tickets of a credential cache, such as kinit wrote.
 * @throws CredentialError ERR_CCACHE_MISSING, ERR_CCACHE_IO, ERR_CCACHE_TYPE; FormatError ERR_CCACHE_FORMAT
 */
export async function fromCcache(options: CcacheOptions = {}): Promise<Client> {
  const config = options.config ?? systemConfig();
  const path = ccachePath(options.ccache ?? systemCcacheName(config));
  const cache = await readCcacheFile(path);
  return new Client({
    ...commonParts(config, options),
    principal: cache.defaultPrincipal,
    credentials: cache.credentials.filter((credential) => isOf(credential, cache.defaultPrincipal)),
    kdcTimeOffsetSeconds: kdcTimeOffset(cache, options.environment ?? systemEnvironment()),
    keep: options.writeBack === false ? undefined : (credential) => keepIn(path, credential, cache, options),
  });
}

/**
 * Whether the client's tickets include this one: neither another client's, nor one for user-to-user, nor one for a
 * service whose session key only other programs can use.
 */
function isOf({ client, server, isSkey, sessionKey }: Credential, owner: Principal): boolean {
  const usable = server.components[0] === 'krbtgt' || SUPPORTED_ETYPES.includes(sessionKey.etype);
  return samePrincipal(client, owner) && !isSkey && usable;
}

/** The cache's clock offset; one that leads to before 1970 is no measurement. */
function kdcTimeOffset(cache: CredentialCache, environment: Environment): number | undefined {
  const seconds = cache.kdcTimeOffset?.seconds ?? 0;
  return environment.nowMs() / 1000 + seconds < 0 ? undefined : seconds;
}

/** Stores a ticket; a cache that cannot be written costs a request next time, nothing else. */
async function keepIn(
  path: string,
  credential: Credential,
  { defaultPrincipal: owner }: CredentialCache,
  { trace }: CcacheOptions,
): Promise<void> {
  try {
    await storeCredential(path, credential, { owner });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    trace?.({ event: 'ccache.store', text: `The ticket was not stored: ${reason}`, data: { path } });
  }
}

function parseName(principal: string, config: Krb5Config): Principal {
  return parsePrincipal(
    principal,
    config.defaultRealm === undefined ? {} : { defaultRealm: config.defaultRealm },
  );
}

function makeClient(
  principal: Principal,
  config: Krb5Config,
  options: ClientOptions,
  keySource: KeySource,
): Client {
  return new Client({ ...commonParts(config, options), principal, keySource });
}

function commonParts(config: Krb5Config, options: ClientOptions) {
  const { trace, timeoutMs, signal } = options;
  return {
    config,
    trace,
    environment: options.environment ?? systemEnvironment(),
    connection: options.connection ?? networkConnection({ config, trace, timeoutMs, signal }),
  };
}
