/**
 * Certificates of the TLS servers: one signed with RSA and SHA-256, one with ECDSA and SHA-384, each by an authority
 * of its own, so that channel bindings of type tls-server-end-point differ in their hash (RFC 5929 section 4.1).
 */

import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { mustRun } from './processes.mjs';

const NAMES = 'subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1';
const KINDS = /** @type {const} */ ({
  rsa: { key: ['-newkey', 'rsa:2048'], hash: 'sha256' },
  ecdsa: { key: ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-384'], hash: 'sha384' },
});

/** What is being made, by folder. @type {Map<string, Promise<void>>} */
const making = new Map();

/**
 * Makes the certificates of a realm's TLS servers once; later calls find them.
 * @param {{dir: string}} realm @returns {Promise<import('./index.mjs').Certificates>}
 */
export async function certificates(realm) {
  const folder = `${realm.dir}/tls`;
  const made = making.get(folder) ?? makeAll(folder);
  making.set(folder, made);
  await made;
  return { ca: `${folder}/ca.pem`, rsa: pair(folder, 'rsa'), ecdsa: pair(folder, 'ecdsa') };
}

/** @param {string} folder */
async function makeAll(folder) {
  if (existsSync(folder)) return;
  const fresh = `${folder}.${process.pid}`;
  mkdirSync(fresh);
  await Promise.all([make(fresh, 'rsa'), make(fresh, 'ecdsa')]);
  const authorities = ['rsa', 'ecdsa'].map((kind) => readFileSync(`${fresh}/${kind}-ca.pem`, 'utf8'));
  writeFileSync(`${fresh}/ca.pem`, authorities.join(''));
  renameSync(fresh, folder);
}

/** @param {string} folder @param {keyof typeof KINDS} kind */
function pair(folder, kind) {
  return { certificate: `${folder}/${kind}.pem`, key: `${folder}/${kind}.key`, hash: KINDS[kind].hash };
}

/** An authority and a certificate it signs. @param {string} folder @param {keyof typeof KINDS} kind */
async function make(folder, kind) {
  const { key, hash } = KINDS[kind];
  const common = ['req', '-x509', '-nodes', `-${hash}`, '-days', '30', ...key];
  const authority = `${folder}/${kind}-ca`;
  await mustRun('openssl', [
    ...[...common, '-subj', `/CN=Test authority ${kind}`],
    ...[
      '-addext',
      'keyUsage=critical,keyCertSign',
      '-keyout',
      `${authority}.key`,
      '-out',
      `${authority}.pem`,
    ],
  ]);
  await mustRun('openssl', [
    ...[...common, '-subj', '/CN=localhost', '-addext', NAMES],
    ...['-addext', 'basicConstraints=critical,CA:FALSE', '-addext', 'extendedKeyUsage=serverAuth'],
    ...['-CA', `${authority}.pem`, '-CAkey', `${authority}.key`],
    ...['-keyout', `${folder}/${kind}.key`, '-out', `${folder}/${kind}.pem`],
  ]);
}
