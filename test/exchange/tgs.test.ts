/** The TGS exchange (RFC 4120 section 3.3) and referrals (RFC 6806 section 8). */
import { describe, expect, it } from 'vitest';
import { Key } from '../../src/crypto/key.js';
import type { KdcError } from '../../src/errors.js';
import type { Question } from '../../src/exchange/ask.js';
import { realmOfTgt, serviceTicket, type TgsRequest, tgsExchange } from '../../src/exchange/tgs.js';
import type { Credential } from '../../src/formats/credential.js';
import { formatPrincipal, type Principal, parsePrincipal } from '../../src/formats/principal.js';
import { hasFlag, KDC_OPTIONS, TICKET_FLAGS } from '../../src/messages/flags.js';
import { decode, encode } from '../../src/messages/module.js';
import { drive, ScriptedKdc } from '../support/scriptedKdc.js';
import {
  ETYPES,
  exampleRealm,
  failure,
  login,
  POLICY,
  REALM,
  type Realm,
  TILL,
  ticketFor,
  WEB,
} from './realm.js';

const WEB_NAME = 'HTTP/web.example.test';

/** A chain of realms that trust each other in a row; the service is in the last one. */
function chain(length: number): { realm: Realm; kdcs: ScriptedKdc[]; service: Principal } {
  const realm = exampleRealm();
  const kdcs = [realm.kdc];
  for (let i = 1; i < length; i++) {
    const next = new ScriptedKdc({ realm: `R${i}.TEST`, environment: realm.environment });
    kdcs.at(-1)!.trust(next);
    kdcs.at(-1)!.referrals.set('HTTP/far.test', next.realm);
    kdcs.push(next);
  }
  const last = kdcs.at(-1)!;
  last.addPrincipal('HTTP/far.test', last.freshKey(18));
  return { realm, kdcs, service: parsePrincipal(`HTTP/far.test@${last.realm}`) };
}

function find(
  realm: Realm,
  kdcs: readonly ScriptedKdc[],
  tgt: Credential,
  server: Principal,
  asked: Question[] = [],
): Promise<Credential> {
  const request: TgsRequest = { tgt, server, kdcOptions: 0, etypes: ETYPES };
  return drive(serviceTicket(request, realm.environment, POLICY), kdcs, undefined, asked);
}

const realmsAsked = (asked: readonly Question[]): string[] =>
  asked.flatMap((q) => (q.ask === 'kdc' ? [q.realm] : []));

describe('TGS exchange', () => {
  it('asks for nothing under or for a session key that is not permitted', async () => {
    const realm = exampleRealm();
    const { credential: tgt } = await login(realm);
    const rc4 = { ...tgt, sessionKey: realm.kdc.freshKey(23) };
    realm.kdc.requests = [];
    for (const outcome of [
      ticketFor(realm, rc4),
      ticketFor(realm, rc4, { etypes: [18, 23] }),
      ticketFor(realm, tgt, { etypes: [23] }),
    ]) {
      expect((await failure(outcome, 'ERR_ETYPE_POLICY')).message).toContain('allow_rc4 = true');
    }
    const narrow = ticketFor(realm, tgt, {}, { permittedEtypes: [20] });
    expect((await failure(narrow, 'ERR_ETYPE_POLICY')).message).not.toContain('allow_rc4');
    expect(realm.kdc.requests).toHaveLength(0);
  });

  it('gives a service ticket with the key of the encrypted part', async () => {
    const realm = exampleRealm();
    const { credential: tgt } = await login(realm);
    const ticket = await ticketFor(realm, tgt);
    expect(ticket.client).toEqual(tgt.client);
    expect(ticket.server).toEqual({ ...WEB, nameType: ticket.server.nameType });
    expect(ticket).toMatchObject({ endTime: TILL, isSkey: false, renewTill: 0 });
    const { encPart } = decode('Ticket', ticket.ticket);
    const part = decode('EncTicketPart', realm.kdc.keyOf(WEB_NAME).decrypt(2, encPart.cipher));
    expect(new Key(part.key.keytype, part.key.keyvalue).equals(ticket.sessionKey)).toBe(true);
    expect(hasFlag(ticket.flags, TICKET_FLAGS.initial)).toBe(false);
  });

  it.each(ETYPES)('works with a session key of type %i', async (etype) => {
    const realm = exampleRealm();
    const { credential: tgt } = await login(realm, { request: { etypes: [etype] } });
    expect(tgt.sessionKey.etype).toBe(etype);
    await expect(ticketFor(realm, tgt)).resolves.toMatchObject({ endTime: TILL });
  });

  it('binds every octet of the request body', async () => {
    const realm = exampleRealm();
    const { credential: tgt } = await login(realm);
    const request: TgsRequest = { tgt, server: WEB, kdcOptions: 0, etypes: ETYPES };
    const step = tgsExchange(request, realm.environment, POLICY).next().value as Question & { ask: 'kdc' };
    const { padata, reqBody } = decode('TgsReq', step.message);
    const changed = encode('TgsReq', {
      pvno: 5,
      msgType: 12,
      padata,
      reqBody: { ...reqBody, till: TILL - 1 },
    });
    expect(decode('KrbError', realm.kdc.reply(changed, true)).errorCode).toBe(41);
    expect(realm.kdc.reply(step.message, true)[0]).toBe(0x6d);
  });

  it('brings a subkey other than the session key and a new one each time', async () => {
    const realm = exampleRealm();
    const { credential: tgt } = await login(realm);
    await ticketFor(realm, tgt);
    await ticketFor(realm, tgt);
    const subkeys = realm.kdc.requests.slice(-2).map((request) => {
      const apReq = decode('ApReq', decode('TgsReq', request).padata![0]!.padataValue);
      const { subkey } = decode('Authenticator', tgt.sessionKey.decrypt(7, apReq.authenticator.cipher));
      return new Key(subkey!.keytype, subkey!.keyvalue);
    });
    expect(subkeys[0]!.equals(subkeys[1]!)).toBe(false);
    expect(subkeys.some((subkey) => subkey.equals(tgt.sessionKey))).toBe(false);
  });

  it('goes by the clock of the KDC', async () => {
    const realm = exampleRealm({ clockOffsetSeconds: 3600 });
    const { credential: tgt } = await login(realm, { policy: { kdcTimesync: true } });
    await failure(ticketFor(realm, tgt), 'KRB_AP_ERR_SKEW');
    await expect(ticketFor(realm, tgt, { timeOffsetSeconds: 3600 })).resolves.toMatchObject({
      endTime: TILL + 3600,
    });
  });

  it('renews', async () => {
    const realm = exampleRealm();
    const request = { kdcOptions: KDC_OPTIONS.renewable, rtime: TILL + 300_000 };
    const { credential: tgt } = await login(realm, { request });
    realm.environment.advance(600_000);
    const renewed = await ticketFor(realm, tgt, { server: tgt.server, kdcOptions: KDC_OPTIONS.renew });
    expect(renewed.endTime).toBe(tgt.endTime + 600);
    expect(renewed.renewTill).toBe(tgt.renewTill);
    const again = await ticketFor(realm, tgt, {
      server: tgt.server,
      kdcOptions: KDC_OPTIONS.renew | KDC_OPTIONS.renewable,
    });
    expect(again.renewTill).toBe(tgt.renewTill);
  });

  it('renews nothing beyond the renewable life', async () => {
    const realm = exampleRealm();
    const request = { kdcOptions: KDC_OPTIONS.renewable, rtime: TILL + 1000 };
    const { credential: tgt } = await login(realm, { request });
    realm.kdc.hooks = { rewriteEncPart: (part) => ({ ...part, endtime: tgt.renewTill + 1 }) };
    const renew = { server: tgt.server, kdcOptions: KDC_OPTIONS.renew };
    await failure(ticketFor(realm, tgt, renew), 'ERR_REPLY_TIMES');
  });

  it('asks the issuer to renew a cross-realm ticket', async () => {
    const { realm, kdcs } = chain(2);
    const { credential: tgt } = await login(realm);
    const cross: Credential = { ...tgt, server: { ...tgt.server, components: ['krbtgt', kdcs[1]!.realm] } };
    const request = { tgt: cross, server: cross.server, kdcOptions: KDC_OPTIONS.renew, etypes: ETYPES };
    const { value } = tgsExchange(request, realm.environment, POLICY).next();
    expect((value as Question & { ask: 'kdc' }).realm).toBe(REALM);
  });

  it('validates a postdated ticket when its time has come, however late', async () => {
    const realm = exampleRealm();
    const { credential: tgt } = await login(realm);
    realm.environment.advance(3_600_000);
    const start = tgt.startTime;
    realm.kdc.hooks = { rewriteEncPart: (part) => ({ ...part, starttime: start }) };
    const validate = { server: tgt.server, kdcOptions: KDC_OPTIONS.validate };
    await expect(ticketFor(realm, tgt, validate)).resolves.toMatchObject({ startTime: start });
    await failure(ticketFor(realm, tgt), 'ERR_CLOCK_SKEW');
  });

  it('gets the error of the KDC', async () => {
    const realm = exampleRealm();
    const { credential: tgt } = await login(realm);
    const server = parsePrincipal('HTTP/nowhere.test@EXAMPLE.TEST');
    const error = (await failure(
      ticketFor(realm, tgt, { server }),
      'KDC_ERR_S_PRINCIPAL_UNKNOWN',
    )) as KdcError;
    expect(error.details.principal).toBe('HTTP/nowhere.test@EXAMPLE.TEST');
  });

  it('repeats over TCP once', async () => {
    const realm = exampleRealm();
    const { credential: tgt } = await login(realm);
    realm.kdc.hooks = {
      instead: (_, tcpOnly) => (tcpOnly ? undefined : realm.kdc.error('KRB_ERR_RESPONSE_TOO_BIG')),
    };
    await expect(ticketFor(realm, tgt)).resolves.toBeDefined();
    realm.kdc.hooks = { instead: () => realm.kdc.error('KRB_ERR_RESPONSE_TOO_BIG') };
    await failure(ticketFor(realm, tgt), 'KRB_ERR_RESPONSE_TOO_BIG');
  });
});

describe('service ticket', () => {
  it('comes from our realm at once when the service is there', async () => {
    const { realm, kdcs } = chain(2);
    const { credential: tgt } = await login(realm);
    const asked: Question[] = [];
    await find(realm, kdcs, tgt, WEB, asked);
    expect(realmsAsked(asked)).toEqual([REALM]);
  });

  it('comes from another realm that is known', async () => {
    const { realm, kdcs, service } = chain(2);
    const { credential: tgt } = await login(realm);
    const asked: Question[] = [];
    const ticket = await find(realm, kdcs, tgt, service, asked);
    expect(realmsAsked(asked)).toEqual([REALM, 'R1.TEST']);
    expect(ticket.server.realm).toBe('R1.TEST');
    expect(ticket.client).toEqual(tgt.client);
  });

  it.each([2, 3])('follows referrals through %i realms', async (length) => {
    const { realm, kdcs, service } = chain(length);
    const { credential: tgt } = await login(realm);
    const asked: Question[] = [];
    const ticket = await find(realm, kdcs, tgt, { ...service, realm: '' }, asked);
    expect(realmsAsked(asked)).toEqual(kdcs.map((kdc) => kdc.realm));
    expect(ticket.server.realm).toBe(service.realm);
  });

  it('goes by way of the realms that the KDC knows', async () => {
    const { realm, kdcs, service } = chain(3);
    const { credential: tgt } = await login(realm);
    realm.kdc.referrals.set('krbtgt/R2.TEST', 'R1.TEST');
    const asked: Question[] = [];
    const ticket = await find(realm, kdcs, tgt, service, asked);
    expect(realmsAsked(asked)).toEqual([REALM, 'R1.TEST', 'R2.TEST']);
    expect(realmOfTgt(tgt)).toBe(REALM);
    expect(ticket.server.realm).toBe('R2.TEST');
  });

  it('is not sought in a circle', async () => {
    const { realm, kdcs, service } = chain(2);
    const { credential: tgt } = await login(realm);
    kdcs[1]!.trust(realm.kdc);
    kdcs[1]!.referrals.set('HTTP/far.test', REALM);
    const asked: Question[] = [];
    const error = await failure(find(realm, kdcs, tgt, { ...service, realm: '' }, asked), 'ERR_REFERRAL');
    expect(realmsAsked(asked)).toEqual([REALM, 'R1.TEST']);
    expect(error.message).toContain(`${REALM} -> R1.TEST -> ${REALM}`);
  });

  it('is found by the configured path where the KDC knows no way', async () => {
    const { realm, kdcs, service } = chain(3);
    const { credential: tgt } = await login(realm);
    await failure(find(realm, kdcs, tgt, service), 'KDC_ERR_S_PRINCIPAL_UNKNOWN');
    const asked: Question[] = [];
    const realmPath = [REALM, 'R1.TEST', 'R2.TEST'];
    const request: TgsRequest = { tgt, server: service, kdcOptions: 0, etypes: ETYPES, realmPath };
    const exchange = serviceTicket(request, realm.environment, POLICY);
    const { server } = await drive(exchange, kdcs, undefined, asked);
    expect(formatPrincipal(server)).toBe('HTTP/far.test@R2.TEST');
    expect(realmsAsked(asked)).toEqual(realmPath);
  });

  it('is found after 10 referrals, not after 11', async () => {
    const near = chain(11);
    const { credential: tgt } = await login(near.realm);
    await expect(find(near.realm, near.kdcs, tgt, { ...near.service, realm: '' })).resolves.toBeDefined();
    const far = chain(12);
    const { credential: other } = await login(far.realm);
    await failure(find(far.realm, far.kdcs, other, { ...far.service, realm: '' }), 'ERR_REFERRAL');
    expect(far.kdcs.at(-1)!.requests).toHaveLength(0);
  });

  it('is not referred by the name outside the encrypted part', async () => {
    const { realm, kdcs } = chain(2);
    const { credential: tgt } = await login(realm);
    realm.kdc.hooks = {
      rewriteTicket: (ticket) => ({ ...ticket, sname: { nameType: 2, nameString: ['krbtgt', 'R1.TEST'] } }),
    };
    await failure(find(realm, kdcs, tgt, WEB), 'ERR_REPLY_TICKET_NAME');
    expect(kdcs[1]!.requests).toHaveLength(0);
  });

  it('asks for user-to-user at the last realm only', async () => {
    const { realm, kdcs, service } = chain(2);
    const { credential: tgt } = await login(realm);
    const request: TgsRequest = {
      ...{ tgt, server: service, etypes: ETYPES, secondTicket: tgt.ticket },
      kdcOptions: KDC_OPTIONS.encTktInSkey,
    };
    const { value } = serviceTicket(request, realm.environment, POLICY).next();
    const { reqBody } = decode('TgsReq', (value as Question & { ask: 'kdc' }).message);
    expect(hasFlag(reqBody.kdcOptions, KDC_OPTIONS.encTktInSkey)).toBe(false);
    expect(reqBody.additionalTickets).toBeUndefined();
    expect(kdcs).toHaveLength(2);
  });
});

describe('ok-as-delegate', () => {
  const { okAsDelegate } = TICKET_FLAGS;

  it('of our own KDC counts', async () => {
    const realm = exampleRealm();
    const { credential: tgt } = await login(realm);
    realm.kdc.extraFlags.set(WEB_NAME, okAsDelegate);
    expect(hasFlag((await ticketFor(realm, tgt)).flags, okAsDelegate)).toBe(true);
  });

  it.each([false, true])('of a foreign KDC counts if ours vouched for the realm (%s)', async (vouched) => {
    const { realm, kdcs, service } = chain(2);
    const { credential: tgt } = await login(realm);
    kdcs[1]!.extraFlags.set('HTTP/far.test', okAsDelegate);
    if (vouched) realm.kdc.extraFlags.set('krbtgt/R1.TEST', okAsDelegate);
    expect(hasFlag((await find(realm, kdcs, tgt, service)).flags, okAsDelegate)).toBe(vouched);
  });

  it('must be vouched for on every step of the way', async () => {
    const { realm, kdcs, service } = chain(3);
    const { credential: tgt } = await login(realm);
    kdcs[1]!.extraFlags.set('krbtgt/R2.TEST', okAsDelegate);
    kdcs[2]!.extraFlags.set('HTTP/far.test', okAsDelegate);
    const ticket = await find(realm, kdcs, tgt, { ...service, realm: '' });
    expect(hasFlag(ticket.flags, okAsDelegate)).toBe(false);
  });
});
