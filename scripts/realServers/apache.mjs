/**
 * Apache with mod_auth_gssapi in the realm's folder, on 127.0.0.1 and ::1. The pages name REMOTE_USER in
 * their body and in the header X-Remote-User:
 *   /krb        any mechanism of the library (SPNEGO or bare krb5)
 *   /krb-only   GssapiAllowedMech krb5
 *   /krb-deleg  delegated credentials stored; the body names the file
 *   /           no authentication
 */

import { chmodSync, copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { freePort, hostPort, loopbackAddresses, tcpListening } from './ports.mjs';
import { mustRun, start, textOf } from './processes.mjs';

const MODULE_FOLDER = '/usr/lib/apache2/modules';
const MODULES = [
  'mpm_event',
  'authn_core',
  'authz_core',
  'authz_user',
  'auth_gssapi',
  'alias',
  'env',
  'filter',
  'headers',
  'include',
  'mime',
];
const WEB_USER = 'www-data';

/**
 * @param {import('./index.mjs').AttachedRealm} realm @param {{port?: number}} [options]
 * @returns {Promise<import('./index.mjs').Apache>}
 */
export async function startApache(realm, { port } = {}) {
  const chosen = port ?? (await freePort());
  const folder = `${realm.dir}/apache-${chosen}`;
  await fill(folder, realm.keytabs.http);
  writeFileSync(`${folder}/apache.conf`, configuration(folder, chosen));
  const apache = await start('apache2', ['-DFOREGROUND', '-d', folder, '-f', `${folder}/apache.conf`], {
    env: {
      PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
      LC_ALL: 'C.UTF-8',
      KRB5_CONFIG: realm.krb5Conf,
      KRB5RCACHENAME: `file2:${folder}/rcache/http`,
    },
    log: `${folder}/output.log`,
    readyWhen: () => tcpListening(chosen) && existsSync(`${folder}/apache.pid`),
  });
  const facts = { port: chosen, url: `http://localhost:${chosen}`, dir: folder };
  return { ...attachApache(facts), stop: () => apache.stop() };
}

/**
 * The use of a running Apache, from its facts.
 * @param {import('./index.mjs').ApacheFacts} facts
 * @returns {import('./index.mjs').AttachedApache}
 */
export function attachApache({ port, url, dir }) {
  return { port, url, dir, facts: () => ({ port, url, dir }), errorLog: () => textOf(`${dir}/error.log`) };
}

/** @param {string} folder @param {string} keytab */
async function fill(folder, keytab) {
  for (const name of ['', '/pages', '/rcache', '/deleg']) mkdirSync(`${folder}${name}`, { recursive: true });
  chmodSync(folder, 0o755);
  copyFileSync(keytab, `${folder}/http.keytab`);
  chmodSync(`${folder}/http.keytab`, 0o600);
  await mustRun('chown', ['-R', WEB_USER, `${folder}/http.keytab`, `${folder}/rcache`, `${folder}/deleg`]);
  writeFileSync(`${folder}/pages/index.html`, 'open to everybody\n');
  writeFileSync(`${folder}/pages/user.shtml`, 'REMOTE_USER=<!--#echo var="REMOTE_USER" -->\n');
  writeFileSync(
    `${folder}/pages/deleg.shtml`,
    'REMOTE_USER=<!--#echo var="REMOTE_USER" -->\nKRB5CCNAME=<!--#echo var="KRB5CCNAME" -->\n',
  );
}

/** @param {string} folder @param {number} port */
function configuration(folder, port) {
  return `ServerRoot ${folder}
DefaultRuntimeDir ${folder}
PidFile ${folder}/apache.pid
ServerName localhost
${loopbackAddresses()
  .map((address) => `Listen ${hostPort(address, port)}`)
  .join('\n')}
User ${WEB_USER}
Group ${WEB_USER}
${MODULES.map((name) => `LoadModule ${name}_module ${MODULE_FOLDER}/mod_${name}.so`).join('\n')}
KeepAliveTimeout 600
ErrorLog ${folder}/error.log
LogLevel warn auth_gssapi:debug
StartServers 1
ThreadsPerChild 16
MinSpareThreads 1
MaxSpareThreads 33
MaxRequestWorkers 32
TypesConfig /dev/null
AddType text/plain .shtml .html
DocumentRoot ${folder}/pages
<Directory ${folder}/pages>
  Options +Includes
  Require all granted
</Directory>
Alias /krb ${folder}/pages/user.shtml
Alias /krb-only ${folder}/pages/user.shtml
Alias /krb-deleg ${folder}/pages/deleg.shtml
Alias / ${folder}/pages/index.html
<Files *.shtml>
  SetOutputFilter INCLUDES
</Files>
${location(folder, '/krb', '')}
${location(folder, '/krb-only', 'GssapiAllowedMech krb5')}
${location(folder, '/krb-deleg', `GssapiDelegCcacheDir ${folder}/deleg`)}
`;
}

/** @param {string} folder @param {string} path @param {string} more */
function location(folder, path, more) {
  return `<Location ${path}>
  AuthType GSSAPI
  AuthName "${path}"
  GssapiCredStore keytab:${folder}/http.keytab
  GssapiLocalName Off
  ${more}
  Require valid-user
  Header set X-Remote-User "expr=%{REMOTE_USER}"
</Location>`;
}
