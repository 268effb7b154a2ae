/** Anonymous contexts (RFC 8062) with a ticket that MIT's kinit -n got by anonymous PKINIT, at MIT's and our acceptor. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ensurePackages,
  freePort,
  mustRun,
  type RunningProcess,
  start,
  tcpListening,
} from '../../scripts/realServers/index.mjs';
import { ANONYMOUS, displayName, GSS_NAME_TYPES } from '../../src/gss/name.js';
import { type Client, fromCcache, GSS_FLAGS, parseConfig } from '../../src/index.js';
import { Acceptor } from '../../src/testing/index.js';
import { GssapiPeer } from './gssapiPeer.js';
import { passwordClient } from './library.js';
import { servers } from './servers.js';

const { realm } = servers();
const folder = `${realm.dir}/pkinit-${process.pid}`;
const SERVICE = 'host@localhost';
const NOBODY = 'WELLKNOWN/ANONYMOUS@WELLKNOWN:ANONYMOUS';

let kdc: RunningProcess;
let peer: GssapiPeer;
let nobody: Client;

/** A certificate that clients take for the KDC's: its purpose and name as in RFC 4556 section 3.2.4. */
async function makeCertificate(): Promise<void> {
  writeFileSync(
    `${folder}/openssl.conf`,
    `[req]
distinguished_name = dn
prompt = no
[dn]
CN = kdc
[ca]
basicConstraints = critical,CA:TRUE
keyUsage = keyCertSign,cRLSign
subjectKeyIdentifier = hash
[kdc]
basicConstraints = CA:FALSE
keyUsage = digitalSignature,keyEncipherment,keyAgreement
extendedKeyUsage = 1.3.6.1.5.2.3.5
authorityKeyIdentifier = keyid
subjectAltName = otherName:1.3.6.1.5.2.2;SEQUENCE:name
[name]
realm = EXP:0,GeneralString:${realm.realm}
principal = EXP:1,SEQUENCE:principal
[principal]
type = EXP:0,INTEGER:2
parts = EXP:1,SEQUENCE:parts
[parts]
service = GeneralString:krbtgt
realm = GeneralString:${realm.realm}
`,
  );
  const conf = ['-config', `${folder}/openssl.conf`];
  const openssl = (...args: string[]) => mustRun('openssl', args, { cwd: folder });
  const key = ['-newkey', 'rsa:2048', '-nodes'];
  await openssl(
    'req',
    '-x509',
    ...conf,
    ...key,
    '-extensions',
    'ca',
    '-subj',
    '/CN=ca',
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
  );
  await openssl('req', '-new', ...conf, ...key, '-keyout', 'kdc.key', '-out', 'kdc.csr');
  const issuer = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial'];
  const extensions = ['-extfile', 'openssl.conf', '-extensions', 'kdc'];
  await openssl('x509', '-req', '-in', 'kdc.csr', ...issuer, ...extensions, '-days', '2', '-out', 'kdc.pem');
}

/** A further KDC of the realm that has the certificate; gives a client's krb5.conf. */
async function startKdc(): Promise<string> {
  const port = await freePort();
  const main = `${realm.dir}/kdc`;
  const identity = `pkinit_identity = FILE:${folder}/kdc.pem,${folder}/kdc.key`;
  const kdcConf = readFileSync(`${main}/kdc.conf`, 'utf8')
    .replaceAll(`:${realm.kdcPort}`, `:${port}`)
    .replaceAll(`${main}/`, `${folder}/`)
    .replace(
      'master_key_type',
      `${identity}\n    pkinit_anchors = FILE:${folder}/ca.pem\n    master_key_type`,
    );
  writeFileSync(`${folder}/kdc.conf`, kdcConf);
  kdc = await start('krb5kdc', ['-n', '-r', realm.realm], {
    env: {
      ...realm.env(),
      KRB5_CONFIG: `${main}/krb5.conf`,
      KRB5_KDC_PROFILE: `${folder}/kdc.conf`,
      KRB5RCACHENAME: `file2:${realm.dir}/rcache/pkinit-${process.pid}`,
    },
    log: `${folder}/output.log`,
    readyWhen: () => tcpListening(port),
  });
  const krb5Conf = readFileSync(realm.krb5Conf, 'utf8')
    .replaceAll(`:${realm.kdcPort}`, `:${port}`)
    .replace('admin_server', `pkinit_anchors = FILE:${folder}/ca.pem\n    admin_server`);
  writeFileSync(`${folder}/krb5.conf`, krb5Conf);
  return `${folder}/krb5.conf`;
}

beforeAll(async () => {
  await ensurePackages(['krb5-pkinit', 'openssl']);
  mkdirSync(folder, { recursive: true });
  await makeCertificate();
  await realm.kadmin(['addprinc -randkey WELLKNOWN/ANONYMOUS']);
  const krb5Conf = await startKdc();
  const ccache = realm.newCcache();
  const kinit = await realm.run('kinit', ['-n'], { ccache, env: { KRB5_CONFIG: krb5Conf } });
  expect(kinit).toMatchObject({ status: 0 });
  peer = new GssapiPeer({ ...realm.env({ ccache }), KRB5_CONFIG: krb5Conf });
  nobody = await fromCcache({
    ccache,
    config: parseConfig(readFileSync(krb5Conf, 'utf8')),
    clientKeytab: false,
  });
});
afterAll(async () => {
  peer?.stop();
  await kdc?.stop();
});

describe('an anonymous context', () => {
  it.each(['krb5', 'spnego'] as const)('names nobody to MIT’s acceptor (%s)', async (mechanism) => {
    expect(nobody.principal).toEqual(ANONYMOUS);
    const flags = GSS_FLAGS.mutual | GSS_FLAGS.integrity | GSS_FLAGS.anonymous;
    const context = await nobody.securityContext(SERVICE, { mechanism, flags });
    const theirs = await peer.accept(`ours ${mechanism}`, context.step().token!);
    expect(theirs).toMatchObject({ done: true, source: NOBODY });
    context.step(theirs.token);
    expect(context).toMatchObject({ established: true, flags });
  });

  it('of MIT’s initiator is known as such by our acceptor', async () => {
    const acceptor = new Acceptor({ keytab: new Uint8Array(readFileSync(realm.keytabs.services)) });
    const { token } = await peer.initiate('theirs', { target: SERVICE, flags: GSS_FLAGS.integrity });
    const { client, context } = acceptor.accept(token!);
    expect(displayName(client!)).toEqual({ text: NOBODY, nameType: GSS_NAME_TYPES.anonymous });
    expect(context.flags & GSS_FLAGS.anonymous).toBe(GSS_FLAGS.anonymous);
  });

  it('is refused to a client who is somebody', async () => {
    const context = passwordClient('alice').securityContext(SERVICE, { flags: GSS_FLAGS.anonymous });
    await expect(context).rejects.toMatchObject({ code: 'ERR_NOT_ANONYMOUS' });
  });
});
