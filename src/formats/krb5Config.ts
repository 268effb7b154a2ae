/**
 * What krb5.conf means to this client (MIT krb5, krb5.conf(5)): realms and their servers, host to realm mapping and
 * [libdefaults] with MIT's defaults. Unknown relations never matter. [capaths] and [appdefaults] are asked for when
 * needed: capaths.ts, appdefaults.ts.
 */
import { defaultEtypes } from './etypeList.js';
import { type Libdefaults, type RealmSettings, readLibdefaults, readRealmSettings } from './libdefaults.js';
import { Profile, type ProfileNotice } from './profile.js';
import { type RealmConfig, readRealms } from './realmConfig.js';

export type { Libdefaults } from './libdefaults.js';
export type { RealmConfig } from './realmConfig.js';

/** A configuration, ready for use. */
export interface Krb5Config extends Libdefaults {
  readonly realms: ReadonlyMap<string, RealmConfig>;
  /** [domain_realm]: host name, `.domain` or domain, in lower case -> realm. */
  readonly domainRealm: ReadonlyMap<string, string>;
  /** All that the files say. */
  readonly profile: Profile;
  /** What was read over: server values and encryption types that say nothing to us, `module` lines. */
  readonly notices: readonly ProfileNotice[];
}

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

/**
 * `config` with the settings for initial tickets that [libdefaults] and its subsection for `realm` make. Settings that
 * did not come from the files stay.
 * @throws FormatError ERR_KRB5_CONF
 */
export function configOfRealm(config: Krb5Config, realm: string): Krb5Config {
  const before = readRealmSettings(config.profile, config.defaultRealm, []);
  const wanted = readRealmSettings(config.profile, realm, []);
  const names = Object.keys(before) as (keyof RealmSettings)[];
  const changed = names.filter((name) => config[name] === before[name]).map((name) => [name, wanted[name]]);
  return { ...config, ...Object.fromEntries(changed) };
}

function readDomainRealm(profile: Profile): ReadonlyMap<string, string> {
  const map = new Map<string, string>();
  for (const name of profile.names('domain_realm')) {
    const realm = profile.get('domain_realm', name);
    if (realm !== undefined) map.set(name, realm);
  }
  return map;
}

/**
 * The realm that [domain_realm] gives `host`: by its name, then by the longest suffix, `.example.com` before
 * `example.com`; undefined when none matches or `host` is an IP address. As in MIT krb5, a name with capitals in
 * [domain_realm] matches nothing.
 */
export function realmOfHost(config: Pick<Krb5Config, 'domainRealm'>, host: string): string | undefined {
  if (host.length > MAX_HOST_LENGTH || isAddress(host)) return undefined;
  let name = host.replace(/[A-Z]/g, (letter) => letter.toLowerCase()).replace(/\.$/, '');
  while (name !== '') {
    const realm = config.domainRealm.get(name);
    if (realm !== undefined) return realm;
    const dot = name.indexOf('.');
    name = dot < 0 ? '' : name.slice(dot === 0 ? 1 : dot);
  }
  return undefined;
}

/** As MIT krb5 tells IP addresses from names. */
function isAddress(host: string): boolean {
  return host.includes(':') || (/^[\d.]+$/.test(host) && host.split('.').length === 4);
}
