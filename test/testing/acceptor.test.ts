/** The embedded realm's acceptor, with this library's own initiator. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { concat, utf8 } from '../../src/bytes.js';
import { networkConnection } from '../../src/client/kdcConnection.js';
import { systemEnvironment } from '../../src/client/system.js';
import { makeApReq } from '../../src/exchange/ap.js';
import { principalName } from '../../src/exchange/principalName.js';
import { contextChecksum } from '../../src/gss/bindings.js';
import { InitiatorContext } from '../../src/gss/context.js';
import { encodeKrb5Token, frameInitialToken, KRB5_OID, TOKEN_IDS } from '../../src/gss/token.js';
import {
  Client,
  type Credential,
  fromPassword,
  GSS_FLAGS,
  KDC_OPTIONS,
  Key,
  type SecurityContext,
} from '../../src/index.js';
import { encode } from '../../src/messages/module.js';
import { encryptionKey, seal } from '../../src/messages/sealed.js';
import { decode as decodeSpnego, encode as encodeSpnego, NEG_STATES } from '../../src/spnego/messages.js';
import { open } from '../../src/testing/apRequest.js';
import { AcceptError, type Accepted, Acceptor, TestRealm } from '../../src/testing/index.js';
import { codeThrown, exchangeTgt } from './clients.js';

let realm: TestRealm;
let alice: Client;
beforeAll(async () => {
  realm = await TestRealm.start({
    principals: {
      alice: { password: 'secret' },
      'HTTP/localhost': {},
      'host/localhost': {},
      ...Object.fromEntries(
        [17, 18, 19, 20].map((etype) => [`test/e${etype}`, { etypes: [etype], sessionEtypes: [etype] }]),
      ),
    },
  });
  alice = fromPassword('alice', 'secret', { config: realm.config });
  await alice.login({ forwardable: true });
});
afterAll(() => realm.stop());

const MECHANISMS = ['krb5', 'spnego'] as const;
const { mutual, replay, sequence, confidentiality, integrity } = GSS_FLAGS;

/** Both sides of an established context. */
async function pair(
  service: string,
  options: Parameters<Client['securityContext']>[1] = {},
  acceptor: Acceptor = realm.acceptor(service),
): Promise<{ initiator: SecurityContext; accepted: Accepted }> {
  const initiator = await alice.securityContext(service, options);
  let accepted = acceptor.accept(initiator.step().token!);
  while (!initiator.established && accepted.token !== undefined) {
    const { token } = initiator.step(accepted.token);
    if (token !== undefined) accepted = acceptor.accept(token, accepted.context);
  }
  return { initiator, accepted };
}

async function token(mechanism: (typeof MECHANISMS)[number] = 'krb5'): Promise<Uint8Array> {
  return (await alice.securityContext('HTTP/localhost', { mechanism })).step().token!;
}

describe.each(MECHANISMS)('%s', (mechanism) => {
  it.each([17, 18, 19, 20])('protects messages both ways in etype %i', async (etype) => {
    const { initiator, accepted } = await pair(`test/e${etype}`, { mechanism });
    const { context } = accepted;
    expect(accepted.client).toEqual({ nameType: 1, components: ['alice'], realm: 'EXAMPLE.TEST' });
    expect([accepted.done, context.mutuallyAuthenticated, initiator.mutuallyAuthenticated]).toEqual([
      true,
      true,
      true,
    ]);
    for (const confidential of [true, false]) {
      const message = utf8(`a message ${confidential}`);
      expect(context.unwrap(initiator.wrap(message, { confidential }))).toEqual({ message, confidential });
      expect(initiator.unwrap(context.wrap(message, { confidential }))).toEqual({ message, confidential });
      context.verifyMic(message, initiator.mic(message));
      initiator.verifyMic(message, context.mic(message));
    }
  });

  it('works without mutual authentication', async () => {
    const flags = replay | sequence | confidentiality | integrity;
    const { initiator, accepted } = await pair('HTTP/localhost', { mechanism, flags });
    expect(accepted.context.mutuallyAuthenticated).toBe(false);
    const message = utf8('message');
    expect(accepted.context.unwrap(initiator.wrap(message)).message).toEqual(message);
    expect(initiator.unwrap(accepted.context.wrap(message)).message).toEqual(message);
  });

  it('refuses a replay', async () => {
    const acceptor = realm.acceptor('HTTP/localhost');
    const first = await token(mechanism);
    acceptor.accept(first);
    expect(codeThrown(() => acceptor.accept(first))).toBe('KRB_AP_ERR_REPEAT');
  });

  it('tells the initiator why it refuses', async () => {
    const context = await alice.securityContext('HTTP/localhost', { mechanism });
    const acceptor = realm.acceptor('host/localhost');
    const refusal = errorOf(() => acceptor.accept(context.step().token!));
    expect(refusal.code).toBe('KRB_AP_ERR_NOT_US');
    expect(codeThrown(() => context.step(refusal.token))).toBe('KRB_AP_ERR_NOT_US');
  });

  it('refuses messages out of order, reflected or changed', async () => {
    const message = utf8('message');
    const twice = await pair('HTTP/localhost', { mechanism });
    const wrapped = twice.initiator.wrap(message);
    twice.accepted.context.unwrap(wrapped);
    expect(codeThrown(() => twice.accepted.context.unwrap(wrapped))).toBe('ERR_GSS_SEQUENCE');
    const mirror = (await pair('HTTP/localhost', { mechanism })).accepted.context;
    expect(codeThrown(() => mirror.unwrap(mirror.wrap(message)))).toBe('ERR_GSS_TOKEN');
    expect(codeThrown(() => mirror.wrap(message))).toBe('ERR_GSS_STATE');
    expect([mirror.established, mirror.protReady]).toEqual([false, false]);
    const changed = await pair('HTTP/localhost', { mechanism });
    const octets = changed.initiator.wrap(message);
    octets[20]! ^= 1;
    expect(codeThrown(() => changed.accepted.context.unwrap(octets))).toBe('ERR_INTEGRITY');
  });

  it('can do nothing once it is deleted', async () => {
    const { context } = (await pair('HTTP/localhost', { mechanism })).accepted;
    context.delete();
    expect(context.established).toBe(false);
    expect(codeThrown(() => context.wrap(utf8('message')))).toBe('ERR_GSS_STATE');
  });

  it('compares channel bindings', async () => {
    const channelBindings = { applicationData: utf8('tls-server-end-point:x') };
    const acceptor = realm.acceptor('HTTP/localhost', { channelBindings });
    const bound = await pair('HTTP/localhost', { mechanism, channelBindings }, acceptor);
    expect(bound.accepted.context.channelBound).toBe(true);
    const without = await pair('HTTP/localhost', { mechanism }, acceptor);
    expect(without.accepted.context.channelBound).toBe(false);
    const other = { applicationData: utf8('tls-server-end-point:y') };
    const context = await alice.securityContext('HTTP/localhost', { mechanism, channelBindings: other });
    expect(codeThrown(() => acceptor.accept(context.step().token!))).toBe('KRB_ERR_GENERIC');
  });
});

describe('an acceptor', () => {
  it('refuses a ticket sealed with another key or key version', async () => {
    await using twin = await TestRealm.start({ principals: { 'HTTP/localhost': {} } });
    const imposter = new Acceptor({ keytab: twin.keytab('HTTP/localhost') });
    const first = await token();
    expect(codeThrown(() => imposter.accept(first))).toBe('KRB_AP_ERR_BAD_INTEGRITY');
    await twin.addPrincipal('HTTP/localhost', { kvno: 2 });
    const later = new Acceptor({ keytab: twin.keytab('HTTP/localhost') });
    expect(codeThrown(() => later.accept(first))).toBe('KRB_AP_ERR_BADKEYVER');
  });

  it.each([
    [400, 'KRB_AP_ERR_SKEW'],
    [20 * 3600, 'KRB_AP_ERR_SKEW'],
  ])('whose clock is %i s ahead refuses: %s', async (ahead, code) => {
    const { randomBytes } = systemEnvironment();
    const environment = { nowMs: () => Date.now() + ahead * 1000, randomBytes };
    const acceptor = realm.acceptor('HTTP/localhost', { environment });
    const first = await token();
    expect(codeThrown(() => acceptor.accept(first))).toBe(code);
  });

  it('refuses an expired ticket', async () => {
    const { randomBytes } = systemEnvironment();
    const nowMs = () => Date.now() + 20 * 3_600_000;
    const acceptor = realm.acceptor('HTTP/localhost', { environment: { nowMs, randomBytes } });
    const credential = await alice.serviceTicket('HTTP/localhost');
    const context = new InitiatorContext({ credential }, { nowMs, randomBytes });
    expect(codeThrown(() => acceptor.accept(context.step().token!))).toBe('KRB_AP_ERR_TKT_EXPIRED');
  });

  it('refuses an AP-REQ without the checksum of RFC 4121', async () => {
    const credential = await alice.serviceTicket('HTTP/localhost');
    const { apReq } = makeApReq({ credential, mutual: false }, systemEnvironment());
    const acceptor = realm.acceptor('HTTP/localhost');
    const bare = encodeKrb5Token(TOKEN_IDS.AP_REQ, apReq);
    expect(codeThrown(() => acceptor.accept(bare))).toBe('KRB_AP_ERR_INAPP_CKSUM');
  });

  it.each([
    ['nothing', new Uint8Array(0)],
    ['NTLM', utf8('NTLMSSP\0')],
    ['a bare tag', Uint8Array.of(0x60)],
    ['an endless length', Uint8Array.of(0x60, 0xff, 0, 0)],
    ['an AP-REP', encodeKrb5Token(TOKEN_IDS.AP_REP, new Uint8Array(4))],
  ])('refuses %s', (_what, octets) => {
    const error = errorOf(() => realm.acceptor('HTTP/localhost').accept(octets));
    expect(error.code).toBe('ERR_GSS_TOKEN');
    expect(error.token).toBeUndefined();
  });

  it('refuses a ticket and an authenticator with any one bit flipped', async () => {
    const right = await token();
    const taken = new Set<number>();
    for (let bit = 0; bit < 8 * right.length; bit++) {
      const flipped = right.slice();
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      const code = codeThrown(() => realm.acceptor('HTTP/localhost').accept(flipped));
      if (code === 'no error') taken.add(bit >> 3);
    }
    // Outside of the encryption stand ap-options and the type of the service's name, which say nothing that counts.
    const octets = Buffer.from(right);
    const options = octets.indexOf('a207030500', 0, 'hex') + 4;
    const nameType = octets.indexOf('a003020101a1', options, 'hex') + 4;
    expect([...taken]).toEqual([0, 1, 2, 3, 4].map((n) => options + n).concat(nameType));
  });

  it('takes no channel bindings that would bind to nothing', () => {
    const channelBindings = { applicationData: 'tls-server-end-point:x' as unknown as Uint8Array };
    expect(() => realm.acceptor('HTTP/localhost', { channelBindings })).toThrow(TypeError);
  });

  it('is dead after a refusal', async () => {
    const acceptor = realm.acceptor('HTTP/localhost');
    const { context } = acceptor.accept(await token());
    expect(codeThrown(() => context.step(new Uint8Array(0)))).toBe('ERR_GSS_STATE');
    expect(codeThrown(() => context.wrap(new Uint8Array(0)))).toBe('ERR_GSS_STATE');
  });
});

function errorOf(action: () => unknown): AcceptError {
  try {
    action();
  } catch (error) {
    if (error instanceof AcceptError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('delegation', () => {
  /** A krb5 token whose checksum carries a forwarded ticket-granting ticket. */
  async function delegatingToken(sealed: boolean): Promise<Uint8Array> {
    const environment = systemEnvironment();
    const tgt = await alice.ticketGrantingTicket();
    const kdcOptions = KDC_OPTIONS.forwarded | KDC_OPTIONS.forwardable;
    const forwarded = await exchangeTgt(realm, { tgt, server: tgt.server, kdcOptions });
    const credential = await alice.serviceTicket('HTTP/localhost');
    const part = encode('EncKrbCredPart', { ticketInfo: [credInfo(forwarded)] });
    const encPart = sealed
      ? seal(part, credential.sessionKey, 14, environment.randomBytes(16))
      : { etype: 0, cipher: part };
    const krbCred = encode('KrbCred', { pvno: 5, msgType: 22, tickets: [forwarded.ticket], encPart });
    const plain = contextChecksum(integrity | GSS_FLAGS.delegation, undefined);
    const field = concat(Uint8Array.of(1, 0, krbCred.length & 0xff, krbCred.length >> 8), krbCred);
    const checksum = { ...plain, checksum: concat(plain.checksum, field) };
    const { apReq } = makeApReq({ credential, mutual: false, checksum }, environment);
    return encodeKrb5Token(TOKEN_IDS.AP_REQ, apReq);
  }

  function credInfo({ sessionKey, client, server, flags, endTime }: Credential) {
    return {
      key: encryptionKey(sessionKey),
      prealm: client.realm,
      pname: principalName(client),
      flags,
      endtime: endTime,
      srealm: server.realm,
      sname: principalName(server),
    };
  }

  it.each([true, false])(
    'gives the acceptor a ticket-granting ticket to use (sealed: %s)',
    async (sealed) => {
      const acceptor = realm.acceptor('HTTP/localhost');
      const { delegated, client } = acceptor.accept(await delegatingToken(sealed));
      const { config } = realm;
      const asAlice = new Client({
        principal: client!,
        config,
        connection: networkConnection({ config }),
        environment: systemEnvironment(),
        credentials: delegated,
      });
      const context = await asAlice.securityContext('host/localhost', { mechanism: 'krb5' });
      const next = realm.acceptor('host/localhost').accept(context.step().token!);
      expect(next.client!.components).toEqual(['alice']);
    },
  );
});

describe('SPNEGO', () => {
  const SPNEGO = Uint8Array.of(0x2b, 0x06, 0x01, 0x05, 0x05, 0x02);
  const NTLM_OID = '1.3.6.1.4.1.311.2.2.10';
  const init = (mechTypes: readonly string[], mechToken?: Uint8Array): Uint8Array =>
    frameInitialToken(SPNEGO, encodeSpnego('NegotiationToken', { negTokenInit: { mechTypes, mechToken } }));
  const respOf = (octets: Uint8Array | undefined) => {
    const message = decodeSpnego('NegotiationToken', octets!);
    if (!('negTokenResp' in message)) throw new Error('no NegTokenResp');
    return message.negTokenResp;
  };
  const resp = (negTokenResp: ReturnType<typeof respOf>): Uint8Array =>
    encodeSpnego('NegotiationToken', { negTokenResp });

  it('rejects a list without krb5', () => {
    const error = errorOf(() => realm.acceptor('HTTP/localhost').accept(init([NTLM_OID])));
    expect(error.code).toBe('ERR_SPNEGO_REJECTED');
    expect(respOf(error.token).negState).toBe(NEG_STATES.reject);
  });

  it.each(['1.2.840.48018.1.2.2', KRB5_OID])('takes %s for krb5', async (oid) => {
    const accepted = realm.acceptor('HTTP/localhost').accept(init([oid, NTLM_OID], await token()));
    expect(accepted.done).toBe(true);
    expect(respOf(accepted.token)).toMatchObject({
      negState: NEG_STATES.acceptCompleted,
      supportedMech: oid,
    });
  });

  describe('with another mechanism first', () => {
    const list = [NTLM_OID, KRB5_OID];
    const mechTypeList = encodeSpnego('MechTypeList', list);

    async function begin(flags: number = mutual | integrity | replay) {
      const acceptor = realm.acceptor('HTTP/localhost');
      const initiator = await alice.securityContext('HTTP/localhost', { mechanism: 'krb5', flags });
      const accepted = acceptor.accept(init(list, utf8('NTLMSSP\0')));
      return { acceptor, initiator, accepted };
    }

    it('demands MICs of the list', async () => {
      const { initiator, accepted } = await begin();
      expect(respOf(accepted.token)).toMatchObject({
        negState: NEG_STATES.requestMic,
        supportedMech: KRB5_OID,
      });
      const { context } = accepted;
      const second = context.step(resp({ responseToken: initiator.step().token }));
      expect([second.done, context.client]).toEqual([false, undefined]);
      const { responseToken, mechListMic, negState } = respOf(second.token);
      initiator.step(responseToken);
      initiator.verifyMic(mechTypeList, mechListMic!);
      expect(negState).toBe(NEG_STATES.acceptIncomplete);
      const third = context.step(resp({ negState: 0, mechListMic: initiator.mic(mechTypeList) }));
      expect([third.done, third.token, context.client?.components]).toEqual([true, undefined, ['alice']]);
    });

    it('takes the MIC together with the last token of the mechanism', async () => {
      const { initiator, accepted } = await begin(integrity | replay);
      const responseToken = initiator.step().token;
      const mechListMic = initiator.mic(mechTypeList);
      const last = accepted.context.step(resp({ responseToken, mechListMic }));
      expect(last.done).toBe(true);
      initiator.verifyMic(mechTypeList, respOf(last.token).mechListMic!);
    });

    it.each([
      [
        'a changed list',
        (initiator: SecurityContext) => initiator.mic(encodeSpnego('MechTypeList', [KRB5_OID])),
      ],
      ['no MIC', () => undefined],
    ])('refuses %s', async (_what, mic) => {
      const { initiator, accepted } = await begin();
      const second = accepted.context.step(resp({ responseToken: initiator.step().token }));
      initiator.step(respOf(second.token).responseToken);
      const last = resp({ negState: 0, mechListMic: mic(initiator) });
      expect(codeThrown(() => accepted.context.step(last))).toBe('ERR_SPNEGO_MIC');
      expect(accepted.context.client).toBeUndefined();
    });
  });

  it('demands MICs where the acceptor wants them anyway', async () => {
    const acceptor = realm.acceptor('HTTP/localhost', { requestMic: true });
    const { accepted, initiator } = await pair('HTTP/localhost', {}, acceptor);
    expect([accepted.done, initiator.established]).toEqual([true, true]);
  });
});

it('opens with the wrong key: KRB_AP_ERR_BAD_INTEGRITY; a key that cannot be used is told of as such', () => {
  const cipher = new Uint8Array(64);
  const refusal = expect.objectContaining({ symbol: 'KRB_AP_ERR_BAD_INTEGRITY' });
  expect(() => open({ etype: 18, cipher }, new Key(18, new Uint8Array(32)), 2)).toThrow(refusal);
  expect(() => open({ etype: 17, cipher }, new Key(18, new Uint8Array(32)), 2)).toThrow(refusal);
  expect(codeThrown(() => open({ etype: 18, cipher }, new Key(18, new Uint8Array(9)), 2))).toBe(
    'ERR_KEY_LENGTH',
  );
  expect(codeThrown(() => open({ etype: 99, cipher }, new Key(99, cipher), 2))).toBe('ERR_ETYPE_UNSUPPORTED');
});
