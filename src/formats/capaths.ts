/** [capaths] of krb5.conf: the realms between a client and a service (MIT krb5, krb5.conf(5) "[capaths]"). */
import type { Krb5Config } from './krb5Config.js';

/**
 * The realms from `clientRealm` to `serverRealm`, both included. [capaths] has the say; `.` in it means that the two
 * share a key. Without an entry the realms are a hierarchy of domains: up to the common parent, then down (RFC 4120
 * section 1.2); without a common parent, up to the top and down again.
 */
export function transitPath(
  config: Pick<Krb5Config, 'profile'>,
  clientRealm: string,
  serverRealm: string,
): string[] {
  if (clientRealm === serverRealm) return [clientRealm];
  const between = intermediateRealms(config, clientRealm, serverRealm);
  return between === undefined
    ? hierarchicalPath(clientRealm, serverRealm)
    : [clientRealm, ...between, serverRealm];
}

/** What [capaths] says of the realms between two; empty when they share a key, undefined when it says nothing. */
export function intermediateRealms(
  { profile }: Pick<Krb5Config, 'profile'>,
  clientRealm: string,
  serverRealm: string,
): string[] | undefined {
  const values = profile.all('capaths', clientRealm, serverRealm);
  if (values.length === 0) return undefined;
  // MIT krb5 takes any first value that begins with a full stop for "directly", and a realm up to its first blank.
  return values[0]!.startsWith('.') ? [] : values.map((value) => /^[^\t ]*/.exec(value)![0]);
}

/** Both realms with the domains around them: A.B.C -> B.C -> C -> X.C for A.B.C and X.C. */
function hierarchicalPath(clientRealm: string, serverRealm: string): string[] {
  const common = commonDomain(clientRealm, serverRealm);
  const up = enclosingDomains(clientRealm, common);
  const down = enclosingDomains(serverRealm, common).reverse();
  return common === undefined ? [...up, ...down] : [...up, common, ...down];
}

/** The longest suffix of whole labels that both have. */
function commonDomain(a: string, b: string): string | undefined {
  const labels = b.split('.');
  const suffixes = new Set(labels.map((_, i) => labels.slice(i).join('.')));
  const own = a.split('.');
  return own.map((_, i) => own.slice(i).join('.')).find((suffix) => suffixes.has(suffix));
}

/** `realm` and the domains around it, below `common`. */
function enclosingDomains(realm: string, common: string | undefined): string[] {
  const labels = realm.split('.');
  const domains = labels.map((_, i) => labels.slice(i).join('.'));
  const end = common === undefined ? -1 : domains.indexOf(common);
  return end < 0 ? domains : domains.slice(0, end);
}
