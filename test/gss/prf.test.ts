/** GSS_Pseudo_random (RFC 7802, RFC 4401). */
import { describe, expect, it } from 'vitest';
import { fromHex, toHex, utf8 } from '../../src/bytes.js';
import { Key } from '../../src/crypto/key.js';
import { pseudoRandom } from '../../src/gss/prf.js';
import { contextPair, ETYPES, keyOf } from '../support/establishedPairs.js';

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz123456789';

describe('pseudo-random octets', () => {
  // RFC 7802 appendix A
  it.each([
    [
      23,
      '3BB3AE288C12B3B9D06B208A4151B3B6',
      '',
      '9AEA11A3BCF3C53F1F91F5A0BA2132E2501ADF5F3C283C8A983AB88757CE865A22132D6100EAD63E9E291AFA',
    ],
    [
      23,
      '6DB7B33A01BD2B72F7655CB7B3D5FA0B',
      LETTERS,
      'CDA9A544869FC84873B692663A82AFDA101C8611498BA46138B01E927C9B95EEC953B562807434037837DDDF',
    ],
    [
      17,
      '6C742096EB896230312B73972FA28B5D',
      '',
      '94208D982FC1BB7778128BDD77904420B45C9DA699F3117BCE66E39602128EF0296611A6D191A5828530F20F',
    ],
    [
      17,
      'FA61138C109D834A477D24C7311BE6DA',
      LETTERS,
      '0FAEDF0F842CC834FEE750487E1B622739286B975FE5B7F45AB053143C75CA0DF5D3D4BBB80F6A616C7C9027',
    ],
    [
      18,
      '08FCDAFD5832611B73BA7B497FEBFF8C954B4B58031CAD9B977C3B8C25192FD6',
      '',
      'E627EFC14EF5B6D629F830C7109DEA0D3D7D36E8CD57A1F301C5452494A1928F05AFFBEE3360232209D3BE0D',
    ],
    [
      18,
      'F5B68B7823D8944F33F41541B4E4D38C9B2934F8D16334A796645B066152B4BE',
      LETTERS,
      '112F2B2D878590653CCC7DE278E9F0AA46FA5A380B6259F774CB7C134FCD37F61A50FD0D9F89BF8FE1A6B593',
    ],
  ])('of type %i are those of the RFC', (etype, key, input, output) => {
    expect(toHex(pseudoRandom(new Key(etype, fromHex(key)), utf8(input), 44))).toBe(output.toLowerCase());
  });

  it.each(ETYPES)('of type %i are the same on both sides; full and partial are not', (etype) => {
    const { initiator, acceptor } = contextPair({ etype });
    const input = utf8('label');
    for (const kind of ['full', 'partial'] as const) {
      expect(initiator.prf(kind, input, 100)).toEqual(acceptor.prf(kind, input, 100));
    }
    expect(initiator.prf('full', input, 32)).toEqual(pseudoRandom(keyOf(etype, 2), input, 32));
    expect(initiator.prf('partial', input, 32)).toEqual(pseudoRandom(keyOf(etype, 1), input, 32));
    const alone = contextPair({ etype, acceptorSubkey: false }).initiator;
    expect(alone.prf('full', input, 32)).toEqual(alone.prf('partial', input, 32));
  });

  it('of fewer octets are the start of those of more', () => {
    const { initiator } = contextPair({ etype: 20 });
    const long = initiator.prf('full', utf8('x'), 200);
    for (let length = 0; length <= 200; length++)
      expect(initiator.prf('full', utf8('x'), length)).toEqual(long.subarray(0, length));
  });

  it('are bounded', () => {
    const { initiator } = contextPair();
    expect(initiator.prf('full', new Uint8Array(65_536), 1).length).toBe(1);
    expect(initiator.prf('full', new Uint8Array(0), 65_536).length).toBe(65_536);
    for (const length of [-1, 65_537, 1.5, Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => initiator.prf('full', new Uint8Array(0), length)).toThrow(RangeError);
    expect(() => initiator.prf('full', new Uint8Array(65_537), 1)).toThrow(RangeError);
    expect(() => initiator.prf('other' as 'full', new Uint8Array(0), 1)).toThrow(TypeError);
    expect(() => initiator.prf('full', 'text' as unknown as Uint8Array, 1)).toThrow(TypeError);
    expect(initiator.alive).toBe(true);
  });
});
