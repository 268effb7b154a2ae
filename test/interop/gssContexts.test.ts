/** Security contexts negotiated with MIT's GSS-API (python3-gssapi) on the other side, both ways. */
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENCTYPES } from '../../scripts/realServers/index.mjs';
import { utf8 } from '../../src/bytes.js';
import { displayName, exportName, importExportedName } from '../../src/gss/name.js';
import { type Client, type ContextOptions, GSS_FLAGS, type SecurityContext } from '../../src/index.js';
import { Acceptor, type AcceptorOptions } from '../../src/testing/index.js';
import { GssapiPeer, MAJOR, PeerError, routineError } from './gssapiPeer.js';
import { passwordClient } from './library.js';
import { servers } from './servers.js';

const { realm } = servers();
const SERVICE = 'host@localhost';
const { mutual, replay, sequence, confidentiality, integrity, identify, extendedError, dceStyle } = GSS_FLAGS;
/** What MIT reports besides what was asked for: PROT_READY and TRANS. */
const MIT_EXTRAS = 0x80 | 0x100;

let alice: Client;
let peer: GssapiPeer;
/** As `peer`, with `client_aware_channel_bindings`; Debian's MIT krb5 does not know the flag yet. */
let awarePeer: GssapiPeer;
let side = 0;
const newSide = (): string => `side ${++side}`;

beforeAll(async () => {
  const ccache = realm.newCcache();
  const input = `${realm.users.alice}\n`;
  expect(await realm.run('kinit', ['alice'], { ccache, input })).toMatchObject({ status: 0 });
  const env = realm.env({ ccache });
  peer = new GssapiPeer(env);
  const aware = `${realm.dir}/aware-${process.pid}.conf`;
  writeFileSync(aware, '[libdefaults]\n  client_aware_channel_bindings = true\n');
  awarePeer = new GssapiPeer({ ...env, KRB5_CONFIG: `${aware}:${realm.krb5Conf}` });
  alice = passwordClient('alice');
});
afterAll(() => {
  peer?.stop();
  awarePeer?.stop();
});

/** Our context with MIT's acceptor, established. */
async function establish(context: SecurityContext, bound?: Uint8Array) {
  const name = newSide();
  const options = bound === undefined ? {} : { bound };
  let ours = context.step();
  for (;;) {
    const theirs = await peer.accept(name, ours.token!, options);
    if (theirs.token !== undefined) ours = context.step(theirs.token);
    if (theirs.done) return { name, theirs };
  }
}

interface Initiation {
  readonly target?: string;
  readonly name?: 'service' | 'principal';
  readonly bound?: Uint8Array;
  readonly by?: GssapiPeer;
}

/** MIT's context with our acceptor, established. */
async function accept(acceptor: Acceptor, flags: number, { by = peer, ...options }: Initiation = {}) {
  const name = newSide();
  const question = { target: SERVICE, flags, ...options };
  let theirs = await by.initiate(name, question);
  let accepted = acceptor.accept(theirs.token!);
  while (!theirs.done || !accepted.done) {
    if (accepted.token !== undefined) theirs = await by.initiate(name, question, accepted.token);
    if (!accepted.done) accepted = acceptor.accept(theirs.token!, accepted.context);
  }
  return { name, theirs, accepted };
}

function embedded(options: Partial<AcceptorOptions> = {}): Acceptor {
  return new Acceptor({ keytab: new Uint8Array(readFileSync(realm.keytabs.services)), ...options });
}

const message = utf8('a message');

/** A message each way, wrapped and signed. */
async function converse(context: SecurityContext, name: string): Promise<void> {
  const { message: read } = await peer.unwrap(name, context.wrap(message));
  expect(read).toEqual(message);
  await peer.verifyMic(name, message, context.mic(message));
  expect(context.unwrap(await peer.wrap(name, message)).message).toEqual(message);
  context.verifyMic(message, await peer.mic(name, message));
}

/** All sums of some of `flags`. */
function sums(...flags: readonly number[]): number[] {
  return flags.reduce((found, flag) => found.concat(found.map((sum) => sum | flag)), [0]);
}

const COMBINATIONS = sums(mutual, replay, sequence, confidentiality, integrity, identify, extendedError);

describe('flags', () => {
  it('reach MIT’s acceptor as they were asked for, in every combination', async () => {
    for (const flags of COMBINATIONS) {
      const context = await alice.securityContext(SERVICE, { mechanism: 'krb5', flags });
      const { theirs, name } = await establish(context);
      expect(theirs).toMatchObject({ source: 'alice@EXAMPLE.TEST', target: 'host/localhost@EXAMPLE.TEST' });
      expect(theirs.flags & ~MIT_EXTRAS).toBe(flags);
      expect([context.flags, context.mutuallyAuthenticated]).toEqual([flags, (flags & mutual) !== 0]);
      expect(context.sessionKey.value).toEqual(theirs.key);
      await converse(context, name);
    }
  });

  it('reach our acceptor as MIT’s initiator sets them, in every combination', async () => {
    const acceptor = embedded();
    for (const flags of sums(mutual, replay, sequence, identify, extendedError)) {
      const { theirs, accepted, name } = await accept(acceptor, flags);
      // MIT's initiator always asks for confidentiality and integrity.
      const expected = flags | confidentiality | integrity;
      expect(theirs.flags & ~MIT_EXTRAS).toBe(expected);
      expect(accepted.context.flags).toBe(expected);
      expect(accepted.client).toMatchObject({ components: ['alice'], realm: 'EXAMPLE.TEST' });
      await converse(accepted.context, name);
    }
  });
});

describe('DCE style', () => {
  it('has three legs without framing and is mutual, with MIT’s acceptor', async () => {
    for (const flags of sums(mutual, replay, sequence, confidentiality, integrity)) {
      const context = await alice.securityContext(SERVICE, { mechanism: 'krb5', flags: flags | dceStyle });
      const name = newSide();
      const first = context.step();
      expect([first.token![0], first.done]).toEqual([0x6e, false]);
      const second = await peer.accept(name, first.token!);
      expect([second.token![0], second.done]).toEqual([0x6f, false]);
      const third = context.step(second.token);
      expect([third.token![0], third.done]).toEqual([0x6f, true]);
      const established = await peer.accept(name, third.token!);
      expect([established.done, established.token]).toEqual([true, undefined]);
      expect(established.flags & ~MIT_EXTRAS).toBe(flags | dceStyle | mutual);
      await converse(context, name);
    }
  });

  it('is accepted from MIT’s initiator', async () => {
    const acceptor = embedded();
    for (const flags of sums(replay, sequence)) {
      const { accepted, name } = await accept(acceptor, flags | dceStyle);
      expect(accepted.context.flags).toBe(flags | dceStyle | mutual | confidentiality | integrity);
      await converse(accepted.context, name);
    }
  });

  it('is negotiated by SPNEGO', async () => {
    const flags = mutual | integrity | replay | dceStyle;
    const context = await alice.securityContext(SERVICE, { flags });
    const { theirs, name } = await establish(context);
    expect(theirs.flags & dceStyle).toBe(dceStyle);
    await converse(context, name);
  });

  it('of MIT’s acceptor is not believed without its answer', async () => {
    const context = await alice.securityContext(SERVICE, { mechanism: 'krb5', flags: dceStyle });
    const name = newSide();
    await peer.accept(name, context.step().token!);
    const other = await alice.securityContext(SERVICE, { mechanism: 'krb5', flags: dceStyle });
    const second = await peer.accept(newSide(), other.step().token!);
    const third = other.step(second.token).token!;
    await expect(peer.accept(name, third)).rejects.toThrow(PeerError);
  });
});

describe('channel bindings', () => {
  const right = utf8('tls-server-end-point:right');
  const wrong = utf8('tls-server-end-point:wrong');
  const { channelBound } = GSS_FLAGS;
  const flags = mutual | integrity;
  const ours = (data: Uint8Array | undefined, more: number): ContextOptions => ({
    mechanism: 'krb5',
    flags: flags | more,
    ...(data === undefined ? {} : { channelBindings: { applicationData: data } }),
  });

  it.each([
    ['right ones', right, right, 0, channelBound],
    ['right ones, and it says that it knows them', right, right, channelBound, channelBound],
    ['none', undefined, right, 0, 0],
    ['some, where the acceptor has none', right, undefined, 0, 0],
    ['none on either side, and it says that it knows them', undefined, undefined, channelBound, 0],
  ])('MIT’s acceptor lets in who has %s', async (_what, mine, theirs, option, expected) => {
    const context = await alice.securityContext(SERVICE, ours(mine, option));
    const established = await establish(context, theirs);
    expect(established.theirs.flags & channelBound).toBe(expected);
    expect(context.flags & channelBound).toBe(0);
  });

  it.each([
    ['wrong ones', wrong, 0],
    ['none, but says that it knows them', undefined, channelBound],
  ])('MIT’s acceptor refuses who has %s', async (_what, mine, option) => {
    const context = await alice.securityContext(SERVICE, ours(mine, option));
    const error = await establish(context, right).catch((refusal: unknown) => refusal);
    expect(error).toBeInstanceOf(PeerError);
    expect(routineError(error as PeerError)).toBe(MAJOR.badBindings);
  });

  it('client_aware_channel_bindings of krb5.conf says that all of ours know them', async () => {
    const aware = passwordClient('alice', { libdefaults: 'client_aware_channel_bindings = true' });
    const context = await aware.securityContext(SERVICE, ours(undefined, 0));
    await expect(establish(context, right)).rejects.toThrow(PeerError);
  });

  it('MIT’s initiator is judged likewise by our acceptor', async () => {
    const acceptor = embedded({ channelBindings: { applicationData: right } });
    const bound = await accept(acceptor, flags, { bound: right });
    expect(bound.accepted.context.channelBound).toBe(true);
    const without = await accept(acceptor, flags);
    expect(without.accepted.context.channelBound).toBe(false);
    const refused = { code: 'KRB_ERR_GENERIC' };
    await expect(accept(acceptor, flags, { bound: wrong })).rejects.toMatchObject(refused);
    await expect(accept(acceptor, flags, { by: awarePeer })).rejects.toMatchObject(refused);
    const aware = await accept(acceptor, flags, { by: awarePeer, bound: right });
    expect(aware.accepted.context.channelBound).toBe(true);
    const open = await accept(embedded(), flags, { by: awarePeer, bound: right });
    expect(open.accepted.context.channelBound).toBe(false);
  });
});

describe('encryption type of the acceptor’s subkey (RFC 4537)', () => {
  const withEtypes = (list: string): Client =>
    passwordClient('alice', { libdefaults: `permitted_enctypes = ${list}` });
  const ALL = 'aes256-cts-hmac-sha1-96 aes128-cts-hmac-sha1-96 aes256-sha2 aes128-sha2';

  it.each(ENCTYPES)('is MIT’s best one when the session key is of $name', async ({ name }) => {
    const context = await withEtypes(ALL).securityContext(`sess/${name}`, { mechanism: 'krb5' });
    const { theirs, name: side } = await establish(context);
    expect(theirs.etype).toBe(18);
    await converse(context, side);
  });

  it.each(ENCTYPES)('is that of the session key when nothing else is permitted: $name', async (row) => {
    const client = withEtypes(`${row.kadmin} aes256-cts-hmac-sha1-96`);
    const context = await client.securityContext(`sess/${row.name}`, { mechanism: 'krb5' });
    const { theirs, name } = await establish(context);
    expect(theirs.etype).toBe(row.etype);
    await converse(context, name);
  });

  it('needs mutual authentication', async () => {
    const options = { mechanism: 'krb5', flags: integrity } as const;
    const context = await withEtypes(ALL).securityContext('sess/aes128-sha256', options);
    const { theirs } = await establish(context);
    expect(theirs.etype).toBe(19);
  });

  it.each(ENCTYPES)('is our acceptor’s choice of what MIT’s initiator offers for $name', async (row) => {
    const target = `sess/${row.name}@EXAMPLE.TEST`;
    const question = { target, name: 'principal' } as const;
    const best = await accept(embedded(), mutual | integrity, question);
    expect(best.theirs.etype).toBe(18);
    await converse(best.accepted.context, best.name);
    const other = await accept(embedded({ etypes: [row.etype] }), mutual | integrity, question);
    expect(other.theirs.etype).toBe(row.etype);
    await converse(other.accepted.context, other.name);
  });
});

describe('names', () => {
  it.each([
    'alice@EXAMPLE.TEST',
    'HTTP/www.example.test@EXAMPLE.TEST',
    'a\\@b\\/c/d@R',
    'WELLKNOWN/ANONYMOUS@R',
  ])('are exported and displayed as by MIT: %s', async (text) => {
    const { exported, display } = await peer.name(text, 'principal');
    const name = importExportedName(exported);
    expect(displayName(name).text).toBe(display);
    expect(exportName(name)).toEqual(exported);
    expect((await peer.name(exportName(name), 'export')).display).toBe(text);
  });
});
