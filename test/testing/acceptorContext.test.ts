/** The embedded acceptor's side of the negotiation: flags, DCE style, RFC 4537, channel bindings, and who breaks the rules. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { utf8 } from '../../src/bytes.js';
import { systemEnvironment } from '../../src/client/system.js';
import { makeApReq, makeDceApRep } from '../../src/exchange/ap.js';
import { freshSubkey } from '../../src/exchange/tgs.js';
import { offersData } from '../../src/gss/authorizationData.js';
import { contextChecksum } from '../../src/gss/bindings.js';
import { InitiatorContext } from '../../src/gss/context.js';
import { encodeKrb5Token, TOKEN_IDS } from '../../src/gss/token.js';
import {
  type Client,
  type ContextOptions,
  fromPassword,
  GSS_FLAGS,
  parseConfig,
  type SecurityContext,
} from '../../src/index.js';
import { decode, encode } from '../../src/messages/module.js';
import { encryptionKey, seal, unseal } from '../../src/messages/sealed.js';
import { type Accepted, type Acceptor, type AcceptorOptions, TestRealm } from '../../src/testing/index.js';
import { codeThrown } from './clients.js';

const SERVICE = 'HTTP/localhost';
const {
  mutual,
  replay,
  sequence,
  confidentiality,
  integrity,
  identify,
  extendedError,
  dceStyle,
  channelBound,
} = GSS_FLAGS;
const environment = systemEnvironment();
const message = utf8('message');

let realm: TestRealm;
let alice: Client;
beforeAll(async () => {
  const sessions = [17, 18, 19, 20].map(
    (etype) => [`session/e${etype}`, { sessionEtypes: [etype] }] as const,
  );
  realm = await TestRealm.start({
    principals: { alice: { password: 'secret' }, [SERVICE]: {}, ...Object.fromEntries(sessions) },
  });
  alice = fromPassword('alice', 'secret', { config: realm.config });
  await alice.login();
});
afterAll(() => realm.stop());

const acceptorOf = (service = SERVICE, options: Omit<AcceptorOptions, 'keytab' | 'service'> = {}): Acceptor =>
  realm.acceptor(service, options);

/** Both sides, as far as they come. */
function establish(context: SecurityContext, acceptor: Acceptor): Accepted {
  let accepted = acceptor.accept(context.step().token!);
  while (accepted.token !== undefined && !context.established) {
    const { token } = context.step(accepted.token);
    if (token !== undefined) accepted = acceptor.accept(token, accepted.context);
  }
  return accepted;
}

async function pair(options: ContextOptions, acceptor = acceptorOf(), service = SERVICE) {
  const context = await alice.securityContext(service, { mechanism: 'krb5', ...options });
  return { context, accepted: establish(context, acceptor) };
}

function converse(one: SecurityContext, other: SecurityContext): void {
  expect(other.unwrap(one.wrap(message)).message).toEqual(message);
  expect(one.unwrap(other.wrap(message)).message).toEqual(message);
  one.verifyMic(message, other.mic(message));
  other.verifyMic(message, one.mic(message));
}

describe('flags', () => {
  it('are the initiator’s, as far as they mean something', async () => {
    for (const flags of [
      0,
      mutual | identify,
      replay | sequence | extendedError,
      confidentiality | integrity,
    ]) {
      const { context, accepted } = await pair({ flags });
      expect([accepted.context.flags, context.flags]).toEqual([flags, flags]);
      converse(context, accepted.context);
    }
    const credential = await alice.serviceTicket(SERVICE);
    const checksum = contextChecksum(0xffff_8fbe, undefined);
    const { apReq } = makeApReq({ credential, mutual: true, checksum }, environment);
    const token = encodeKrb5Token(TOKEN_IDS.AP_REQ, apReq);
    expect(acceptorOf().accept(token).context.flags).toBe(
      mutual | replay | sequence | confidentiality | integrity,
    );
  });
});

describe('DCE style', () => {
  const flags = dceStyle | integrity | confidentiality;

  it('names the client only after the third leg', async () => {
    const context = await alice.securityContext(SERVICE, { mechanism: 'krb5', flags });
    const first = acceptorOf().accept(context.step().token!);
    expect([first.done, first.client, first.context.established]).toEqual([false, undefined, false]);
    expect(codeThrown(() => first.context.wrap(message))).toBe('ERR_GSS_STATE');
    const third = context.step(first.token).token!;
    expect(first.context.step(third)).toEqual({ token: undefined, done: true });
    expect(first.context.client?.components).toEqual(['alice']);
    expect(first.context.flags).toBe(flags | mutual);
    converse(context, first.context);
    expect(codeThrown(() => first.context.step(third))).toBe('ERR_GSS_STATE');
  });

  it('goes through SPNEGO', async () => {
    const { context, accepted } = await pair({ mechanism: 'spnego', flags });
    expect([context.established, accepted.context.established]).toEqual([true, true]);
    converse(context, accepted.context);
  });

  /** The first two legs, with what the third needs. */
  async function twoLegs() {
    const credential = await alice.serviceTicket(SERVICE);
    const context = new InitiatorContext({ credential, flags }, environment);
    const first = acceptorOf().accept(context.step().token!);
    const { encPart } = decode('ApRep', first.token!);
    const part = decode('EncApRepPart', unseal(encPart, credential.sessionKey, 12));
    return { credential, first, part };
  }

  it.each([
    ['another sequence number', 1, false],
    ['a subkey', 0, true],
  ])('refuses a third leg with %s', async (_what, more, withSubkey) => {
    const { credential, first, part } = await twoLegs();
    const subkey = withSubkey ? encryptionKey(freshSubkey(credential.sessionKey, environment)) : undefined;
    const plain = encode('EncApRepPart', { ctime: 1, cusec: 1, seqNumber: part.seqNumber! + more, subkey });
    const encPart = seal(plain, credential.sessionKey, 12, environment.randomBytes(16));
    const token = encode('ApRep', { pvno: 5, msgType: 15, encPart });
    expect(codeThrown(() => first.context.step(token))).toBe('KRB_AP_ERR_MUT_FAIL');
    expect(first.context.client).toBeUndefined();
    expect(first.context.established).toBe(false);
  });

  it('refuses its own AP-REP, another key and a framed token as third leg', async () => {
    const own = await twoLegs();
    expect(codeThrown(() => own.first.context.step(own.first.token!))).toBe('KRB_AP_ERR_MUT_FAIL');
    const other = await twoLegs();
    const sessionKey = freshSubkey(other.credential.sessionKey, environment);
    const token = makeDceApRep({ ...other.credential, sessionKey }, other.part.seqNumber!, environment);
    expect(codeThrown(() => other.first.context.step(token))).toBe('KRB_AP_ERR_BAD_INTEGRITY');
    const framed = await twoLegs();
    const last = makeDceApRep(framed.credential, framed.part.seqNumber!, environment);
    const wrong = encodeKrb5Token(TOKEN_IDS.AP_REP, last);
    expect(codeThrown(() => framed.first.context.step(wrong))).toBe('ERR_ASN1');
  });

  it.each([true, false])('and framing exclude each other (framed: %s)', async (framed) => {
    const credential = await alice.serviceTicket(SERVICE);
    const checksum = contextChecksum(framed ? mutual | dceStyle : mutual, undefined);
    const { apReq } = makeApReq({ credential, mutual: true, checksum }, environment);
    const token = framed ? encodeKrb5Token(TOKEN_IDS.AP_REQ, apReq) : apReq;
    expect(codeThrown(() => acceptorOf().accept(token))).toBe('ERR_GSS_TOKEN');
  });
});

describe('encryption type of the acceptor’s subkey (RFC 4537)', () => {
  const clientOf = (permitted: string): Client => {
    const text = `[libdefaults]\npermitted_enctypes = ${permitted}\n${realm.krb5Conf}`;
    return fromPassword('alice', 'secret', { config: parseConfig(text) });
  };
  const ALL = 'aes256-cts aes128-cts aes256-sha2 aes128-sha2';

  it.each([
    [ALL, 17, undefined, 18],
    [ALL, 19, undefined, 18],
    [ALL, 20, [20, 19, 18, 17], 20],
    [ALL, 17, [20, 18, 17], 18],
    ['aes128-sha2 aes256-cts aes256-sha2', 20, undefined, 18],
    ['aes256-sha2', 20, undefined, 20],
  ])('of a client with %s, session key %i, acceptor %j: %i', async (permitted, etype, etypes, expected) => {
    const service = `session/e${etype}`;
    const context = await clientOf(permitted).securityContext(service, { mechanism: 'krb5' });
    const acceptor = acceptorOf(service, etypes === undefined ? {} : { etypes });
    const { token, context: accepted } = acceptor.accept(context.step().token!);
    context.step(token);
    converse(context, accepted);
    expect(accepted.sessionKey.etype).toBe(expected);
    expect(context.sessionKey.etype).toBe(expected);
  });

  it('is not negotiated with a session key that is not permitted', async () => {
    const context = await alice.securityContext('session/e17', { mechanism: 'krb5' });
    const { token } = context.step();
    const acceptor = acceptorOf('session/e17', { etypes: [18, 20] });
    expect(codeThrown(() => acceptor.accept(token!))).toBe('KDC_ERR_ETYPE_NOSUPP');
  });
});

describe('channel bindings', () => {
  const bindings = { applicationData: utf8('tls-server-end-point:x') };

  it.each([
    ['the right ones', bindings, 0, true],
    ['the right ones, known', bindings, channelBound, true],
    ['none', undefined, 0, false],
  ])('%s are let in', async (_what, channelBindings, more, bound) => {
    const acceptor = acceptorOf(SERVICE, { channelBindings: bindings });
    const { accepted } = await pair({ flags: integrity | more, channelBindings }, acceptor);
    expect(accepted.context.channelBound).toBe(bound);
    expect((accepted.context.flags & channelBound) !== 0).toBe(bound);
  });

  it.each([
    ['others', { applicationData: utf8('y') }, 0],
    ['none, from a client that knows them', undefined, channelBound],
    ['empty ones', {}, 0],
  ])('%s are refused', async (_what, channelBindings, more) => {
    const acceptor = acceptorOf(SERVICE, { channelBindings: bindings });
    const refused = pair({ flags: integrity | more, channelBindings }, acceptor);
    await expect(refused).rejects.toMatchObject({ code: 'KRB_ERR_GENERIC' });
  });

  it('of a malformed announcement are refused', async () => {
    const credential = await alice.serviceTicket(SERVICE);
    const [element] = offersData({ etypes: [], channelBound: true })!;
    const [options] = decode('AdIfRelevant', element!.adData);
    const authorizationData = [{ adType: options!.adType, adData: options!.adData.subarray(1) }];
    const checksum = contextChecksum(integrity, undefined);
    const { apReq } = makeApReq({ credential, mutual: false, checksum, authorizationData }, environment);
    const token = encodeKrb5Token(TOKEN_IDS.AP_REQ, apReq);
    expect(codeThrown(() => acceptorOf().accept(token))).toBe('ERR_GSS_TOKEN');
  });
});
