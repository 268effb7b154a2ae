/** Who lives in the MIT test realm: kadmin.local commands, passwords and keytabs, all from one table. */

/** Encryption types of the realm: the short name used in principals, the number, kadmin's name. */
export const ENCTYPES = Object.freeze([
  { name: 'aes128-sha1', etype: 17, kadmin: 'aes128-cts-hmac-sha1-96' },
  { name: 'aes256-sha1', etype: 18, kadmin: 'aes256-cts-hmac-sha1-96' },
  { name: 'aes128-sha256', etype: 19, kadmin: 'aes128-cts-hmac-sha256-128' },
  { name: 'aes256-sha384', etype: 20, kadmin: 'aes256-cts-hmac-sha384-192' },
]);

/** RC4, for realms that get it by `rc4Commands`: a user, and services with a long-term and a session key of that type. */
export const RC4 = Object.freeze({
  etype: 23,
  kadmin: 'arcfour-hmac',
  user: 'u-rc4',
  password: 'u-rc4-pw-ß-🔑',
  keyService: 'test/rc4',
  sessionService: 'sess/rc4',
});

const PAST = '2020-01-01';
// A flag on addprinc makes kadmin forget default_principal_flags, so preauth is always said.
const PREAUTH = '+requires_preauth';

/** @type {ReadonlyArray<{name: string, password: string, options: string}>} */
const USERS = Object.freeze([
  { name: 'alice', password: 'alice-pw', options: PREAUTH },
  { name: 'bob', password: 'bob-pw', options: PREAUTH },
  ...ENCTYPES.map(({ name, kadmin }) => ({
    name: `u-${name}`,
    password: `u-${name}-pw`,
    options: `-e ${kadmin}:normal ${PREAUTH}`,
  })),
  { name: 'u-nopreauth', password: 'u-nopreauth-pw', options: '-requires_preauth' },
  { name: 'u-expired', password: 'u-expired-pw', options: `-expire ${PAST} ${PREAUTH}` },
  { name: 'u-pwexpired', password: 'u-pwexpired-pw', options: `-pwexpire ${PAST} ${PREAUTH}` },
  { name: 'u-locked', password: 'u-locked-pw', options: `-allow_tix ${PREAUTH}` },
  { name: 'u-lockout', password: 'u-lockout-pw', options: `-policy lockout ${PREAUTH}` },
  { name: 'u-kpasswd', password: 'u-kpasswd-pw', options: `-policy password ${PREAUTH}` },
  {
    name: 'u-nonascii',
    password: 'pässwörd-ß-日本語-🔑',
    options: `-e aes256-cts-hmac-sha1-96:norealm ${PREAUTH}`,
  },
  { name: 'u-norealm', password: 'u-norealm-pw', options: `-e aes256-cts-hmac-sha1-96:norealm ${PREAUTH}` },
  {
    name: 'u-onlyrealm',
    password: 'u-onlyrealm-pw',
    options: `-e aes256-cts-hmac-sha384-192:onlyrealm ${PREAUTH}`,
  },
  { name: 'u-special', password: 'u-special-pw', options: `-e aes256-cts-hmac-sha1-96:special ${PREAUTH}` },
  { name: 'u-space', password: ' two  spaces ', options: PREAUTH },
]);

/** The user with a random key, in a keytab. */
export const KEYTAB_USER = 'u-keytab';
const HOST_SERVICES = Object.freeze(['HTTP/localhost', 'host/localhost']);

/** Services whose long-term key has that one type. */
const KEY_SERVICES = ENCTYPES.map(({ name, kadmin }) => ({ name: `test/${name}`, kadmin }));
/** Services whose tickets carry a session key of that type (session_enctypes; the long-term keys are all four). */
const SESSION_SERVICES = ENCTYPES.map(({ name, kadmin }) => ({ name: `sess/${name}`, kadmin }));

/** Passwords, by principal name without realm. @returns {Record<string, string>} */
export function userPasswords() {
  return Object.fromEntries(USERS.map(({ name, password }) => [name, password]));
}

/** All services, without realm. */
export function serviceNames() {
  return [
    ...HOST_SERVICES,
    ...KEY_SERVICES.map(({ name }) => name),
    ...SESSION_SERVICES.map(({ name }) => name),
  ];
}

/** @param {string} folder */
export function keytabPaths(folder) {
  return {
    http: `${folder}/http.keytab`,
    services: `${folder}/services.keytab`,
    user: `${folder}/user.keytab`,
    wireshark: `${folder}/wireshark.keytab`,
  };
}

/**
 * kadmin.local commands that fill an empty database and write the keytabs.
 * @param {string} realm @param {ReturnType<typeof keytabPaths>} keytabs
 */
export function kadminCommands(realm, keytabs) {
  const service = '-randkey -requires_preauth';
  return [
    'addpol -maxfailure 3 -failurecountinterval 1h -lockoutduration 1h lockout',
    'addpol -minlength 8 -history 2 password',
    ...USERS.map(({ name, password, options }) => `addprinc ${options} -pw "${password}" ${name}`),
    `addprinc -randkey ${PREAUTH} ${KEYTAB_USER}`,
    ...HOST_SERVICES.map((name) => `addprinc ${service} ${name}`),
    ...KEY_SERVICES.map(({ name, kadmin }) => `addprinc ${service} -e ${kadmin}:normal ${name}`),
    ...SESSION_SERVICES.flatMap(({ name, kadmin }) => [
      `addprinc ${service} ${name}`,
      `setstr ${name} session_enctypes ${kadmin}`,
    ]),
    `ktadd -norandkey -k ${keytabs.http} HTTP/localhost`,
    `ktadd -norandkey -k ${keytabs.services} ${serviceNames().join(' ')}`,
    `ktadd -norandkey -k ${keytabs.user} ${KEYTAB_USER}`,
    `ktadd -norandkey -k ${keytabs.wireshark} ${everybody(realm).join(' ')}`,
  ];
}

/**
 * kadmin.local commands that enter the principals of `RC4`, write their keys to `keytab` and let the KDC give RC4 session
 * keys with ticket-granting tickets.
 * @param {string} realm @param {string} keytab
 */
export function rc4Commands(realm, keytab) {
  const { kadmin, user, password, keyService, sessionService } = RC4;
  const service = '-randkey -requires_preauth';
  const types = [...ENCTYPES.map((row) => row.kadmin), kadmin].join(',');
  return [
    `addprinc -e ${kadmin}:normal ${PREAUTH} -pw "${password}" ${user}`,
    `addprinc ${service} -e ${kadmin}:normal ${keyService}`,
    `addprinc ${service} ${sessionService}`,
    `setstr ${sessionService} session_enctypes ${kadmin}`,
    `setstr krbtgt/${realm} session_enctypes ${types}`,
    `ktadd -norandkey -k ${keytab} ${user} ${keyService} ${sessionService}`,
  ];
}

/** All whose keys a judge of the traffic needs. @param {string} realm */
function everybody(realm) {
  const builtIn = [`krbtgt/${realm}`, 'kadmin/admin', 'kadmin/changepw'];
  return [...builtIn, ...USERS.map(({ name }) => name), KEYTAB_USER, ...serviceNames()];
}
