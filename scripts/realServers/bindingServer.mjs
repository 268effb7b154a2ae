/**
 * An HTTPS acceptor that enforces channel bindings, with MIT's library (bindingServer.py): mod_auth_gssapi has no notion
 * of them, and MIT's acceptors let clients without bindings in.
 */

import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { certificates } from './apacheTls.mjs';
import { freePort, tcpListening } from './ports.mjs';
import { start, textOf } from './processes.mjs';

const PROGRAM = fileURLToPath(new URL('bindingServer.py', import.meta.url));

/**
 * @param {import('./index.mjs').AttachedRealm} realm
 * @returns {Promise<import('./index.mjs').BindingServer>}
 */
export async function startBindingServer(realm) {
  const tls = await certificates(realm);
  const ports = { rsa: await freePort(), ecdsa: await freePort() };
  const folder = `${realm.dir}/binding-${ports.rsa}`;
  mkdirSync(folder, { recursive: true });
  const log = `${folder}/output.log`;
  const words = [argument(ports.rsa, tls.rsa), argument(ports.ecdsa, tls.ecdsa)];
  const server = await start('/usr/bin/python3', [PROGRAM, ...words], {
    env: {
      ...realm.env(),
      KRB5_KTNAME: `FILE:${realm.keytabs.http}`,
      KRB5RCACHENAME: `file2:${folder}/rcache`,
      PYTHONDONTWRITEBYTECODE: '1',
    },
    log,
    name: 'bindingServer.py',
    readyWhen: () => tcpListening(ports.rsa) && tcpListening(ports.ecdsa),
  });
  return {
    ca: tls.ca,
    rsa: `https://localhost:${ports.rsa}`,
    ecdsa: `https://localhost:${ports.ecdsa}`,
    log: () => textOf(log),
    stop: () => server.stop(),
  };
}

/** @param {number} port @param {import('./index.mjs').CertificateFiles} files */
function argument(port, { certificate, key, hash }) {
  return [port, certificate, key, hash].join(':');
}
