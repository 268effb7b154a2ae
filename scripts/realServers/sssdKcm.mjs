/**
 * sssd's KCM daemon in a mount namespace of its own: its configuration, database and logs are in one folder, its socket
 * can be reached from everywhere.
 */

import { chmodSync, cpSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { socketListening } from './ports.mjs';
import { start, textOf } from './processes.mjs';

const DAEMON = '/usr/libexec/sssd/sssd_kcm';

/**
 * @param {import('./index.mjs').AttachedRealm} realm
 * @returns {Promise<import('./index.mjs').KcmDaemon>}
 */
export async function startSssdKcm(realm) {
  const folder = mkdtempSync(`${realm.dir}/sssd-kcm-`);
  const socket = `${folder}/run/.heim_org.h5l.kcm-socket`;
  layOut(folder, socket);
  const daemon = await start('unshare', ['-m', 'bash', '-c', namespaceScript(folder)], {
    env: realm.env(),
    log: `${folder}/daemon.log`,
    name: 'sssd_kcm',
    readyWhen: () => socketListening(socket),
  });
  return {
    socket,
    krb5Conf: kcmKrb5Conf(realm, folder, socket),
    log: () => textOf(`${folder}/daemon.log`),
    stop: () => daemon.stop(),
  };
}

/** @param {string} folder @param {string} socket */
function layOut(folder, socket) {
  for (const name of ['etc/conf.d', 'log', 'run']) mkdirSync(`${folder}/${name}`, { recursive: true });
  cpSync('/var/lib/sss', `${folder}/lib`, { recursive: true });
  const settings = ['[sssd]', 'services =', '[kcm]', `socket_path = ${socket}`, 'responder_idle_timeout = 0'];
  writeFileSync(`${folder}/etc/sssd.conf`, `${settings.join('\n')}\n`);
  chmodSync(`${folder}/etc/sssd.conf`, 0o600);
}

/** What runs in the namespace; `exec` keeps the process id. @param {string} folder */
function namespaceScript(folder) {
  return [
    'set -e',
    'mount --make-rprivate /',
    `mount --bind ${folder}/etc /etc/sssd`,
    `mount --bind ${folder}/lib /var/lib/sss`,
    `mount --bind ${folder}/log /var/log/sssd`,
    'sssd --genconf-section=kcm',
    `exec ${DAEMON} --uid 0 --gid 0 --logger=stderr`,
  ].join('\n');
}

/**
 * A client's krb5.conf with the daemon's socket; the path of the file.
 * @param {import('./index.mjs').AttachedRealm} realm @param {string} folder @param {string} socket
 */
export function kcmKrb5Conf(realm, folder, socket) {
  const path = `${folder}/krb5.conf`;
  writeFileSync(path, `[libdefaults]\n  kcm_socket = ${socket}\n${textOf(realm.krb5Conf)}`);
  return path;
}
