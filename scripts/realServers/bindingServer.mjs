/**
 * An HTTPS acceptor that enforces channel bindings, with MIT's library (bindingServer.py): mod_auth_gssapi has no notion
 * of them, and MIT's acceptors let clients without bindings in.
 */

import { mkdtempSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { certificates } from './apacheTls.mjs';
import { start } from './processes.mjs';

/** The ports that it has bound, in the order of its arguments. */
const PORTS = /^ports (\d+) (\d+)$/m;
const PROGRAM = fileURLToPath(new URL('bindingServer.py', import.meta.url));

/**
 * @param {import('./index.mjs').AttachedRealm} realm
 * @returns {Promise<import('./index.mjs').BindingServer>}
 */
export async function startBindingServer(realm) {
  const tls = await certificates(realm);
  const folder = mkdtempSync(`${realm.dir}/binding-`);
  const words = [tls.rsa, tls.ecdsa].map(({ certificate, key, hash }) => [certificate, key, hash].join(':'));
  const server = await start('/usr/bin/python3', [PROGRAM, ...words], {
    env: {
      ...realm.env(),
      KRB5_KTNAME: `FILE:${realm.keytabs.http}`,
      KRB5RCACHENAME: `file2:${folder}/rcache`,
      PYTHONDONTWRITEBYTECODE: '1',
    },
    log: `${folder}/output.log`,
    name: 'bindingServer.py',
    readyWhen: (running) => PORTS.test(running.logText()),
  });
  const [, rsa, ecdsa] = PORTS.exec(server.logText()) ?? [];
  return {
    ca: tls.ca,
    rsa: `https://localhost:${rsa}`,
    ecdsa: `https://localhost:${ecdsa}`,
    log: () => server.logText(),
    stop: () => server.stop(),
  };
}
