/** The embedded realm's tickets for services, and trust between realms. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Key } from '../../src/crypto/key.js';
import {
  type Client,
  type Credential,
  decodeKeytab,
  fromPassword,
  hasFlag,
  KDC_OPTIONS,
  TICKET_FLAGS,
} from '../../src/index.js';
import { decode } from '../../src/messages/module.js';
import { unseal } from '../../src/messages/sealed.js';
import { TestRealm } from '../../src/testing/index.js';
import { flipped } from '../support/scriptedKdc.js';
import { codeOf, exchangeTgt } from './clients.js';

let realm: TestRealm;
let near: TestRealm;
let far: TestRealm;
beforeAll(async () => {
  realm = await TestRealm.start({
    principals: {
      alice: { password: 'secret' },
      bound: { password: 'secret', forwardable: false },
      'HTTP/localhost': {},
      'host/delegate': { okAsDelegate: true },
      'host/locked': { locked: true },
      'host/expired': { expired: true },
      'host/old': { etypes: [17], sessionEtypes: [17] },
      'host/short': { maxLifeSeconds: 300 },
    },
  });
  near = await TestRealm.start({ realm: 'NEAR.TEST', principals: { 'host/near.test': {} } });
  far = await TestRealm.start({
    realm: 'FAR.TEST',
    principals: { 'host/far.test': {}, fred: { password: 'x' } },
  });
  realm.trust(near);
  near.trust(far);
});
afterAll(() => Promise.all([realm, near, far].map((one) => one.stop())));

const newClient = (name = 'alice'): Client => fromPassword(name, 'secret', { config: realm.config });

const FORWARDABLE = { forwardable: true, proxiable: true, renewLifetimeSeconds: 3600, lifetimeSeconds: 600 };

async function tgt(name = 'alice', options: object = FORWARDABLE): Promise<Credential> {
  return (await newClient(name).login(options)).credential;
}

/** The inside of a ticket for a service of `where`. */
function ticketPart(credential: Credential, where: TestRealm) {
  const ticket = decode('Ticket', credential.ticket);
  const keys = decodeKeytab(where.keytab(ticket.sname.nameString.join('/')));
  const { key } = keys.find((entry) => entry.key.etype === ticket.encPart.etype)!;
  return decode('EncTicketPart', unseal(ticket.encPart, key, 2));
}

describe('a service ticket', () => {
  it('is readable by the service and carries the flags of the ticket-granting ticket', async () => {
    const client = newClient();
    await client.login(FORWARDABLE);
    const credential = await client.serviceTicket('HTTP@localhost');
    const part = ticketPart(credential, realm);
    expect(part.cname.nameString).toEqual(['alice']);
    expect(part.flags).toBe(credential.flags);
    for (const flag of [
      'forwardable',
      'proxiable',
      'renewable',
      'preAuthent',
      'transitedPolicyChecked',
    ] as const) {
      expect([flag, hasFlag(part.flags, TICKET_FLAGS[flag])]).toEqual([flag, true]);
    }
    expect(hasFlag(part.flags, TICKET_FLAGS.initial)).toBe(false);
    expect(credential.sessionKey.equals(new Key(part.key.keytype, part.key.keyvalue))).toBe(true);
  });

  it.each([
    ['host/nowhere', 'KDC_ERR_S_PRINCIPAL_UNKNOWN'],
    ['host/locked', 'KDC_ERR_S_PRINCIPAL_UNKNOWN'],
    ['host/expired', 'KDC_ERR_SERVICE_EXP'],
  ])('for %s is refused: %s', async (service, code) => {
    expect(await codeOf(newClient().serviceTicket(service))).toBe(code);
  });

  it('follows the settings of the service', async () => {
    const client = newClient();
    const { flags } = await client.serviceTicket('host/delegate');
    expect(hasFlag(flags, TICKET_FLAGS.okAsDelegate)).toBe(true);
    expect((await client.serviceTicket('host/old')).sessionKey.etype).toBe(17);
    const { startTime, endTime } = await client.serviceTicket('host/short');
    expect(endTime - startTime).toBe(300);
  });
});

describe('a ticket-granting ticket', () => {
  it('can be renewed', async () => {
    const client = newClient();
    const before = (await client.login(FORWARDABLE)).credential;
    const after = await client.renew();
    expect(after.endTime - after.startTime).toBe(before.endTime - before.startTime);
    expect(after.renewTill).toBe(before.renewTill);
    expect(after.sessionKey.equals(before.sessionKey)).toBe(false);
  });

  it('can be forwarded and lent', async () => {
    const options = { tgt: await tgt(), server: krbtgt() };
    const forwarded = await exchangeTgt(realm, {
      ...options,
      kdcOptions: KDC_OPTIONS.forwarded | KDC_OPTIONS.forwardable,
      addresses: [{ addrType: 2, address: Uint8Array.of(127, 0, 0, 1) }],
    });
    expect(hasFlag(forwarded.flags, TICKET_FLAGS.forwarded)).toBe(true);
    expect(forwarded.addresses).toHaveLength(1);
    const server = { nameType: 2, components: ['HTTP', 'localhost'], realm: 'EXAMPLE.TEST' };
    const proxy = await exchangeTgt(realm, { ...options, server, kdcOptions: KDC_OPTIONS.proxy });
    expect(hasFlag(proxy.flags, TICKET_FLAGS.proxy)).toBe(true);
  });

  it.each([
    ['forwarded', 'KDC_ERR_BADOPTION'],
    ['proxy', 'KDC_ERR_BADOPTION'],
    ['renew', 'KDC_ERR_BADOPTION'],
    ['validate', 'KDC_ERR_BADOPTION'],
    ['postdated', 'KDC_ERR_CANNOT_POSTDATE'],
    ['encTktInSkey', 'KDC_ERR_BADOPTION'],
  ] as const)('that allows nothing is refused the option %s: %s', async (option, code) => {
    const plain = await tgt('alice', { lifetimeSeconds: 600 });
    const request = { tgt: plain, server: krbtgt(), kdcOptions: KDC_OPTIONS[option] };
    expect(await codeOf(exchangeTgt(realm, { ...request, till: plain.endTime }))).toBe(code);
  });

  it('of an account that may not forward is not forwardable', async () => {
    expect(hasFlag((await tgt('bound')).flags, TICKET_FLAGS.forwardable)).toBe(false);
  });

  it('must be whole', async () => {
    const good = await tgt();
    const request = { server: krbtgt(), kdcOptions: 0 };
    const changed = { ...good, ticket: flipped(good.ticket) };
    expect(await codeOf(exchangeTgt(realm, { ...request, tgt: changed }))).toBe('KRB_AP_ERR_BAD_INTEGRITY');
    const stolen = { ...good, client: { ...good.client, components: ['bob'] } };
    expect(await codeOf(exchangeTgt(realm, { ...request, tgt: stolen }))).toBe('KRB_AP_ERR_BADMATCH');
    const late = { ...request, tgt: good, timeOffsetSeconds: 3600 };
    expect(await codeOf(exchangeTgt(realm, late))).toBe('KRB_AP_ERR_SKEW');
  });

  it('cannot be replaced by a service ticket', async () => {
    const service = await newClient().serviceTicket('HTTP/localhost');
    const tgtInName = { ...service, server: krbtgt() };
    const request = { tgt: tgtInName, server: krbtgt(), kdcOptions: 0 };
    expect(await codeOf(exchangeTgt(realm, request))).toBe('KRB_AP_ERR_NOT_US');
  });
});

function krbtgt() {
  return { nameType: 2, components: ['krbtgt', 'EXAMPLE.TEST'], realm: 'EXAMPLE.TEST' };
}

describe('trust', () => {
  it('leads to services of the other realm, named or by referral', async () => {
    const named = await newClient().serviceTicket('host/near.test@NEAR.TEST');
    const referred = await newClient().serviceTicket('host@near.test');
    for (const { server } of [named, referred]) expect(server.realm).toBe('NEAR.TEST');
    expect(ticketPart(named, near).crealm).toBe('EXAMPLE.TEST');
    expect(ticketPart(named, near).transited.contents).toHaveLength(0);
  });

  it('leads through a realm between, which the ticket names', async () => {
    const credential = await newClient().serviceTicket('host@far.test');
    const { transited, flags } = ticketPart(credential, far);
    expect([transited.trType, Buffer.from(transited.contents).toString()]).toEqual([1, 'NEAR.TEST']);
    expect(hasFlag(flags, TICKET_FLAGS.transitedPolicyChecked)).toBe(true);
  });

  it('works both ways', async () => {
    const fred = fromPassword('fred@FAR.TEST', 'x', { config: far.config });
    expect((await fred.serviceTicket('HTTP/localhost@EXAMPLE.TEST')).client.realm).toBe('FAR.TEST');
  });
});
