/** A configuration from a program instead of a file. */
import { type Krb5Config, krb5ConfigFromProfile } from './krb5Config.js';
import { Profile, ProfileSection } from './profile.js';

/** A value of krb5.conf; a list is the relation repeated. */
export type SettingValue = string | number | boolean | readonly string[];

/** Servers of a realm, as krb5.conf writes them: `host`, `host:port`, `[IPv6]:port`. */
export interface RealmDescription {
  readonly kdc?: string | readonly string[] | undefined;
  readonly primaryKdc?: string | readonly string[] | undefined;
  readonly adminServer?: string | readonly string[] | undefined;
  readonly kpasswdServer?: string | readonly string[] | undefined;
}

/** What a configuration says; everything else has the default. */
export interface ConfigurationDescription {
  readonly defaultRealm?: string | undefined;
  readonly realms?: Readonly<Record<string, RealmDescription>> | undefined;
  /** Host name, `.domain` or domain -> realm. */
  readonly domainRealm?: Readonly<Record<string, string>> | undefined;
  /** Client realm -> service realm -> the realms between; an empty list when they share a key. */
  readonly capaths?: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> | undefined;
  /** More of [libdefaults] by the names of krb5.conf, such as `{ forwardable: true, ticket_lifetime: '10h' }`. */
  readonly libdefaults?: Readonly<Record<string, SettingValue | undefined>> | undefined;
}

/**
 * A configuration that needs no file: `configuration({ defaultRealm: 'R', realms: { R: { kdc: ['kdc.example.com'] } } })`.
 * @throws TypeError for a value that is neither text, number, boolean nor a list of texts
 * @throws FormatError ERR_KRB5_CONF for a [libdefaults] value of the wrong kind
 */
export function configuration(description: ConfigurationDescription): Krb5Config {
  const { realms = {}, domainRealm = {}, capaths = {} } = description;
  const root = new ProfileSection();
  const libdefaults = { ...description.libdefaults, default_realm: description.defaultRealm };
  fill(root.openSubsection('libdefaults'), 'libdefaults', libdefaults);
  for (const [realm, servers] of Object.entries(realms)) {
    fill(root.openSubsection('realms').openSubsection(realm), `realms.${realm}`, {
      kdc: servers.kdc,
      primary_kdc: servers.primaryKdc,
      admin_server: servers.adminServer,
      kpasswd_server: servers.kpasswdServer,
    });
  }
  fill(root.openSubsection('domain_realm'), 'domainRealm', domainRealm);
  for (const [client, paths] of Object.entries(capaths)) {
    const direct = Object.entries(paths).map(([server, via]) => [server, via.length === 0 ? '.' : via]);
    const section = root.openSubsection('capaths').openSubsection(client);
    fill(section, `capaths.${client}`, Object.fromEntries(direct));
  }
  return krb5ConfigFromProfile(new Profile([root]));
}

const PLACE = { file: 'configuration()', line: 1 };

function fill(
  section: ProfileSection,
  argument: string,
  settings: Readonly<Record<string, SettingValue | undefined>>,
): void {
  for (const [name, value] of Object.entries(settings)) {
    if (value === undefined) continue;
    for (const text of textsOf(value, `${argument}.${name}`)) {
      section.add(name, { value: text, ...PLACE }, false);
    }
  }
}

function textsOf(value: SettingValue, argument: string): string[] {
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  return values.map((one) => {
    if (typeof one === 'string' || typeof one === 'number' || typeof one === 'boolean') return String(one);
    throw new TypeError(`${argument} must be a text, number, boolean or list of texts`);
  });
}
