/** Whom `kinit -k` without a principal means: this host, as in MIT krb5. */
import { hostname } from 'node:os';
import { CredentialError } from '../errors.js';
import type { KeytabEntry } from '../formats/keytab.js';
import { type Krb5Config, realmOfHost } from '../formats/krb5Config.js';
import { formatPrincipal, type Principal } from '../formats/principal.js';

const MOST_NAMES = 10;

/**
 * The principal `host/HOSTNAME` of a keytab. The host is not looked up in DNS; a short host name also stands for the one
 * full name that the keytab has for it. The realm is that of [domain_realm], else default_realm, else any.
 * @throws CredentialError ERR_KEYTAB_NO_KEY with what the keytab has
 */
export function hostPrincipal(
  entries: readonly KeytabEntry[],
  keytab: string,
  config: Krb5Config,
  host: string = hostname().toLowerCase(),
): Principal {
  const realm = realmOfHost(config, host) ?? config.defaultRealm;
  const hosts = distinct(entries).filter(
    ({ components }) => components.length === 2 && components[0] === 'host',
  );
  const matches = (name: string | undefined, full: boolean): boolean =>
    name?.toLowerCase() === host || (full && name?.toLowerCase().startsWith(`${host}.`) === true);
  for (const full of [false, true]) {
    const found = hosts.filter(({ components }) => matches(components[1], full));
    const inRealm = found.filter((principal) => realm === undefined || principal.realm === realm);
    const [one, another] = inRealm.length > 0 ? inRealm : found;
    if (one !== undefined && another === undefined) return one;
  }
  const advice =
    entries.length === 0
      ? `keytab ${keytab} is empty; add keys with krb5 keytab add`
      : `name one of those that ${keytab} has: ${namesIn(entries)}`;
  throw new CredentialError(
    'ERR_KEYTAB_NO_KEY',
    `Keytab contains no suitable keys for host/${host}@${realm ?? ''}; ${advice}`,
  );
}

/** The principals of a keytab in words. */
export function namesIn(entries: readonly KeytabEntry[]): string {
  const names = distinct(entries).map((principal) => formatPrincipal(principal));
  if (names.length === 0) return 'none, it is empty';
  const more = names.length - MOST_NAMES;
  return names.slice(0, MOST_NAMES).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

function distinct(entries: readonly KeytabEntry[]): Principal[] {
  return [...new Map(entries.map(({ principal }) => [formatPrincipal(principal), principal])).values()];
}
