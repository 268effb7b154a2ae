/** RC4 (RFC 4757) with MIT's KDC and MIT's libkrb5 as the service; and what happens where it is not allowed. */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ensurePackages,
  type MitRealm,
  mustRun,
  RC4,
  rc4Commands,
  startMitRealm,
  temporaryFolder,
} from '../../scripts/realServers/index.mjs';
import { fromHex, toHex, utf8 } from '../../src/bytes.js';
import { systemEnvironment } from '../../src/client/system.js';
import { checkApRep, makeApReq } from '../../src/exchange/ap.js';
import { freshSubkey } from '../../src/exchange/tgs.js';
import {
  type Client,
  type ClientOptions,
  type Credential,
  fromCcache,
  fromKeytab,
  fromPassword,
  type Krb5Config,
} from '../../src/index.js';
import { decode } from '../../src/messages/module.js';
import { configOf, failure } from './library.js';

const SOURCE = fileURLToPath(new URL('apAcceptor.c', import.meta.url));
const RC4_CHECKSUM = -138;
const ALLOWED = 'allow_rc4 = true';
const ONLY_RC4 = `${ALLOWED}\npermitted_enctypes = rc4`;
const environment = systemEnvironment();
let realm: MitRealm;
let keytab: string;
let acceptor: string;

beforeAll(async () => {
  await ensurePackages(['gcc', 'libc6-dev', 'libkrb5-dev']);
  acceptor = `${temporaryFolder()}/apAcceptor`;
  await mustRun('gcc', ['-O1', '-Wall', '-Werror', '-o', acceptor, SOURCE, '-lkrb5']);
  realm = await startMitRealm({ realm: 'RC4.TEST' });
  keytab = `${realm.dir}/keytabs/rc4.keytab`;
  await realm.kadmin(rc4Commands(realm.realm, keytab));
});

afterAll(() => realm?.stop());

function config(libdefaults: string): Krb5Config {
  return configOf(realm, libdefaults);
}

function client(libdefaults: string, user: string = RC4.user, password: string = RC4.password): Client {
  const options: ClientOptions = { config: config(libdefaults) };
  return fromPassword(user, password, options);
}

/** Encryption type of the ticket itself. */
function ticketType({ ticket }: Credential): number {
  return decode('Ticket', ticket).encPart.etype;
}

describe('a login', () => {
  it('works with the RC4 key of a password', async () => {
    const { credential, replyEtype } = await client(ALLOWED).login();
    expect([replyEtype, credential.sessionKey.etype]).toEqual([RC4.etype, 18]);
  });

  it('works with nothing but RC4, for tickets and renewals too', async () => {
    const alice = client(ONLY_RC4);
    const { credential } = await alice.login({ lifetimeSeconds: 600, renewLifetimeSeconds: 7200 });
    expect(credential.sessionKey.etype).toBe(RC4.etype);
    expect((await alice.renew()).sessionKey.etype).toBe(RC4.etype);
    const ticket = await alice.serviceTicket(RC4.keyService);
    expect([ticket.sessionKey.etype, ticketType(ticket)]).toEqual([RC4.etype, RC4.etype]);
  });

  it('works with the RC4 key of a keytab', async () => {
    const principal = `${RC4.user}@RC4.TEST`;
    const { replyEtype } = await (await fromKeytab({ keytab, principal, config: config(ALLOWED) })).login();
    expect(replyEtype).toBe(RC4.etype);
  });

  it('prefers AES where both sides have it', async () => {
    const { replyEtype, credential } = await client(ALLOWED, 'alice', realm.users.alice!).login();
    expect([replyEtype, credential.sessionKey.etype]).toEqual([18, 18]);
  });

  it('fails with a wrong password as ever', async () => {
    const error = await failure(client(ALLOWED, RC4.user, 'wrong').login());
    expect(error).toMatchObject({ code: 'KDC_ERR_PREAUTH_FAILED' });
  });
});

describe('where RC4 is not allowed', () => {
  it.each(['', 'allow_weak_crypto = true', `${ALLOWED}\npermitted_enctypes = aes`])(
    'an account with RC4 keys only cannot log in (%s), and hears of allow_rc4',
    async (libdefaults) => {
      const error = await failure(client(libdefaults).login());
      // MIT's KDC offers nothing that needs a key; others refuse with KDC_ERR_ETYPE_NOSUPP.
      expect(error).toMatchObject({ code: 'ERR_PREAUTH_UNSUPPORTED' });
      expect(String(error)).toContain('allow_rc4');
    },
  );

  it('a keytab with RC4 keys only is of no use, and the error says what to set', async () => {
    const principal = `${RC4.user}@RC4.TEST`;
    const error = await failure((await fromKeytab({ keytab, principal, config: config('') })).login());
    expect(error).toMatchObject({ code: 'ERR_KEYTAB_NO_KEY' });
    expect(String(error)).toContain(ALLOWED);
  });

  it('there is no ticket with an RC4 session key, while the key of the ticket is not our business', async () => {
    const alice = client('', 'alice', realm.users.alice!);
    const error = await failure(alice.serviceTicket(RC4.sessionService));
    expect(error).toMatchObject({ code: 'KDC_ERR_ETYPE_NOSUPP' });
    expect(String(error)).toContain('allow_rc4');
    const ticket = await alice.serviceTicket(RC4.keyService);
    expect([ticket.sessionKey.etype, ticketType(ticket)]).toEqual([18, RC4.etype]);
  });

  it("a ticket-granting ticket of MIT's kinit with an RC4 session key is of no use", async () => {
    const ccache = realm.newCcache();
    const only = `${realm.dir}/only-rc4.conf`;
    await mustRun('sh', [
      '-c',
      `sed 's/^\\[libdefaults\\]/&\\npermitted_enctypes = rc4/' ${realm.krb5Conf} > ${only}`,
    ]);
    const options = { input: RC4.password, env: { KRB5_CONFIG: only } };
    expect(await realm.run('kinit', ['-c', ccache, RC4.user], options)).toMatchObject({ status: 0 });
    const open = (libdefaults: string): Promise<Client> =>
      fromCcache({ ccache, config: config(libdefaults), clientKeytab: false, writeBack: false });
    expect((await (await open(ALLOWED)).serviceTicket('HTTP/localhost')).sessionKey.etype).toBe(18);
    const error = await failure((await open('')).serviceTicket('HTTP/localhost'));
    expect(error).toMatchObject({ code: 'ERR_ETYPE_POLICY' });
    expect(String(error)).toContain(ALLOWED);
  });
});

describe('an AP-REQ', () => {
  it.each([RC4.keyService, RC4.sessionService])(
    'for %s is accepted by MIT, its AP-REP by us',
    async (service) => {
      const credential = await client(ONLY_RC4).serviceTicket(service);
      expect(credential.sessionKey.etype).toBe(RC4.etype);
      const { sessionKey } = credential;
      const data = utf8('what the checksum is of');
      const subkey = freshSubkey(sessionKey, environment);
      const checksum = { cksumtype: sessionKey.checksumType, checksum: sessionKey.checksum(10, data) };
      const sent = makeApReq({ credential, mutual: true, subkey, checksum, seqNumber: 7 }, environment);
      const { stdout } = await realm.run(acceptor, [keytab], { input: toHex(sent.apReq) });
      const [name, session, received, checksumType, apRep] = stdout.trim().split(' ');
      expect([name, session, received, checksumType].join(' ')).toBe(
        `${RC4.user}@RC4.TEST ${RC4.etype} ${RC4.etype} ${RC4_CHECKSUM}`,
      );
      const reply = checkApRep(fromHex(apRep ?? ''), sent, environment.nowMs());
      expect(reply.subkey?.etype).toBe(RC4.etype);
    },
  );
});
