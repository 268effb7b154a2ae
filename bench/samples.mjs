/** Values of every message, as a KDC and a service of MIT krb5 fill them: a ticket of some 600 octets, etype 18. */

const NOW = Date.UTC(2026, 0, 15, 12) / 1000;
const DAY = 86_400;
const REALM = 'EXAMPLE.TEST';
const octets = (length) => new Uint8Array(length).fill(0xa5);
const name = (nameType, ...nameString) => ({ nameType, nameString });
const CLIENT = name(1, 'alice');
const SERVICE = name(3, 'HTTP', 'www.example.test');
const TGS = name(2, 'krbtgt', REALM);
const sealed = (length, kvno) => ({ etype: 18, kvno, cipher: octets(length) });
const key = { keytype: 18, keyvalue: octets(32) };
const checksum = { cksumtype: 16, checksum: octets(12) };
const address = { addrType: 2, address: octets(4) };
const pa = (padataType, length) => ({ padataType, padataValue: octets(length) });
const times = { authtime: NOW, starttime: NOW, endtime: NOW + DAY, renewTill: NOW + 7 * DAY };
const adEntry = { adType: 1, adData: octets(300) };
const FLAGS = 0x40e10000;

const ticketBody = { tktVno: 5, realm: REALM, sname: SERVICE, encPart: sealed(520, 3) };
const reqBody = {
  kdcOptions: 0x40800010,
  cname: CLIENT,
  realm: REALM,
  sname: TGS,
  till: NOW + DAY,
  rtime: NOW + 7 * DAY,
  nonce: 0x12345678,
  etype: [18, 17, 20, 19],
};
const encKdcRepPart = {
  key,
  lastReq: [{ lrType: 0, lrValue: 0 }],
  nonce: 0x12345678,
  flags: FLAGS,
  ...times,
  srealm: REALM,
  sname: TGS,
  encryptedPaData: [pa(149, 29), pa(136, 0)],
};
const userData = { userData: octets(256), timestamp: NOW, usec: 1234, seqNumber: 7, sAddress: address };
const etypeInfo2Entry = { etype: 18, salt: `${REALM}alice`, s2kparams: octets(4) };

/** Samples of messages/module.ts; messages.mjs refuses to run when a message with an application tag is missing. */
export function kerberosSamples(encode) {
  const ticket = encode('Ticket', ticketBody);
  const kdcRep = { pvno: 5, crealm: REALM, cname: CLIENT, ticket };
  return {
    AsReq: { pvno: 5, msgType: 10, padata: [pa(2, 65), pa(149, 0), pa(136, 0)], reqBody },
    AsRep: { ...kdcRep, msgType: 11, padata: [pa(19, 30)], encPart: sealed(300) },
    EncAsRepPart: encKdcRepPart,
    TgsReq: { pvno: 5, msgType: 12, padata: [pa(1, 900)], reqBody: { ...reqBody, cname: undefined } },
    TgsRep: { ...kdcRep, msgType: 13, encPart: sealed(300) },
    EncTgsRepPart: encKdcRepPart,
    Ticket: ticketBody,
    EncTicketPart: {
      ...{ flags: FLAGS, key, crealm: REALM, cname: CLIENT, transited: { trType: 1, contents: octets(0) } },
      ...times,
      authorizationData: [adEntry],
    },
    ApReq: { pvno: 5, msgType: 14, apOptions: 0x20000000, ticket, authenticator: sealed(220) },
    Authenticator: {
      ...{ authenticatorVno: 5, crealm: REALM, cname: CLIENT },
      ...{ cksum: { cksumtype: 0x8003, checksum: octets(24) }, cusec: 123_456, ctime: NOW },
      ...{ subkey: key, seqNumber: 0x12345678 },
    },
    ApRep: { pvno: 5, msgType: 15, encPart: sealed(107) },
    EncApRepPart: { ctime: NOW, cusec: 123_456, subkey: key, seqNumber: 0x12345678 },
    KrbSafe: { pvno: 5, msgType: 20, safeBody: userData, cksum: checksum },
    KrbPriv: { pvno: 5, msgType: 21, encPart: sealed(340) },
    EncKrbPrivPart: userData,
    KrbCred: { pvno: 5, msgType: 22, tickets: [ticket], encPart: sealed(300) },
    EncKrbCredPart: {
      ticketInfo: [{ key, prealm: REALM, pname: CLIENT, flags: FLAGS, ...times, srealm: REALM, sname: TGS }],
    },
    KrbError: {
      ...{ pvno: 5, msgType: 30, stime: NOW, susec: 123_456, errorCode: 25 },
      ...{ crealm: REALM, cname: CLIENT, realm: REALM, sname: TGS, eText: 'NEEDED_PREAUTH' },
      eData: octets(150),
    },
    KdcReqBody: reqBody,
    PaEncTimestamp: sealed(56),
    PaEncTsEnc: { patimestamp: NOW, pausec: 123_456 },
    EtypeInfo: [{ etype: 18, salt: octets(17) }],
    EtypeInfo2: [etypeInfo2Entry, { ...etypeInfo2Entry, etype: 17 }],
    MethodData: [pa(136, 0), pa(19, 60), pa(2, 0), pa(133, 24)],
    TypedData: [{ dataType: 1, dataValue: octets(40) }],
    AuthorizationData: [adEntry],
    AdKdcIssued: { adChecksum: checksum, iRealm: REALM, iSname: TGS, elements: [adEntry] },
    AdAndOr: { conditionCount: 1, elements: [adEntry] },
    HostAddresses: [address, address],
  };
}

/** Samples of spnego/messages.ts, by the name in the table. */
export const SPNEGO_SAMPLES = {
  NegTokenInit: { negTokenInit: { mechTypes: ['1.2.840.113554.1.2.2'], mechToken: octets(690) } },
  NegTokenResp: {
    negTokenResp: { negState: 0, supportedMech: '1.2.840.113554.1.2.2', responseToken: octets(156) },
  },
};
