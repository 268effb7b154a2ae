/** Texts of the MIT configuration files: krb5.conf of clients and of the KDC, kdc.conf. */

import { hostPort, loopbackAddresses } from './ports.mjs';

const SPAKE_GROUPS = 'edwards25519 P-256 P-384 P-521';
const KDC_ENCTYPES = [
  'aes256-cts-hmac-sha1-96:normal',
  'aes128-cts-hmac-sha1-96:normal',
  'aes256-cts-hmac-sha384-192:normal',
  'aes128-cts-hmac-sha256-128:normal',
].join(' ');

/**
 * @typedef {object} Ports
 * @property {number} kdcPort
 * @property {number} kadmindPort
 * @property {number} kpasswdPort
 */

/**
 * Client configuration. All DNS use is off: without a resolver each look-up would time out. The empty
 * qualify_shortname keeps "localhost" from getting the resolver's search domain.
 * @param {string} realm @param {Ports} ports
 */
export function clientKrb5Conf(realm, { kdcPort, kadmindPort, kpasswdPort }) {
  return `[libdefaults]
  default_realm = ${realm}
  dns_lookup_kdc = false
  dns_lookup_realm = false
  dns_uri_lookup = false
  dns_canonicalize_hostname = false
  rdns = false
  qualify_shortname = ""
  forwardable = true
  udp_preference_limit = 1400
  spake_preauth_groups = ${SPAKE_GROUPS}
[realms]
  ${realm} = {
    kdc = 127.0.0.1:${kdcPort}
    admin_server = 127.0.0.1:${kadmindPort}
    kpasswd_server = 127.0.0.1:${kpasswdPort}
  }
[domain_realm]
  localhost = ${realm}
`;
}

/**
 * krb5.conf of the KDC's own process. It has RC4 keys where somebody enters them, which MIT krb5 since 1.21 must be told.
 * @param {string} realm @param {boolean} spake  offer SPAKE preauth
 */
export function kdcKrb5Conf(realm, spake) {
  const groups = spake ? `  spake_preauth_groups = ${SPAKE_GROUPS}\n` : '';
  return `[libdefaults]
  default_realm = ${realm}
  dns_lookup_kdc = false
  dns_lookup_realm = false
  allow_rc4 = true
${groups}`;
}

/**
 * kdc.conf. `folder` has the database, `logs` the log files; several KDCs may share one database.
 * @param {string} realm @param {string} folder @param {string} logs @param {Ports} ports
 * @param {{maxDgramReplySize?: number | undefined}} options
 */
export function kdcConf(realm, folder, logs, ports, { maxDgramReplySize = 4096 }) {
  const listen = (/** @type {number} */ port) =>
    loopbackAddresses()
      .map((address) => hostPort(address, port))
      .join(' ');
  return `[kdcdefaults]
  kdc_listen = ${listen(ports.kdcPort)}
  kdc_tcp_listen = ${listen(ports.kdcPort)}
  kdc_max_dgram_reply_size = ${maxDgramReplySize}
[realms]
  ${realm} = {
    database_name = ${folder}/principal
    key_stash_file = ${folder}/stash
    acl_file = ${folder}/kadm5.acl
    kadmind_listen = ${listen(ports.kadmindPort)}
    kpasswd_listen = ${listen(ports.kpasswdPort)}
    max_life = 10h
    max_renewable_life = 7d
    default_principal_flags = +preauth
    supported_enctypes = ${KDC_ENCTYPES}
    master_key_type = aes256-cts-hmac-sha384-192
  }
[logging]
  kdc = FILE:${logs}/kdc.log
  admin_server = FILE:${logs}/kadmind.log
  default = FILE:${logs}/krb5.log
`;
}
