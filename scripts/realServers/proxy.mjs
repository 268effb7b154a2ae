/**
 * squid as a forward proxy that wants Negotiate (407), for plain HTTP and for CONNECT, on 127.0.0.1. Its service is
 * HTTP@localhost, as that of the web servers.
 */

import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { freePort } from './ports.mjs';
import { mustRun, start, textOf } from './processes.mjs';

const HELPER = '/usr/lib/squid/negotiate_kerberos_auth';
const USER = 'proxy';

/**
 * @param {import('./index.mjs').AttachedRealm} realm
 * @returns {Promise<import("./index.mjs").ForwardProxy>}
 */
export async function startProxy(realm) {
  const port = await freePort();
  const folder = `${realm.dir}/proxy-${port}`;
  for (const name of ['', '/rcache', '/log']) mkdirSync(`${folder}${name}`, { recursive: true });
  chmodSync(folder, 0o755);
  copyFileSync(realm.keytabs.http, `${folder}/http.keytab`);
  chmodSync(`${folder}/http.keytab`, 0o600);
  await mustRun('chown', ['-R', USER, folder]);
  writeFileSync(`${folder}/squid.conf`, configuration(realm, folder, port));
  const squid = await start('squid', ['-N', '-d', '1', '-f', `${folder}/squid.conf`, '-n', `test${port}`], {
    env: {
      PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
      LC_ALL: 'C.UTF-8',
      KRB5_CONFIG: realm.krb5Conf,
      KRB5RCACHENAME: `file2:${folder}/rcache/http`,
    },
    log: `${folder}/output.log`,
    readyWhen: (running) => running.logText().includes('Accepting HTTP Socket connections'),
  });
  return {
    url: `http://localhost:${port}`,
    accessLog: () => textOf(`${folder}/log/access.log`),
    log: () => squid.logText(),
    stop: () => squid.stop('SIGKILL'),
  };
}

/** @param {import('./index.mjs').AttachedRealm} realm @param {string} folder @param {number} port */
function configuration(realm, folder, port) {
  return `http_port 127.0.0.1:${port}
pid_filename none
coredump_dir ${folder}
cache_log /dev/null
logformat users %>a %rm %ru %>Hs %un
access_log stdio:${folder}/log/access.log users
strip_query_terms off
cache deny all
shutdown_lifetime 0 seconds
visible_hostname localhost
pinger_enable off
netdb_filename none
dns_nameservers 127.0.0.1
auth_param negotiate program ${HELPER} -k ${folder}/http.keytab -s HTTP/localhost@${realm.realm}
auth_param negotiate children 8 startup=1 idle=1
auth_param negotiate keep_alive on
acl users proxy_auth REQUIRED
http_access allow users
http_access deny all
`;
}
