/**
 * Debian packages of the real servers: what is missing is installed when this is Debian and we are root,
 * otherwise the Error says what to run. Nothing that Debian installs is left running on its default ports.
 */

import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mustRun, run } from './processes.mjs';

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
const APT_TIMEOUT_MS = 15 * 60_000;
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
  const lock = ['-o', 'DPkg::Lock::Timeout=300'];
  const options = { env: APT_ENV, timeoutMs: APT_TIMEOUT_MS };
  await withoutServiceStarts(async () => {
    await mustRun('apt-get', ['update', '-q', ...lock], options);
    await mustRun(
      'apt-get',
      ['install', '-y', '-q', '--no-install-recommends', ...lock, ...packages],
      options,
    );
  });
}

/** policy-rc.d (status 101) keeps the packages' scripts from starting services. @param {() => Promise<void>} work */
async function withoutServiceStarts(work) {
  if (existsSync(POLICY)) return work(); // the machine has its own policy
  const remove = () => rmSync(POLICY, { force: true });
  writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { flag: 'wx' });
  chmodSync(POLICY, 0o755);
  process.once('exit', remove);
  try {
    await work();
  } finally {
    process.off('exit', remove);
    remove();
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
