/**
 * Heimdal's programs and its KCM daemon beside MIT krb5. Debian's packages of the two exclude each other, so Heimdal's
 * are downloaded and unpacked into a folder.
 */

import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync } from 'node:fs';
import { dirname } from 'node:path';
import { aptGet, ensurePackages } from './debian.mjs';
import { socketListening } from './ports.mjs';
import { mustRun, run, start, textOf } from './processes.mjs';
import { kcmKrb5Conf } from './sssdKcm.mjs';

/** What is unpacked, together with the packages of Heimdal that these depend on. */
const PACKAGES = ['heimdal-clients', 'heimdal-kcm'];

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

/** The folder with the unpacked packages; other libraries that they need are installed. @param {string} folder */
async function unpacked(folder) {
  const root = `${folder}/root`;
  if (existsSync(root)) return root;
  mkdirSync(folder, { recursive: true });
  const others = new Set();
  const known = new Set(PACKAGES);
  for (let names = PACKAGES; names.length > 0; ) {
    const needed = await downloadedDependencies(folder, names);
    for (const name of needed) if (!isOfHeimdal(name)) others.add(name);
    names = needed.filter((name) => isOfHeimdal(name) && !known.has(name));
    for (const name of names) known.add(name);
  }
  await ensurePackages([...others]);
  const unpacking = `${folder}/unpacking`;
  for (const file of packageFiles(folder)) await mustRun('dpkg-deb', ['-x', `${folder}/${file}`, unpacking]);
  renameSync(unpacking, root);
  return root;
}

/** @param {string} name */
function isOfHeimdal(name) {
  return /-heimdal(t64)?$/.test(name);
}

/** @param {string} folder */
function packageFiles(folder) {
  return readdirSync(folder).filter((name) => name.endsWith('.deb'));
}

/**
 * Downloads the packages; the libraries that they depend on, each once.
 * @param {string} folder @param {string[]} names
 */
async function downloadedDependencies(folder, names) {
  const download = ['download', '-q', ...names];
  if ((await run('apt-get', download, { cwd: folder })).status !== 0) await aptGet(download, { cwd: folder });
  const found = new Set();
  const files = packageFiles(folder).filter((file) => names.includes(file.split('_')[0] ?? ''));
  for (const file of files) {
    const { stdout } = await mustRun('dpkg-deb', ['-f', `${folder}/${file}`, 'Depends']);
    const packages = stdout.split(',').map((one) => one.trim().split(/[\s|:(]/)[0] ?? '');
    for (const name of packages.filter((one) => one.startsWith('lib'))) found.add(name);
  }
  return [...found];
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
  const folder = mkdtempSync(`${realm.dir}/heimdal-kcm-`);
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
    readyWhen: () => socketListening(socket),
  });
  return {
    socket,
    krb5Conf: kcmKrb5Conf(realm, folder, socket),
    log: () => textOf(`${folder}/daemon.log`),
    stop: () => daemon.stop(),
  };
}
