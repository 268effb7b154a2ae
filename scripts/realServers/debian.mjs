/**
 * Debian packages of the real servers: what is missing is installed when this is Debian and we are root,
 * otherwise the Error says what to run. Nothing that Debian installs is left running on its default ports.
 */

import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { claim } from './ports.mjs';
import { run, textOf } from './processes.mjs';

/** What `npm run demo` needs. */
export const DEMO_PACKAGES = Object.freeze([
  'krb5-kdc',
  'krb5-admin-server',
  'krb5-user',
  'apache2',
  'libapache2-mod-auth-gssapi',
]);
/** What the interop tests need. */
export const INTEROP_PACKAGES = Object.freeze([
  ...DEMO_PACKAGES,
  'krb5-gss-samples',
  'krb5-pkinit',
  'sssd-kcm',
  'libfaketime',
  'faketime',
  'tshark',
  'curl',
  'openssl',
  'python3-gssapi',
  'gcc',
  'libc6-dev',
  'libkrb5-dev',
  'squid',
  'slapd',
  'ldap-utils',
  'libsasl2-modules-gssapi-mit',
  'dovecot-imapd',
  'dovecot-gssapi',
  'gsasl',
  'openjdk-17-jdk-headless',
]);

const POLICY = '/usr/sbin/policy-rc.d';
const POLICY_MARK = '# while krb5-client installs packages';
const APT_TIMEOUT_MS = 15 * 60_000;
/** How long another apt-get or another run of ours is waited for. */
const BUSY_LIMIT_MS = 15 * 60_000;
/** Times that an apt-get which fails for another reason is run: a mirror may fail once. */
const APT_ATTEMPTS = 4;
const APT_PAUSE_MS = 5000;
const APT_ENV = {
  ...process.env,
  DEBIAN_FRONTEND: 'noninteractive',
  DEBCONF_NONINTERACTIVE_SEEN: 'true',
  RUNLEVEL: '1',
  LC_ALL: 'C',
};

/** Whether this machine is Debian or made from it (has dpkg and apt-get). */
export function isDebian() {
  return process.platform === 'linux' && existsSync('/usr/bin/dpkg-query') && existsSync('/usr/bin/apt-get');
}

/**
 * Makes sure the packages are installed.
 * @param {readonly string[]} packages
 * @param {(line: string) => void} [report]  told what is being installed
 * @returns {Promise<string[]>} the packages that had to be installed
 * @throws {Error} not Debian, or not root with something missing: says which command to run
 */
export async function ensurePackages(packages, report = () => {}) {
  if (!isDebian()) {
    throw new Error(
      `the real servers need a Debian machine with: ${packages.join(' ')}. ` +
        'This one has no dpkg and apt-get; run "npm run test:unit" for the tests that need only Node.',
    );
  }
  const missing = await missingPackages(packages);
  if (missing.length === 0) return [];
  const command = `apt-get update && apt-get install -y --no-install-recommends ${missing.join(' ')}`;
  if (process.getuid?.() !== 0) throw new Error(`missing Debian packages; run as root: ${command}`);
  report(`installing ${missing.join(' ')}`);
  await install(missing);
  const still = await missingPackages(packages);
  if (still.length > 0) throw new Error(`not installed by apt-get: ${still.join(' ')}; run: ${command}`);
  return missing;
}

/** @param {readonly string[]} packages */
async function missingPackages(packages) {
  const format = `\${Package} \${db:Status-Abbrev}\n`;
  const { stdout } = await run('dpkg-query', ['-W', '-f', format, ...packages]);
  const installed = new Set(
    stdout
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter(([, status]) => status === 'ii' || status === 'hi')
      .map(([name]) => name),
  );
  return packages.filter((name) => !installed.has(name));
}

/** @param {string[]} packages */
async function install(packages) {
  await withoutServiceStarts(async () => {
    await aptGet(['install', '-y', '--no-install-recommends', ...packages]);
  });
}

/**
 * `apt-get update`, then apt-get with the arguments. Another one that has a lock is waited for; after another failure
 * both are run again, once what a killed one has left half installed is configured.
 * @param {readonly string[]} args @param {{cwd?: string}} [where]
 */
export async function aptGet(args, where = {}) {
  const options = { ...where, env: APT_ENV, timeoutMs: APT_TIMEOUT_MS };
  const settings = ['-q', '-o', 'DPkg::Lock::Timeout=300', '-o', 'Acquire::Retries=3'];
  const deadline = Date.now() + BUSY_LIMIT_MS;
  for (let failures = 0; ; await sleep(APT_PAUSE_MS)) {
    const update = await run('apt-get', ['update', ...settings], options);
    const { status, stderr } = await run('apt-get', [...args, ...settings], options);
    if (status === 0) return;
    const problems = update.stderr + stderr;
    if (problems.includes('dpkg --configure -a')) await run('dpkg', ['--configure', '-a'], options);
    const busy = /Could not get lock|Unable to (?:acquire|lock)/.test(problems) && Date.now() < deadline;
    if (!busy && ++failures === APT_ATTEMPTS) {
      throw new Error(`apt-get ${args.join(' ')}: status ${status}\n${problems}`);
    }
  }
}

/**
 * policy-rc.d (status 101) keeps the packages' scripts from starting services. One run at a time installs, so that what is
 * found of ours was left by a run that was killed.
 * @param {() => Promise<void>} work
 */
async function withoutServiceStarts(work) {
  const turn = await turnToInstall();
  const remove = () => rmSync(POLICY, { force: true });
  try {
    if (textOf(POLICY).includes(POLICY_MARK)) remove();
    if (existsSync(POLICY)) return await work(); // the machine has its own policy
    process.once('exit', remove);
    writeFileSync(POLICY, `#!/bin/sh\n${POLICY_MARK}\nexit 101\n`, { mode: 0o755 });
    try {
      await work();
    } finally {
      process.off('exit', remove);
      remove();
    }
  } finally {
    turn.close();
  }
}

async function turnToInstall() {
  for (const deadline = Date.now() + BUSY_LIMIT_MS; ; await sleep(APT_PAUSE_MS)) {
    const turn = await claim('installation');
    if (turn !== undefined) return turn;
    if (Date.now() > deadline)
      throw new Error('another run of the tests has been installing packages for too long');
  }
}

/** Path of libfaketime. The `faketime` wrapper forks, so its id would not be the daemon's. */
export function faketimeLibrary() {
  const folders = ['/usr/lib', ...readdirSync('/usr/lib').map((name) => `/usr/lib/${name}`)];
  const found = folders.map((name) => `${name}/faketime/libfaketime.so.1`).find((path) => existsSync(path));
  if (!found) throw new Error('libfaketime is missing; run as root: apt-get install -y libfaketime');
  return found;
}

/**
 * Environment that shifts a process's clock.
 * @param {string | undefined} shift  as libfaketime takes it: '+1h', '-10m', '+3600'; undefined: no shift
 * @returns {Record<string, string>}
 */
export function faketimeEnv(shift) {
  if (shift === undefined) return {};
  return { LD_PRELOAD: faketimeLibrary(), FAKETIME: shift, FAKETIME_DONT_FAKE_MONOTONIC: '1' };
}

/** `ID` and `VERSION_ID` of /etc/os-release, for reports. */
export function osRelease() {
  try {
    const text = readFileSync('/etc/os-release', 'utf8');
    return /^PRETTY_NAME="?([^"\n]*)/m.exec(text)?.[1] ?? 'unknown';
  } catch {
    return 'unknown';
  }
}
