/** One row a rule that a reply must keep (RFC 4120 sections 3.1.5 and 3.3.4, RFC 6806): the KDC breaks it, nothing else. */
import { describe, expect, it } from 'vitest';
import { Key } from '../../src/crypto/key.js';
import type { ClientErrorCode } from '../../src/errors.js';
import type { AsRequest } from '../../src/exchange/as.js';
import { checkReply, type Reply } from '../../src/exchange/checkReply.js';
import type { Policy } from '../../src/exchange/environment.js';
import type { TgsRequest } from '../../src/exchange/tgs.js';
import { parsePrincipal } from '../../src/formats/principal.js';
import { PA_DATA_TYPES } from '../../src/iana/paDataTypes.js';
import { KDC_OPTIONS, TICKET_FLAGS } from '../../src/messages/flags.js';
import type { EncKdcRepPart, KdcRep } from '../../src/messages/kdc.js';
import { decode, encode } from '../../src/messages/module.js';
import { flipped, type KdcHooks, type ScriptedKdcOptions, START } from '../support/scriptedKdc.js';
import { exampleRealm, failure, login, POLICY, REALM, type Realm, TILL, ticketFor } from './realm.js';

type Wish = Partial<AsRequest> & Partial<TgsRequest>;

interface Row {
  readonly rule: string;
  /** Both exchanges unless given. */
  readonly on?: 'AS' | 'TGS';
  /** Undefined: the reply is in order all the same. */
  readonly code: ClientErrorCode | undefined;
  readonly hooks: KdcHooks;
  readonly request?: Wish;
  readonly policy?: Partial<Policy>;
  readonly kdc?: Partial<ScriptedKdcOptions>;
}

const encPart = (change: (part: EncKdcRepPart) => Partial<EncKdcRepPart>): KdcHooks => ({
  rewriteEncPart: (part) => ({ ...part, ...change(part) }),
});
const rep = (change: (rep: KdcRep) => Partial<KdcRep>): KdcHooks => ({
  rewriteRep: (honest) => ({ ...honest, ...change(honest) }),
});
const withFlag = (flag: number): KdcHooks => encPart(({ flags }) => ({ flags: (flags | flag) >>> 0 }));
const withoutFlag = (flag: number): KdcHooks => encPart(({ flags }) => ({ flags: (flags & ~flag) >>> 0 }));
const keyOfType = (keytype: number): KdcHooks =>
  encPart(() => ({ key: { keytype, keyvalue: new Uint8Array(16) } }));
const name = (...nameString: string[]): { nameType: number; nameString: string[] } => ({
  nameType: 1,
  nameString,
});
const option = (...names: readonly (keyof typeof KDC_OPTIONS)[]): number =>
  names.reduce((all, each) => all | KDC_OPTIONS[each], 0);

const LOCALHOST = { addrType: 2, address: Uint8Array.of(127, 0, 0, 1) };
const ELSEWHERE = { addrType: 2, address: Uint8Array.of(192, 0, 2, 1) };
const ADDRESS_V6 = { addrType: 24, address: new Uint8Array(16) };
const MALLORY = rep(() => ({ cname: name('mallory') }));
const POSTDATED = { kdcOptions: option('postdated', 'allowPostdate'), from: START + 3600 };
const RENEWABLE = { kdcOptions: option('renewable'), rtime: START + 500_000 };

/** Changes the proof of the request; only there when the KDC gives it. */
function proof(change: (checksum: { cksumtype: number; checksum: Uint8Array }) => object): KdcHooks {
  return encPart(({ encryptedPaData }) => ({
    encryptedPaData: encryptedPaData?.map((pa) => {
      const checksum = decode('Checksum', pa.padataValue);
      return { ...pa, padataValue: encode('Checksum', { ...checksum, ...change(checksum) }) };
    }),
  }));
}

const NAMES: readonly Row[] = [
  { rule: 'nonce', code: 'ERR_REPLY_NONCE', hooks: encPart(({ nonce }) => ({ nonce: nonce ^ 1 })) },
  { rule: 'crealm', code: 'ERR_REPLY_CREALM', hooks: rep(() => ({ crealm: 'OTHER.TEST' })) },
  { rule: 'cname', code: 'ERR_REPLY_CNAME', hooks: MALLORY },
  {
    rule: 'cname longer than ours',
    code: 'ERR_REPLY_CNAME',
    hooks: rep(() => ({ cname: name('alice', 'admin') })),
  },
  {
    rule: 'name type of cname does not count',
    code: undefined,
    hooks: rep(() => ({ cname: { nameType: 10, nameString: ['alice'] } })),
  },
  {
    rule: 'cname changed on request, without proof',
    on: 'AS',
    code: 'ERR_REPLY_CNAME',
    request: { kdcOptions: option('canonicalize') },
    kdc: { encPaRep: false },
    hooks: MALLORY,
  },
  {
    rule: 'cname changed on request, with proof',
    on: 'AS',
    code: undefined,
    request: { kdcOptions: option('canonicalize') },
    hooks: MALLORY,
  },
  { rule: 'cname changed with proof, not on request', on: 'AS', code: 'ERR_REPLY_CNAME', hooks: MALLORY },
  {
    rule: 'cname never changes in a TGS-REP',
    on: 'TGS',
    code: 'ERR_REPLY_CNAME',
    request: { kdcOptions: option('canonicalize') },
    hooks: MALLORY,
  },
  {
    rule: 'srealm',
    code: 'ERR_REPLY_SREALM',
    hooks: {
      ...encPart(() => ({ srealm: 'OTHER.TEST' })),
      rewriteTicket: (ticket) => ({ ...ticket, realm: 'OTHER.TEST' }),
    },
  },
  {
    rule: 'sname',
    code: 'ERR_REPLY_SNAME',
    hooks: {
      ...encPart(() => ({ sname: name('HTTP', 'evil.example.test') })),
      rewriteTicket: (ticket) => ({ ...ticket, sname: name('HTTP', 'evil.example.test') }),
    },
  },
  {
    rule: 'sname, canonicalize allows no other service',
    code: 'ERR_REPLY_SNAME',
    request: { kdcOptions: option('canonicalize') },
    hooks: {
      ...encPart(() => ({ sname: name('HTTP', 'evil.example.test') })),
      rewriteTicket: (ticket) => ({ ...ticket, sname: name('HTTP', 'evil.example.test') }),
    },
  },
  {
    rule: 'referral that was not asked for',
    on: 'TGS',
    code: 'ERR_REPLY_SNAME',
    hooks: {
      ...encPart(() => ({ sname: name('krbtgt', 'OTHER.TEST') })),
      rewriteTicket: (ticket) => ({ ...ticket, sname: name('krbtgt', 'OTHER.TEST') }),
    },
  },
  {
    rule: 'referral to the same realm',
    on: 'TGS',
    code: 'ERR_REPLY_SNAME',
    request: { kdcOptions: option('canonicalize') },
    hooks: {
      ...encPart(() => ({ sname: name('krbtgt', 'EXAMPLE.TEST') })),
      rewriteTicket: (ticket) => ({ ...ticket, sname: name('krbtgt', 'EXAMPLE.TEST') }),
    },
  },
  {
    rule: 'sname of the ticket outside',
    code: 'ERR_REPLY_TICKET_NAME',
    hooks: { rewriteTicket: (ticket) => ({ ...ticket, sname: name('HTTP', 'evil.example.test') }) },
  },
  {
    rule: 'realm of the ticket outside',
    code: 'ERR_REPLY_TICKET_NAME',
    hooks: { rewriteTicket: (ticket) => ({ ...ticket, realm: 'OTHER.TEST' }) },
  },
];

const KEYS: readonly Row[] = [
  { rule: 'session key of a type not offered', code: 'ERR_REPLY_ETYPE', hooks: keyOfType(23) },
  {
    rule: 'session key of the wrong length for its type',
    code: 'ERR_REPLY_ETYPE',
    hooks: encPart(() => ({ key: { keytype: 18, keyvalue: new Uint8Array(31) } })),
  },
  {
    rule: 'session key of a type permitted but not offered',
    code: 'ERR_REPLY_ETYPE',
    request: { etypes: [18] },
    hooks: keyOfType(17),
  },
  {
    rule: 'encrypted part of a type permitted but not offered',
    on: 'AS',
    code: 'ERR_REPLY_ETYPE',
    request: { etypes: [18] },
    hooks: rep((honest) => ({ encPart: { ...honest.encPart, etype: 17 } })),
  },
  {
    rule: 'session key of a type offered but not permitted',
    code: 'ERR_REPLY_ETYPE',
    request: { etypes: [18, 17, 23] },
    hooks: keyOfType(23),
  },
  {
    rule: 'encrypted part of a type not offered',
    code: 'ERR_REPLY_ETYPE',
    hooks: rep((honest) => ({ encPart: { ...honest.encPart, etype: 23 } })),
  },
  {
    rule: 'encrypted part of a type offered but not permitted',
    on: 'AS',
    code: 'ERR_REPLY_ETYPE',
    request: { etypes: [18, 23] },
    hooks: rep((honest) => ({ encPart: { ...honest.encPart, etype: 23 } })),
  },
  {
    rule: 'key of the reply',
    code: 'ERR_INTEGRITY',
    hooks: { replyKey: (key) => new Key(key.etype, flipped(key.value)) },
  },
  { rule: 'key usage of an AS-REP is 3, not 8', on: 'AS', code: 'ERR_INTEGRITY', hooks: { replyUsage: 8 } },
  { rule: 'key usage 8 under the subkey', on: 'TGS', code: 'ERR_INTEGRITY', hooks: { replyUsage: 8 } },
  {
    rule: 'key usage 9 under the session key',
    on: 'TGS',
    code: 'ERR_INTEGRITY',
    kdc: { replyUnderSessionKey: true },
    hooks: { replyUsage: 9 },
  },
  {
    rule: 'key usage 8 under the session key is in order',
    on: 'TGS',
    code: undefined,
    kdc: { replyUnderSessionKey: true },
    hooks: {},
  },
  {
    rule: 'an octet of the encrypted part',
    code: 'ERR_INTEGRITY',
    hooks: rep((honest) => ({ encPart: { ...honest.encPart, cipher: flipped(honest.encPart.cipher) } })),
  },
  { rule: 'EncKDCRepPart with tag 25', code: undefined, hooks: { encPartTag: 25 } },
  { rule: 'EncKDCRepPart with tag 26', code: undefined, hooks: { encPartTag: 26 } },
  {
    rule: 'msg-type of a TGS-REP inside an AS-REP',
    on: 'AS',
    code: 'ERR_REPLY_MSG_TYPE',
    hooks: rep(() => ({ msgType: 13 })),
  },
  {
    rule: 'msg-type of an AS-REP inside a TGS-REP',
    on: 'TGS',
    code: 'ERR_REPLY_MSG_TYPE',
    hooks: rep(() => ({ msgType: 11 })),
  },
  { rule: 'a TGS-REP to an AS-REQ', on: 'AS', code: 'ERR_ASN1', hooks: { repTag: 'TgsRep' } },
  { rule: 'an AS-REP to a TGS-REQ', on: 'TGS', code: 'ERR_ASN1', hooks: { repTag: 'AsRep' } },
];

const PROOF: readonly Row[] = [
  {
    rule: 'proof of the request missing',
    on: 'AS',
    code: 'ERR_REPLY_ENC_PA_REP',
    hooks: encPart(() => ({ encryptedPaData: undefined })),
  },
  {
    rule: 'proof of the request missing among other padata',
    on: 'AS',
    code: 'ERR_REPLY_ENC_PA_REP',
    hooks: encPart(() => ({
      encryptedPaData: [{ padataType: PA_DATA_TYPES['PA-FX-FAST'], padataValue: new Uint8Array(0) }],
    })),
  },
  {
    rule: 'checksum of the request',
    on: 'AS',
    code: 'ERR_REPLY_ENC_PA_REP',
    hooks: proof(({ checksum }) => ({ checksum: flipped(checksum) })),
  },
  {
    rule: 'length of the checksum of the request',
    on: 'AS',
    code: 'ERR_REPLY_ENC_PA_REP',
    hooks: proof(() => ({ checksum: new Uint8Array(0) })),
  },
  {
    rule: 'checksum type of the request',
    on: 'AS',
    code: 'ERR_REPLY_ENC_PA_REP',
    hooks: proof(() => ({ cksumtype: 7 })),
  },
  {
    rule: 'no proof from a KDC that does not know it',
    on: 'AS',
    code: undefined,
    kdc: { encPaRep: false },
    hooks: {},
  },
];

const FLAGS: readonly Row[] = [
  ...(['forwarded', 'proxy', 'postdated'] as const).map(
    (flag): Row => ({
      rule: `"${flag}" that was not requested`,
      on: 'AS',
      code: 'ERR_REPLY_FLAGS',
      hooks: withFlag(TICKET_FLAGS[flag]),
    }),
  ),
  ...(['forwarded', 'proxy'] as const).map(
    (flag): Row => ({
      rule: `"${flag}" that was requested`,
      on: 'TGS',
      code: 'ERR_REPLY_FLAGS',
      request: { kdcOptions: option(flag) },
      hooks: withoutFlag(TICKET_FLAGS[flag]),
    }),
  ),
  {
    rule: '"forwarded" inherited from the ticket-granting ticket',
    on: 'TGS',
    code: undefined,
    hooks: withFlag(TICKET_FLAGS.forwarded),
  },
  {
    rule: '"postdated" that was requested',
    on: 'AS',
    code: 'ERR_REPLY_FLAGS',
    request: POSTDATED,
    hooks: withoutFlag(TICKET_FLAGS.postdated),
  },
  { rule: '"initial"', on: 'AS', code: 'ERR_REPLY_FLAGS', hooks: withoutFlag(TICKET_FLAGS.initial) },
  { rule: '"invalid"', code: 'ERR_REPLY_FLAGS', hooks: withFlag(TICKET_FLAGS.invalid) },
  { rule: '"anonymous"', on: 'AS', code: 'ERR_REPLY_FLAGS', hooks: withFlag(TICKET_FLAGS.anonymous) },
  {
    rule: '"anonymous" inherited from the ticket-granting ticket',
    on: 'TGS',
    code: undefined,
    hooks: withFlag(TICKET_FLAGS.anonymous),
  },
  {
    rule: '"forwardable" requested and required by policy',
    code: 'ERR_REPLY_FLAGS',
    request: { kdcOptions: option('forwardable') },
    policy: { requiredFlags: TICKET_FLAGS.forwardable },
    hooks: withoutFlag(TICKET_FLAGS.forwardable),
  },
  {
    rule: '"forwardable" requested, not required by policy',
    code: undefined,
    request: { kdcOptions: option('forwardable') },
    hooks: withoutFlag(TICKET_FLAGS.forwardable),
  },
  {
    rule: '"forwardable" required by policy, not requested',
    code: undefined,
    policy: { requiredFlags: TICKET_FLAGS.forwardable },
    hooks: {},
  },
];

/** The scripted clock is at START plus microseconds, so whole seconds after START are just within the limit. */
const TIMES: readonly Row[] = [
  {
    rule: 'clock 300 s behind',
    on: 'AS',
    code: undefined,
    hooks: encPart(() => ({ authtime: START + 300, starttime: undefined })),
  },
  {
    rule: 'clock 301 s behind',
    on: 'AS',
    code: 'ERR_CLOCK_SKEW',
    hooks: encPart(() => ({ authtime: START + 301, starttime: undefined })),
  },
  { rule: 'clock 299 s ahead', on: 'AS', code: undefined, hooks: encPart(() => ({ authtime: START - 299 })) },
  {
    rule: 'clock 301 s ahead',
    on: 'AS',
    code: 'ERR_CLOCK_SKEW',
    hooks: encPart(() => ({ authtime: START - 301 })),
  },
  {
    rule: 'clock 300 s behind',
    on: 'TGS',
    code: undefined,
    hooks: encPart(() => ({ starttime: START + 300 })),
  },
  {
    rule: 'clock 301 s behind',
    on: 'TGS',
    code: 'ERR_CLOCK_SKEW',
    hooks: encPart(() => ({ starttime: START + 301 })),
  },
  {
    rule: 'clock 301 s ahead',
    on: 'TGS',
    code: 'ERR_CLOCK_SKEW',
    hooks: encPart(() => ({ starttime: START - 301 })),
  },
  {
    rule: 'an old authtime',
    on: 'TGS',
    code: undefined,
    hooks: encPart(() => ({ authtime: START - 30_000 })),
  },
  {
    rule: 'limit of the policy',
    code: 'ERR_CLOCK_SKEW',
    policy: { skewSeconds: 5 },
    hooks: encPart(() => ({ authtime: START + 6, starttime: START + 6 })),
  },
  {
    rule: 'starttime in the future',
    on: 'AS',
    code: 'ERR_REPLY_TIMES',
    hooks: encPart(() => ({ starttime: START + 301 })),
  },
  {
    rule: 'starttime other than requested',
    on: 'AS',
    code: 'ERR_REPLY_TIMES',
    request: POSTDATED,
    hooks: encPart(() => ({ starttime: START + 3601 })),
  },
  { rule: 'endtime at starttime', code: 'ERR_REPLY_TIMES', hooks: encPart(() => ({ endtime: START })) },
  { rule: 'endtime just after starttime', code: undefined, hooks: encPart(() => ({ endtime: START + 1 })) },
  {
    rule: 'expired',
    on: 'AS',
    code: 'ERR_REPLY_TIMES',
    hooks: encPart(() => ({ starttime: START - 1000, endtime: START - 300 })),
  },
  {
    rule: 'expired within the tolerance',
    on: 'AS',
    code: undefined,
    hooks: encPart(() => ({ starttime: START - 1000, endtime: START - 299 })),
  },
  { rule: 'endtime after till', code: 'ERR_REPLY_TIMES', hooks: encPart(() => ({ endtime: TILL + 1 })) },
  {
    rule: 'endtime with the till that means no limit',
    on: 'AS',
    code: undefined,
    request: { till: 0 },
    hooks: encPart(() => ({ endtime: TILL + 1 })),
  },
  { rule: 'renew-till at rtime', on: 'AS', code: undefined, request: RENEWABLE, hooks: {} },
  {
    rule: 'renew-till after rtime',
    on: 'AS',
    code: 'ERR_REPLY_TIMES',
    request: RENEWABLE,
    hooks: encPart(() => ({ renewTill: START + 500_001 })),
  },
  {
    rule: 'renew-till before endtime, useless but harmless',
    on: 'AS',
    code: undefined,
    request: RENEWABLE,
    hooks: encPart(() => ({ renewTill: START + 60 })),
  },
  {
    rule: 'renew-till after till with renewable-ok',
    on: 'AS',
    code: 'ERR_REPLY_TIMES',
    request: { kdcOptions: option('renewableOk') },
    kdc: { maxLifeSeconds: 3600 },
    hooks: encPart(() => ({ renewTill: TILL + 1 })),
  },
];

const ADDRESSES: readonly Row[] = [
  {
    rule: 'addresses that were not asked for',
    code: 'ERR_REPLY_ADDRESSES',
    hooks: encPart(() => ({ caddr: [ELSEWHERE] })),
  },
  {
    rule: 'other addresses than asked for',
    on: 'AS',
    code: 'ERR_REPLY_ADDRESSES',
    request: { addresses: [LOCALHOST] },
    hooks: encPart(() => ({ caddr: [ELSEWHERE] })),
  },
  {
    rule: 'more addresses than asked for',
    on: 'AS',
    code: 'ERR_REPLY_ADDRESSES',
    request: { addresses: [LOCALHOST] },
    hooks: encPart(() => ({ caddr: [LOCALHOST, ELSEWHERE] })),
  },
  {
    rule: 'fewer addresses than asked for',
    on: 'AS',
    code: 'ERR_REPLY_ADDRESSES',
    request: { addresses: [LOCALHOST, ADDRESS_V6] },
    hooks: encPart(() => ({ caddr: [LOCALHOST] })),
  },
  {
    rule: 'addresses in another order',
    on: 'AS',
    code: undefined,
    request: { addresses: [LOCALHOST, ADDRESS_V6] },
    hooks: encPart(() => ({ caddr: [ADDRESS_V6, LOCALHOST] })),
  },
  {
    rule: 'a ticket for any address',
    on: 'AS',
    code: undefined,
    request: { addresses: [LOCALHOST] },
    hooks: encPart(() => ({ caddr: undefined })),
  },
  { rule: 'an empty list of addresses', code: undefined, hooks: encPart(() => ({ caddr: [] })) },
];

const GROUPS = { NAMES, KEYS, PROOF, FLAGS, TIMES, ADDRESSES };
const rows = Object.entries(GROUPS).flatMap(([group, list]) =>
  list.flatMap((row) =>
    (['AS', 'TGS'] as const)
      .filter((exchange) => (row.on ?? exchange) === exchange)
      .map((exchange) => ({ ...row, exchange, title: `${exchange} ${group.toLowerCase()}: ${row.rule}` })),
  ),
);

/** One exchange; with `hooks` the KDC breaks the rule in the last reply. */
async function run(row: Row & { exchange: 'AS' | 'TGS' }, hooks: KdcHooks): Promise<unknown> {
  const realm: Realm = exampleRealm(row.kdc);
  const options = { request: row.request, policy: row.policy };
  if (row.exchange === 'AS') {
    realm.kdc.hooks = hooks;
    return login(realm, options);
  }
  const { credential: tgt } = await login(realm, {
    request: { kdcOptions: option('renewable', 'forwardable') },
  });
  realm.kdc.hooks = hooks;
  return ticketFor(realm, tgt, row.request, row.policy);
}

describe.each(rows)('$title', (row) => {
  it('succeeds with an honest KDC', async () => {
    await expect(run(row, {})).resolves.toBeDefined();
  });
  it(row.code === undefined ? 'is accepted' : `is refused with ${row.code}`, async () => {
    const broken = run(row, row.hooks);
    if (row.code === undefined) await expect(broken).resolves.toBeDefined();
    else await failure(broken, row.code);
  });
});

describe('nonce', () => {
  const encKdcRepPart: EncKdcRepPart = {
    key: { keytype: 18, keyvalue: new Uint8Array(32) },
    ...{ lastReq: [], flags: TICKET_FLAGS.initial, authtime: START, endtime: TILL, nonce: 0 },
    ...{ srealm: REALM, sname: name('krbtgt', REALM) },
  };
  const sealed = { etype: 18, cipher: new Uint8Array(0) };
  const reply = (sent: number, echoed: number): Reply => ({
    ...{ exchange: 'AS', cname: name('alice'), crealm: REALM, sname: name('krbtgt', REALM), srealm: REALM },
    body: { kdcOptions: 0, realm: REALM, till: TILL, nonce: sent, etype: [18] },
    rep: {
      ...{ pvno: 5, msgType: 11, crealm: REALM, cname: name('alice') },
      ...{ ticket: new Uint8Array(0), encPart: sealed },
    },
    ticket: { tktVno: 5, realm: REALM, sname: name('krbtgt', REALM), encPart: sealed },
    encPart: { ...encKdcRepPart, nonce: echoed },
    ...{ addresses: [], requestProven: false, now: START, policy: POLICY },
  });

  it('may come back as a negative number', () => {
    expect(() => checkReply(reply(0x80000005, 0x80000005 - 2 ** 32))).not.toThrow();
    expect(() => checkReply(reply(0x80000005, 0x80000005))).not.toThrow();
    expect(() => checkReply(reply(0x80000005, 5))).toThrow(
      expect.objectContaining({ code: 'ERR_REPLY_NONCE' }),
    );
  });
});

describe('addresses of the ticket-granting ticket', () => {
  it('bind the tickets got with it', async () => {
    const realm = exampleRealm();
    const { credential: tgt } = await login(realm, { request: { addresses: [LOCALHOST] } });
    const ticket = await ticketFor(realm, tgt);
    expect(ticket.addresses).toEqual([LOCALHOST]);
    realm.kdc.hooks = encPart(() => ({ caddr: [ELSEWHERE] }));
    await failure(ticketFor(realm, tgt), 'ERR_REPLY_ADDRESSES');
  });
});

describe('an error about names', () => {
  it('shows no control characters of the peer', async () => {
    const realm = exampleRealm();
    realm.kdc.hooks = rep(() => ({ cname: name('\u001b[31mmallory\r\n\u202e\u2028') }));
    const error = await failure(login(realm), 'ERR_REPLY_CNAME');
    expect(error.message).toContain('?[31mmallory????@EXAMPLE.TEST');
    expect(error.message).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}]/u);
  });
});

describe('user-to-user', () => {
  it('gives a ticket sealed in the session key of the peer', async () => {
    const realm = exampleRealm();
    const { credential: tgt } = await login(realm);
    const request = {
      server: parsePrincipal('alice@EXAMPLE.TEST'),
      kdcOptions: option('encTktInSkey'),
      secondTicket: tgt.ticket,
    };
    const ticket = await ticketFor(realm, tgt, request);
    expect(ticket.isSkey).toBe(true);
    expect(ticket.secondTicket).toEqual(tgt.ticket);
    const { encPart: sealed } = decode('Ticket', ticket.ticket);
    expect(() => tgt.sessionKey.decrypt(2, sealed.cipher)).not.toThrow();
  });
});
