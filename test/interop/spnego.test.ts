/** SPNEGO at MIT's acceptor and from MIT's initiator (RFC 4178): selections, MICs, hints, three legs; Apache in several legs. */

import { readdirSync, readFileSync } from 'node:fs';
import { Agent, type IncomingMessage, request } from 'node:http';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApacheSite, startApacheSite, unpackHeimdal } from '../../scripts/realServers/index.mjs';
import { utf8 } from '../../src/bytes.js';
import { DEFAULT_FLAGS } from '../../src/gss/flags.js';
import { KRB5_OID, MS_KRB5_OID } from '../../src/gss/token.js';
import { type Client, GSS_FLAGS, type SecurityContext } from '../../src/index.js';
import { readOffer } from '../../src/spnego/framing.js';
import { decode, encode, NEG_STATES, type NegTokenResp } from '../../src/spnego/messages.js';
import { SpnegoInitiator } from '../../src/spnego/negotiate.js';
import { Acceptor, type AcceptorOptions } from '../../src/testing/index.js';
import { GssapiPeer, PeerError } from './gssapiPeer.js';
import { failure, passwordClient } from './library.js';
import { servers } from './servers.js';

const { realm } = servers();
const SERVICE = 'host@localhost';
const OTHER_OID = '1.3.6.1.4.1.5322.99.1';
const NOT_MUTUAL = DEFAULT_FLAGS & ~GSS_FLAGS.mutual;
const DCE = DEFAULT_FLAGS | GSS_FLAGS.dceStyle;
const NO_INTEGRITY = GSS_FLAGS.mutual;
const { acceptCompleted, acceptIncomplete, requestMic } = NEG_STATES;

let alice: Client;
const ccache = realm.newCcache();
let mit: GssapiPeer;
let side = 0;
const newSide = (): string => `side ${++side}`;

beforeAll(async () => {
  const input = `${realm.users.alice}\n`;
  expect(await realm.run('kinit', ['alice'], { ccache, input })).toMatchObject({ status: 0 });
  mit = new GssapiPeer(realm.env({ ccache }));
  alice = passwordClient('alice');
});
afterAll(() => mit?.stop());

function respOf(token: Uint8Array): NegTokenResp {
  const message = decode('NegotiationToken', token);
  if (!('negTokenResp' in message)) throw new Error('no NegTokenResp');
  return message.negTokenResp;
}

/** A negotiation of any identifiers, each with a krb5 context behind it. */
async function offering(oids: readonly string[], flags: number, service = SERVICE): Promise<SpnegoInitiator> {
  const contexts = await Promise.all(
    oids.map(() => alice.securityContext(service, { mechanism: 'krb5', flags })),
  );
  return new SpnegoInitiator(oids.map((oid, index) => ({ oid, start: () => contexts[index]! })));
}

async function exchangeMessages(
  peer: GssapiPeer,
  ours: Pick<SecurityContext, 'wrap' | 'unwrap' | 'mic' | 'verifyMic'>,
  name: string,
) {
  const message = utf8(`message of ${name}`);
  expect((await peer.unwrap(name, ours.wrap(message))).message).toEqual(message);
  expect(ours.unwrap(await peer.wrap(name, message)).message).toEqual(message);
  await peer.verifyMic(name, message, ours.mic(message));
  ours.verifyMic(message, await peer.mic(name, message));
}

/** Our negotiation with MIT's acceptor; the states of its answers. */
async function negotiate(peer: GssapiPeer, context: SecurityContext, name: string, hints?: Uint8Array) {
  const answers: NegTokenResp[] = [];
  let ours = context.step(hints);
  for (;;) {
    const theirs = await peer.accept(name, ours.token!);
    if (theirs.token !== undefined) {
      answers.push(respOf(theirs.token));
      ours = context.step(theirs.token);
    }
    if (theirs.done) return { answers, theirs };
  }
}

/** The peer's negotiation with our acceptor; the states of our answers. */
async function accept(
  peer: GssapiPeer,
  choices: Omit<AcceptorOptions, 'keytab'>,
  flags: number,
  hints = false,
) {
  const acceptor = new Acceptor({
    keytab: new Uint8Array(readFileSync(realm.keytabs.services)),
    ...choices,
  });
  const name = newSide();
  const question = { target: SERVICE, flags, mechanism: 'spnego' } as const;
  const states: (number | undefined)[] = [];
  let theirs = await peer.initiate(name, question);
  let accepted = acceptor.accept(theirs.token!, hints ? acceptor.hints().context : undefined);
  for (;;) {
    if (accepted.token !== undefined) {
      states.push(respOf(accepted.token).negState);
      theirs = await peer.initiate(name, question, accepted.token);
    }
    if (accepted.done) break;
    accepted = acceptor.accept(theirs.token!, accepted.context);
  }
  expect([theirs.done, accepted.done]).toEqual([true, true]);
  return { name, states, accepted };
}

describe("MIT's acceptor", () => {
  const cases: [string, readonly string[], number, number[]][] = [
    ['the first mechanism', [KRB5_OID], DEFAULT_FLAGS, [acceptCompleted]],
    ["Microsoft's identifier", [MS_KRB5_OID], DEFAULT_FLAGS, [acceptCompleted]],
    ['both, as Windows offers them', [MS_KRB5_OID, KRB5_OID], DEFAULT_FLAGS, [acceptCompleted]],
    ['both', [KRB5_OID, MS_KRB5_OID], DEFAULT_FLAGS, [acceptCompleted]],
    ['without mutual authentication', [KRB5_OID], NOT_MUTUAL, [acceptCompleted]],
    ['in DCE style', [KRB5_OID], DCE, [acceptIncomplete, acceptCompleted]],
    ['the second', [OTHER_OID, KRB5_OID], DEFAULT_FLAGS, [requestMic, acceptIncomplete]],
    [
      "the second by Microsoft's identifier",
      [OTHER_OID, MS_KRB5_OID],
      DEFAULT_FLAGS,
      [requestMic, acceptIncomplete],
    ],
    [
      'the third',
      [OTHER_OID, '1.3.6.1', KRB5_OID, MS_KRB5_OID],
      DEFAULT_FLAGS,
      [requestMic, acceptIncomplete],
    ],
    [
      'the second without mutual authentication',
      [OTHER_OID, KRB5_OID],
      NOT_MUTUAL,
      [requestMic, acceptCompleted],
    ],
    ['the second in DCE style', [OTHER_OID, KRB5_OID], DCE, [requestMic, acceptIncomplete, acceptCompleted]],
    ['the first without integrity', [KRB5_OID], NO_INTEGRITY, [acceptCompleted]],
    [
      'the second without integrity, so without MICs',
      [OTHER_OID, KRB5_OID],
      NO_INTEGRITY,
      [requestMic, acceptCompleted],
    ],
  ];

  it.each(cases)('takes %s', async (_, oids, flags, states) => {
    const context = await offering(oids, flags);
    const name = newSide();
    const { answers, theirs } = await negotiate(mit, context, name);
    expect(answers.map(({ negState }) => negState)).toEqual(states);
    expect(theirs.source).toBe('alice@EXAMPLE.TEST');
    expect([context.established, context.mutuallyAuthenticated]).toEqual([
      true,
      (flags & GSS_FLAGS.mutual) !== 0,
    ]);
    await exchangeMessages(mit, context, name);
  });

  it.each([true, false])(
    'gives hints that we understand, and is content with our token: %s',
    async (both) => {
      const name = newSide();
      const hints = await mit.accept(name, new Uint8Array(0));
      const { mechTypes, hintName } = readOffer(hints.token!);
      expect(mechTypes).toContain(KRB5_OID);
      expect(hintName).toBe('not_defined_in_RFC4178@please_ignore');
      const context = both
        ? await alice.securityContext(SERVICE, { spnegoMechanisms: [MS_KRB5_OID, KRB5_OID] })
        : await offering([OTHER_OID, KRB5_OID], DEFAULT_FLAGS);
      await negotiate(mit, context, name, hints.token!);
      await exchangeMessages(mit, context, name);
    },
  );

  it('rejects our token with a KRB-ERROR, and we say which', async () => {
    const context = await alice.securityContext(SERVICE);
    const { token } = context.step();
    const changed = token!.slice();
    changed[changed.length - 1]! ^= 1;
    const error = (await failure(mit.accept(newSide(), changed))) as PeerError;
    expect(respOf(error.token!).negState).toBe(NEG_STATES.reject);
    expect(() => context.step(error.token!)).toThrowError(
      expect.objectContaining({ code: 'KRB_AP_ERR_BAD_INTEGRITY' }),
    );
  });

  it('rejects a list without krb5', async () => {
    const context = await offering([OTHER_OID], DEFAULT_FLAGS);
    const error = (await failure(mit.accept(newSide(), context.step().token!))) as PeerError;
    expect(() => context.step(error.token!)).toThrowError(
      expect.objectContaining({ code: 'ERR_SPNEGO_REJECTED' }),
    );
  });

  it('notices a list that was changed on its way', async () => {
    const context = await offering([OTHER_OID, KRB5_OID], DEFAULT_FLAGS);
    const name = newSide();
    const token = context.step().token!;
    const at = Buffer.from(token).indexOf(Buffer.from(encode('MechType', OTHER_OID)));
    const changed = token.slice();
    changed[at + 9]! ^= 2;
    const first = await mit.accept(name, changed);
    const second = await mit.accept(name, context.step(first.token!).token!);
    expect(() => context.step(second.token!)).toThrowError(
      expect.objectContaining({ code: 'ERR_SPNEGO_MIC' }),
    );
  });

  it('refuses our MIC when one bit of it is flipped', async () => {
    for (const bit of [0, 100, 200]) {
      const context = await offering([OTHER_OID, KRB5_OID], DEFAULT_FLAGS);
      const name = newSide();
      const first = await mit.accept(name, context.step().token!);
      const second = await mit.accept(name, context.step(first.token!).token!);
      const { negState, mechListMic } = respOf(context.step(second.token!).token!);
      const changed = mechListMic!.slice();
      changed[bit >> 3]! ^= 1 << (bit & 7);
      const negTokenResp = { negState, mechListMic: changed };
      await expect(mit.accept(name, encode('NegotiationToken', { negTokenResp }))).rejects.toThrow(PeerError);
    }
  });
});

describe("MIT's initiator", () => {
  it.each<[string, Omit<AcceptorOptions, 'keytab'>, number, number[]]>([
    ['its only mechanism', {}, DEFAULT_FLAGS, [acceptCompleted]],
    ['its only mechanism without mutual authentication', {}, NOT_MUTUAL, [acceptCompleted]],
    ['MICs', { requestMic: true }, DEFAULT_FLAGS, [requestMic]],
    ['MICs without mutual authentication', { requestMic: true }, NOT_MUTUAL, [requestMic]],
    [
      'MICs for we prefer another',
      { spnegoMechanisms: [MS_KRB5_OID, KRB5_OID] },
      DEFAULT_FLAGS,
      [requestMic],
    ],
    ['DCE style', {}, DCE, [acceptIncomplete, acceptCompleted]],
  ])('accepts %s', async (_, choices, flags, states) => {
    const conversation = await accept(mit, choices, flags);
    expect(conversation.states).toEqual(states);
    expect(conversation.accepted.client?.components).toEqual(['alice']);
    await exchangeMessages(mit, conversation.accepted.context, conversation.name);
  });

  it('heeds no request-mic in DCE style, so its third leg is refused (section 5 c) V)', async () => {
    await expect(accept(mit, { requestMic: true }, DCE)).rejects.toMatchObject({ code: 'ERR_SPNEGO_MIC' });
  });

  it('speaks second after our hints', async () => {
    const { accepted, name } = await accept(mit, {}, DEFAULT_FLAGS, true);
    await exchangeMessages(mit, accepted.context, name);
  });
});

describe('Heimdal', () => {
  let heimdal: GssapiPeer;
  beforeAll(async () => {
    await unpackHeimdal(realm);
    const libraries = `${realm.dir}/heimdal/root/usr/lib`;
    const folder = readdirSync(libraries).find((name) => name.endsWith('-linux-gnu'));
    const env = { ...realm.env({ ccache }), LD_LIBRARY_PATH: `${libraries}/${folder}` };
    heimdal = new GssapiPeer(env, fileURLToPath(new URL('heimdalPeer.py', import.meta.url)));
  });
  afterAll(() => heimdal?.stop());

  const cases: [string, readonly string[], number, number[]][] = [
    ['the first mechanism', [KRB5_OID], DEFAULT_FLAGS, [acceptCompleted]],
    ["Microsoft's identifier", [MS_KRB5_OID], DEFAULT_FLAGS, [acceptCompleted]],
    ['both, as Windows offers them', [MS_KRB5_OID, KRB5_OID], DEFAULT_FLAGS, [acceptCompleted]],
    ['without mutual authentication', [KRB5_OID], NOT_MUTUAL, [acceptCompleted]],
    ['in DCE style', [KRB5_OID], DCE, [acceptIncomplete, acceptCompleted]],
    ['without integrity', [KRB5_OID], NO_INTEGRITY, [acceptCompleted]],
  ];

  it.each(cases)('accepts %s', async (_, oids, flags, states) => {
    const context = await offering(oids, flags);
    const name = newSide();
    const { answers, theirs } = await negotiate(heimdal, context, name);
    expect(answers.map(({ negState }) => negState)).toEqual(states);
    expect([theirs.source, context.established]).toEqual(['alice@EXAMPLE.TEST', true]);
    await exchangeMessages(heimdal, context, name);
  });

  it('selects another mechanism without request-mic, which is refused', async () => {
    const context = await offering([OTHER_OID, KRB5_OID], DEFAULT_FLAGS);
    const { token } = await heimdal.accept(newSide(), context.step().token!);
    expect(respOf(token!)).toEqual({ negState: acceptIncomplete, supportedMech: KRB5_OID });
    expect(() => context.step(token)).toThrowError(expect.objectContaining({ code: 'ERR_SPNEGO_TOKEN' }));
  });

  it('gives hints that we understand', async () => {
    const name = newSide();
    const hints = await heimdal.accept(name, new Uint8Array(0));
    expect(readOffer(hints.token!)).toMatchObject({ hintName: 'not_defined_in_RFC4178@please_ignore' });
    const context = await alice.securityContext(SERVICE);
    await negotiate(heimdal, context, name, hints.token!);
    await exchangeMessages(heimdal, context, name);
  });

  it.each<[string, Omit<AcceptorOptions, 'keytab'>, number, number[]]>([
    ['its only mechanism', {}, DEFAULT_FLAGS, [acceptCompleted]],
    ['MICs', { requestMic: true }, DEFAULT_FLAGS, [requestMic]],
    [
      'MICs for we prefer another',
      { spnegoMechanisms: [MS_KRB5_OID, KRB5_OID] },
      DEFAULT_FLAGS,
      [requestMic],
    ],
    ['DCE style', {}, DCE, [acceptIncomplete, acceptCompleted]],
  ])('initiates, and gets from us %s', async (_, choices, flags, states) => {
    const conversation = await accept(heimdal, choices, flags);
    expect(conversation.states).toEqual(states);
    await exchangeMessages(heimdal, conversation.accepted.context, conversation.name);
  });
});

describe('Apache mod_auth_gssapi', () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  let site: ApacheSite;
  beforeAll(async () => {
    site = await startApacheSite(realm);
  });
  afterAll(async () => {
    agent.destroy();
    await site?.stop();
  });

  async function get(token: Uint8Array): Promise<IncomingMessage & { readonly body: string }> {
    const headers = { authorization: `Negotiate ${Buffer.from(token).toString('base64')}` };
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      request(`${site.http}/bound`, { agent, headers }, resolve).on('error', reject).end();
    });
    let body = '';
    for await (const part of response) body += String(part);
    return Object.assign(response, { body });
  }

  const tokenOf = ({ headers }: IncomingMessage): Uint8Array | undefined => {
    const found = /^Negotiate (\S+)/.exec(String(headers['www-authenticate']))?.[1];
    return found === undefined ? undefined : new Uint8Array(Buffer.from(found, 'base64'));
  };

  it('selects the second mechanism in three requests of one connection', async () => {
    const context = await offering([OTHER_OID, KRB5_OID], DEFAULT_FLAGS, 'HTTP@localhost');
    const statuses: (number | undefined)[] = [];
    let response = await get(context.step().token!);
    for (;;) {
      statuses.push(response.statusCode);
      const answer = tokenOf(response);
      const { token } = answer === undefined ? { token: undefined } : context.step(answer);
      if (token === undefined) break;
      response = await get(token);
    }
    expect(statuses).toEqual([401, 401, 200]);
    expect(response.body).toContain('alice@EXAMPLE.TEST');
    expect([context.established, context.mutuallyAuthenticated]).toEqual([true, true]);
  });

  it.each([[[MS_KRB5_OID, KRB5_OID]], [[MS_KRB5_OID]], [[KRB5_OID, MS_KRB5_OID]]])(
    'lets %j in at once',
    async (spnegoMechanisms) => {
      const context = await alice.securityContext('HTTP@localhost', { spnegoMechanisms });
      const response = await get(context.step().token!);
      expect(response.statusCode).toBe(200);
      expect(context.step(tokenOf(response)!)).toEqual({ token: undefined, done: true });
    },
  );
});
