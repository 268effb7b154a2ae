/** The AS exchange (RFC 4120 section 3.1) against an honest KDC and against what KDCs answer when something is wrong. */
import { describe, expect, it } from 'vitest';
import { toHex, uint32be, utf8, utf8Text } from '../../src/bytes.js';
import { Key } from '../../src/crypto/key.js';
import { stringToKey } from '../../src/crypto/stringToKey.js';
import { KdcError } from '../../src/errors.js';
import type { KeyQuestion, Question } from '../../src/exchange/ask.js';
import { parsePrincipal } from '../../src/formats/principal.js';
import { PA_DATA_TYPES } from '../../src/iana/paDataTypes.js';
import { hasFlag, KDC_OPTIONS, TICKET_FLAGS } from '../../src/messages/flags.js';
import { decode, encode } from '../../src/messages/module.js';
import type { PaData } from '../../src/messages/paData.js';
import { etypeInfo2, type KeySource, type ScriptedKey, START } from '../support/scriptedKdc.js';
import { exampleRealm, failure, login, REALM, type Realm, TILL } from './realm.js';

const pa = (type: keyof typeof PA_DATA_TYPES, padataValue: Uint8Array = new Uint8Array(0)): PaData => ({
  padataType: PA_DATA_TYPES[type],
  padataValue,
});
const isInfo = ({ padataType }: PaData): boolean => padataType === PA_DATA_TYPES['PA-ETYPE-INFO2'];
const isTimestamp = ({ padataType }: PaData): boolean => padataType === PA_DATA_TYPES['PA-ENC-TIMESTAMP'];

/** The KDC's METHOD-DATA with other news about keys. */
function namesKeys(realm: Realm, ...infos: readonly PaData[]): void {
  realm.kdc.hooks = { rewriteMethodData: (all) => [...infos, ...all.filter((each) => !isInfo(each))] };
}

/** Logs in and gives the one question for a key. */
async function keyQuestion(realm: Realm, etypes?: readonly number[]): Promise<KeyQuestion> {
  const asked: Question[] = [];
  await login(realm, { asked, request: etypes === undefined ? {} : { etypes } });
  const questions = asked.filter((question) => question.ask === 'key');
  expect(questions).toHaveLength(1);
  return questions[0]!;
}

const wrongKey: KeySource = ({ etype }) => new Key(etype, new Uint8Array(etype % 2 === 0 ? 32 : 16).fill(7));
const keyInfo = (etype: number, salt?: string, s2kparams?: Uint8Array): ScriptedKey => ({
  key: new Key(etype, new Uint8Array(0)),
  salt,
  s2kparams,
});

describe('AS exchange', () => {
  it('pre-authenticates and gives the credential of the encrypted part', async () => {
    const realm = exampleRealm();
    const asked: Question[] = [];
    const result = await login(realm, { asked });
    expect(asked.map(({ ask }) => ask)).toEqual(['kdc', 'key', 'kdc']);
    expect(realm.kdc.timestamps).toHaveLength(1);
    const { credential } = result;
    expect(credential.client).toEqual({ nameType: 1, components: ['alice'], realm: REALM });
    expect(credential.server.components).toEqual(['krbtgt', REALM]);
    expect(credential).toMatchObject({
      authTime: START,
      startTime: START,
      endTime: TILL,
      renewTill: 0,
      isSkey: false,
    });
    expect(hasFlag(credential.flags, TICKET_FLAGS.initial)).toBe(true);
    expect(hasFlag(credential.flags, TICKET_FLAGS.preAuthent)).toBe(true);
    expect(result).toMatchObject({ kdcTimeOffsetSeconds: 0, keyExpiration: undefined, replyEtype: 18 });
    const ticket = decode('Ticket', credential.ticket);
    const part = decode(
      'EncTicketPart',
      realm.kdc.keyOf(`krbtgt/${REALM}`).decrypt(2, ticket.encPart.cipher),
    );
    expect(new Key(part.key.keytype, part.key.keyvalue).equals(credential.sessionKey)).toBe(true);
  });

  it('uses a fresh nonce for each request', async () => {
    const realm = exampleRealm();
    await login(realm);
    const nonces = realm.kdc.requests.map((request) => decode('AsReq', request).reqBody.nonce);
    expect(new Set(nonces).size).toBe(2);
  });

  it('tells when the key expires', async () => {
    const realm = exampleRealm();
    realm.kdc.hooks = { rewriteEncPart: (part) => ({ ...part, keyExpiration: TILL + 5 }) };
    expect((await login(realm)).keyExpiration).toBe(TILL + 5);
  });

  it('knows when a ticket starts that has no time of its own for that', async () => {
    const realm = exampleRealm();
    realm.kdc.hooks = { rewriteEncPart: ({ starttime, ...part }) => part };
    expect((await login(realm)).credential).toMatchObject({ authTime: START, startTime: START });
  });

  it('gets an initial ticket for a service', async () => {
    const server = parsePrincipal('HTTP/web.example.test@EXAMPLE.TEST');
    const { credential } = await login(exampleRealm(), { request: { server } });
    expect(credential.server.components).toEqual(['HTTP', 'web.example.test']);
  });

  it('gets a postdated ticket', async () => {
    const request = { kdcOptions: KDC_OPTIONS.postdated | KDC_OPTIONS.allowPostdate, from: START + 3600 };
    const { credential } = await login(exampleRealm(), { request });
    expect(credential.startTime).toBe(START + 3600);
    expect(hasFlag(credential.flags, TICKET_FLAGS.invalid)).toBe(true);
  });

  it('takes salt and type from the reply when no pre-authentication is required', async () => {
    const realm = exampleRealm({ requirePreauth: false });
    realm.kdc.addPrincipal('alice', { key: realm.keys.get(17)!, salt: 'pepper', s2kparams: uint32be(5000) });
    const question = await keyQuestion(realm);
    expect(question.etype).toBe(17);
    expect(utf8Text(question.salt)).toBe('pepper');
    expect(question.s2kparams).toEqual(uint32be(5000));
    expect(realm.kdc.timestamps).toHaveLength(0);
  });

  it('works with a password', async () => {
    const realm = exampleRealm();
    const [password, salt] = [utf8('correct horse'), 'EXAMPLE.TESTalice'];
    realm.kdc.addPrincipal('alice', { key: await stringToKey(18, password, utf8(salt)) });
    const keySource: KeySource = (q) => stringToKey(q.etype, password, q.salt, q.s2kparams);
    await expect(login(realm, { keySource })).resolves.toMatchObject({ replyEtype: 18 });
    const wrong: KeySource = (q) => stringToKey(q.etype, utf8('wrong horse'), q.salt, q.s2kparams);
    const error = await failure(login(realm, { keySource: wrong }), 'KDC_ERR_PREAUTH_FAILED');
    const derived = toHex((await stringToKey(18, utf8('wrong horse'), utf8(salt))).value);
    for (const secret of ['horse', derived])
      expect(`${error.message} ${JSON.stringify(error)}`).not.toContain(secret);
  });
});

describe('key of the client', () => {
  it('has the default salt when the KDC names none', async () => {
    const realm = exampleRealm();
    namesKeys(realm, etypeInfo2([keyInfo(18)]));
    expect(utf8Text((await keyQuestion(realm)).salt)).toBe('EXAMPLE.TESTalice');
  });

  it('has an empty salt when the KDC names that', async () => {
    const realm = exampleRealm();
    namesKeys(realm, etypeInfo2([keyInfo(18, '')]));
    expect((await keyQuestion(realm)).salt).toHaveLength(0);
  });

  it('keeps the octets of a salt that is not UTF-8', async () => {
    const realm = exampleRealm();
    const salt = Uint8Array.of(0x45, 0xe9, 0xff);
    namesKeys(realm, etypeInfo2([keyInfo(18, utf8Text(salt))]));
    expect((await keyQuestion(realm)).salt).toEqual(salt);
  });

  const info2 = etypeInfo2([keyInfo(18, 'from info2')]);
  const info = pa('PA-ETYPE-INFO', encode('EtypeInfo', [{ etype: 18, salt: utf8('from info') }]));
  const pwSalt = pa('PA-PW-SALT', utf8('from pw-salt'));

  it.each([
    { padata: [pwSalt, info, info2], salt: 'from info2' },
    { padata: [pwSalt, info], salt: 'from info' },
    { padata: [pwSalt], salt: 'from pw-salt' },
    { padata: [], salt: 'EXAMPLE.TESTalice' },
  ])('has the salt "$salt"', async ({ padata, salt }) => {
    const realm = exampleRealm();
    namesKeys(realm, ...padata);
    expect(utf8Text((await keyQuestion(realm)).salt)).toBe(salt);
  });

  it('is chosen in our order of preference, unknown types skipped', async () => {
    const realm = exampleRealm();
    namesKeys(realm, etypeInfo2([-133, 24, 23, 999, 17, 19, 18].map((etype) => keyInfo(etype))));
    expect((await keyQuestion(realm, [19, 18, 17])).etype).toBe(19);
  });

  it('is not of a type that we did not offer', async () => {
    const realm = exampleRealm();
    namesKeys(realm, etypeInfo2([keyInfo(23), keyInfo(3)]));
    const error = await failure(login(realm), 'ERR_ETYPE_POLICY');
    expect(error.message).toContain('allow_rc4 = true');
    expect(realm.kdc.timestamps).toHaveLength(0);
  });

  it.each([
    [[etypeInfo2([keyInfo(23)])], [18, 23]],
    [[etypeInfo2([keyInfo(23)])], [23]],
    [[], [23]],
  ])('is not of a type that the policy does not permit, even if it was offered', async (padata, etypes) => {
    const realm = exampleRealm({ sessionEtypes: [18, 23] }, [18, 23]);
    namesKeys(realm, ...padata);
    await failure(login(realm, { request: { etypes } }), 'ERR_ETYPE_POLICY');
    expect(realm.kdc.timestamps).toHaveLength(0);
  });

  it.each([
    ['1 iteration', uint32be(1)],
    ['fewer iterations than the default', uint32be(4095)],
    ['2^32 iterations', uint32be(0)],
    ['16 million iterations', uint32be(0xffffff)],
    ['5 octets', new Uint8Array(5)],
  ])('is not made with %s', async (_, s2kparams) => {
    const realm = exampleRealm();
    namesKeys(realm, etypeInfo2([keyInfo(18, 'salt', s2kparams)]));
    const keySource: KeySource = (q) => stringToKey(q.etype, utf8('secret'), q.salt, q.s2kparams);
    await failure(login(realm, { keySource }), 'ERR_S2K_PARAMS');
    expect(realm.kdc.timestamps).toHaveLength(0);
  });
});

describe('pre-authentication', () => {
  it('names what the KDC offers when we know none of it', async () => {
    const realm = exampleRealm();
    realm.kdc.hooks = {
      rewriteMethodData: (all) => [pa('PA-PK-AS-REQ'), ...all.filter((each) => !isTimestamp(each))],
    };
    const error = await failure(login(realm), 'ERR_PREAUTH_UNSUPPORTED');
    expect(error.message).toContain('PA-PK-AS-REQ');
    expect(error.message).toContain('PA-ENC-TIMESTAMP');
  });

  it('is not tried for an account without keys that offers none of our mechanisms', async () => {
    const realm = exampleRealm();
    realm.kdc.hooks = { rewriteMethodData: () => [pa('PA-PK-AS-REQ'), etypeInfo2([])] };
    const error = await failure(login(realm), 'ERR_PREAUTH_UNSUPPORTED');
    expect(error.message).not.toContain('allow_rc4');
  });

  it('names the settings of encryption types when the KDC names no keys, as MIT krb5 does for other types', async () => {
    const realm = exampleRealm();
    realm.kdc.hooks = { rewriteMethodData: () => [pa('PA-PK-AS-REQ')] };
    const error = await failure(login(realm), 'ERR_PREAUTH_UNSUPPORTED');
    expect(error.message).toContain('permitted_enctypes and allow_rc4');
  });

  it('never sends a failed key again', async () => {
    const realm = exampleRealm();
    const asked: Question[] = [];
    await failure(login(realm, { keySource: wrongKey, asked }), 'KDC_ERR_PREAUTH_FAILED');
    expect(realm.kdc.timestamps).toHaveLength(1);
    expect(asked.map(({ ask }) => ask)).toEqual(['kdc', 'key', 'kdc']);
  });

  it('sends another key once when the failure names another salt', async () => {
    const realm = exampleRealm();
    realm.kdc.addPrincipal('alice', { key: realm.keys.get(18)!, salt: 'right' });
    realm.kdc.hooks = {
      rewriteMethodData: (all, symbol) =>
        symbol === 'KDC_ERR_PREAUTH_FAILED'
          ? all.filter(isInfo)
          : [etypeInfo2([keyInfo(18, 'stale')]), ...all.filter((each) => !isInfo(each))],
    };
    const keySource: KeySource = (q) => (utf8Text(q.salt) === 'right' ? realm.keys.get(18)! : wrongKey(q));
    await expect(login(realm, { keySource })).resolves.toMatchObject({ replyEtype: 18 });
    expect(realm.kdc.timestamps).toHaveLength(2);
  });

  it('does not follow ever new salts', async () => {
    const realm = exampleRealm();
    let count = 0;
    realm.kdc.hooks = {
      rewriteMethodData: (all) => [
        etypeInfo2([keyInfo(18, `salt ${++count % 2}`)]),
        ...all.filter((e) => !isInfo(e)),
      ],
    };
    const keySource: KeySource = (q) => new Key(18, new Uint8Array(32).fill(q.salt.at(-1)!));
    await failure(login(realm, { keySource }), 'KDC_ERR_PREAUTH_FAILED');
    expect(realm.kdc.timestamps).toHaveLength(2);
  });

  it('does not send the same key for another salt', async () => {
    const realm = exampleRealm();
    let count = 0;
    realm.kdc.hooks = { rewriteMethodData: (all) => [etypeInfo2([keyInfo(18, `${++count}`)]), ...all] };
    await failure(login(realm, { keySource: wrongKey }), 'KDC_ERR_PREAUTH_FAILED');
    expect(realm.kdc.timestamps).toHaveLength(1);
  });

  it.each([
    ['no e-data', undefined],
    ['empty e-data', new Uint8Array(0)],
    ['garbage as e-data', utf8('garbage')],
    ['TYPED-DATA', encode('TypedData', [{ dataType: 1, dataValue: new Uint8Array(3) }])],
    ['METHOD-DATA without keys', encode('MethodData', [])],
    ['METHOD-DATA with keys of other types', encode('MethodData', [etypeInfo2([keyInfo(23)])])],
    ['METHOD-DATA with a broken ETYPE-INFO2', encode('MethodData', [pa('PA-ETYPE-INFO2', utf8('broken'))])],
  ])('gives the KDC error when the failure has %s', async (_, eData) => {
    const realm = exampleRealm();
    realm.kdc.hooks = {
      rewriteError: (error) => (error.errorCode === 24 ? { ...error, eData } : error),
    };
    await failure(login(realm, { keySource: wrongKey }), 'KDC_ERR_PREAUTH_FAILED');
    expect(realm.kdc.timestamps).toHaveLength(1);
  });

  it.each([
    ['no e-data', undefined],
    ['garbage as e-data', utf8('garbage')],
    ['TYPED-DATA', encode('TypedData', [{ dataType: 1, dataValue: new Uint8Array(3) }])],
  ])('gives the KDC error when the demand has %s', async (_, eData) => {
    const realm = exampleRealm();
    realm.kdc.hooks = { rewriteError: (error) => ({ ...error, eData }) };
    await failure(login(realm), 'KDC_ERR_PREAUTH_REQUIRED');
  });

  it('is not asked for without end', async () => {
    const realm = exampleRealm();
    realm.kdc.hooks = { rewriteError: (error) => ({ ...error, errorCode: 25 }) };
    await failure(login(realm, { keySource: wrongKey }), 'ERR_PREAUTH_LOOP');
    expect(realm.kdc.timestamps).toHaveLength(1);
  });

  it('fails when the KDC says so before it was tried', async () => {
    const realm = exampleRealm();
    realm.kdc.hooks = { instead: () => realm.kdc.error('KDC_ERR_PREAUTH_FAILED') };
    await failure(login(realm), 'KDC_ERR_PREAUTH_FAILED');
    expect(realm.kdc.requests).toHaveLength(1);
  });
});

describe('KRB_ERR_RESPONSE_TOO_BIG', () => {
  it('repeats the request over TCP and stays there', async () => {
    const realm = exampleRealm();
    const asked: Question[] = [];
    realm.kdc.hooks = {
      instead: (_, tcpOnly) => (tcpOnly ? undefined : realm.kdc.error('KRB_ERR_RESPONSE_TOO_BIG')),
    };
    await login(realm, { asked });
    expect(asked.flatMap((q) => (q.ask === 'kdc' ? [q.tcpOnly] : []))).toEqual([false, true, true]);
  });

  it('over TCP is an error', async () => {
    const realm = exampleRealm();
    realm.kdc.hooks = { instead: () => realm.kdc.error('KRB_ERR_RESPONSE_TOO_BIG') };
    await failure(login(realm), 'KRB_ERR_RESPONSE_TOO_BIG');
    expect(realm.kdc.requests).toHaveLength(2);
  });
});

describe('clocks that differ', () => {
  const hour = { clockOffsetSeconds: 3600 };

  it('are an error that tells the difference', async () => {
    const realm = exampleRealm(hour);
    const error = (await failure(login(realm), 'KRB_AP_ERR_SKEW')) as KdcError;
    expect(error).toBeInstanceOf(KdcError);
    expect(error.details.skewSeconds).toBeCloseTo(3600, 1);
    expect(error.message).toContain('3600 s');
    expect(realm.kdc.timestamps).toHaveLength(1);
  });

  it('are an error without pre-authentication too', async () => {
    await failure(login(exampleRealm({ ...hour, requirePreauth: false })), 'ERR_CLOCK_SKEW');
  });

  it.each([3600, -3600])('are made up for by kdcTimesync (%i s)', async (clockOffsetSeconds) => {
    const realm = exampleRealm({ clockOffsetSeconds });
    const result = await login(realm, { policy: { kdcTimesync: true } });
    expect(result.kdcTimeOffsetSeconds).toBe(clockOffsetSeconds);
    expect(result.credential.authTime).toBe(START + clockOffsetSeconds);
    expect(realm.kdc.timestamps).toHaveLength(2);
  });

  it('are made up for by kdcTimesync without pre-authentication', async () => {
    const realm = exampleRealm({ ...hour, requirePreauth: false });
    const result = await login(realm, { policy: { kdcTimesync: true } });
    expect(result.kdcTimeOffsetSeconds).toBe(3600);
  });

  it('shift the times that are asked for', async () => {
    const realm = exampleRealm({ clockOffsetSeconds: -7200 });
    const result = await login(realm, { policy: { kdcTimesync: true }, request: { till: START + 600 } });
    expect(result.credential.endTime).toBe(START - 7200 + 600);
    const known = await login(realm, {
      policy: { kdcTimesync: true },
      request: { till: START - 7200 + 600, timeOffsetSeconds: -7200 },
    });
    expect(known.credential.endTime).toBe(START - 7200 + 600);
    expect(known.kdcTimeOffsetSeconds).toBe(-7200);
    expect(realm.kdc.timestamps).toHaveLength(3);
  });

  it('are not invented when the password takes its time to be typed', async () => {
    for (const kdcTimesync of [false, true]) {
      const realm = exampleRealm({ requirePreauth: false });
      const keySource = (question: KeyQuestion): Key => {
        realm.environment.advance(600_000);
        return realm.keySource(question) as Key;
      };
      const result = await login(realm, { keySource, policy: { kdcTimesync } });
      expect(result.kdcTimeOffsetSeconds).toBe(0);
    }
  });

  it('are made up for once only', async () => {
    const realm = exampleRealm();
    realm.kdc.hooks = { instead: () => realm.kdc.error('KRB_AP_ERR_SKEW') };
    realm.kdc.hooks.rewriteError = (error) => ({ ...error, stime: error.stime + 3600 });
    await failure(login(realm, { policy: { kdcTimesync: true } }), 'KRB_AP_ERR_SKEW');
    expect(realm.kdc.requests).toHaveLength(2);
  });

  it('are not made up for when the KDC claims the end of time', async () => {
    const realm = exampleRealm();
    realm.kdc.hooks = {
      instead: () => realm.kdc.error('KRB_AP_ERR_SKEW'),
      rewriteError: (error) => ({ ...error, stime: 253402300799, susec: 999_999 }),
    };
    await failure(login(realm, { policy: { kdcTimesync: true } }), 'KRB_AP_ERR_SKEW');
    expect(realm.kdc.requests).toHaveLength(1);
  });
});

describe('KRB-ERROR', () => {
  it('for an unknown client names the client and the realm', async () => {
    const request = { client: parsePrincipal('nobody@EXAMPLE.TEST') };
    const error = (await failure(
      login(exampleRealm(), { request }),
      'KDC_ERR_C_PRINCIPAL_UNKNOWN',
    )) as KdcError;
    expect(error.details).toMatchObject({ number: 6, realm: REALM, principal: 'nobody@EXAMPLE.TEST' });
    expect(error.message).toContain('nobody@EXAMPLE.TEST');
  });

  it('for an unknown service and for types that the KDC does not have', async () => {
    const server = parsePrincipal('HTTP/nowhere.example.test@EXAMPLE.TEST');
    await failure(login(exampleRealm(), { request: { server } }), 'KDC_ERR_S_PRINCIPAL_UNKNOWN');
    await failure(login(exampleRealm(), { request: { etypes: [23] } }), 'KDC_ERR_ETYPE_NOSUPP');
  });

  it('with an unregistered number has a code of its own', async () => {
    const realm = exampleRealm();
    realm.kdc.hooks = { rewriteError: (error) => ({ ...error, errorCode: 4711 }) };
    const error = (await failure(login(realm), 'KRB_ERR_UNREGISTERED')) as KdcError;
    expect(error.details).toMatchObject({ number: 4711, symbol: undefined });
  });

  it('keeps Microsoft error data as it came (KERB-ERROR-DATA, MS-KILE section 2.2.1)', async () => {
    // SEQUENCE { [1] 3, [2] NTSTATUS 0xC0000072, reserved, flags }
    const eData = Uint8Array.of(
      0x30,
      0x15,
      0xa1,
      3,
      2,
      1,
      3,
      0xa2,
      14,
      4,
      12,
      0x72,
      0,
      0,
      0xc0,
      0,
      0,
      0,
      0,
      1,
      0,
      0,
      0,
    );
    const realm = exampleRealm();
    realm.kdc.hooks = { rewriteError: (error) => ({ ...error, errorCode: 18, eData }) };
    const error = (await failure(login(realm), 'KDC_ERR_CLIENT_REVOKED')) as KdcError;
    expect(error.details.eData).toEqual(eData);
  });

  it('text has no control characters and a bounded length', async () => {
    const realm = exampleRealm();
    const eText = `\u001b]0;owned\u0007 line\r\nbreak\u2028\u202e${'x'.repeat(5000)}`;
    realm.kdc.hooks = { rewriteError: (error) => ({ ...error, errorCode: 60, eText }) };
    const error = (await failure(login(realm), 'KRB_ERR_GENERIC')) as KdcError;
    expect(error.details.eText).toMatch(/^\?\]0;owned\? line\?\?break\?\?x+$/);
    expect(error.details.eText!.length).toBeLessThanOrEqual(256);
    expect(error.message).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}]/u);
  });

  it('without optional fields, and with cusec but no ctime, is read', async () => {
    const realm = exampleRealm();
    realm.kdc.hooks = { rewriteError: (error) => ({ ...error, errorCode: 60, eData: undefined, cusec: 5 }) };
    const error = (await failure(login(realm), 'KRB_ERR_GENERIC')) as KdcError;
    expect(error.details).toMatchObject({ eText: undefined, eData: undefined });
  });
});
