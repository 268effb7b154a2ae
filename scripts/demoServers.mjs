/** The servers of the demo: a realm in this process, or programs that others wrote. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestRealm } from '../dist/testing/index.js';

/**
 * @typedef {object} DemoServers
 * @property {string} what  the servers in words
 * @property {string} realm
 * @property {string} kdc  host:port
 * @property {string} password  of alice
 * @property {string} krb5Conf  path
 * @property {string} server  name of the web server
 * @property {string} url  page that wants Negotiate
 * @property {(ccache: string) => Promise<string>} [klist]  output of MIT's klist, if there is one
 * @property {() => Promise<void>} stopKdc
 * @property {() => Promise<void>} stop  ends everything
 */

/** A realm and a web server in this process. @returns {Promise<DemoServers>} */
export async function embeddedServers() {
  const password = 'correct horse battery staple';
  const realm = await TestRealm.start({ principals: { alice: { password }, 'HTTP/localhost': {} } });
  const handler = realm.httpHandler('HTTP/localhost', (_request, response, { user }) => {
    response.end(`REMOTE_USER=${user}\n`);
  });
  const web = createServer(handler);
  await new Promise((resolve) => web.listen(0, '127.0.0.1', () => resolve(undefined)));
  const folder = mkdtempSync(join(tmpdir(), 'krb5-client-demo-'));
  const krb5Conf = join(folder, 'krb5.conf');
  writeFileSync(krb5Conf, realm.krb5Conf);
  return {
    what: "the realm of krb5-client/testing and a node:http server, both in this process (--real: MIT's KDC and Apache)",
    realm: realm.realm,
    kdc: realm.kdc,
    password,
    krb5Conf,
    server: 'node:http',
    url: `http://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (web.address()).port}/`,
    stopKdc: () => realm.stop(),
    async stop() {
      web.closeAllConnections();
      web.close();
      await realm.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** MIT's KDC and Apache. @param {(line: string) => void} report @returns {Promise<DemoServers>} */
export async function realServers(report) {
  const { DEMO_PACKAGES, ensurePackages, startApache, startMitRealm, stopAll } = await import(
    './realServers/index.mjs'
  );
  await ensurePackages(DEMO_PACKAGES, report);
  const realm = await startMitRealm();
  const apache = await startApache(realm);
  return {
    what: 'MIT krb5kdc, and Apache with mod_auth_gssapi',
    realm: realm.realm,
    kdc: realm.kdc,
    password: realm.users.alice ?? '',
    krb5Conf: realm.krb5Conf,
    server: 'Apache',
    url: `${apache.url}/krb`,
    klist: async (ccache) => (await realm.run('klist', ['-e'], { ccache })).stdout.trimEnd(),
    stopKdc: () => realm.stopKdc(),
    stop: stopAll,
  };
}
