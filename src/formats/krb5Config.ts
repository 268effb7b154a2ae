/**
 * What krb5.conf means to this client (MIT krb5, krb5.conf(5)): realms and their servers, host to realm mapping and
 * [libdefaults] with MIT's defaults. Unknown relations never matter. Not here: [capaths] and [appdefaults], which
 * are asked for in `profile`.
 */
import { ConfigSection, parseBoolean, wrongValue } from './configValue.js';
import { defaultEtypes, type EtypePolicy, parseEtypeList } from './etypeList.js';
import { Profile, type ProfileNotice, type ProfileRelation } from './profile.js';
import { isProxyUrl, parseServerAddress, type ServerAddress } from './serverAddress.js';

/** Servers of one realm, each list in the order in which to try. */
export interface RealmConfig {
  readonly kdcs: readonly ServerAddress[];
  /** KDCs that know a changed password at once (`primary_kdc`, formerly `master_kdc`). */
  readonly primaryKdcs: readonly ServerAddress[];
  readonly adminServers: readonly ServerAddress[];
  /** From `kpasswd_server`, otherwise the hosts of `admin_server` at port 464. */
  readonly kpasswdServers: readonly ServerAddress[];
  /** URLs of KDC proxies (MS-KKDCP) among the `kdc` values. */
  readonly kkdcp: readonly string[];
}

/** The settings of [libdefaults]. */
export interface Libdefaults extends EtypePolicy {
  readonly defaultRealm: string | undefined;
  /** How far clocks may differ, seconds. */
  readonly clockSkewSeconds: number;
  /** Lifetime to ask for, seconds; undefined when the file says nothing (MIT krb5: 24 h). */
  readonly ticketLifetimeSeconds: number | undefined;
  readonly renewLifetimeSeconds: number | undefined;
  readonly forwardable: boolean;
  readonly proxiable: boolean;
  /** Whether to ask for tickets without addresses. */
  readonly noaddresses: boolean;
  readonly canonicalize: boolean;
  /** Messages longer than this many octets go over TCP first. */
  readonly udpPreferenceLimit: number;
  /** Encryption types that may be used at all, best first. */
  readonly permittedEtypes: readonly number[];
  /** Encryption types to offer in AS-REQ. */
  readonly defaultTktEtypes: readonly number[];
  /** Encryption types to offer in TGS-REQ. */
  readonly defaultTgsEtypes: readonly number[];
  readonly dnsLookupKdc: boolean;
  readonly dnsLookupRealm: boolean;
  /**
   * Whether host names in service names are replaced by what DNS calls them. False unless set, for DNS is not
   * authenticated; MIT krb5's default is true.
   */
  readonly dnsCanonicalizeHostname: boolean | 'fallback';
  /**
   * Whether to correct our clock by the KDC's. False unless set, for the KDC's time comes unauthenticated at first; MIT
   * krb5's default is true.
   */
  readonly kdcTimesync: boolean;
  /** As written, tokens such as `%{uid}` not expanded. */
  readonly defaultCcacheName: string | undefined;
  /** As written, tokens not expanded. */
  readonly defaultKeytabName: string | undefined;
  /** As written, tokens not expanded. */
  readonly defaultClientKeytabName: string | undefined;
  /** Limit for one exchange with all KDCs of a realm, seconds; undefined for none. */
  readonly requestTimeoutSeconds: number | undefined;
}

/** A configuration, ready for use. */
export interface Krb5Config extends Libdefaults {
  readonly realms: ReadonlyMap<string, RealmConfig>;
  /** [domain_realm]: lower-case host name, `.domain` or domain -> realm. */
  readonly domainRealm: ReadonlyMap<string, string>;
  /** All that the files say. */
  readonly profile: Profile;
  /** What was read over: server values and encryption types that say nothing to us, `module` lines. */
  readonly notices: readonly ProfileNotice[];
}

const KDC_PORT = 88;
const KPASSWD_PORT = 464;
const KADMIN_PORT = 749;
/** Octets of a host name (RFC 1035 section 3.1). */
const MAX_HOST_LENGTH = 255;

/**
 * The configuration that `profile` describes.
 * A subsection of [libdefaults] named like `realm` (default: default_realm) outranks the section itself.
 * @throws FormatError ERR_KRB5_CONF for a [libdefaults] value of the wrong kind, with file and line
 */
export function krb5ConfigFromProfile(profile: Profile, options: { realm?: string } = {}): Krb5Config {
  const notices = [...profile.notices];
  return {
    ...readLibdefaults(profile, options.realm, notices),
    realms: readRealms(profile, notices),
    domainRealm: readDomainRealm(profile),
    profile,
    notices,
  };
}

/** The configuration of an empty krb5.conf with `settings` on top; lists of offered etypes follow `permittedEtypes`. */
export function defaultKrb5Config(settings: Partial<Krb5Config> = {}): Krb5Config {
  const policy = { allowWeakCrypto: false, allowRc4: false, allowDes3: false, ...defined(settings) };
  const permittedEtypes = settings.permittedEtypes ?? defaultEtypes(policy);
  return {
    ...krb5ConfigFromProfile(settings.profile ?? new Profile()),
    permittedEtypes,
    defaultTktEtypes: permittedEtypes,
    defaultTgsEtypes: permittedEtypes,
    ...defined(settings),
  };
}

/** `settings` without the members that are undefined. */
function defined(settings: Partial<Krb5Config>): Partial<Krb5Config> {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}

function readLibdefaults(profile: Profile, realm: string | undefined, notices: ProfileNotice[]): Libdefaults {
  const defaultRealm = profile.get('libdefaults', 'default_realm');
  const section = new ConfigSection(profile, 'libdefaults', realm ?? defaultRealm);
  const policy = {
    allowWeakCrypto: section.boolean('allow_weak_crypto') ?? false,
    allowRc4: section.boolean('allow_rc4') ?? false,
    allowDes3: section.boolean('allow_des3') ?? false,
  };
  const etypes = (name: string) => readEtypes(section.relation(name), name, policy, notices);
  const permittedEtypes = etypes('permitted_enctypes') ?? defaultEtypes(policy);
  return {
    ...policy,
    defaultRealm,
    clockSkewSeconds: section.duration('clockskew') ?? 300,
    ticketLifetimeSeconds: section.duration('ticket_lifetime'),
    renewLifetimeSeconds: section.duration('renew_lifetime'),
    forwardable: section.boolean('forwardable') ?? false,
    proxiable: section.boolean('proxiable') ?? false,
    noaddresses: section.boolean('noaddresses') ?? true,
    canonicalize: section.boolean('canonicalize') ?? false,
    udpPreferenceLimit: Math.min(Math.max(section.integer('udp_preference_limit') ?? 1465, 0), 32_700),
    permittedEtypes,
    defaultTktEtypes: etypes('default_tkt_enctypes') ?? permittedEtypes,
    defaultTgsEtypes: etypes('default_tgs_enctypes') ?? permittedEtypes,
    dnsLookupKdc: section.boolean('dns_lookup_kdc') ?? true,
    dnsLookupRealm: section.boolean('dns_lookup_realm') ?? false,
    dnsCanonicalizeHostname: readCanonicalization(section.relation('dns_canonicalize_hostname')),
    kdcTimesync: section.boolean('kdc_timesync') ?? false,
    defaultCcacheName: section.text('default_ccache_name'),
    defaultKeytabName: section.text('default_keytab_name'),
    defaultClientKeytabName: section.text('default_client_keytab_name'),
    requestTimeoutSeconds: section.duration('request_timeout') || undefined,
  };
}

function readEtypes(
  relation: ProfileRelation | undefined,
  name: string,
  policy: EtypePolicy,
  notices: ProfileNotice[],
): readonly number[] | undefined {
  if (relation === undefined) return undefined;
  const { etypes, unknown } = parseEtypeList(relation.value, policy);
  if (etypes.length === 0)
    wrongValue(
      name,
      relation,
      'a list with an encryption type that is known and allowed (see allow_rc4, allow_weak_crypto)',
    );
  for (const word of unknown)
    notices.push(notice(relation, `${name}: unknown encryption type ${word}; ignored`));
  return etypes;
}

function readCanonicalization(relation: ProfileRelation | undefined): boolean | 'fallback' {
  if (relation === undefined) return false;
  if (relation.value.toLowerCase() === 'fallback') return 'fallback';
  return (
    parseBoolean(relation.value) ??
    wrongValue('dns_canonicalize_hostname', relation, 'true, false or fallback')
  );
}

function readRealms(profile: Profile, notices: ProfileNotice[]): ReadonlyMap<string, RealmConfig> {
  return new Map(profile.names('realms').map((realm) => [realm, readRealm(profile, realm, notices)]));
}

function readRealm(profile: Profile, realm: string, notices: ProfileNotice[]): RealmConfig {
  const values = (name: string) => profile.relations('realms', realm, name);
  const servers = (name: string, port: number) => readServers(values(name), port, notices);
  const primary = servers('primary_kdc', KDC_PORT);
  const adminServers = servers('admin_server', KADMIN_PORT);
  const kpasswd = servers('kpasswd_server', KPASSWD_PORT);
  return {
    kdcs: servers('kdc', KDC_PORT),
    primaryKdcs: primary.length > 0 ? primary : servers('master_kdc', KDC_PORT),
    adminServers,
    kpasswdServers:
      kpasswd.length > 0 ? kpasswd : adminServers.map((server) => ({ ...server, port: KPASSWD_PORT })),
    kkdcp: values('kdc')
      .map((relation) => relation.value)
      .filter(isProxyUrl),
  };
}

function readServers(
  relations: readonly ProfileRelation[],
  defaultPort: number,
  notices: ProfileNotice[],
): ServerAddress[] {
  const servers: ServerAddress[] = [];
  for (const relation of relations) {
    if (isProxyUrl(relation.value)) continue;
    const server = parseServerAddress(relation.value, defaultPort);
    if (server !== undefined) servers.push(server);
    else
      notices.push(
        notice(relation, `${JSON.stringify(relation.value)} is no host, host:port or [IPv6]:port`),
      );
  }
  return servers;
}

function notice({ file, line }: ProfileRelation, text: string): ProfileNotice {
  return { file, line, text };
}

function readDomainRealm(profile: Profile): ReadonlyMap<string, string> {
  const map = new Map<string, string>();
  for (const name of profile.names('domain_realm')) {
    const realm = profile.get('domain_realm', name);
    const key = name.toLowerCase();
    if (realm !== undefined && !map.has(key)) map.set(key, realm);
  }
  return map;
}

/**
 * The realm that [domain_realm] gives `host`: by its name, then by the longest suffix, `.example.com` before
 * `example.com`; undefined when none matches or `host` is an IP address.
 */
export function realmOfHost(config: Pick<Krb5Config, 'domainRealm'>, host: string): string | undefined {
  if (host.length > MAX_HOST_LENGTH || /^[\d.]+$/.test(host) || host.includes(':')) return undefined;
  let name = host.toLowerCase().replace(/\.$/, '');
  while (name !== '') {
    const realm = config.domainRealm.get(name);
    if (realm !== undefined) return realm;
    const dot = name.indexOf('.');
    name = dot < 0 ? '' : name.slice(dot === 0 ? 1 : dot);
  }
  return undefined;
}
