/**
 * Heimdal's programs and its KCM daemon beside MIT krb5. Debian's packages of the two exclude each other, so Heimdal's
 * are downloaded and unpacked into a folder.
 */

import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { mustRun, run, start, textOf } from './processes.mjs';
import { kcmKrb5Conf } from './sssdKcm.mjs';

const LIBRARIES =
  'asn1-8 gssapi3 hcrypto5 hdb9 heimbase1 heimntlm0 hx509-5 kadm5clnt7 kadm5srv8 kafs0 krb5-26 otp0 roken19 sl0 wind0';
/** What is unpacked. */
const PACKAGES = [
  'heimdal-clients',
  'heimdal-kcm',
  ...LIBRARIES.split(' ').map((name) => `lib${name}-heimdal`),
];
const DOWNLOAD_TIMEOUT_MS = 5 * 60_000;

/**
 * Heimdal's client programs, which use the realm's krb5.conf.
 * @param {import('./index.mjs').AttachedRealm} realm
 * @returns {Promise<import('./index.mjs').Heimdal>}
 */
export async function unpackHeimdal(realm) {
  const root = await unpacked(`${realm.dir}/heimdal`);
  const env = heimdalEnv(realm, root);
  return {
    run: (command, args, { ccache, kcm, env: more, ...options } = {}) =>
      run(...withSocket([`${root}/usr/bin/${command}`, ...args], kcm), {
        ...options,
        env: { ...env, ...(ccache === undefined ? {} : { KRB5CCNAME: ccache }), ...more },
      }),
    startKcm: () => startKcm(realm, root, env),
  };
}

/**
 * Program and arguments of a command, in a mount namespace where the daemon has the socket that Heimdal knows.
 * @param {string[]} command @param {import('./index.mjs').KcmDaemon} [kcm]
 * @returns {[string, string[]]}
 */
function withSocket(command, kcm) {
  const [program = '', ...args] = command;
  if (kcm === undefined) return [program, args];
  const script = `mount --make-rprivate / && mount --bind ${dirname(kcm.socket)} /run && exec "$@"`;
  return ['unshare', ['-m', 'bash', '-c', script, 'bash', ...command]];
}

/** @param {string} folder */
async function unpacked(folder) {
  const root = `${folder}/root`;
  if (existsSync(root)) return root;
  mkdirSync(folder, { recursive: true });
  const options = { cwd: folder, timeoutMs: DOWNLOAD_TIMEOUT_MS };
  if ((await run('apt-get', ['download', '-q', ...PACKAGES], options)).status !== 0) {
    await mustRun('apt-get', ['update', '-q'], options);
    await mustRun('apt-get', ['download', '-q', ...PACKAGES], options);
  }
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.deb'))) {
    await mustRun('dpkg-deb', ['-x', `${folder}/${name}`, root]);
  }
  return root;
}

/** @param {import('./index.mjs').AttachedRealm} realm @param {string} root */
function heimdalEnv(realm, root) {
  const library = readdirSync(`${root}/usr/lib`).find((name) => name.endsWith('-linux-gnu'));
  return { ...realm.env(), LD_LIBRARY_PATH: `${root}/usr/lib/${library}` };
}

/**
 * The daemon knows one socket only, /var/run/.heim_org.h5l.kcm-socket; in its mount namespace that is in our folder.
 * @param {import('./index.mjs').AttachedRealm} realm @param {string} root @param {Record<string, string>} env
 * @returns {Promise<import('./index.mjs').KcmDaemon>}
 */
async function startKcm(realm, root, env) {
  const folder = `${realm.dir}/heimdal-kcm`;
  const socket = `${folder}/run/.heim_org.h5l.kcm-socket`;
  mkdirSync(`${folder}/run`, { recursive: true });
  const script = [
    'set -e',
    'mount --make-rprivate /',
    `mount --bind ${folder}/run /run`,
    `exec ${root}/usr/sbin/kcm --config-file=${realm.krb5Conf} --no-name-constraints`,
  ].join('\n');
  const daemon = await start('unshare', ['-m', 'bash', '-c', script], {
    env,
    log: `${folder}/daemon.log`,
    name: 'kcm of Heimdal',
    readyWhen: () => existsSync(socket),
  });
  return {
    socket,
    krb5Conf: kcmKrb5Conf(realm, folder, socket),
    log: () => textOf(`${folder}/daemon.log`),
    stop: () => daemon.stop(),
  };
}
