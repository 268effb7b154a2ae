/**
 * The settings of krb5.conf that concern a client: where they belong, what their values are, and whether this client
 * honours them (MIT krb5, krb5.conf(5)). docs/krb5conf.md has a row for each.
 */

/** What a value must be. */
export type ConfigKind =
  | 'boolean'
  | 'booleanOrFallback'
  | 'integer'
  | 'numberOrBoolean'
  | 'duration'
  | 'etypes'
  | 'server'
  | 'path'
  | 'text'
  | 'group';

/** One setting. */
export interface ConfigKey {
  readonly section: 'libdefaults' | 'realms';
  readonly name: string;
  readonly kind: ConfigKind;
  /** May stand several times; of others the first counts. */
  readonly many: boolean;
  /** Counts in a subsection of [libdefaults] for one realm, too. */
  readonly perRealm: boolean;
  /** Why this client does nothing with it; undefined when it is honoured. */
  readonly ignored: string | undefined;
  /** The boolean that says what this client does anyway. */
  readonly agrees: boolean | undefined;
  /** It makes no difference to a client that it is ignored. */
  readonly harmless: boolean;
}

type Traits = Partial<Omit<ConfigKey, 'section' | 'name' | 'kind'>>;

function key(section: ConfigKey['section'], name: string, kind: ConfigKind, traits: Traits = {}): ConfigKey {
  const plain = { many: false, perRealm: false, ignored: undefined, agrees: undefined, harmless: false };
  return { section, name, kind, ...plain, ...traits };
}

const NO_PKINIT = 'PKINIT is not implemented';
const NO_HOST_LOOKUP = 'host names are never looked up in DNS for service names';
const SERVICES_ONLY = 'concerns services that accept tickets';
const NO_KADMIN = 'the administration protocol is not implemented';
const PKINIT: Traits = { perRealm: true, ignored: NO_PKINIT };

const LIBDEFAULTS: readonly ConfigKey[] = [
  key('libdefaults', 'allow_des3', 'boolean'),
  key('libdefaults', 'allow_rc4', 'boolean'),
  key('libdefaults', 'allow_weak_crypto', 'boolean'),
  key('libdefaults', 'canonicalize', 'boolean', { perRealm: true }),
  key('libdefaults', 'ccache_type', 'integer', {
    ignored: 'caches are always written in version 4',
    harmless: true,
  }),
  key('libdefaults', 'client_aware_channel_bindings', 'boolean'),
  key('libdefaults', 'clockskew', 'integer'),
  key('libdefaults', 'default_ccache_name', 'path'),
  key('libdefaults', 'default_client_keytab_name', 'path'),
  key('libdefaults', 'default_keytab_name', 'path'),
  key('libdefaults', 'default_rcache_name', 'path', { ignored: SERVICES_ONLY, harmless: true }),
  key('libdefaults', 'default_realm', 'text'),
  key('libdefaults', 'default_tgs_enctypes', 'etypes'),
  key('libdefaults', 'default_tkt_enctypes', 'etypes'),
  key('libdefaults', 'dns_canonicalize_hostname', 'booleanOrFallback', {
    ignored: NO_HOST_LOOKUP,
    agrees: false,
  }),
  key('libdefaults', 'dns_fallback', 'boolean'),
  key('libdefaults', 'dns_lookup_kdc', 'boolean'),
  key('libdefaults', 'dns_lookup_realm', 'boolean', {
    ignored: 'realms are never taken from DNS',
    agrees: false,
  }),
  key('libdefaults', 'dns_uri_lookup', 'boolean', {
    ignored: 'only SRV records are asked for',
    agrees: false,
  }),
  key('libdefaults', 'enforce_ok_as_delegate', 'boolean'),
  key('libdefaults', 'err_fmt', 'text', { ignored: 'messages have one form', harmless: true }),
  key('libdefaults', 'extra_addresses', 'text', { ignored: 'no addresses are added' }),
  key('libdefaults', 'forwardable', 'boolean', { perRealm: true }),
  key('libdefaults', 'ignore_acceptor_hostname', 'boolean', { ignored: SERVICES_ONLY, harmless: true }),
  key('libdefaults', 'k5login_authoritative', 'boolean', { ignored: SERVICES_ONLY, harmless: true }),
  key('libdefaults', 'k5login_directory', 'path', { ignored: SERVICES_ONLY, harmless: true }),
  key('libdefaults', 'kcm_mach_service', 'text', {
    ignored: 'KCM is spoken over UNIX sockets only',
    harmless: true,
  }),
  key('libdefaults', 'kcm_socket', 'path'),
  key('libdefaults', 'kdc_default_options', 'integer', { ignored: 'each option has its own setting' }),
  key('libdefaults', 'kdc_timesync', 'numberOrBoolean'),
  key('libdefaults', 'noaddresses', 'boolean', { perRealm: true }),
  key('libdefaults', 'permitted_enctypes', 'etypes'),
  key('libdefaults', 'plugin_base_dir', 'path', { ignored: 'there are no plugins', harmless: true }),
  key('libdefaults', 'preferred_preauth_types', 'text', { perRealm: true, ignored: 'the order is fixed' }),
  key('libdefaults', 'proxiable', 'boolean', { perRealm: true }),
  key('libdefaults', 'qualify_shortname', 'text', { ignored: NO_HOST_LOOKUP, harmless: true }),
  key('libdefaults', 'rdns', 'boolean', { ignored: NO_HOST_LOOKUP, agrees: false }),
  key('libdefaults', 'realm_try_domains', 'integer', {
    ignored: 'the KDC is asked for the realm of a host instead',
  }),
  key('libdefaults', 'renew_lifetime', 'duration', { perRealm: true }),
  key('libdefaults', 'request_timeout', 'duration'),
  key('libdefaults', 'spake_preauth_groups', 'text', { ignored: 'SPAKE is not implemented' }),
  key('libdefaults', 'ticket_lifetime', 'duration', { perRealm: true }),
  key('libdefaults', 'udp_preference_limit', 'integer'),
  key('libdefaults', 'verify_ap_req_nofail', 'boolean', {
    perRealm: true,
    ignored: 'initial tickets are not verified against a keytab',
    agrees: false,
  }),
];

const REALMS: readonly ConfigKey[] = [
  key('realms', 'admin_server', 'server', { many: true, ignored: NO_KADMIN, harmless: true }),
  key('realms', 'auth_to_local', 'text', { many: true, ignored: SERVICES_ONLY, harmless: true }),
  key('realms', 'auth_to_local_names', 'group', { ignored: SERVICES_ONLY, harmless: true }),
  key('realms', 'auto_fast_armor', 'boolean', { ignored: NO_PKINIT, agrees: false }),
  key('realms', 'default_domain', 'text', { ignored: 'concerns Kerberos 4', harmless: true }),
  key('realms', 'disable_encrypted_timestamp', 'boolean', {
    ignored: 'the encrypted timestamp is always offered',
    agrees: false,
  }),
  key('realms', 'http_anchors', 'text', { many: true, ignored: 'KDC proxies are not implemented' }),
  key('realms', 'kdc', 'server', { many: true }),
  key('realms', 'kpasswd_server', 'server', {
    many: true,
    ignored: 'the change password protocol is not implemented',
    harmless: true,
  }),
  key('realms', 'master_kdc', 'server', {
    many: true,
    ignored: 'the KDCs of `kdc` are asked',
    harmless: true,
  }),
  key('realms', 'primary_kdc', 'server', {
    many: true,
    ignored: 'the KDCs of `kdc` are asked',
    harmless: true,
  }),
  key('realms', 'sitename', 'text', { ignored: 'DNS is asked for the whole realm' }),
  key('realms', 'v4_instance_convert', 'group', { ignored: 'concerns Kerberos 4', harmless: true }),
  key('realms', 'v4_realm', 'text', { ignored: 'concerns Kerberos 4', harmless: true }),
];

/** They may stand in [libdefaults], in a subsection of it, and in [realms]. */
const PKINIT_NAMES: readonly (readonly [string, ConfigKind, boolean])[] = [
  ['pkinit_anchors', 'text', true],
  ['pkinit_cert_match', 'text', true],
  ['pkinit_dh_min_bits', 'text', false],
  ['pkinit_eku_checking', 'text', false],
  ['pkinit_identities', 'text', true],
  ['pkinit_kdc_hostname', 'text', true],
  ['pkinit_pool', 'text', true],
  ['pkinit_require_crl_checking', 'boolean', false],
  ['pkinit_revoke', 'text', true],
];

/** All settings, by section and name. */
export const CONFIG_KEYS: readonly ConfigKey[] = [
  ...LIBDEFAULTS,
  ...PKINIT_NAMES.map(([name, kind, many]) => key('libdefaults', name, kind, { ...PKINIT, many })),
  ...REALMS,
  ...PKINIT_NAMES.map(([name, kind, many]) => key('realms', name, kind, { ...PKINIT, many })),
];

/** The setting `name` of `section`. */
export function findConfigKey(section: string, name: string): ConfigKey | undefined {
  return CONFIG_KEYS.find((candidate) => candidate.section === section && candidate.name === name);
}

/** Sections of krb5.conf, and those of kdc.conf, which may stand in the same file. */
export const CLIENT_SECTIONS: readonly string[] = [
  'libdefaults',
  'realms',
  'domain_realm',
  'capaths',
  'appdefaults',
  'plugins',
];
export const SERVER_SECTIONS: readonly string[] = [
  'kdcdefaults',
  'dbdefaults',
  'dbmodules',
  'logging',
  'otp',
  'login',
];

/** Settings of [realms] that only a KDC or kadmind reads (kdc.conf(5)). */
export const SERVER_REALM_KEYS: readonly string[] = [
  ...['acl_file', 'admin_keytab', 'database_module', 'database_name', 'default_principal_expiration'],
  ...[
    'default_principal_flags',
    'dict_file',
    'disable_pac',
    'encrypted_challenge_indicator',
    'host_based_services',
  ],
  ...['iprop_enable', 'iprop_ulogsize', 'iprop_master_ulogsize', 'iprop_replica_poll', 'iprop_slave_poll'],
  ...[
    'iprop_listen',
    'iprop_port',
    'iprop_resync_timeout',
    'iprop_logfile',
    'kadmind_listen',
    'kadmind_port',
  ],
  ...['key_stash_file', 'kdc_listen', 'kdc_ports', 'kdc_tcp_listen', 'kdc_tcp_ports', 'kpasswd_listen'],
  ...[
    'kpasswd_port',
    'master_key_name',
    'master_key_type',
    'max_life',
    'max_renewable_life',
    'no_host_referral',
  ],
  ...['reject_bad_transit', 'restrict_anonymous_to_tgt', 'spake_preauth_indicator', 'supported_enctypes'],
  ...['pkinit_allow_upn', 'pkinit_identity', 'pkinit_indicator'],
];

/** Settings that old files have and MIT krb5 does not read any more. */
export const OBSOLETE_KEYS: readonly string[] = [
  ...['ap_req_checksum_type', 'default_etypes', 'default_etypes_des', 'fcc-mit-ticketflags'],
  ...[
    'kdc_req_checksum_type',
    'krb4_config',
    'krb4_realms',
    'krb4_srvtab',
    'krb5_get_tickets',
    'safe_checksum_type',
  ],
  ...['v4_instance_resolve', 'v4_name_convert', 'tkt_lifetime', 'kdc_timeout', 'max_retries'],
];
