/**
 * Keeps a realm, a web server (HTTP and HTTPS) and a proxy running, all of which want Negotiate, for trying out the
 * cookbook:
 *
 *   npm run demo -- --serve [--http 8080] [--https 8443] [--proxy 3128]
 *
 * What it prints is comments and `export` lines for a shell. It ends with Ctrl-C.
 */
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { tlsServerEndPoint } from '../dist/gss/tlsBindings.js';
import { TestRealm } from '../dist/testing/index.js';
import { selfSignedCertificate } from './demoCertificate.mjs';
import { negotiateProxy } from './demoProxy.mjs';

const PASSWORD = 'correct horse battery staple';
const SERVICE = 'HTTP/localhost';

/** @param {string[]} args */
export async function serve(args) {
  const ports = portsOf(args);
  const folder = mkdtempSync(join(tmpdir(), 'krb5-client-demo-'));
  const realm = await TestRealm.start({
    principals: { alice: { password: PASSWORD }, [SERVICE]: {} },
    libdefaults: { forwardable: 'true' },
  });
  const { key, cert } = selfSignedCertificate();
  const channelBindings = tlsServerEndPoint(new Uint8Array(new X509Certificate(cert).raw));
  const servers = {
    http: createServer(page(realm)),
    https: createTlsServer({ key, cert }, page(realm, { channelBindings })),
    proxy: negotiateProxy(realm.acceptor(SERVICE)),
  };
  const stop = async () => {
    for (const server of Object.values(servers)) {
      server.close();
      server.closeAllConnections();
    }
    await realm.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    for (const [name, server] of Object.entries(servers)) await listen(server, ports[name], name);
    const [conf, ca, keytab] = ['krb5.conf', 'ca.pem', 'alice.keytab'].map((name) => join(folder, name));
    writeFileSync(conf, realm.krb5Conf);
    writeFileSync(ca, cert);
    writeFileSync(keytab, realm.keytab('alice'), { mode: 0o600 });
    console.log(explain(ports, realm, conf, ca, keytab));
    await new Promise((resolve) => process.once('SIGINT', resolve).once('SIGTERM', resolve));
  } finally {
    await stop();
  }
}

function portsOf(args) {
  const option = (number) => ({ type: 'string', default: String(number) });
  const options = {
    serve: { type: 'boolean' },
    http: option(8080),
    https: option(8443),
    proxy: option(3128),
  };
  const { values } = parseArgs({ args, options });
  return { http: Number(values.http), https: Number(values.https), proxy: Number(values.proxy) };
}

/** Says who asked, and whether the token was bound to the TLS channel. */
function page(realm, options = {}) {
  const answer = (request, response, { user, context }) => {
    let octets = 0;
    request.on('data', (chunk) => {
      octets += chunk.length;
    });
    request.on('end', () => {
      const bound = context.channelBound ? ', bound to the TLS channel' : '';
      response.end(`hello ${user}: ${request.method} ${request.url}, ${octets} octets${bound}\n`);
    });
  };
  return realm.httpHandler(SERVICE, answer, options);
}

function listen(server, port, name) {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      const hint =
        error.code === 'EADDRINUSE'
          ? `port ${port} is taken; choose another one: --${name} PORT`
          : error.message;
      reject(new Error(hint));
    });
    server.listen(port, 'localhost', resolve);
  });
}

function explain(ports, realm, conf, ca, keytab) {
  return [
    `# Realm ${realm.realm}, KDC ${realm.kdc}; user alice, password "${PASSWORD}", keytab ${keytab}`,
    `# http://localhost:${ports.http}/ and https://localhost:${ports.https}/ want Negotiate (${SERVICE})`,
    `# http://localhost:${ports.proxy} is a proxy that wants Negotiate (${SERVICE})`,
    '# In another terminal:',
    `export KRB5_CONFIG=${conf}`,
    `export NODE_EXTRA_CA_CERTS=${ca}`,
    '# Ctrl-C ends everything.',
  ].join('\n');
}
