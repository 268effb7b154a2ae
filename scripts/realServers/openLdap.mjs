/**
 * OpenLDAP's slapd with Cyrus SASL (GSSAPI, GSS-SPNEGO, GS2-KRB5), ldap and ldaps on loopback. Below dc=example,dc=test
 * there are people (alice, bob, u-keytab; alice may act as bob) and ou=many, whose entries do not fit into one SASL buffer.
 */

import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { certificates } from './apacheTls.mjs';
import { freePort, hostPort, loopbackAddresses, tcpListening } from './ports.mjs';
import { mustRun, start, textOf } from './processes.mjs';

const SUFFIX = 'dc=example,dc=test';
const PEOPLE = Object.freeze(['alice', 'bob', 'u-keytab']);
const MANY = 400;
const DESCRIPTION_OCTETS = 400;

/**
 * @param {import('./index.mjs').AttachedRealm} realm @param {import('./index.mjs').OpenLdapOptions} [options]
 * @returns {Promise<import('./index.mjs').OpenLdap>}
 */
export async function startOpenLdap(realm, options = {}) {
  const port = await freePort();
  const tlsPort = await freePort();
  const folder = `${realm.dir}/slapd-${port}`;
  mkdirSync(`${folder}/db`, { recursive: true });
  const keytab = await serviceKey(realm, folder);
  const tls = await certificates(realm);
  const conf = `${folder}/slapd.conf`;
  writeFileSync(conf, configuration(realm, folder, tls, options));
  writeFileSync(`${folder}/entries.ldif`, entries());
  await mustRun('slapadd', ['-q', '-f', conf, '-l', `${folder}/entries.ldif`], { env: realm.env() });
  const log = `${folder}/slapd.log`;
  const server = await start('slapd', ['-d', 'stats', '-f', conf, '-h', urls(port, tlsPort)], {
    env: { ...realm.env(), KRB5_KTNAME: `FILE:${keytab}`, KRB5RCACHENAME: `file2:${folder}/rcache` },
    log,
    readyWhen: () => tcpListening(port) && tcpListening(tlsPort),
  });
  return {
    port,
    tlsPort,
    url: `ldap://localhost:${port}`,
    service: 'ldap@localhost',
    suffix: SUFFIX,
    many: { count: MANY, descriptionOctets: DESCRIPTION_OCTETS },
    certificates: tls,
    log: () => textOf(log),
    stop: () => server.stop(),
  };
}

/** A fresh key of ldap/localhost in a keytab of this server's own. */
async function serviceKey(
  /** @type {import('./index.mjs').AttachedRealm} */ realm,
  /** @type {string} */ folder,
) {
  const keytab = `${folder}/ldap.keytab`;
  const known = await realm.kadmin(['listprincs ldap/localhost']);
  const add = known.includes('ldap/localhost@') ? [] : ['addprinc -randkey ldap/localhost'];
  await realm.kadmin([...add, `ktadd -norandkey -k ${keytab} ldap/localhost`]);
  chmodSync(keytab, 0o600);
  return keytab;
}

/** @param {number} port @param {number} tlsPort */
function urls(port, tlsPort) {
  const list = (/** @type {string} */ scheme, /** @type {number} */ number) =>
    loopbackAddresses().map((address) => `${scheme}://${hostPort(address, number)}`);
  return [...list('ldap', port), ...list('ldaps', tlsPort)].join(' ');
}

/**
 * @param {import('./index.mjs').AttachedRealm} realm @param {string} folder
 * @param {import('./index.mjs').Certificates} tls @param {import('./index.mjs').OpenLdapOptions} options
 */
function configuration(realm, folder, tls, { saslSecprops = 'none', saslCbinding = 'none' }) {
  const authId = (/** @type {string} */ mechanism) => `uid=([^,/]+),(cn=[^,]+,)?cn=${mechanism},cn=auth`;
  const mechanisms = ['gssapi', 'gss-spnego', 'gs2-krb5', 'gs2-krb5-plus', '.*'];
  return `modulepath /usr/lib/ldap
moduleload back_mdb
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
pidfile ${folder}/slapd.pid
argsfile ${folder}/slapd.args
sasl-host localhost
sasl-realm ${realm.realm}
sasl-secprops ${saslSecprops}
sasl-cbinding ${saslCbinding}
TLSCertificateFile ${tls.rsa.certificate}
TLSCertificateKeyFile ${tls.rsa.key}
TLSCACertificateFile ${tls.ca}
TLSVerifyClient never
${mechanisms.map((name) => `authz-regexp ${authId(name)} uid=$1,ou=people,${SUFFIX}`).join('\n')}
authz-policy to
sizelimit unlimited
access to dn.base="" by * read
access to attrs=authzTo by * auth
access to * by users read by anonymous auth
database mdb
suffix ${SUFFIX}
rootdn cn=admin,${SUFFIX}
directory ${folder}/db
maxsize 33554432
`;
}

function entries() {
  const person = (/** @type {string} */ name) =>
    [
      `dn: uid=${name},ou=people,${SUFFIX}`,
      'objectClass: inetOrgPerson',
      `uid: ${name}`,
      `cn: ${name}`,
      `sn: ${name}`,
      ...(name === 'alice' ? [`authzTo: dn.exact:uid=bob,ou=people,${SUFFIX}`] : []),
    ].join('\n');
  const folder = (/** @type {string} */ name) =>
    `dn: ou=${name},${SUFFIX}\nobjectClass: organizationalUnit\nou: ${name}`;
  const many = Array.from(
    { length: MANY },
    (_, number) =>
      `dn: cn=${number},ou=many,${SUFFIX}\nobjectClass: device\ncn: ${number}\ndescription: ${'x'.repeat(DESCRIPTION_OCTETS)}`,
  );
  const top = `dn: ${SUFFIX}\nobjectClass: dcObject\nobjectClass: organization\ndc: example\no: Example`;
  return `${[top, folder('people'), ...PEOPLE.map(person), folder('many'), ...many].join('\n\n')}\n`;
}
