/**
 * A larger Apache with mod_auth_gssapi than apache.mjs: four ports (two of HTTP, HTTPS with an RSA and with an ECDSA
 * certificate) with the pages of apachePages.mjs on each, and a forward proxy that wants Negotiate. Other than squid it
 * proves itself: its reply's token is in Proxy-Authenticate, though not in the answer to CONNECT.
 */

import { chmodSync, copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { PAGES, PROGRAMS, pages } from './apachePages.mjs';
import { certificates } from './apacheTls.mjs';
import { freePort, hostPort, loopbackAddresses, tcpListening } from './ports.mjs';
import { mustRun, start, textOf } from './processes.mjs';

const MODULE_FOLDER = '/usr/lib/apache2/modules';
const MODULES = [
  ...['mpm_event', 'authn_core', 'authn_file', 'authz_core', 'authz_user', 'auth_basic', 'auth_gssapi'],
  ...['alias', 'cgid', 'dir', 'env', 'filter', 'headers', 'include', 'mime', 'rewrite', 'socache_shmcb'],
  ...['session', 'session_cookie', 'ssl', 'proxy', 'proxy_connect', 'proxy_http', 'log_forensic'],
];
const WEB_USER = 'www-data';
/** Open tunnels of the proxy would hold it for seconds. */
const STOP_MS = 300;
/** htpasswd's {SHA} of "basic-pw". */
const BASIC_USERS = 'basic:{SHA}kxUYGZVtgvcLR0MtP3Oa28zO/To=\n';

/** @typedef {import('./index.mjs').ApacheSiteFacts} Facts */
/** @typedef {Record<'http' | 'otherHttp' | 'https' | 'httpsEcdsa' | 'proxy', number>} Ports */

/**
 * @param {import('./index.mjs').AttachedRealm} realm
 * @returns {Promise<import('./index.mjs').ApacheSite>}
 */
export async function startApacheSite(realm) {
  const tls = await certificates(realm);
  const ports = {
    ...{ http: await freePort(), otherHttp: await freePort() },
    ...{ https: await freePort(), httpsEcdsa: await freePort() },
    proxy: await freePort(),
  };
  const facts = factsOf(realm, ports, tls.ca);
  await fill(realm, facts.dir);
  writeFileSync(`${facts.dir}/apache.conf`, configuration(facts, ports, tls));
  const apache = await start('apache2', ['-DFOREGROUND', '-d', facts.dir, '-f', `${facts.dir}/apache.conf`], {
    env: {
      PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
      LC_ALL: 'C.UTF-8',
      KRB5_CONFIG: realm.krb5Conf,
      KRB5RCACHENAME: `file2:${facts.dir}/rcache/http`,
    },
    log: `${facts.dir}/output.log`,
    readyWhen: () => Object.values(ports).every(tcpListening) && existsSync(`${facts.dir}/apache.pid`),
  });
  return {
    ...facts,
    errorLog: () => textOf(`${facts.dir}/error.log`),
    accessLog: () => textOf(`${facts.dir}/access.log`),
    requestLog: () => textOf(`${facts.dir}/request.log`),
    stop: () => apache.stop('SIGTERM', STOP_MS),
  };
}

/** @param {{dir: string}} realm @param {Ports} ports @param {string} ca @returns {Facts} */
function factsOf(realm, ports, ca) {
  return {
    dir: `${realm.dir}/site-${ports.http}`,
    ca,
    http: `http://localhost:${ports.http}`,
    otherHttp: `http://localhost:${ports.otherHttp}`,
    https: `https://localhost:${ports.https}`,
    httpsEcdsa: `https://localhost:${ports.httpsEcdsa}`,
    proxy: `http://localhost:${ports.proxy}`,
  };
}

/** @param {import('./index.mjs').AttachedRealm} realm @param {string} folder */
async function fill(realm, folder) {
  for (const name of ['', '/pages', '/programs', '/rcache', '/deleg'])
    mkdirSync(`${folder}${name}`, { recursive: true });
  chmodSync(folder, 0o755);
  copyFileSync(realm.keytabs.http, `${folder}/http.keytab`);
  await otherKeytab(realm, `${folder}/other.keytab`);
  writeFileSync(`${folder}/basic.users`, BASIC_USERS);
  for (const [name, text] of Object.entries(PAGES)) writePage(`${folder}/pages/${name}`, text);
  for (const [name, text] of Object.entries(PROGRAMS)) writePage(`${folder}/programs/${name}`, text, 0o755);
  for (const name of ['http.keytab', 'other.keytab']) chmodSync(`${folder}/${name}`, 0o600);
  const owned = ['http.keytab', 'other.keytab', 'rcache', 'deleg'].map((name) => `${folder}/${name}`);
  await mustRun('chown', ['-R', WEB_USER, ...owned]);
}

/** @param {string} path @param {string} text @param {number} [mode] */
function writePage(path, text, mode = 0o644) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text, { mode });
}

/** The keytab of a service that was given a new key: name and version are the same, the key is not. */
/** @param {import('./index.mjs').AttachedRealm} realm @param {string} keytab */
async function otherKeytab(realm, keytab) {
  const entries = ['aes256-cts-hmac-sha1-96', 'aes128-cts-hmac-sha1-96', 'aes256-cts-hmac-sha384-192'].map(
    (etype) => `addent -password -p HTTP/localhost@${realm.realm} -k 1 -e ${etype}\nanother key`,
  );
  await mustRun('ktutil', [], { input: `${[...entries, `wkt ${keytab}`, 'quit'].join('\n')}\n` });
}

/** @param {Facts} facts @param {Ports} ports @param {import('./index.mjs').Certificates} tls */
function configuration(facts, ports, tls) {
  const { dir } = facts;
  return `ServerRoot ${dir}
DefaultRuntimeDir ${dir}
PidFile ${dir}/apache.pid
ServerName localhost
UseCanonicalName Off
${Object.values(ports)
  .flatMap((port) => loopbackAddresses().map((address) => `Listen ${hostPort(address, port)}`))
  .join('\n')}
User ${WEB_USER}
Group ${WEB_USER}
${MODULES.map((name) => `LoadModule ${name}_module ${MODULE_FOLDER}/mod_${name}.so`).join('\n')}
ErrorLog ${dir}/error.log
LogLevel warn auth_gssapi:debug
LogFormat "%<{forensic-id}n %{local}p %{remote}p %m %<U%<q %>s %{Cookie}i %{Authorization}i" authorizations
CustomLog ${dir}/access.log authorizations
ForensicLog ${dir}/request.log
StartServers 1
ThreadsPerChild 128
MinSpareThreads 1
MaxSpareThreads 256
MaxRequestWorkers 256
ThreadLimit 128
KeepAliveTimeout 600
MaxKeepAliveRequests 0
TypesConfig /dev/null
AddType text/plain .shtml .html
DirectoryIndex index.shtml
ScriptSock ${dir}/cgid.sock
SSLSessionCache shmcb:${dir}/ssl-sessions(512000)
DocumentRoot ${dir}/pages
<Directory ${dir}>
  Options +Includes
  Require all granted
</Directory>
<Files *.shtml>
  SetOutputFilter INCLUDES
</Files>
${pages(facts)}
${secured(ports.https, tls.rsa)}
${secured(ports.httpsEcdsa, tls.ecdsa)}
${proxy(dir, ports)}
`;
}

/** @param {number} port @param {import('./index.mjs').CertificateFiles} files */
function secured(port, { certificate, key }) {
  return `<VirtualHost *:${port}>
  SSLEngine On
  SSLCertificateFile ${certificate}
  SSLCertificateKeyFile ${key}
</VirtualHost>`;
}

/** @param {string} folder @param {Ports} ports */
function proxy(folder, ports) {
  return `<VirtualHost *:${ports.proxy}>
  ProxyRequests On
  ProxyVia Off
  AllowCONNECT ${ports.https} ${ports.httpsEcdsa}
  <Proxy *>
    AuthType GSSAPI
    AuthName "proxy"
    GssapiCredStore keytab:${folder}/http.keytab
    GssapiLocalName Off
    Require valid-user
  </Proxy>
</VirtualHost>`;
}
