/** Delegation to and from MIT's GSS-API, and contexts with MIT's sample programs gss-server and gss-client. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startGssServer as startMitGssServer } from '../../scripts/realServers/index.mjs';
import { fromCredentials } from '../../src/client/delegated.js';
import { Key } from '../../src/crypto/key.js';
import {
  type Client,
  type ContextOptions,
  type Credential,
  decodeKeytab,
  GSS_FLAGS,
  readCcacheFile,
  TICKET_FLAGS,
} from '../../src/index.js';
import { decode, encode } from '../../src/messages/module.js';
import { seal, unseal } from '../../src/messages/sealed.js';
import { Acceptor } from '../../src/testing/index.js';
import { startGssServer } from '../testing/gssServer.js';
import { GssapiPeer } from './gssapiPeer.js';
import { converse } from './gssServerConnection.js';
import { configOf, passwordClient } from './library.js';
import { servers } from './servers.js';

const { realm } = servers();
const { mutual, replay, sequence, confidentiality, integrity } = GSS_FLAGS;
const DELEGATION = GSS_FLAGS.delegation;
const keytab = `${realm.dir}/keytabs/delegation-${process.pid}.keytab`;

let alice: Client;
let peer: GssapiPeer;
let ccache: string;
let side = 0;
const newSide = (): string => `side ${++side}`;

beforeAll(async () => {
  await realm.kadmin([
    'addprinc -randkey -requires_preauth +ok_as_delegate deleg/trusted',
    'addprinc -randkey -requires_preauth deleg/plain',
    `ktadd -norandkey -k ${keytab} deleg/trusted deleg/plain`,
  ]);
  ccache = realm.newCcache();
  const input = `${realm.users.alice}\n`;
  expect(await realm.run('kinit', ['-f', 'alice'], { ccache, input })).toMatchObject({ status: 0 });
  peer = new GssapiPeer({ ...realm.env({ ccache }), KRB5_KTNAME: `FILE:${keytab}` });
  alice = passwordClient('alice');
  await alice.login({ forwardable: true });
});
afterAll(() => peer?.stop());

/** MIT's acceptor after our token. */
async function accepted(service: string, options: ContextOptions, client: Client = alice) {
  const context = await client.securityContext(service, { mechanism: 'krb5', ...options });
  const name = newSide();
  const { token } = context.step();
  const theirs = await peer.accept(name, token!);
  if (theirs.token !== undefined) context.step(theirs.token);
  return { name, theirs, context, octets: token!.length };
}

const tgtOf = (credentials: readonly Credential[]): Credential =>
  credentials.find(({ server }) => server.components[0] === 'krbtgt')!;

describe('delegation to MIT’s acceptor', () => {
  it.each(['krb5', 'spnego'] as const)(
    'gives it a forwarded ticket that it can use (%s)',
    async (mechanism) => {
      const { name, theirs, context } = await accepted('deleg/plain', { mechanism, delegate: true });
      expect(theirs).toMatchObject({ delegated: true, done: true });
      expect([theirs.flags & DELEGATION, context.flags & DELEGATION]).toEqual([DELEGATION, DELEGATION]);
      const stored = realm.newCcache();
      await peer.store(name, stored);
      const kvno = await realm.run('kvno', ['HTTP/localhost'], { ccache: stored });
      expect([kvno.status, kvno.stderr]).toEqual([0, '']);
      const { credentials } = await readCcacheFile(stored.replace('FILE:', ''));
      const tgt = tgtOf(credentials);
      expect(tgt.flags & TICKET_FLAGS.forwarded).not.toBe(0);
      expect(tgt.flags & TICKET_FLAGS.forwardable).not.toBe(0);
      expect(tgt.addresses).toEqual([]);
    },
  );

  it('lets it start contexts in the client’s name', async () => {
    const { name } = await accepted('deleg/plain', { delegate: true });
    const acceptor = new Acceptor({ keytab: new Uint8Array(readFileSync(realm.keytabs.services)) });
    const question = { target: 'host@localhost', flags: integrity, delegatedOf: name };
    const next = acceptor.accept((await peer.initiate(newSide(), question)).token!);
    expect(next.client?.components).toEqual(['alice']);
  });

  it('is another ticket for each context', async () => {
    const stored = await Promise.all(
      [realm.newCcache(), realm.newCcache()].map(async (cache) => {
        const { name } = await accepted('deleg/plain', { delegate: true });
        await peer.store(name, cache);
        return tgtOf((await readCcacheFile(cache.replace('FILE:', ''))).credentials).ticket;
      }),
    );
    expect(stored[0]).not.toEqual(stored[1]);
  });

  it.each([
    ['deleg/trusted', 'ok-as-delegate', true],
    ['deleg/plain', 'ok-as-delegate', false],
    ['deleg/trusted', false, false],
    ['deleg/trusted', undefined, false],
  ] as const)('%s with the policy %s: %s', async (service, delegate, expected) => {
    const { theirs, context } = await accepted(service, { delegate });
    expect(theirs.delegated).toBe(expected);
    expect((context.flags & DELEGATION) !== 0).toBe(expected);
  });

  it('is restricted by enforce_ok_as_delegate of krb5.conf', async () => {
    const client = passwordClient('alice', { libdefaults: 'enforce_ok_as_delegate = true' });
    expect((await accepted('deleg/trusted', { delegate: true }, client)).theirs.delegated).toBe(true);
    expect((await accepted('deleg/plain', { delegate: true }, client)).theirs.delegated).toBe(false);
  });

  it('is impossible with a ticket that is not forwardable', async () => {
    const client = passwordClient('alice');
    await client.login({ forwardable: false });
    const forced = accepted('deleg/trusted', { delegate: true }, client);
    await expect(forced).rejects.toMatchObject({ code: 'ERR_DELEGATION' });
    const { theirs } = await accepted('deleg/trusted', { delegate: 'ok-as-delegate' }, client);
    expect(theirs).toMatchObject({ done: true, delegated: false });
  });
});

describe('a large ticket', () => {
  /** Our ticket-granting ticket with `octets` more of authorization data, sealed again with the KDC's own key. */
  async function largeTgt(octets: number): Promise<Credential> {
    const tgt = await alice.ticketGrantingTicket();
    const ticket = decode('Ticket', tgt.ticket);
    const { etype, kvno } = ticket.encPart;
    const entries = decodeKeytab(new Uint8Array(readFileSync(realm.keytabs.wireshark)));
    const kdc = entries.find(
      ({ principal, key }) => principal.components[0] === 'krbtgt' && key.etype === etype,
    )!.key;
    const part = decode('EncTicketPart', unseal(ticket.encPart, kdc, 2), { trailing: true });
    const more = encode('AdIfRelevant', [{ adType: -1, adData: new Uint8Array(octets) }]);
    const authorizationData = [...(part.authorizationData ?? []), { adType: 1, adData: more }];
    const plain = encode('EncTicketPart', { ...part, authorizationData });
    const encPart = seal(plain, kdc, 2, crypto.getRandomValues(new Uint8Array(16)), kvno);
    const { etype: keytype, value } = tgt.sessionKey;
    return { ...tgt, sessionKey: new Key(keytype, value), ticket: encode('Ticket', { ...ticket, encPart }) };
  }

  const clientOf = async (octets: number): Promise<Client> =>
    fromCredentials([await largeTgt(octets)], { config: configOf(realm) });

  it.each([20_000, 60_000])('with %i octets of authorization data reaches MIT’s acceptor', async (octets) => {
    const client = await clientOf(octets);
    // The tickets for services are as large; the token has both.
    const { theirs, name, octets: size } = await accepted('deleg/plain', { delegate: true }, client);
    expect(theirs.delegated).toBe(true);
    expect(size).toBeGreaterThan(2 * octets);
    const stored = realm.newCcache();
    await peer.store(name, stored);
    expect(await realm.run('kvno', ['HTTP/localhost'], { ccache: stored })).toMatchObject({ status: 0 });
  });

  it('reaches gss-server and the embedded acceptor', async () => {
    const client = await clientOf(30_000);
    const server = await startMitGssServer(realm);
    try {
      const options = { mechanism: 'krb5', delegate: true } as const;
      const context = await client.securityContext(server.service, options);
      await converse(server.port, context, 'a large token', true);
      expect(server.log()).toContain('context flag: GSS_C_DELEG_FLAG');
      expect(server.log()).toContain('Received message: "a large token"');
      const acceptor = new Acceptor({ keytab: new Uint8Array(readFileSync(realm.keytabs.services)) });
      const again = await client.securityContext(server.service, options);
      const { delegated } = acceptor.accept(again.step().token!);
      expect(delegated[0]!.ticket.length).toBeGreaterThan(30_000);
    } finally {
      await server.stop();
    }
  });

  it('of more than a token can hold is refused before it is sent', async () => {
    const client = await clientOf(66_000);
    const context = client.securityContext('deleg/plain', { mechanism: 'krb5', delegate: true });
    await expect(context).rejects.toMatchObject({ code: 'ERR_DELEGATION' });
    const policy = await client.securityContext('deleg/trusted', { delegate: 'ok-as-delegate' });
    expect(policy.flags & DELEGATION).toBe(0);
  });
});

describe('delegation from MIT’s initiator', () => {
  it.each(['krb5', 'spnego'] as const)('becomes a client of ours (%s)', async (mechanism) => {
    const acceptor = new Acceptor({ keytab: new Uint8Array(readFileSync(realm.keytabs.services)) });
    const question = { target: 'host@localhost', flags: mutual | integrity | DELEGATION, mechanism };
    const first = acceptor.accept((await peer.initiate(newSide(), question)).token!);
    expect(first.context.flags & DELEGATION).toBe(DELEGATION);
    const asAlice = fromCredentials(first.delegated, { config: configOf(realm) });
    expect(asAlice.principal.components).toEqual(['alice']);
    const { theirs } = await accepted('deleg/plain', { delegate: true }, asAlice);
    expect(theirs).toMatchObject({ source: 'alice@EXAMPLE.TEST', delegated: true });
    asAlice.dispose();
  });
});

describe('gss-server', () => {
  const FLAGS: readonly (readonly [string, number])[] = [
    ['GSS_C_DELEG_FLAG', DELEGATION],
    ['GSS_C_MUTUAL_FLAG', mutual],
    ['GSS_C_REPLAY_FLAG', replay],
    ['GSS_C_SEQUENCE_FLAG', sequence],
    ['GSS_C_CONF_FLAG', confidentiality],
    ['GSS_C_INTEG_FLAG', integrity],
  ];

  it.each([
    ['krb5', mutual | replay | integrity | confidentiality, false],
    ['krb5', mutual | replay | sequence | integrity | confidentiality, true],
    ['krb5', sequence | integrity | confidentiality, false],
    ['krb5', replay | integrity | confidentiality, true],
    ['spnego', mutual | sequence | integrity | confidentiality, true],
    ['spnego', replay | integrity | confidentiality, false],
  ] as const)('sees our flags: %s %i, delegation: %s', async (mechanism, flags, delegate) => {
    const server = await startMitGssServer(realm);
    try {
      const context = await alice.securityContext(server.service, { mechanism, flags, delegate });
      await converse(server.port, context, 'flags', true);
      const seen = server.log();
      const sum = FLAGS.filter(([name]) => seen.includes(`context flag: ${name}`));
      expect(sum.map(([, flag]) => flag)).toEqual(
        FLAGS.map(([, flag]) => flag).filter((flag) => (context.flags & flag) !== 0),
      );
    } finally {
      await server.stop();
    }
  });
});

describe('gss-client', () => {
  const DEFAULT = mutual | replay | confidentiality | integrity;

  it.each([
    [[], DEFAULT],
    [['-d'], DEFAULT | DELEGATION],
    [['-seq'], DEFAULT | sequence],
    [['-noreplay'], DEFAULT & ~replay],
    [['-nomutual'], DEFAULT & ~mutual],
    [['-nw'], DEFAULT],
    [['-nx'], DEFAULT],
    [['-nm'], DEFAULT],
    [['-spnego'], DEFAULT],
    [['-spnego', '-seq', '-d', '-nx'], DEFAULT | sequence | DELEGATION],
    [['-spnego', '-nomutual', '-noreplay', '-nm'], confidentiality | integrity],
  ])('%j is accepted with its flags', async (args, flags) => {
    const acceptor = new Acceptor({ keytab: new Uint8Array(readFileSync(realm.keytabs.services)) });
    const server = await startGssServer(acceptor);
    const target = ['-port', String(server.port), ...args, 'localhost', 'host@localhost', 'a message'];
    const { stdout } = await realm.run('gss-client', target, { ccache });
    await server.stop();
    const [conversation] = server.conversations;
    expect(conversation!.error).toBeUndefined();
    expect(conversation!.messages).toEqual(['a message']);
    expect(conversation!.accepted!.context.flags).toBe(flags);
    expect(stdout).toContain(args.includes('-nm') ? 'Response received' : 'Signature verified');
  });
});
