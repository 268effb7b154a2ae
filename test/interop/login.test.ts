/** Logins and service tickets from MIT's KDC (RFC 4120 sections 3.1 and 3.3). */
import { describe, expect, it } from 'vitest';
import { ENCTYPES } from '../../scripts/realServers/index.mjs';
import {
  formatPrincipal,
  fromPassword,
  hasFlag,
  isRenewable,
  KdcError,
  parseConfig,
  TICKET_FLAGS,
  type TraceEvent,
} from '../../src/index.js';
import { decode } from '../../src/messages/module.js';
import { configOf, failure, keytabClient, passwordClient } from './library.js';
import { servers } from './servers.js';

const { realm } = servers();

describe('a login', () => {
  it.each(ENCTYPES)('works with a user key of $name', async ({ name, etype }) => {
    const { credential, replyEtype } = await passwordClient(`u-${name}`).login();
    expect(replyEtype).toBe(etype);
    expect(formatPrincipal(credential.server)).toBe('krbtgt/EXAMPLE.TEST@EXAMPLE.TEST');
    expect(hasFlag(credential.flags, TICKET_FLAGS.initial)).toBe(true);
  });

  it.each(['u-nopreauth', 'u-nonascii', 'u-norealm', 'u-onlyrealm', 'u-special', 'u-space'])(
    'works for %s',
    async (user) => {
      const { credential } = await passwordClient(user).login();
      expect(formatPrincipal(credential.client)).toBe(`${user}@EXAMPLE.TEST`);
    },
  );

  it('works with a keytab', async () => {
    const { credential } = await (await keytabClient()).login();
    expect(formatPrincipal(credential.client)).toBe(`${realm.keytabUser}@EXAMPLE.TEST`);
  });

  it('asks for what the caller wishes', async () => {
    const { credential } = await passwordClient('alice').login({
      lifetimeSeconds: 600,
      renewLifetimeSeconds: 7200,
      forwardable: true,
      proxiable: true,
    });
    expect(credential.endTime - credential.authTime).toBeLessThanOrEqual(601);
    expect(isRenewable(credential)).toBe(true);
    expect(hasFlag(credential.flags, TICKET_FLAGS.forwardable)).toBe(true);
    expect(hasFlag(credential.flags, TICKET_FLAGS.proxiable)).toBe(true);
  });

  it('renews a renewable ticket', async () => {
    const client = passwordClient('alice');
    const { credential } = await client.login({ lifetimeSeconds: 600, renewLifetimeSeconds: 7200 });
    const renewed = await client.renew();
    expect(renewed.ticket).not.toEqual(credential.ticket);
    expect(renewed.authTime).toBe(credential.authTime);
  });

  it.each([
    ['wrong password', 'alice', 'KDC_ERR_PREAUTH_FAILED', /wrong password or key/, 'wrong'],
    ['unknown user', 'nobody', 'KDC_ERR_C_PRINCIPAL_UNKNOWN', /check the spelling/, 'any'],
    ['expired account', 'u-expired', 'KDC_ERR_NAME_EXP', /account has expired/, undefined],
    ['expired password', 'u-pwexpired', 'KDC_ERR_KEY_EXPIRED', /change it/, undefined],
    ['locked account', 'u-locked', 'KDC_ERR_CLIENT_REVOKED', /unlock it/, undefined],
  ])('explains: %s', async (_what, user, code, message, password) => {
    const client = passwordClient(user, password === undefined ? {} : { password });
    const error = await failure(client.login());
    expect(error).toBeInstanceOf(KdcError);
    expect(error).toMatchObject({ code, details: { realm: 'EXAMPLE.TEST' } });
    expect(String(error)).toMatch(message);
  });

  it('tells a wrong password from damage for a user without pre-authentication', async () => {
    const error = await failure(passwordClient('u-nopreauth', { password: 'wrong' }).login());
    expect(error).toMatchObject({ code: 'ERR_INTEGRITY' });
  });

  it('counts once towards the lock of an account, however it fails', async () => {
    await realm.kadmin(['addprinc -pw lock-pw -policy lockout +requires_preauth u-lock-ours']);
    for (let attempt = 0; attempt < 3; attempt++) {
      const wrong = await failure(passwordClient('u-lock-ours', { password: 'wrong' }).login());
      expect(wrong).toMatchObject({ code: 'KDC_ERR_PREAUTH_FAILED' });
      const entry = await realm.kadmin(['getprinc u-lock-ours']);
      expect(entry).toContain(`Failed password attempts: ${attempt + 1}`);
    }
    const locked = await failure(passwordClient('u-lock-ours', { password: 'lock-pw' }).login());
    expect(locked).toMatchObject({ code: 'KDC_ERR_CLIENT_REVOKED' });
  });
});

describe('service tickets', () => {
  it.each(ENCTYPES)('come with a service key of $name', async ({ name, etype }) => {
    const credential = await passwordClient('alice').serviceTicket(`test/${name}`);
    expect(decode('Ticket', credential.ticket).encPart.etype).toBe(etype);
  });

  it.each(ENCTYPES)('come with a session key of $name', async ({ name, etype }) => {
    const credential = await passwordClient('alice').serviceTicket(`sess/${name}`);
    expect(credential.sessionKey.etype).toBe(etype);
  });

  it.each(ENCTYPES)('come with a ticket-granting session key of $name', async ({ kadmin, etype }) => {
    const client = passwordClient('alice', { libdefaults: `default_tkt_enctypes = ${kadmin}` });
    const tgt = await client.ticketGrantingTicket();
    expect(tgt.sessionKey.etype).toBe(etype);
    const credential = await client.serviceTicket('HTTP@localhost');
    expect(formatPrincipal(credential.server)).toBe('HTTP/localhost@EXAMPLE.TEST');
  });

  it('are fetched once for many callers', async () => {
    const events: TraceEvent[] = [];
    const client = passwordClient('alice', { trace: (event) => events.push(event) });
    await client.login();
    events.length = 0;
    const tickets = await Promise.all(
      Array.from({ length: 20 }, () => client.serviceTicket('HTTP@localhost')),
    );
    expect(new Set(tickets).size).toBe(1);
    expect(events.filter(({ event }) => event === 'kdc.receive')).toHaveLength(1);
  });

  it('name the service that is unknown', async () => {
    const error = await failure(passwordClient('alice').serviceTicket('HTTP/nowhere.example.test'));
    expect(error).toMatchObject({ code: 'KDC_ERR_S_PRINCIPAL_UNKNOWN' });
    expect(String(error)).toContain('HTTP/nowhere.example.test@EXAMPLE.TEST');
  });
});

describe('the way to the KDC', () => {
  /** Protocols that carried the messages of a login. */
  async function protocols(libdefaults: string, config = configOf(realm, libdefaults)): Promise<string[]> {
    const events: TraceEvent[] = [];
    const client = fromPassword('alice', realm.users.alice!, { config, trace: (e) => events.push(e) });
    await client.serviceTicket('HTTP@localhost');
    return events.filter(({ event }) => event === 'kdc.receive').map(({ data }) => String(data?.protocol));
  }

  it('is UDP for small messages', async () => {
    expect(await protocols('')).toEqual(['udp', 'udp', 'udp']);
  });

  it('is TCP when udp_preference_limit says so', async () => {
    expect(await protocols('udp_preference_limit = 1')).toEqual(['tcp', 'tcp', 'tcp']);
  });

  it('turns to TCP when the reply is too big', async () => {
    const kdc = await realm.extraKdc({ maxDgramReplySize: 400 });
    try {
      expect(await protocols('', configOf(kdc))).toEqual(['udp', 'udp', 'tcp', 'udp', 'tcp']);
    } finally {
      await kdc.stop();
    }
  });

  it.each(['udp', 'tcp'])('leads over IPv6 with %s', async (protocol) => {
    const address = realm.kdcAddresses.find((text) => text.startsWith('['));
    expect(address).toBeDefined();
    const limit = protocol === 'tcp' ? 1 : 1465;
    const config = parseConfig(
      `[libdefaults]\ndefault_realm = EXAMPLE.TEST\ndns_lookup_kdc = false\nudp_preference_limit = ${limit}\n` +
        `[realms]\nEXAMPLE.TEST = {\nkdc = ${address}\n}\n`,
    );
    expect(new Set(await protocols('', config))).toEqual(new Set([protocol]));
  });

  it('lists every attempt when nobody answers', async () => {
    const config = parseConfig(
      '[libdefaults]\ndefault_realm = EXAMPLE.TEST\ndns_lookup_kdc = false\n' +
        '[realms]\nEXAMPLE.TEST = {\nkdc = 127.0.0.1:1\nkdc = [::1]:1\n}\n',
    );
    const error = await failure(fromPassword('alice', 'secret', { config, timeoutMs: 30_000 }).login());
    expect(error).toMatchObject({ code: 'ERR_KDC_UNREACHABLE' });
    const { attempts } = error as { attempts: { server: string; protocol: string }[] };
    expect(new Set(attempts.map(({ server, protocol }) => `${protocol} ${server}`))).toEqual(
      new Set(['udp 127.0.0.1:1', 'tcp 127.0.0.1:1', 'udp [::1]:1', 'tcp [::1]:1']),
    );
    expect(String(error)).not.toContain('secret');
  });
});
