/**
 * Checks the package as users get it: packs (or takes) the tarball, installs it in an empty folder, imports
 * and requires it, runs its command, asks publint and attw; then, on Debian as root, lets the installed
 * command get a ticket from a real KDC and make a token that a real Apache accepts, under Node and Bun.
 *
 *   node scripts/packageCheck.mjs [tarball] [--no-token]
 */

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  DEMO_PACKAGES,
  ensurePackages,
  mustRun,
  startApache,
  startMitRealm,
  stopAll,
  temporaryFolder,
} from './realServers/index.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const { name: PACKAGE } = JSON.parse(readFileSync(`${ROOT}/package.json`, 'utf8'));
/** What can be imported. */
const ENTRIES = ['', '/http', '/sasl', '/testing'];
const NPM_TIMEOUT_MS = 5 * 60_000;

const args = process.argv.slice(2);
const tarballArgument = args.find((one) => !one.startsWith('--'));

try {
  const tarball = tarballArgument === undefined ? await pack() : resolve(tarballArgument);
  const folder = await installed(tarball);
  await checkEntries(folder);
  await checkMetadata(tarball);
  if (!args.includes('--no-token')) await checkTokens(folder);
  console.log('package: ok');
} finally {
  await stopAll();
}

/** Packs the project; the tarball's path. */
async function pack() {
  const folder = temporaryFolder('krb5-pack-');
  await npm(ROOT, 'pack', '--pack-destination', folder);
  const file = readdirSync(folder).find((one) => one.endsWith('.tgz'));
  if (file === undefined) throw new Error('npm pack left no tarball');
  return `${folder}/${file}`;
}

/** An empty project that has the tarball as its only dependency. @param {string} tarball */
async function installed(tarball) {
  const folder = temporaryFolder('krb5-installed-');
  writeFileSync(`${folder}/package.json`, '{ "name": "user", "version": "1.0.0", "private": true }\n');
  await npm(folder, 'install', '--no-audit', '--no-fund', '--prefix', folder, tarball);
  return folder;
}

/** import, require and the command. @param {string} folder */
async function checkEntries(folder) {
  const lines = ENTRIES.map((entry, i) => ({
    esm: `import * as it${i} from '${PACKAGE}${entry}';`,
    common: `const it${i} = require('${PACKAGE}${entry}');`,
    check: `if (Object.keys(it${i}).length === 0) throw new Error('no exports: ${PACKAGE}${entry}');`,
  }));
  const checks = lines.map(({ check }) => check);
  writeFileSync(`${folder}/esm.mjs`, [...lines.map(({ esm }) => esm), ...checks, ''].join('\n'));
  writeFileSync(`${folder}/common.cjs`, [...lines.map(({ common }) => common), ...checks, ''].join('\n'));
  for (const file of ['esm.mjs', 'common.cjs']) {
    await mustRun(process.execPath, [file], { cwd: folder });
    console.log(`package: ${file} ok`);
  }
  await checkTypes(folder);
  const { stdout } = await mustRun('npx', ['--no-install', 'krb5', '--help'], { cwd: folder });
  if (!/kinit/.test(stdout)) throw new Error(`krb5 --help does not name kinit:\n${stdout}`);
  console.log('package: npx krb5 --help ok');
}

/** The declarations compile for users without Node's types, library checks on. @param {string} folder */
async function checkTypes(folder) {
  const lines = [
    `import { fromPassword, type SecurityContext } from '${PACKAGE}';`,
    `import { negotiateFetch } from '${PACKAGE}/http';`,
    `import { type SaslMechanism, saslClient } from '${PACKAGE}/sasl';`,
    `import { TestRealm } from '${PACKAGE}/testing';`,
    "export const context: Promise<SecurityContext> = fromPassword('a@B', 'c').securityContext('HTTP@d');",
    'export const realm: Promise<TestRealm> = TestRealm.start();',
    "const client = fromPassword('a@B', 'c');",
    'export const page: Promise<unknown> = Promise.resolve(negotiateFetch({ client }));',
    "export const ldap: Promise<SaslMechanism> = saslClient(client, 'ldap@d', { mechanism: 'GSSAPI' });",
  ];
  writeFileSync(`${folder}/consumer.mts`, `${lines.join('\n')}\n`);
  const compilerOptions = { target: 'ES2022', module: 'NodeNext', strict: true, noEmit: true, types: [] };
  const config = { compilerOptions: { ...compilerOptions, skipLibCheck: false }, files: ['consumer.mts'] };
  writeFileSync(`${folder}/tsconfig.json`, JSON.stringify(config));
  await mustRun(process.execPath, [`${ROOT}/node_modules/typescript/bin/tsc`, '-p', folder]);
  console.log('package: types ok');
}

/** publint and attw on the tarball. @param {string} tarball */
async function checkMetadata(tarball) {
  await mustRun('npx', ['--no-install', 'publint', tarball, '--strict'], { cwd: ROOT });
  console.log('package: publint ok');
  const attw = ['--no-install', 'attw', tarball, '--profile', 'esm-only'];
  await mustRun('npx', attw, { cwd: ROOT, timeoutMs: NPM_TIMEOUT_MS });
  console.log('package: attw ok');
}

/** kinit and token by the installed command; Apache is the judge. @param {string} folder */
async function checkTokens(folder) {
  await ensurePackages(DEMO_PACKAGES, console.log);
  const realm = await startMitRealm();
  const apache = await startApache(realm);
  const krb5 = `${folder}/node_modules/${PACKAGE}/dist/cli/main.js`;
  const runtimes = [
    { name: 'npx krb5', command: 'npx', first: ['--no-install', 'krb5'] },
    { name: 'Bun', command: await installBun(), first: [krb5] },
  ];
  for (const { name, command, first } of runtimes) {
    const token = await makeToken(realm, folder, command, first);
    const { status, user } = await ask(`${apache.url}/krb`, token);
    if (status !== 200 || user !== `alice@${realm.realm}`)
      throw new Error(`${name}: Apache answered ${status} for ${user}\n${apache.errorLog()}`);
    console.log(`package: ${name}: Apache accepts the token of ${user}`);
  }
}

/**
 * Command line contract: `krb5 kinit NAME` reads the password from standard input, MIT's `klist -e` shows the ticket,
 * `krb5 token SERVICE` prints base64; both go by KRB5_CONFIG and KRB5CCNAME.
 * @param {import('./realServers/index.mjs').AttachedRealm} realm
 * @param {string} folder @param {string} command @param {string[]} first
 */
async function makeToken(realm, folder, command, first) {
  const ccache = realm.newCcache();
  const options = { cwd: folder, env: { ...process.env, ...realm.env({ ccache }) } };
  await mustRun(command, [...first, 'kinit', 'alice'], { ...options, input: `${realm.users.alice}\n` });
  const list = await mustRun('klist', ['-e'], options);
  if (!list.stdout.includes(`krbtgt/${realm.realm}@${realm.realm}`))
    throw new Error(`MIT klist does not show the ticket:\n${list.stdout}`);
  const { stdout } = await mustRun(command, [...first, 'token', 'HTTP@localhost'], options);
  return stdout.trim();
}

/** @param {string} url @param {string} token @returns {Promise<{status?: number, user?: string}>} */
function ask(url, token) {
  return new Promise((done, fail) => {
    get(url, { headers: { authorization: `Negotiate ${token}` } }, (response) => {
      response.resume();
      done({ status: response.statusCode, user: String(response.headers['x-remote-user']) });
    }).once('error', fail);
  });
}

/** Bun from the npm registry: its package, or where install scripts are off the platform's own package. */
async function installBun() {
  const folder = temporaryFolder('krb5-bun-');
  const machine = process.arch === 'arm64' ? 'aarch64' : 'x64';
  const candidates = [
    { spec: 'bun', path: 'node_modules/.bin/bun' },
    { spec: `@oven/bun-linux-${machine}`, path: `node_modules/@oven/bun-linux-${machine}/bin/bun` },
  ];
  /** @type {unknown[]} */
  const failures = [];
  for (const { spec, path } of candidates) {
    try {
      await npm(folder, 'install', '--no-audit', '--no-fund', '--no-save', '--prefix', folder, spec);
      await mustRun(`${folder}/${path}`, ['--version']);
      return `${folder}/${path}`;
    } catch (error) {
      failures.push(error);
    }
  }
  throw new AggregateError(failures, `Bun cannot be installed from the npm registry: ${failures.join('; ')}`);
}

/** @param {string} cwd @param {string[]} rest */
function npm(cwd, ...rest) {
  return mustRun('npm', rest, { cwd, timeoutMs: NPM_TIMEOUT_MS });
}
