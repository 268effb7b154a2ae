/** The krb5.conf of a test realm's clients, for this library and for MIT krb5. */

/** What the file must say. */
export interface RealmConf {
  readonly realm: string;
  /** `host:port` of the KDC of each realm. */
  readonly kdcs: ReadonlyMap<string, string>;
  /** Hosts of the realm's services. */
  readonly hosts: readonly string[];
  /** More lines of [libdefaults]. */
  readonly libdefaults: Readonly<Record<string, string>>;
}

/** Nothing is looked up in DNS, which would wait for time-outs. The empty qualify_shortname keeps `localhost` as it is. */
const LIBDEFAULTS: Readonly<Record<string, string>> = {
  dns_lookup_kdc: 'false',
  dns_lookup_realm: 'false',
  dns_uri_lookup: 'false',
  dns_canonicalize_hostname: 'false',
  rdns: 'false',
  qualify_shortname: '""',
};

/** The file's text. */
export function formatRealmConf({ realm, kdcs, hosts, libdefaults }: RealmConf): string {
  const defaults = Object.entries({ default_realm: realm, ...LIBDEFAULTS, ...libdefaults });
  return [
    '[libdefaults]',
    ...defaults.map(([name, value]) => `  ${name} = ${value}`),
    '[realms]',
    ...[...kdcs].flatMap(([name, kdc]) => [`  ${name} = {`, `    kdc = ${kdc}`, '  }']),
    '[domain_realm]',
    ...hosts.map((host) => `  ${host} = ${realm}`),
    '',
  ].join('\n');
}
