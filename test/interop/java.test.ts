/** Java's JGSS at both ends: contexts, messages, channel bindings, delegation, sequences and SPNEGO (RFC 4121, RFC 4178). */
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ENCTYPES,
  type MitRealm,
  RC4,
  rc4Commands,
  startMitRealm,
} from '../../scripts/realServers/index.mjs';
import { equalBytes, utf8 } from '../../src/bytes.js';
import { formatPrincipal } from '../../src/formats/principal.js';
import { DEFAULT_FLAGS } from '../../src/gss/flags.js';
import type { SecurityContext } from '../../src/gss/securityContext.js';
import { KRB5_OID, MS_KRB5_OID } from '../../src/gss/token.js';
import { encryptionTypeName } from '../../src/iana/encryptionTypes.js';
import { type Client, type ContextOptions, fromPassword, GSS_FLAGS } from '../../src/index.js';
import { readOffer } from '../../src/spnego/framing.js';
import { decode, NEG_STATES, type NegTokenResp } from '../../src/spnego/messages.js';
import { SpnegoInitiator } from '../../src/spnego/negotiate.js';
import { writeCcacheFile } from '../../src/stores/fileCcache.js';
import { type Accepted, Acceptor, type AcceptorOptions } from '../../src/testing/index.js';
import { JavaError, type JavaInitiate, JavaPeer } from './javaPeer.js';
import { configOf, failure, passwordClient } from './library.js';
import { servers } from './servers.js';

const { realm } = servers();
const SERVICE = 'host/localhost';
const NOT_MUTUAL = DEFAULT_FLAGS & ~GSS_FLAGS.mutual;
const OTHER_OID = '1.3.6.1.4.1.5322.99.1';
const MECHANISMS = ['krb5', 'spnego'] as const;
/** GSSException's numbers: BAD_BINDINGS; BAD_MIC, DEFECTIVE_TOKEN and FAILURE. */
const BAD_BINDINGS = 1;
const REFUSALS = [6, 10, 11];
const SIZES = [0, 1, 15, 16, 17, 1000, 4096, 65_535, 102_400];

let alice: Client;
let java: JavaPeer;
let side = 0;
const newSide = (): string => `side${++side}`;

beforeAll(async () => {
  java = await JavaPeer.start(realm.krb5Conf);
  alice = passwordClient('alice');
  const ccache = realm.newCcache().replace('FILE:', '');
  await writeCcacheFile(ccache, alice.credentialCache(await alice.login({ forwardable: true })));
  await java.login('service', 'acceptor', '*', realm.keytabs.services);
  await java.login('host', 'acceptor', `${SERVICE}@${realm.realm}`, realm.keytabs.services);
  await java.login('alice', 'ccache', `alice@${realm.realm}`, ccache);
  await java.login('keytab', 'keytab', `${realm.keytabUser}@${realm.realm}`, realm.keytabs.user);
});
afterAll(() => java?.stop());

/** Our context with Java's acceptor, from the first token to the end. */
async function establish(
  context: SecurityContext,
  options: Parameters<JavaPeer['accept']>[2] = {},
  peer: JavaPeer = java,
) {
  const name = newSide();
  const answers: Uint8Array[] = [];
  let ours = context.step();
  for (;;) {
    const theirs = await peer.accept(name, ours.token!, options);
    if (theirs.token !== undefined) {
      answers.push(theirs.token);
      ours = context.step(theirs.token);
    }
    if (theirs.done && ours.done) return { name, theirs, answers };
  }
}

async function contextFor(service: string, options: ContextOptions = {}) {
  const context = await alice.securityContext(service, options);
  return { context, ...(await establish(context)) };
}

const keytab = (): Uint8Array => new Uint8Array(readFileSync(realm.keytabs.services));

/** Java's context with our acceptor. */
async function accept(
  options: Partial<JavaInitiate> = {},
  choices: Partial<AcceptorOptions> = {},
  peer: JavaPeer = java,
): Promise<{ name: string; accepted: Accepted; answers: readonly Uint8Array[] }> {
  const acceptor = new Acceptor({ keytab: keytab(), ...choices });
  const name = newSide();
  const target = `${SERVICE}@${realm.realm}`;
  const question = { subject: 'alice', target, flags: DEFAULT_FLAGS, ...options };
  const answers: Uint8Array[] = [];
  let theirs = await peer.initiate(name, question);
  let accepted = acceptor.accept(theirs.token!);
  for (;;) {
    if (accepted.token !== undefined) {
      answers.push(accepted.token);
      theirs = await peer.initiate(name, question, accepted.token);
    }
    if (accepted.done) break;
    accepted = acceptor.accept(theirs.token!, accepted.context);
  }
  expect([theirs.done, accepted.done]).toEqual([true, true]);
  return { name, accepted, answers };
}

type Messages = Pick<SecurityContext, 'wrap' | 'unwrap' | 'mic' | 'verifyMic'>;

/** A message each way in each form. */
async function exchangeMessage(
  ours: Messages,
  name: string,
  message: Uint8Array,
  peer: JavaPeer = java,
): Promise<void> {
  for (const confidential of [true, false]) {
    const theirs = await peer.unwrap(name, ours.wrap(message, { confidential }));
    expect([equalBytes(theirs.message, message), theirs.confidential, theirs.anomalies]).toEqual([
      true,
      confidential,
      '-',
    ]);
    const back = ours.unwrap(await peer.wrap(name, message, confidential));
    expect([equalBytes(back.message, message), back.confidential, back.anomaly]).toEqual([
      true,
      confidential,
      undefined,
    ]);
  }
  expect(await peer.verifyMic(name, message, ours.mic(message))).toBe('-');
  expect(ours.verifyMic(message, await peer.mic(name, message))).toBeUndefined();
}

function respOf(token: Uint8Array): NegTokenResp {
  const message = decode('NegotiationToken', token);
  if (!('negTokenResp' in message)) throw new Error('no NegTokenResp');
  return message.negTokenResp;
}

const octetsOf = (size: number): Uint8Array =>
  Uint8Array.from({ length: size }, (_, at) => (at * 31 + size) & 255);

describe.each(MECHANISMS)('%s', (mechanism) => {
  describe.each(ENCTYPES)('under a session key of $name', ({ name: etype }) => {
    it('goes from us to Java, with messages of all sizes', async () => {
      const { context, name, theirs } = await contextFor(`sess/${etype}`, { mechanism });
      expect(theirs).toMatchObject({
        source: `alice@${realm.realm}`,
        target: `sess/${etype}@${realm.realm}`,
      });
      expect([context.mutuallyAuthenticated, theirs.flags]).toEqual([true, DEFAULT_FLAGS]);
      const { etype: number, value } = context.sessionKey;
      expect(await java.sessionKey(name)).toEqual({ etype: encryptionTypeName(number), value });
      for (const size of SIZES) await exchangeMessage(context, name, octetsOf(size));
    });

    it('goes from Java to us, with messages of all sizes', async () => {
      const target = `sess/${etype}@${realm.realm}`;
      const { accepted, name } = await accept({ mechanism, target });
      expect(formatPrincipal(accepted.client!)).toBe(`alice@${realm.realm}`);
      for (const size of SIZES) await exchangeMessage(accepted.context, name, octetsOf(size));
    });
  });

  it('works without mutual authentication, both ways', async () => {
    const { context, name } = await contextFor(SERVICE, { mechanism, flags: NOT_MUTUAL });
    expect(context.mutuallyAuthenticated).toBe(false);
    await exchangeMessage(context, name, utf8('message'));
    const from = await accept({ mechanism, flags: NOT_MUTUAL });
    await exchangeMessage(from.accepted.context, from.name, utf8('message'));
  });

  it("takes Java's login by keytab", async () => {
    const { accepted, name } = await accept({ mechanism, subject: 'keytab' });
    expect(formatPrincipal(accepted.client!)).toBe(`${realm.keytabUser}@${realm.realm}`);
    await exchangeMessage(accepted.context, name, utf8('message'));
  });

  it('delegates to Java, which acts for the client', async () => {
    const { name, theirs } = await contextFor(SERVICE, { mechanism, delegate: true });
    expect(theirs.delegated).toBe(`alice@${realm.realm}`);
    const onward = await accept({ mechanism, subject: `delegated:${name}` });
    expect(formatPrincipal(onward.accepted.client!)).toBe(`alice@${realm.realm}`);
  });

  it('takes what Java delegates', async () => {
    const flags = DEFAULT_FLAGS | GSS_FLAGS.delegation;
    const { accepted } = await accept({ mechanism, flags });
    expect(
      accepted.delegated.map(({ client, server }) => [client, server].map((name) => formatPrincipal(name))),
    ).toEqual([[`alice@${realm.realm}`, `krbtgt/${realm.realm}@${realm.realm}`]]);
  });
});

/** A negotiation of any identifiers, each with a krb5 context behind it. */
async function offering(oids: readonly string[], flags: number): Promise<SpnegoInitiator> {
  const contexts = await Promise.all(
    oids.map(() => alice.securityContext(SERVICE, { mechanism: 'krb5', flags })),
  );
  return new SpnegoInitiator(oids.map((oid, index) => ({ oid, start: () => contexts[index]! })));
}

describe("SPNEGO at Java's acceptor", () => {
  it.each<[string, readonly string[], number]>([
    ['krb5', [KRB5_OID], DEFAULT_FLAGS],
    ['krb5 without mutual authentication', [KRB5_OID], NOT_MUTUAL],
    ["krb5 behind Microsoft's identifier", [MS_KRB5_OID, KRB5_OID], DEFAULT_FLAGS],
    ['krb5 in front of it', [KRB5_OID, MS_KRB5_OID], DEFAULT_FLAGS],
  ])('takes %s at once', async (_, spnegoMechanisms, flags) => {
    const { context, name, answers } = await contextFor(SERVICE, { flags, spnegoMechanisms });
    expect(answers.map((answer) => respOf(answer))).toMatchObject([
      { negState: NEG_STATES.acceptCompleted, supportedMech: spnegoMechanisms[0] },
    ]);
    await exchangeMessage(context, name, utf8('message'));
  });

  it('selects another mechanism without request-mic, which is refused', async () => {
    const context = await offering([OTHER_OID, KRB5_OID], DEFAULT_FLAGS);
    const { token } = await java.accept(newSide(), context.step().token!);
    expect(respOf(token!)).toEqual({ negState: NEG_STATES.acceptIncomplete, supportedMech: KRB5_OID });
    expect(() => context.step(token)).toThrowError(expect.objectContaining({ code: 'ERR_SPNEGO_TOKEN' }));
  });
});

describe("SPNEGO from Java's initiator", () => {
  it('offers krb5 alone', async () => {
    const question = { subject: 'alice', target: `${SERVICE}@${realm.realm}`, flags: DEFAULT_FLAGS };
    const { token } = await java.initiate(newSide(), { ...question, mechanism: 'spnego' });
    expect(readOffer(token!)).toMatchObject({ mechTypes: [KRB5_OID], mechToken: expect.any(Uint8Array) });
  });

  it('heeds no request-mic, so the acceptor does not complete', async () => {
    const acceptor = new Acceptor({ keytab: keytab(), requestMic: true });
    const target = `${SERVICE}@${realm.realm}`;
    const question = { subject: 'alice', target, flags: DEFAULT_FLAGS, mechanism: 'spnego' } as const;
    const name = newSide();
    const accepted = acceptor.accept((await java.initiate(name, question)).token!);
    expect(respOf(accepted.token!).negState).toBe(NEG_STATES.requestMic);
    const last = await java.initiate(name, question, accepted.token);
    expect([last.token, accepted.done, accepted.context.established]).toEqual([undefined, false, false]);
  });
});

describe('channel bindings', () => {
  const data = utf8('tls-server-end-point:0123');
  /** Java has a type of its own (255) for an address that is not there, and 0 as all others only for TLS. */
  const typed = { initiatorAddrType: 255, acceptorAddrType: 255, applicationData: data };
  const untyped = { applicationData: data };

  it.each([
    ['plain', typed],
    ['tls', untyped],
  ] as const)('%s are the same on both sides', async (kind, channelBindings) => {
    const context = await alice.securityContext(SERVICE, { mechanism: 'krb5', channelBindings });
    const { name } = await establish(context, { bound: { kind, data } });
    await exchangeMessage(context, name, utf8('message'));
    const { accepted } = await accept({ bound: { kind, data } }, { channelBindings });
    expect(accepted.context.channelBound).toBe(true);
  });

  it.each([
    ['plain', untyped],
    ['tls', typed],
    ['tls', { applicationData: utf8('tls-server-end-point:0124') }],
    ['tls', undefined],
  ] as const)('%s that differ are refused: %o', async (kind, channelBindings) => {
    const context = await alice.securityContext(SERVICE, { mechanism: 'krb5', channelBindings });
    const error = await failure(establish(context, { bound: { kind, data } }));
    expect((error as JavaError).major).toBe(BAD_BINDINGS);
    if (channelBindings === undefined) return;
    const refused = accept({ bound: { kind, data } }, { channelBindings });
    await expect(refused).rejects.toMatchObject({ code: 'KRB_ERR_GENERIC' });
  });
});

describe('messages out of their place', () => {
  const ORDER = [0, 0, 2, 1, 1, 2, 3, 5, 40, 4, 39, 39, 41, 10, 17];
  const FOUND = [
    ...['-', 'duplicate', 'gap', 'unsequenced', 'duplicate', 'duplicate', '-', 'gap', 'gap'],
    ...['unsequenced', 'unsequenced', 'duplicate', '-', 'unsequenced', 'unsequenced'],
  ];
  const texts = Array.from({ length: 42 }, (_, at) => utf8(`message ${at}`));

  it('are what Java says of ours', async () => {
    const { context, name } = await contextFor(SERVICE, { mechanism: 'krb5' });
    const tokens = texts.map((text) => context.wrap(text));
    const found: string[] = [];
    for (const at of ORDER) found.push((await java.unwrap(name, tokens[at]!)).anomalies);
    expect(found).toEqual(FOUND);
  });

  it("are what we say of Java's", async () => {
    const { context, name } = await contextFor(SERVICE, { mechanism: 'krb5', anomalies: 'report' });
    const tokens: Uint8Array[] = [];
    for (const text of texts) tokens.push(await java.mic(name, text));
    const found = ORDER.map((at) => context.verifyMic(texts[at]!, tokens[at]!) ?? '-');
    expect(found).toEqual(FOUND);
  });
});

describe('a wrong token', () => {
  const message = utf8('message');

  it.each(MECHANISMS)(
    'of %s is refused by Java: changed, replayed, for another service',
    async (mechanism) => {
      const token = (await alice.securityContext(SERVICE, { mechanism })).step().token!;
      const changed = token.slice();
      changed[changed.length - 5]! ^= 1;
      await expect(java.accept(newSide(), changed)).rejects.toThrow(JavaError);
      expect((await java.accept(newSide(), token)).done).toBe(true);
      await expect(java.accept(newSide(), token)).rejects.toThrow(/replay/);
      const other = (await alice.securityContext('HTTP/localhost', { mechanism })).step().token!;
      await expect(java.accept(newSide(), other, { subject: 'host' })).rejects.toThrow(JavaError);
    },
  );

  it('of ours is refused by Java', async () => {
    const { context, name } = await contextFor(SERVICE);
    for (const at of [0, 3, 20, 40, -1]) {
      const token = context.wrap(message);
      token[at < 0 ? token.length + at : at]! ^= 1;
      expect(REFUSALS).toContain(((await failure(java.unwrap(name, token))) as JavaError).major);
      const mic = context.mic(message);
      mic[at < 0 ? mic.length + at : Math.min(at, 20)]! ^= 1;
      expect(REFUSALS).toContain(((await failure(java.verifyMic(name, message, mic))) as JavaError).major);
    }
  });

  it.each(MECHANISMS)("of Java's is refused by us: %s", async (mechanism) => {
    const answer = await (async () => {
      const context = await alice.securityContext(SERVICE, { mechanism });
      const { token } = await java.accept(newSide(), context.step().token!);
      return { context, token: token! };
    })();
    const changed = answer.token.slice();
    changed[changed.length - 5]! ^= 1;
    expect(() => answer.context.step(changed)).toThrowError(
      expect.objectContaining({ code: 'ERR_INTEGRITY' }),
    );
    for (const at of [2, 4, 7, 15, 30]) {
      const { context, name } = await contextFor(SERVICE, { mechanism });
      const token = await java.wrap(name, message);
      token[at]! ^= 1;
      expect(() => context.unwrap(token)).toThrowError(
        expect.objectContaining({ code: expect.stringMatching(/^ERR_(GSS_TOKEN|INTEGRITY)$/) }),
      );
    }
  });
});

describe('RC4, where both sides allow it', () => {
  let weak: MitRealm;
  let peer: JavaPeer;
  let client: Client;
  const keytabPath = (): string => `${weak.dir}/keytabs/rc4.keytab`;

  beforeAll(async () => {
    weak = await startMitRealm({ realm: 'RC4.TEST' });
    await weak.kadmin(rc4Commands(weak.realm, keytabPath()));
    const krb5Conf = `${weak.dir}/java.conf`;
    const settings = '[libdefaults]\nallow_weak_crypto = true\n';
    writeFileSync(krb5Conf, `${settings}${readFileSync(weak.krb5Conf, 'utf8')}`);
    peer = await JavaPeer.start(krb5Conf);
    const config = configOf(weak, 'allow_rc4 = true\npermitted_enctypes = rc4');
    client = fromPassword(RC4.user, RC4.password, { config });
    const ccache = `${weak.dir}/java.ccache`;
    await writeCcacheFile(ccache, client.credentialCache(await client.login()));
    await peer.login('service', 'acceptor', '*', keytabPath());
    await peer.login('user', 'ccache', `${RC4.user}@${weak.realm}`, ccache);
  });
  afterAll(async () => {
    peer?.stop();
    await weak?.stop();
  });

  it.each(MECHANISMS)('%s goes both ways', async (mechanism) => {
    const context = await client.securityContext(RC4.sessionService, { mechanism });
    const { name } = await establish(context, {}, peer);
    for (const size of SIZES) await exchangeMessage(context, name, octetsOf(size), peer);
    const question = { subject: 'user', target: `${RC4.sessionService}@${weak.realm}`, mechanism };
    const choices = { keytab: new Uint8Array(readFileSync(keytabPath())), etypes: [RC4.etype] };
    const from = await accept(question, choices, peer);
    expect(from.accepted.context.sessionKey.etype).toBe(RC4.etype);
    for (const size of SIZES) await exchangeMessage(from.accepted.context, from.name, octetsOf(size), peer);
  });
});
