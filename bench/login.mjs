/**
 * A whole login: AS exchange with pre-authentication (two round trips), TGS exchange, first token, against a KDC in
 * memory. With a password it is compared with PBKDF2 alone, which no client can do without; the same with a key shows
 * what the library adds. The KDC's own work is part of both figures and is printed beside them.
 */
import { fromKey, fromPassword, parseConfig } from '../dist/client/identities.js';
import { Key } from '../dist/crypto/key.js';
import { stringToKey } from '../dist/crypto/stringToKey.js';
import { rawPbkdf2 } from './crypto.mjs';
import { median } from './measure.mjs';

const REALM = 'EXAMPLE.TEST';
const PASSWORD = 'correct horse battery staple';
const octets = (text) => new TextEncoder().encode(text);
const SALT = octets(`${REALM}alice`);

/** Rows of the suite. */
export async function loginBench({ time, compare }, peers) {
  const rows = [];
  for (const etype of [18, 20]) {
    const key = await stringToKey(etype, octets(PASSWORD), SALT);
    const kdc = memoryKdc(peers, key);
    const options = { config: config(etype), connection: kdc.connection };
    const run = async (base, measured) => {
      kdc.spentUs.length = 0;
      const figures = await measured;
      rows.push({ suite: 'login', etype, ...base, ...figures, kdcUs: kdc.medianUs() });
    };
    const withPassword = () => login(fromPassword('alice', PASSWORD, options), kdc);
    const pbkdf2 = rawPbkdf2(etype, octets(PASSWORD), SALT);
    await run({ name: 'login with password' }, compare(withPassword, pbkdf2));
    await run(
      { name: 'login with key' },
      time(() => login(fromKey('alice', new Key(etype, key.value), options), kdc)),
    );
  }
  return rows.map(withPbkdf2Share);
}

async function login(client, kdc) {
  await client.login();
  const context = await client.securityContext('HTTP/www.example.test');
  const { token } = context.step();
  kdc.finish();
  return token;
}

/** PBKDF2's part of a login, 0 to 1. */
function withPbkdf2Share(row) {
  return row.ratioToNodeRaw === undefined ? row : { ...row, pbkdf2Share: 1 / row.ratioToNodeRaw };
}

function config(etype) {
  const name = { 18: 'aes256-cts-hmac-sha1-96', 20: 'aes256-cts-hmac-sha384-192' }[etype];
  return parseConfig(
    `[libdefaults]\n default_realm = ${REALM}\n dns_lookup_kdc = false\n permitted_enctypes = ${name}\n`,
  );
}

/** A KDC that knows alice and one service, and notes how long it takes over each login. */
function memoryKdc({ ScriptedKdc, PeerKey }, { etype, value }) {
  const environment = clock();
  const kdc = new ScriptedKdc({ realm: REALM, environment, sessionEtypes: [etype] });
  kdc.addPrincipal('alice', new PeerKey(etype, value));
  kdc.addPrincipal(`krbtgt/${REALM}`, kdc.freshKey(etype));
  kdc.addPrincipal('HTTP/www.example.test', kdc.freshKey(etype));
  const spentUs = [];
  let currentUs = 0;
  return {
    spentUs,
    async connection({ message, tcpOnly }) {
      const start = performance.now();
      const reply = kdc.reply(message, tcpOnly);
      currentUs += (performance.now() - start) * 1000;
      return reply;
    },
    finish() {
      spentUs.push(currentUs);
      currentUs = 0;
      kdc.requests.length = 0;
      kdc.timestamps.length = 0;
    },
    medianUs: () => median(spentUs),
  };
}

function clock() {
  return { nowMs: () => Date.now(), randomBytes: (count) => crypto.getRandomValues(new Uint8Array(count)) };
}
