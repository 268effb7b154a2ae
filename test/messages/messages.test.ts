/** Points of RFC 4120 section 5 where implementations go wrong, each with a message of its own. */
import { describe, expect, it } from 'vitest';
import { concat, fromHex, toHex } from '../../src/bytes.js';
import { AP_OPTIONS, hasFlag, KDC_OPTIONS, TICKET_FLAGS } from '../../src/messages/flags.js';
import { decode, encode, type Message } from '../../src/messages/module.js';
import { decodeEncKdcRepPart } from '../../src/messages/sealed.js';
import { refusal } from '../asn1/refusal.js';

const krbtgt = { nameType: 2, nameString: ['krbtgt', 'EXAMPLE.COM'] };

const part: Message<'EncKdcRepPart'> = {
  key: { keytype: 18, keyvalue: new Uint8Array(32) },
  lastReq: [],
  nonce: 1,
  flags: TICKET_FLAGS.initial,
  authtime: 1_700_000_000,
  endtime: 1_700_036_000,
  srealm: 'EXAMPLE.COM',
  sname: krbtgt,
};

describe('EncKDCRepPart', () => {
  it.each(['EncAsRepPart', 'EncTgsRepPart'] as const)('is read under the tag of %s', (name) => {
    const der = encode(name, part);
    expect(der[0]).toBe(name === 'EncAsRepPart' ? 0x79 : 0x7a);
    expect(decodeEncKdcRepPart(der)).toEqual(part);
  });

  it('may have padding behind it', () => {
    const padded = concat(encode('EncTgsRepPart', part), new Uint8Array(7));
    expect(decodeEncKdcRepPart(padded)).toEqual(part);
  });

  it.each([
    ['no octets', ''],
    ['no tag around it', toHex(encode('EncKdcRepPart', part))],
    ['another message', toHex(encode('EncApRepPart', { ctime: 0, cusec: 0 }))],
  ])('is refused: %s', (_, hex) => {
    expect(refusal(() => decodeEncKdcRepPart(fromHex(hex)))).toMatchObject({
      code: 'ERR_ASN1',
      place: 'EncASRepPart',
    });
  });

  it('carries encrypted-pa-data [12] of RFC 6806', () => {
    const value = { ...part, encryptedPaData: [{ padataType: 149, padataValue: new Uint8Array(0) }] };
    expect(decodeEncKdcRepPart(encode('EncAsRepPart', value))).toEqual(value);
  });
});

describe('KRB-ERROR', () => {
  const least: Message<'KrbError'> = {
    pvno: 5,
    msgType: 30,
    stime: 0,
    susec: 0,
    errorCode: 25,
    realm: 'EXAMPLE.COM',
    sname: krbtgt,
  };

  it('needs none of its optional fields', () => {
    expect(decode('KrbError', encode('KrbError', least))).toEqual(least);
  });

  it('may have cusec without ctime', () => {
    const value = { ...least, cusec: 5 };
    expect(decode('KrbError', encode('KrbError', value))).toEqual(value);
  });

  it('keeps e-text that is not UTF-8', () => {
    const value = { ...least, eText: 'M\udcfcller' };
    const der = encode('KrbError', value);
    expect(toHex(der)).toContain('1b064dfc6c6c6572');
    expect(decode('KrbError', der)).toEqual(value);
  });

  it('names the field that is wrong', () => {
    const hex = toHex(encode('KrbError', least)).replace('020119', '040119');
    expect(refusal(() => decode('KrbError', fromHex(hex)))).toMatchObject({
      code: 'ERR_ASN1',
      place: 'KRB-ERROR.errorCode',
    });
  });
});

describe('numbers that must be what they are', () => {
  const asRep: Message<'KdcRep'> = {
    pvno: 5,
    msgType: 11,
    crealm: 'EXAMPLE.COM',
    cname: { nameType: 1, nameString: ['alice'] },
    ticket: encode('Ticket', {
      tktVno: 5,
      realm: 'EXAMPLE.COM',
      sname: krbtgt,
      encPart: { etype: 18, kvno: 1, cipher: new Uint8Array(40) },
    }),
    encPart: { etype: 18, cipher: new Uint8Array(40) },
  };

  it.each([
    ['pvno', 'a003020105', 'a003020104'],
    ['msgType', 'a10302010b', 'a10302010a'],
  ])('%s', (field, right, wrong) => {
    const hex = toHex(encode('AsRep', asRep));
    expect(hex).toContain(right);
    expect(refusal(() => decode('AsRep', fromHex(hex.replace(right, wrong))))).toMatchObject({
      code: 'ERR_ASN1',
      place: `AS-REP.${field}`,
    });
  });

  it('the ticket keeps its octets, whatever is in it', () => {
    const ticket = fromHex('610430020500');
    const der = encode('AsRep', { ...asRep, ticket });
    expect(toHex(decode('AsRep', der).ticket)).toBe(toHex(ticket));
  });

  it('an AS-REP is no TGS-REP', () => {
    expect(refusal(() => decode('TgsRep', encode('AsRep', asRep)))).toMatchObject({ place: 'TGS-REP' });
  });
});

describe('sequence numbers and nonces', () => {
  it.each([
    ['a2060204ffffffff', undefined],
    ['a2060204fffffffe', undefined],
    ['a303020100', 0],
    ['a3030201ff', 2 ** 32 - 1],
    ['a306020480000000', 2 ** 31],
    ['a30702050080000000', 2 ** 31],
    ['a307020500ffffffff', 2 ** 32 - 1],
  ])('EncAPRepPart with %s', (field, seqNumber) => {
    const times = 'a011180f31393730303130313030303030305aa103020100';
    const length = (times.length + field.length) / 2;
    const hex = `7b${(length + 2).toString(16)}30${length.toString(16)}${times}${field}`;
    if (seqNumber === undefined) {
      expect(refusal(() => decode('EncApRepPart', fromHex(hex)))).toMatchObject({
        place: 'EncAPRepPart.subkey',
      });
    } else {
      expect(decode('EncApRepPart', fromHex(hex)).seqNumber).toBe(seqNumber);
    }
  });
});

describe('METHOD-DATA and TYPED-DATA', () => {
  it('differ in their tags: neither is read as the other', () => {
    const method = encode('MethodData', [{ padataType: 19, padataValue: fromHex('3000') }]);
    const typed = encode('TypedData', [{ dataType: 19, dataValue: fromHex('3000') }]);
    expect(toHex(method)).toBe('300d300ba103020113a20404023000');
    expect(toHex(typed)).toBe('300d300ba003020113a10404023000');
    expect(refusal(() => decode('MethodData', typed))).toMatchObject({ code: 'ERR_ASN1' });
    expect(refusal(() => decode('TypedData', method))).toMatchObject({ code: 'ERR_ASN1' });
  });
});

describe('flags', () => {
  // Bit numbers of RFC 4120 sections 5.3, 5.4.1 and 5.5.1, RFC 6806 sections 3 and 11, RFC 8062 sections 3 and 4
  const bit = (number: number): number => 2 ** (31 - number);

  it('TicketFlags', () => {
    expect(TICKET_FLAGS).toEqual({
      forwardable: bit(1),
      forwarded: bit(2),
      proxiable: bit(3),
      proxy: bit(4),
      mayPostdate: bit(5),
      postdated: bit(6),
      invalid: bit(7),
      renewable: bit(8),
      initial: bit(9),
      preAuthent: bit(10),
      hwAuthent: bit(11),
      transitedPolicyChecked: bit(12),
      okAsDelegate: bit(13),
      encPaRep: bit(15),
      anonymous: bit(16),
    });
  });

  it('KDCOptions', () => {
    expect(KDC_OPTIONS).toEqual({
      forwardable: bit(1),
      forwarded: bit(2),
      proxiable: bit(3),
      proxy: bit(4),
      allowPostdate: bit(5),
      postdated: bit(6),
      renewable: bit(8),
      canonicalize: bit(15),
      requestAnonymous: bit(16),
      disableTransitedCheck: bit(26),
      renewableOk: bit(27),
      encTktInSkey: bit(28),
      renew: bit(30),
      validate: bit(31),
    });
  });

  it('APOptions', () => {
    expect(AP_OPTIONS).toEqual({ useSessionKey: bit(1), mutualRequired: bit(2) });
  });

  it('hasFlag', () => {
    const flags = 0x80000000 + TICKET_FLAGS.renewable;
    expect(hasFlag(flags, TICKET_FLAGS.renewable)).toBe(true);
    expect(hasFlag(flags, TICKET_FLAGS.initial)).toBe(false);
    expect(hasFlag(flags, 0x80000000)).toBe(true);
  });
});
