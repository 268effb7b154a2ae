/** Names of services as users write them: `HTTP@www.example.test` or `HTTP/www.example.test[@REALM]`. */
import { FormatError } from '../errors.js';
import { type Krb5Config, realmOfHost } from '../formats/krb5Config.js';
import { type Principal, parsePrincipal } from '../formats/principal.js';
import { GSS_NAME_TYPES, importName } from '../gss/name.js';

/**
 * The service's principal. Its realm is '' when neither the name nor [domain_realm] tells it: then the client's own KDC
 * is asked, which refers to the right one (RFC 6806 section 8).
 *
 * `service@host` is a host-based service (RFC 2743 section 4.1); the host is put in lower case and never looked up in
 * DNS. `service/host` is a principal name with MIT krb5's escapes.
 * @throws FormatError ERR_PRINCIPAL_NAME
 */
export function parseServiceName(text: string, config: Krb5Config): Principal {
  if (HOST_BASED.test(text)) {
    return importName(text, GSS_NAME_TYPES.hostBasedService, {
      realmOfHost: (host) => realmOfHost(config, host),
    });
  }
  const principal = parsePrincipal(text, { defaultRealm: UNKNOWN_REALM });
  const complete = principal.components.every((component) => component !== '') && principal.realm !== '';
  if (complete && principal.realm !== UNKNOWN_REALM) return principal;
  const [, host, ...more] = principal.components;
  if (!complete || host === undefined || more.length > 0) {
    throw new FormatError(
      'principal name',
      `"${text}" is no service name; write service@host or service/host`,
    );
  }
  return { ...principal, realm: realmOfHost(config, host) ?? '' };
}

/** `service@host`: nothing of a principal's text. */
const HOST_BASED = /^[^/@\\]+@[^/@\\]+$/;
/** Stands for "no realm given" while parsing; no realm can contain NUL. */
const UNKNOWN_REALM = '\0';
