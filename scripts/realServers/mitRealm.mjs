/**
 * A realm with MIT's krb5kdc and kadmind, everything in one folder: database, configuration, keytabs,
 * logs, replay caches. startMitRealm() owns the daemons; attachMitRealm() works with a realm that another
 * process has started (the facts travel as JSON).
 */

import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { faketimeEnv } from './debian.mjs';
import { clientKrb5Conf, kdcConf, kdcKrb5Conf } from './mitConfig.mjs';
import { freePort, hostPort, loopbackAddresses, tcpListening, udpBound } from './ports.mjs';
import { KEYTAB_USER, kadminCommands, keytabPaths, serviceNames, userPasswords } from './principals.mjs';
import { mustRun, removeAtExit, removeFolder, run, start, textOf } from './processes.mjs';

const PATH = `${process.env.PATH ?? ''}:/usr/sbin:/usr/bin:/sbin:/bin`;

/** @typedef {import('./index.mjs').RealmFacts} RealmFacts */
/** @typedef {import('./index.mjs').KdcOptions} KdcOptions */
/** @typedef {import('./index.mjs').RunningKdc} RunningKdc */
/** @typedef {import('./processes.mjs').RunOptions} RunOptions */

/** No other process of the run has it, as it may have this one's id. */
const instance = randomBytes(4).toString('hex');
let counter = 0;

/** A new folder that servers running as another user can reach; removed when this process ends. */
export function temporaryFolder(prefix = 'krb5-client-') {
  const folder = mkdtempSync(`${tmpdir()}/${prefix}`);
  removeAtExit(folder);
  chmodSync(folder, 0o711);
  return folder;
}

/**
 * Creates the realm and starts its KDC and kadmind.
 * @param {import('./index.mjs').MitRealmOptions} [options]
 * @returns {Promise<import('./index.mjs').MitRealm>}
 */
export async function startMitRealm(options = {}) {
  const { realm = 'EXAMPLE.TEST', dir = temporaryFolder() } = options;
  const facts = await layOut(realm, dir);
  await createDatabase(facts);
  let kdc = await startKdc(facts, facts.kdcPort, `${dir}/kdc`, options);
  const kadmind = await startKadmind(facts);
  return {
    ...attachMitRealm(facts),
    kdcLog: () => kdc.log(),
    async restartKdc(kdcOptions = {}) {
      await kdc.stop();
      kdc = await startKdc(facts, facts.kdcPort, `${dir}/kdc`, kdcOptions);
    },
    stopKdc: () => kdc.stop(),
    async stop() {
      await Promise.all([kdc.stop(), kadmind.stop()]);
      if (options.dir === undefined) removeFolder(dir);
    },
  };
}

/**
 * The use of a running realm, from its facts.
 * @param {RealmFacts} facts
 * @returns {import('./index.mjs').AttachedRealm}
 */
export function attachMitRealm(facts) {
  return {
    ...facts,
    facts: () => facts,
    ...clientOf(facts, facts.krb5Conf),
    kadmin: (lines) => kadmin(facts, lines),
    extraKdc: (options = {}) => extraKdc(facts, options),
  };
}

/** Chooses the ports, makes the folders and writes the configuration. @param {string} realm @param {string} dir */
async function layOut(realm, dir) {
  for (const name of ['db', 'kdc', 'keytabs', 'cc', 'rcache', 'log']) {
    mkdirSync(`${dir}/${name}`, { recursive: true });
  }
  chmodSync(`${dir}/rcache`, 0o1777);
  const [kdcPort, kadmindPort, kpasswdPort] = [await freePort(), await freePort(), await freePort()];
  /** @type {RealmFacts} */
  const facts = {
    realm,
    dir,
    kdcPort,
    kadmindPort,
    kpasswdPort,
    kdc: `127.0.0.1:${kdcPort}`,
    kdcAddresses: loopbackAddresses().map((address) => hostPort(address, kdcPort)),
    krb5Conf: `${dir}/krb5.conf`,
    users: userPasswords(),
    services: serviceNames(),
    keytabUser: KEYTAB_USER,
    keytabs: keytabPaths(`${dir}/keytabs`),
  };
  writeFileSync(facts.krb5Conf, clientKrb5Conf(realm, facts));
  writeFileSync(`${dir}/db/kadm5.acl`, `*/admin@${realm} *\n`);
  writeKdcConfig(facts, kdcPort, `${dir}/kdc`, {});
  return facts;
}

/** @param {RealmFacts} facts @param {number} kdcPort @param {string} folder @param {KdcOptions} options */
function writeKdcConfig(facts, kdcPort, folder, options) {
  mkdirSync(folder, { recursive: true });
  const ports = { ...facts, kdcPort };
  writeFileSync(`${folder}/kdc.conf`, kdcConf(facts.realm, `${facts.dir}/db`, folder, ports, options));
  writeFileSync(`${folder}/krb5.conf`, kdcKrb5Conf(facts.realm, options.spake ?? false));
}

/** @param {RealmFacts} facts @param {string} folder */
function kdcEnv(facts, folder) {
  return {
    PATH,
    LC_ALL: 'C.UTF-8',
    KRB5_CONFIG: `${folder}/krb5.conf`,
    KRB5_KDC_PROFILE: `${folder}/kdc.conf`,
    KRB5RCACHENAME: `file2:${facts.dir}/rcache/kdc`,
  };
}

/** @param {RealmFacts} facts */
async function createDatabase(facts) {
  const env = kdcEnv(facts, `${facts.dir}/kdc`);
  await mustRun('kdb5_util', ['create', '-r', facts.realm, '-s', '-P', 'master-pw'], { env });
  await kadmin(facts, kadminCommands(facts.realm, facts.keytabs));
  chmodSync(facts.keytabs.services, 0o600);
}

/** One kadmin.local session. @param {RealmFacts} facts @param {readonly string[]} lines */
async function kadmin(facts, lines) {
  const env = kdcEnv(facts, `${facts.dir}/kdc`);
  const result = await run('kadmin.local', ['-r', facts.realm], {
    env,
    input: `${lines.join('\n')}\nquit\n`,
  });
  const errors = result.stderr
    .split('\n')
    .filter((line) => line !== '' && !/^No policy specified|^WARNING: no policy/.test(line));
  if (result.status === 0 && errors.length === 0) return result.stdout;
  throw new Error(`kadmin.local: status ${result.status}\n${errors.join('\n')}`);
}

/**
 * @param {RealmFacts} facts @param {number} kdcPort @param {string} folder @param {KdcOptions} options
 * @returns {Promise<{log(): string, stop(): Promise<void>}>}
 */
async function startKdc(facts, kdcPort, folder, options) {
  writeKdcConfig(facts, kdcPort, folder, options);
  const kdc = await start('krb5kdc', ['-n', '-r', facts.realm], {
    env: { ...kdcEnv(facts, folder), ...faketimeEnv(options.faketime) },
    log: `${folder}/output.log`,
    name: `krb5kdc on port ${kdcPort}`,
    readyWhen: () => tcpListening(kdcPort) && udpBound(kdcPort),
  });
  return { log: () => textOf(`${folder}/kdc.log`), stop: () => kdc.stop() };
}

/** @param {RealmFacts} facts */
function startKadmind(facts) {
  return start('kadmind', ['-nofork', '-r', facts.realm], {
    env: kdcEnv(facts, `${facts.dir}/kdc`),
    log: `${facts.dir}/kdc/kadmind-output.log`,
    readyWhen: () => tcpListening(facts.kpasswdPort) && udpBound(facts.kpasswdPort),
  });
}

/**
 * A further krb5kdc on the same database with its own port and settings.
 * @param {RealmFacts} facts @param {KdcOptions} options
 * @returns {Promise<RunningKdc>}
 */
async function extraKdc(facts, options) {
  const kdcPort = await freePort();
  const folder = `${facts.dir}/kdc-${kdcPort}`;
  const kdc = await startKdc(facts, kdcPort, folder, options);
  const krb5Conf = `${folder}/client.conf`;
  writeFileSync(krb5Conf, clientKrb5Conf(facts.realm, { ...facts, kdcPort }));
  return { kdcPort, kdc: `127.0.0.1:${kdcPort}`, krb5Conf, ...clientOf(facts, krb5Conf), ...kdc };
}

/** Environment and programs of a client. @param {RealmFacts} facts @param {string} krb5Conf */
function clientOf(facts, krb5Conf) {
  /** @type {import('./index.mjs').AttachedRealm['env']} */
  const env = (options = {}) => {
    const { ccache = `FILE:${facts.dir}/cc/default`, faketime } = options;
    return {
      PATH,
      HOME: facts.dir,
      TMPDIR: facts.dir,
      LC_ALL: 'C.UTF-8',
      TZ: 'UTC',
      KRB5_CONFIG: krb5Conf,
      KRB5CCNAME: ccache,
      KRB5_KTNAME: `FILE:${facts.keytabs.services}`,
      KRB5RCACHENAME: `file2:${facts.dir}/rcache/client`,
      ...faketimeEnv(faketime),
    };
  };
  return {
    env,
    /** @type {import('./index.mjs').AttachedRealm['newCcache']} */
    newCcache: () => `FILE:${facts.dir}/cc/${instance}-${++counter}`,
    /** @type {import('./index.mjs').AttachedRealm['run']} */
    run: (command, args, options = {}) => {
      const { ccache, faketime, env: more, ...rest } = options;
      return run(command, args, { cwd: facts.dir, ...rest, env: { ...env({ ccache, faketime }), ...more } });
    },
  };
}
