/** What is negotiated where RC4 (RFC 4757) is about: with MIT's GSS-API (python3-gssapi) on the other side. */
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type MitRealm, RC4, rc4Commands, startMitRealm } from '../../scripts/realServers/index.mjs';
import { utf8 } from '../../src/bytes.js';
import { type Client, type ContextOptions, fromPassword, GSS_FLAGS } from '../../src/index.js';
import { Acceptor } from '../../src/testing/index.js';
import { GssapiPeer } from './gssapiPeer.js';
import { configOf } from './library.js';

const { mutual, replay, sequence, confidentiality, integrity, dceStyle } = GSS_FLAGS;
const FLAGS = mutual | replay | sequence | confidentiality | integrity;
const message = utf8('a message');

let realm: MitRealm;
let keytab: string;
/** Where RC4 is allowed, and where nothing else is. */
let allowed: GssapiPeer;
let only: GssapiPeer;
let side = 0;
const newSide = (): string => `side ${++side}`;

beforeAll(async () => {
  realm = await startMitRealm({ realm: 'RC4GSS.TEST' });
  keytab = `${realm.dir}/keytabs/rc4.keytab`;
  await realm.kadmin(rc4Commands(realm.realm, keytab));
  const peerWith = async (libdefaults: string, name: string): Promise<GssapiPeer> => {
    const conf = `${realm.dir}/${name}.conf`;
    writeFileSync(conf, `[libdefaults]\n${libdefaults}\n${readFileSync(realm.krb5Conf, 'utf8')}`);
    const ccache = realm.newCcache();
    const env = { KRB5_CONFIG: conf };
    const input = `${RC4.password}\n`;
    expect(await realm.run('kinit', [RC4.user], { ccache, env, input })).toMatchObject({ status: 0 });
    return new GssapiPeer({ ...realm.env({ ccache }), ...env, KRB5_KTNAME: `FILE:${keytab}` });
  };
  allowed = await peerWith('allow_rc4 = true', 'allowed');
  only = await peerWith('allow_rc4 = true\npermitted_enctypes = rc4', 'only');
});
afterAll(async () => {
  allowed?.stop();
  only?.stop();
  await realm?.stop();
});

const client = (libdefaults: string): Client =>
  fromPassword(RC4.user, RC4.password, { config: configOf(realm, libdefaults) });
const ALLOWED = 'allow_rc4 = true';
const ONLY_RC4 = `${ALLOWED}\npermitted_enctypes = rc4`;

/** Our context with MIT's acceptor, a message each way, and the type of the key that protects them. */
async function negotiated(
  libdefaults: string,
  peer: GssapiPeer,
  options: ContextOptions,
  service: string = RC4.sessionService,
): Promise<number> {
  const context = await client(libdefaults).securityContext(service, { mechanism: 'krb5', ...options });
  const name = newSide();
  let theirs = await peer.accept(name, context.step().token!);
  if (theirs.token !== undefined) {
    const { token } = context.step(theirs.token);
    if (token !== undefined) theirs = await peer.accept(name, token);
  }
  expect((await peer.unwrap(name, context.wrap(message))).message).toEqual(message);
  expect(context.unwrap(await peer.wrap(name, message)).message).toEqual(message);
  context.verifyMic(message, await peer.mic(name, message));
  await peer.verifyMic(name, message, context.mic(message));
  expect(context.sessionKey.etype).toBe(theirs.etype);
  expect(context.sessionKey.value).toEqual(theirs.key);
  return theirs.etype;
}

describe('our context under a session key of RC4', () => {
  it.each([
    ['is lifted to AES by RFC 4537', ALLOWED, FLAGS, 18],
    ['stays with RC4 where nothing else is permitted here', ONLY_RC4, FLAGS, 23],
    ['stays with RC4 without mutual authentication', ALLOWED, FLAGS & ~mutual, 23],
    ['is lifted to AES in DCE style', ALLOWED, FLAGS | dceStyle, 18],
    ['has an RC4 subkey of the acceptor in DCE style', ONLY_RC4, FLAGS | dceStyle, 23],
  ])('%s', async (_what, libdefaults, flags, etype) => {
    expect(await negotiated(libdefaults, allowed, { flags })).toBe(etype);
  });

  it('stays with RC4 where nothing else is permitted there', async () => {
    for (const flags of [FLAGS, FLAGS | dceStyle]) {
      const libdefaults = `${ALLOWED}\ndefault_tgs_enctypes = rc4`;
      expect(await negotiated(libdefaults, only, { flags }, RC4.keyService)).toBe(23);
    }
  });

  it('is refused where RC4 is not allowed', async () => {
    const alice = fromPassword('alice', realm.users.alice!, { config: configOf(realm) });
    const context = alice.securityContext(RC4.sessionService, { mechanism: 'krb5' });
    await expect(context).rejects.toMatchObject({ code: 'KDC_ERR_ETYPE_NOSUPP' });
  });
});

describe('MIT’s context under a session key of RC4, at our acceptor', () => {
  it.each([
    ['is lifted to AES', undefined, 0, 18],
    ['stays with RC4', [23], 0, 23],
    ['is lifted to AES in DCE style', undefined, dceStyle, 18],
    ['stays with RC4 in DCE style', [23], dceStyle, 23],
  ])('%s', async (_what, etypes, more, etype) => {
    const acceptor = new Acceptor({
      keytab: new Uint8Array(readFileSync(keytab)),
      etypes: etypes ?? [18, 17, 23],
    });
    const name = newSide();
    const target = `${RC4.sessionService}@${realm.realm}`;
    const question = { target, flags: FLAGS | more, name: 'principal' } as const;
    const first = acceptor.accept((await allowed.initiate(name, question)).token!);
    const theirs = await allowed.initiate(name, question, first.token);
    if (theirs.token !== undefined) acceptor.accept(theirs.token, first.context);
    expect(theirs.etype).toBe(etype);
    expect((await allowed.unwrap(name, first.context.wrap(message))).message).toEqual(message);
    expect(first.context.unwrap(await allowed.wrap(name, message)).message).toEqual(message);
  });

  it('is refused unless RC4 is permitted', async () => {
    const acceptor = new Acceptor({ keytab: new Uint8Array(readFileSync(keytab)), etypes: [18, 17] });
    const target = `${RC4.sessionService}@${realm.realm}`;
    const { token } = await allowed.initiate(newSide(), { target, flags: FLAGS, name: 'principal' });
    expect(() => acceptor.accept(token!)).toThrowError(
      expect.objectContaining({ code: 'KDC_ERR_ETYPE_NOSUPP' }),
    );
  });
});
