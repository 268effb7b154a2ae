/** [libdefaults] of krb5.conf with the defaults of MIT krb5 (krb5.conf(5) "[libdefaults]"). */
import { ConfigSection, parseBoolean, wrongValue } from './configValue.js';
import { defaultEtypes, type EtypePolicy, parseEtypeList } from './etypeList.js';
import type { Profile, ProfileNotice, ProfileRelation } from './profile.js';

/** The settings of [libdefaults]. */
export interface Libdefaults extends RealmSettings, EtypePolicy {
  readonly defaultRealm: string | undefined;
  /** How far clocks may differ, seconds. */
  readonly clockSkewSeconds: number;
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

/** The settings that a subsection of [libdefaults] can make for one realm: those of initial tickets. */
export interface RealmSettings {
  /** Lifetime to ask for, seconds; undefined when the file says nothing (MIT krb5: 24 h). */
  readonly ticketLifetimeSeconds: number | undefined;
  readonly renewLifetimeSeconds: number | undefined;
  readonly forwardable: boolean;
  readonly proxiable: boolean;
  /** Whether to ask for tickets without addresses. */
  readonly noaddresses: boolean;
  readonly canonicalize: boolean;
}

const DEFAULT_UDP_LIMIT = 1465;
const MAX_UDP_LIMIT = 32_700;

/** @throws FormatError ERR_KRB5_CONF for a value that MIT krb5 refuses, with file and line */
export function readLibdefaults(
  profile: Profile,
  realm: string | undefined,
  notices: ProfileNotice[],
): Libdefaults {
  const section = new ConfigSection(profile, 'libdefaults', undefined, notices);
  const defaultRealm = section.text('default_realm');
  return {
    defaultRealm,
    ...readEtypeLists(section, notices),
    ...readRealmSettings(profile, realm ?? defaultRealm, notices),
    clockSkewSeconds: section.integerOrDefault('clockskew') ?? 300,
    udpPreferenceLimit: readUdpLimit(section),
    dnsLookupKdc: section.leniently('dns_lookup_kdc') ?? section.leniently('dns_fallback') ?? true,
    dnsLookupRealm: section.leniently('dns_lookup_realm') ?? section.leniently('dns_fallback') ?? false,
    dnsCanonicalizeHostname: readCanonicalization(section.relation('dns_canonicalize_hostname')),
    kdcTimesync: readTimesync(section),
    defaultCcacheName: section.text('default_ccache_name'),
    defaultKeytabName: section.text('default_keytab_name'),
    defaultClientKeytabName: section.text('default_client_keytab_name'),
    requestTimeoutSeconds: section.duration('request_timeout') || undefined,
  };
}

/** The settings for initial tickets of `realm`. @throws FormatError ERR_KRB5_CONF */
export function readRealmSettings(
  profile: Profile,
  realm: string | undefined,
  notices: ProfileNotice[],
): RealmSettings {
  const section = new ConfigSection(profile, 'libdefaults', realm, notices);
  return {
    ticketLifetimeSeconds: section.duration('ticket_lifetime'),
    renewLifetimeSeconds: section.duration('renew_lifetime'),
    forwardable: section.leniently('forwardable') ?? false,
    proxiable: section.leniently('proxiable') ?? false,
    noaddresses: section.leniently('noaddresses') ?? true,
    canonicalize: section.leniently('canonicalize') ?? false,
  };
}

/** A negative limit is none, as in MIT krb5. */
function readUdpLimit(section: ConfigSection): number {
  const limit = section.integer('udp_preference_limit') ?? DEFAULT_UDP_LIMIT;
  return limit < 0 ? DEFAULT_UDP_LIMIT : Math.min(limit, MAX_UDP_LIMIT);
}

type EtypeSettings = EtypePolicy &
  Pick<Libdefaults, 'permittedEtypes' | 'defaultTktEtypes' | 'defaultTgsEtypes'>;

function readEtypeLists(section: ConfigSection, notices: ProfileNotice[]): EtypeSettings {
  const policy = {
    allowWeakCrypto: section.boolean('allow_weak_crypto') ?? false,
    allowRc4: section.boolean('allow_rc4') ?? false,
    allowDes3: section.boolean('allow_des3') ?? false,
  };
  const etypes = (name: string) => readEtypes(section.relation(name), name, policy, notices);
  const permittedEtypes = etypes('permitted_enctypes') ?? defaultEtypes(policy);
  return {
    ...policy,
    permittedEtypes,
    defaultTktEtypes: etypes('default_tkt_enctypes') ?? permittedEtypes,
    defaultTgsEtypes: etypes('default_tgs_enctypes') ?? permittedEtypes,
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
  if (etypes.length === 0) {
    const expected =
      'a list with an encryption type that is known and allowed (see allow_rc4, allow_weak_crypto)';
    wrongValue(name, relation, expected);
  }
  const { file, line } = relation;
  for (const word of unknown.slice(0, 16)) {
    notices.push({
      file,
      line,
      text: `${name}: unknown encryption type ${JSON.stringify(word.slice(0, 64))}; ignored`,
    });
  }
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

/** MIT krb5 takes numbers only, and its default of true for any word; true and false mean here what they say. */
function readTimesync(section: ConfigSection): boolean {
  const word = parseBoolean(section.text('kdc_timesync') ?? '');
  return word ?? (section.integerOrDefault('kdc_timesync') ?? 0) !== 0;
}
