/** The AP exchange (RFC 4120 section 3.2). */
import { beforeAll, describe, expect, it } from 'vitest';
import { Key } from '../../src/crypto/key.js';
import type { KdcError } from '../../src/errors.js';
import { type ApReply, checkApRep, makeApReq, type SentApReq } from '../../src/exchange/ap.js';
import type { Credential } from '../../src/formats/credential.js';
import { AP_OPTIONS } from '../../src/messages/flags.js';
import { decode, encode, type Message } from '../../src/messages/module.js';
import { encryptionKey, seal, unseal } from '../../src/messages/sealed.js';
import { flipped, START, scriptedEnvironment } from '../support/scriptedKdc.js';
import { exampleRealm, failure, login, ticketFor } from './realm.js';

const NOW_MS = START * 1000;
const environment = scriptedEnvironment(7);
const SUBKEY = new Key(18, environment.randomBytes(32));
const THEIR_SUBKEY = new Key(17, environment.randomBytes(16));
let credential: Credential;
let serviceKey: Key;

beforeAll(async () => {
  const realm = exampleRealm();
  credential = await ticketFor(realm, (await login(realm)).credential);
  serviceKey = realm.kdc.keyOf('HTTP/web.example.test');
});

const request = (more: object = {}): SentApReq =>
  makeApReq({ credential, mutual: true, subkey: SUBKEY, seqNumber: 0xfffffff0, ...more }, environment);

/** What the server reads in the AP-REQ. */
function accepted(sent: SentApReq, usage: number = 11): { part: Message<'Authenticator'>; options: number } {
  const { ticket, authenticator, apOptions } = decode('ApReq', sent.apReq);
  const encTicket = unseal(decode('Ticket', ticket).encPart, serviceKey, 2);
  const { key } = decode('EncTicketPart', encTicket);
  const plain = unseal(authenticator, new Key(key.keytype, key.keyvalue), usage);
  return { part: decode('Authenticator', plain), options: apOptions };
}

/** The server's AP-REP. */
function answer(
  sent: SentApReq,
  change: Partial<Message<'EncApRepPart'>> = {},
  key?: Key,
  usage: number = 12,
): Uint8Array {
  const part = { ctime: sent.ctime, cusec: sent.cusec, ...change };
  const encPart = seal(encode('EncApRepPart', part), key ?? credential.sessionKey, usage, new Uint8Array(16));
  return encode('ApRep', { pvno: 5, msgType: 15, encPart });
}

const check = async (octets: Uint8Array, sent: SentApReq): Promise<ApReply> =>
  checkApRep(octets, sent, NOW_MS);

describe('AP-REQ', () => {
  it('carries ticket, time, subkey and sequence number', () => {
    const sent = request();
    const { part, options } = accepted(sent);
    expect(options).toBe(AP_OPTIONS.mutualRequired);
    expect(part).toMatchObject({
      crealm: 'EXAMPLE.TEST',
      cname: { nameString: ['alice'] },
      seqNumber: 0xfffffff0,
    });
    expect([part.ctime, part.cusec]).toEqual([sent.ctime, sent.cusec]);
    expect(new Key(part.subkey!.keytype, part.subkey!.keyvalue).equals(SUBKEY)).toBe(true);
  });

  it('leaves out what was not asked for', () => {
    const { part, options } = accepted(request({ mutual: false, subkey: undefined, seqNumber: undefined }));
    expect(options).toBe(0);
    expect(part).not.toHaveProperty('subkey');
    expect(part).not.toHaveProperty('seqNumber');
    expect(part).not.toHaveProperty('cksum');
  });

  it('says that the ticket is sealed in a session key', () => {
    const { apReq } = request({ credential: { ...credential, isSkey: true } });
    expect(decode('ApReq', apReq).apOptions).toBe(AP_OPTIONS.mutualRequired | AP_OPTIONS.useSessionKey);
  });

  it('has the time of the server', () => {
    expect(request({ timeOffsetSeconds: 100 }).ctime).toBe(START + 100);
  });

  it('is sealed for another usage on request', () => {
    expect(accepted(request({ usage: 7 }), 7).part.authenticatorVno).toBe(5);
  });

  it('never repeats a time', () => {
    const times = Array.from({ length: 1000 }, () => request({ subkey: undefined })).map(
      (s) => `${s.ctime}.${s.cusec}`,
    );
    expect(new Set(times).size).toBe(1000);
  });
});

describe('AP-REP', () => {
  it('gives the subkey and sequence number of the server', async () => {
    const sent = request();
    const reply = await check(
      answer(sent, { subkey: encryptionKey(THEIR_SUBKEY), seqNumber: 0x80000001 }),
      sent,
    );
    expect(reply.seqNumber).toBe(0x80000001);
    expect(reply.subkey!.equals(THEIR_SUBKEY)).toBe(true);
  });

  it('without subkey and sequence number means none and 0', async () => {
    const sent = request();
    await expect(check(answer(sent), sent)).resolves.toEqual({ subkey: undefined, seqNumber: 0 });
  });

  it('may not bring a weak subkey, unless the session key is of the same type', async () => {
    const sent = request();
    const weak = { subkey: { keytype: 23, keyvalue: new Uint8Array(16) } };
    const error = await failure(check(answer(sent, weak), sent), 'ERR_REPLY_ETYPE');
    expect(error.message).toContain('arcfour-hmac');
    const sessionKey = new Key(23, environment.randomBytes(16));
    const rc4 = request({ credential: { ...credential, sessionKey } });
    const part = { ctime: rc4.ctime, cusec: rc4.cusec, ...weak };
    const encPart = seal(encode('EncApRepPart', part), sessionKey, 12, new Uint8Array(8));
    const reply = await check(encode('ApRep', { pvno: 5, msgType: 15, encPart }), rc4);
    expect(reply.subkey!.etype).toBe(23);
  });

  it.each([
    ['ctime', (sent: SentApReq) => ({ ctime: sent.ctime + 1 })],
    ['cusec', (sent: SentApReq) => ({ cusec: (sent.cusec + 1) % 1_000_000 })],
  ])('must repeat %s', async (_, change) => {
    const sent = request();
    await failure(check(answer(sent, change(sent)), sent), 'ERR_AP_REP');
  });

  it('must answer this request, not an earlier one', async () => {
    const earlier = request();
    await failure(check(answer(earlier), request()), 'ERR_AP_REP');
  });

  it('must be sealed in the session key, not in our subkey', async () => {
    const sent = request();
    await failure(check(answer(sent, {}, SUBKEY), sent), 'ERR_INTEGRITY');
    await failure(check(answer(sent, {}, THEIR_SUBKEY), sent), 'ERR_INTEGRITY');
  });

  it('must be sealed for usage 12', async () => {
    const sent = request();
    await failure(check(answer(sent, {}, undefined, 11), sent), 'ERR_INTEGRITY');
  });

  it('must be whole', async () => {
    const sent = request();
    await failure(check(flipped(answer(sent)), sent), 'ERR_INTEGRITY');
    await failure(check(answer(sent).subarray(0, -1), sent), 'ERR_ASN1');
    await failure(check(new Uint8Array(0), sent), 'ERR_ASN1');
    await failure(check(sent.apReq, sent), 'ERR_ASN1');
  });

  it('may be a KRB-ERROR', async () => {
    const sent = request();
    const octets = encode('KrbError', {
      ...{ pvno: 5, msgType: 30, stime: START + 400, susec: 0, errorCode: 37 },
      ...{ realm: 'EXAMPLE.TEST', sname: { nameType: 3, nameString: ['HTTP', 'web.example.test'] } },
    });
    const error = (await failure(check(octets, sent), 'KRB_AP_ERR_SKEW')) as KdcError;
    expect(error.details).toMatchObject({
      skewSeconds: 400,
      principal: 'HTTP/web.example.test@EXAMPLE.TEST',
    });
  });
});
