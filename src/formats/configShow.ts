/** The effective settings of a configuration, and where each comes from. */
import { SUPPORTED_ETYPES } from '../crypto/etypes.js';
import { encryptionTypeName } from '../iana/encryptionTypes.js';
import { parseBoolean } from './configValue.js';
import { isEtypeAllowed } from './etypeList.js';
import type { Krb5Config } from './krb5Config.js';
import type { ProfilePlace } from './profile.js';
import { isProxyUrl, parseServerAddress } from './serverAddress.js';

/** One setting with its value. */
export interface EffectiveSetting {
  readonly section: string;
  /** As in the file; in [realms] and [capaths] `REALM.name`. */
  readonly name: string;
  /** Undefined when it is not set and has no default. */
  readonly value: string | undefined;
  /** Undefined: the default. */
  readonly source: ProfilePlace | undefined;
}

type Show = (config: Krb5Config) => string | number | boolean | undefined;

/** Whether a boolean setting that no member of the configuration has is on. */
function isSet(name: string): Show {
  return ({ profile }) => parseBoolean(profile.get('libdefaults', name) ?? '') ?? false;
}

/** Those of `numbers` that may be used and that this package has. */
const etypes = (numbers: readonly number[], config: Krb5Config): string =>
  numbers
    .filter((etype) => config.permittedEtypes.includes(etype) && SUPPORTED_ETYPES.includes(etype))
    .filter((etype) => isEtypeAllowed(etype, config))
    .map(encryptionTypeName)
    .join(' ');

/** Settings of [libdefaults] that have an effect; behind the name, its fallback. */
const LIBDEFAULTS: readonly (readonly [string, Show, string?])[] = [
  ['default_realm', (config) => config.defaultRealm],
  ['allow_des3', (config) => config.allowDes3],
  ['allow_rc4', (config) => config.allowRc4],
  ['allow_weak_crypto', (config) => config.allowWeakCrypto],
  ['canonicalize', (config) => config.canonicalize],
  ['client_aware_channel_bindings', isSet('client_aware_channel_bindings')],
  ['clockskew', (config) => config.clockSkewSeconds],
  ['default_ccache_name', (config) => config.defaultCcacheName ?? 'FILE:/tmp/krb5cc_%{uid}'],
  [
    'default_client_keytab_name',
    (config) => config.defaultClientKeytabName ?? 'FILE:/etc/krb5/user/%{euid}/client.keytab',
  ],
  ['default_keytab_name', (config) => config.defaultKeytabName ?? 'FILE:/etc/krb5.keytab'],
  ['default_tgs_enctypes', (config) => etypes(config.defaultTgsEtypes, config), 'permitted_enctypes'],
  ['default_tkt_enctypes', (config) => etypes(config.defaultTktEtypes, config), 'permitted_enctypes'],
  ['dns_lookup_kdc', (config) => config.dnsLookupKdc, 'dns_fallback'],
  ['enforce_ok_as_delegate', isSet('enforce_ok_as_delegate')],
  ['forwardable', (config) => config.forwardable],
  [
    'kcm_socket',
    (config) => config.profile.get('libdefaults', 'kcm_socket') ?? '/var/run/.heim_org.h5l.kcm-socket',
  ],
  ['kdc_timesync', (config) => config.kdcTimesync],
  ['noaddresses', (config) => config.noaddresses],
  ['permitted_enctypes', (config) => etypes(config.permittedEtypes, config)],
  ['proxiable', (config) => config.proxiable],
  ['renew_lifetime', (config) => seconds(config.renewLifetimeSeconds ?? 0)],
  ['request_timeout', (config) => seconds(config.requestTimeoutSeconds ?? 30)],
  ['ticket_lifetime', (config) => seconds(config.ticketLifetimeSeconds ?? 86_400)],
  ['udp_preference_limit', (config) => config.udpPreferenceLimit],
];

function seconds(count: number): string {
  return `${count}s`;
}

/** All that has an effect for `realm` (default: default_realm), as read. */
export function effectiveSettings(config: Krb5Config, realm?: string): EffectiveSetting[] {
  return [
    ...LIBDEFAULTS.map(([name, show, fallback]) => {
      const value = show(config);
      const source = sourceOf(config, name, realm) ?? (fallback && sourceOf(config, fallback, realm));
      return {
        section: 'libdefaults',
        name,
        value: value === undefined ? undefined : String(value),
        source: source || undefined,
      };
    }),
    ...mappings(config, 'realms', ['kdc']),
    ...mappings(config, 'domain_realm'),
    ...mappings(config, 'capaths'),
  ];
}

/** Only the settings of initial tickets can be made for one realm. */
const PER_REALM = [
  'canonicalize',
  'forwardable',
  'noaddresses',
  'proxiable',
  'renew_lifetime',
  'ticket_lifetime',
];

function sourceOf(config: Krb5Config, name: string, realm = config.defaultRealm): ProfilePlace | undefined {
  const special =
    realm === undefined || !PER_REALM.includes(name)
      ? undefined
      : config.profile.relations('libdefaults', realm, name)[0];
  return special ?? config.profile.relations('libdefaults', name)[0];
}

/** The relations of a section and its groups; `names` limits those of groups. */
function mappings({ profile }: Krb5Config, section: string, names?: readonly string[]): EffectiveSetting[] {
  const settings: EffectiveSetting[] = [];
  const add = (...path: string[]) => {
    for (const { value, file, line } of profile.relations(section, ...path)) {
      // What names no server is passed over; `krb5 config check` tells.
      if (section === 'realms' && (isProxyUrl(value) || parseServerAddress(value, 1) === undefined)) continue;
      settings.push({ section, name: path.join('.'), value, source: { file, line } });
    }
  };
  for (const name of profile.names(section)) {
    if (section === 'domain_realm') add(name);
    else for (const inner of names ?? profile.names(section, name)) add(name, inner);
  }
  return settings;
}
