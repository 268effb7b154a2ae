/** The embedded realm, with this library's own client. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Client,
  decodeKeytab,
  fromKeytab,
  fromPassword,
  hasFlag,
  Key,
  type LoginOptions,
  parseConfig,
  TICKET_FLAGS,
} from '../../src/index.js';
import { TestRealm } from '../../src/testing/index.js';
import { codeOf } from './clients.js';

const USERS = {
  alice: { password: 'secret' },
  open: { password: 'secret', requiresPreauth: false },
  salted: { password: 'secret', salt: 'a salt of its own', etypes: [20] },
  expired: { password: 'secret', expired: true },
  pwexpired: { password: 'secret', passwordExpired: true },
  locked: { password: 'secret', locked: true },
  short: { password: 'secret', maxLifeSeconds: 600 },
  random: {},
  'HTTP/localhost': {},
} as const;

let realm: TestRealm;
beforeAll(async () => {
  realm = await TestRealm.start({ realm: 'EXAMPLE.TEST', principals: USERS });
});
afterAll(() => realm.stop());

function client(name = 'alice', password = 'secret'): Client {
  return fromPassword(name, password, { config: realm.config });
}

describe('login', () => {
  it('gives a ticket-granting ticket', async () => {
    const { credential, replyEtype } = await client().login();
    expect(credential.server.components).toEqual(['krbtgt', 'EXAMPLE.TEST']);
    expect(replyEtype).toBe(18);
    expect(hasFlag(credential.flags, TICKET_FLAGS.initial)).toBe(true);
    expect(hasFlag(credential.flags, TICKET_FLAGS.preAuthent)).toBe(true);
    expect(hasFlag(credential.flags, TICKET_FLAGS.encPaRep)).toBe(true);
    expect(credential.endTime - credential.authTime).toBe(10 * 3600);
  });

  it('works without pre-authentication', async () => {
    const { credential } = await client('open').login();
    expect(hasFlag(credential.flags, TICKET_FLAGS.preAuthent)).toBe(false);
  });

  it('knows salts and encryption types of its own', async () => {
    expect((await client('salted').login()).replyEtype).toBe(20);
  });

  it('works with a keytab', async () => {
    const keytab = realm.keytabFile('random');
    expect(statSync(keytab).mode & 0o777).toBe(0o600);
    const random = await fromKeytab({ keytab, config: realm.config });
    expect((await random.login()).credential.client.components).toEqual(['random']);
  });

  it.each([
    ['alice', 'wrong', 'KDC_ERR_PREAUTH_FAILED'],
    ['nobody', 'secret', 'KDC_ERR_C_PRINCIPAL_UNKNOWN'],
    ['expired', 'secret', 'KDC_ERR_NAME_EXP'],
    ['pwexpired', 'secret', 'KDC_ERR_KEY_EXPIRED'],
    ['locked', 'secret', 'KDC_ERR_CLIENT_REVOKED'],
  ])('refuses %s with the password %s: %s', async (name, password, code) => {
    expect(await codeOf(client(name, password).login())).toBe(code);
  });

  it('lets an expired password ask for kadmin/changepw', async () => {
    const service = { nameType: 2, components: ['kadmin', 'changepw'], realm: 'EXAMPLE.TEST' };
    expect((await client('pwexpired').login({ service })).credential.server).toEqual(service);
  });

  it.each<[LoginOptions, number, number]>([
    [{ lifetimeSeconds: 600 }, 600, 0],
    [{ lifetimeSeconds: 600, renewLifetimeSeconds: 3600 }, 600, 3600],
    [{ lifetimeSeconds: 600, renewLifetimeSeconds: 30 * 86_400 }, 600, 7 * 86_400],
    [{ lifetimeSeconds: 20 * 3600 }, 10 * 3600, 20 * 3600],
  ])('%j: a life of %i s, renewable for %i s', async (options, life, renewable) => {
    const { authTime, endTime, renewTill } = (await client().login(options)).credential;
    const slack = (seconds: number): number => Math.round(seconds / 60) * 60;
    expect(slack(endTime - authTime)).toBe(life);
    expect(renewTill === 0 ? 0 : slack(renewTill - authTime)).toBe(renewable);
  });

  it('keeps to the limits of the account', async () => {
    const { authTime, endTime } = (await client('short').login()).credential;
    expect(endTime - authTime).toBe(600);
  });

  it.each([17, 18, 19, 20])('in encryption type %i alone', async (etype) => {
    const text = `${realm.krb5Conf}[libdefaults]\n  permitted_enctypes = ${ETYPE_NAMES[etype]}\n`;
    const alone = fromPassword('alice', 'secret', { config: parseConfig(text) });
    const { credential, replyEtype } = await alone.login();
    expect([replyEtype, credential.sessionKey.etype]).toEqual([etype, etype]);
    expect((await alone.serviceTicket('HTTP@localhost')).sessionKey.etype).toBe(etype);
  });
});

const ETYPE_NAMES: Readonly<Record<number, string>> = {
  17: 'aes128-cts-hmac-sha1-96',
  18: 'aes256-cts-hmac-sha1-96',
  19: 'aes128-cts-hmac-sha256-128',
  20: 'aes256-cts-hmac-sha384-192',
};

describe('the realm', () => {
  it('listens on both protocols of its port', async () => {
    const tcpOnly = `${realm.krb5Conf}[libdefaults]\n  udp_preference_limit = 1\n`;
    const config = parseConfig(tcpOnly);
    expect((await fromPassword('alice', 'secret', { config }).login()).replyEtype).toBe(18);
  });

  it('listens on ::1 too where there is one', async () => {
    const config = parseConfig(realm.krb5Conf.replace('127.0.0.1', '[::1]'));
    const addresses = Object.values(networkInterfaces()).flatMap((all) => all?.map(({ address }) => address));
    const login = fromPassword('alice', 'secret', { config }).login();
    expect(await codeOf(login)).toBe(addresses.includes('::1') ? 'no error' : 'ERR_KDC_UNREACHABLE');
  });

  it('sends what is too big for UDP over TCP', async () => {
    await using narrow = await TestRealm.start({ principals: USERS, maxUdpReplyOctets: 250 });
    const events: string[] = [];
    const alice = fromPassword('alice', 'secret', {
      config: narrow.config,
      trace: ({ text }) => events.push(text),
    });
    await alice.login();
    expect(events.join('\n')).toMatch(/tcp/i);
  });

  it('goes by its clock', async () => {
    await using early = await TestRealm.start({ principals: USERS, nowMs: () => Date.now() - 3_600_000 });
    const strict = parseConfig(`${early.krb5Conf}[libdefaults]\n  kdc_timesync = false\n`);
    expect(await codeOf(fromPassword('alice', 'secret', { config: strict }).login())).toBe('KRB_AP_ERR_SKEW');
    expect(await codeOf(fromPassword('open', 'secret', { config: strict }).login())).toBe('ERR_CLOCK_SKEW');
  });

  it('takes keys as they are', async () => {
    const key = new Key(17, new Uint8Array(16).fill(7));
    await using other = await TestRealm.start({ principals: { 'HTTP/localhost': { keys: [key], kvno: 9 } } });
    const [entry, ...more] = decodeKeytab(other.keytab('HTTP/localhost'));
    expect(more).toEqual([]);
    expect(entry!.kvno).toBe(9);
    expect(entry!.key.equals(key)).toBe(true);
  });

  it('has RC4 keys, tickets and session keys when told so, for clients that allow RC4', async () => {
    const rc4 = { etypes: [23], sessionEtypes: [23] };
    const principals = { alice: { password: 'secret', ...rc4 }, 'HTTP/localhost': rc4 };
    const settings = { principals, etypes: [18, 23], libdefaults: { allow_rc4: 'true' } };
    await using other = await TestRealm.start(settings);
    const alice = fromPassword('alice', 'secret', { config: other.config });
    expect((await alice.login()).replyEtype).toBe(23);
    const ticket = await alice.serviceTicket('HTTP@localhost');
    expect(ticket.sessionKey.etype).toBe(23);
    expect(decodeKeytab(other.keytab('HTTP/localhost')).map(({ key }) => key.etype)).toEqual([23]);
    await using strict = await TestRealm.start({ principals });
    expect(await codeOf(fromPassword('alice', 'secret', { config: strict.config }).login())).toBe(
      'KDC_ERR_ETYPE_NOSUPP',
    );
  });

  it('changes principals while it runs', async () => {
    await using other = await TestRealm.start();
    const login = (password: string) => fromPassword('carol', password, { config: other.config }).login();
    expect(await codeOf(login('one'))).toBe('KDC_ERR_C_PRINCIPAL_UNKNOWN');
    await other.addPrincipal('carol', { password: 'one' });
    await login('one');
    await other.addPrincipal('carol', { password: 'two' });
    expect(await codeOf(login('one'))).toBe('KDC_ERR_PREAUTH_FAILED');
  });

  it('leaves nothing when it stops', async () => {
    const other = await TestRealm.start({ principals: USERS });
    const files = [other.krb5ConfFile, other.keytabFile('random')];
    expect(readFileSync(files[0]!, 'utf8')).toBe(other.krb5Conf);
    expect(statSync(files[0]!).mode & 0o777).toBe(0o600);
    const { config } = other;
    await other[Symbol.asyncDispose]();
    await other.stop();
    expect(files.map((file) => existsSync(file))).toEqual([false, false]);
    expect(await codeOf(fromPassword('alice', 'secret', { config }).login())).toBe('ERR_KDC_UNREACHABLE');
  });

  it.each([
    ['an unsupported encryption type', { etypes: [24] }],
    ['no encryption type', { principals: { alice: { password: 'secret', etypes: [] } } }],
    ['a principal of another realm', { principals: { 'alice@OTHER.TEST': {} } }],
  ])('refuses %s', async (_what, options) => {
    await expect(TestRealm.start(options)).rejects.toThrow(RangeError);
  });

  it('refuses names that it does not have', () => {
    expect(() => realm.keytab('nobody')).toThrow(RangeError);
    expect(() => realm.acceptor('HTTP/nowhere')).toThrow(RangeError);
    expect(() => realm.trust(realm)).toThrow(RangeError);
  });
});
