/** MIT's sample gss-server (IPv4 only, one client at a time) with its log at hand. */

import { mkdirSync } from 'node:fs';
import { faketimeEnv } from './debian.mjs';
import { freePort, tcpListening } from './ports.mjs';
import { start, textOf } from './processes.mjs';

/**
 * @param {import('./index.mjs').AttachedRealm} realm @param {import('./index.mjs').GssServerOptions} [options]
 * @returns {Promise<import('./index.mjs').GssServer>}
 */
export async function startGssServer(realm, options = {}) {
  const { port = await freePort(), service = 'host@localhost', faketime } = options;
  const folder = `${realm.dir}/gss-server-${port}`;
  mkdirSync(folder, { recursive: true });
  const facts = { port, host: '127.0.0.1', service, logFile: `${folder}/gss-server.log` };
  const args = ['-port', String(port), '-verbose', '-keytab', realm.keytabs.services, service];
  const server = await start('stdbuf', ['-oL', '-eL', 'gss-server', ...args], {
    env: {
      ...realm.env({ ccache: `FILE:${folder}/delegated` }),
      KRB5RCACHENAME: `file2:${realm.dir}/rcache/gss-server-${port}`,
      ...faketimeEnv(faketime),
    },
    log: facts.logFile,
    name: 'gss-server',
    readyWhen: () => tcpListening(port),
  });
  return { ...attachGssServer(facts), stop: () => server.stop() };
}

/**
 * @param {import('./index.mjs').GssServerFacts} facts
 * @returns {import('./index.mjs').AttachedGssServer}
 */
export function attachGssServer(facts) {
  return { ...facts, facts: () => facts, log: () => textOf(facts.logFile) };
}
