import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../src/bytes.js';
import { Key } from '../../src/crypto/key.js';
import { decodeCredentialCache } from '../../src/formats/ccache.js';
import type { Credential } from '../../src/formats/credential.js';
import { decodeKirbi, encodeKirbi } from '../../src/formats/kirbi.js';
import { decode, encode } from '../../src/messages/module.js';
import { fuzzRuns } from '../support/fuzz.js';
import { mutated, valueOrFormatError } from './arbitraries.js';
import { mitCcache } from './mitFiles.js';

const { credentials } = decodeCredentialCache(mitCcache);
const [tgt] = credentials as [Credential, ...Credential[]];
const key = new Key(18, new Uint8Array(32).fill(7));
const confounder = new Uint8Array(16).fill(9);
const refusal = expect.objectContaining({ code: 'ERR_CCACHE_FORMAT', file: 'x.kirbi', offset: 0 });
const plain = (list: readonly Credential[]) =>
  list.map(({ sessionKey, ...rest }) => ({ ...rest, key: [sessionKey.etype, toHex(sessionKey.value)] }));

describe('a KRB-CRED in a file', () => {
  it('holds tickets as they were, not encrypted', () => {
    const octets = encodeKirbi(credentials);
    expect(octets[0]).toBe(0x76);
    expect(decode('KrbCred', octets).encPart.etype).toBe(0);
    expect(plain(decodeKirbi(octets))).toEqual(plain(credentials));
  });

  it('holds tickets encrypted in a key', () => {
    const octets = encodeKirbi([tgt], { seal: { key, confounder } });
    expect(plain(decodeKirbi(octets, { key }))).toEqual(plain([tgt]));
    expect(() => decodeKirbi(octets, { file: 'x.kirbi' })).toThrow(refusal);
    const other = new Key(18, new Uint8Array(32));
    expect(() => decodeKirbi(octets, { key: other })).toThrow(
      expect.objectContaining({ code: 'ERR_INTEGRITY' }),
    );
  });

  it('keeps addresses, and times that there are not', () => {
    const odd = {
      ...tgt,
      startTime: 0,
      renewTill: 0,
      addresses: [{ addrType: 2, address: Uint8Array.of(10, 0, 0, 1) }],
    };
    expect(plain(decodeKirbi(encodeKirbi([odd])))).toEqual(plain([odd]));
  });

  it('takes the name of the service from the ticket where only that has it', () => {
    const part = encode('EncKrbCredPart', {
      ticketInfo: [
        {
          key: { keytype: 18, keyvalue: new Uint8Array(32) },
          prealm: 'R',
          pname: { nameType: 1, nameString: ['a'] },
        },
      ],
    });
    const encPart = { etype: 0, cipher: part };
    const octets = encode('KrbCred', { pvno: 5, msgType: 22, tickets: [tgt.ticket], encPart });
    expect(decodeKirbi(octets)[0]).toMatchObject({ server: tgt.server, authTime: 0, endTime: 0, flags: 0 });
  });

  it('is refused with file and place when it is no such message or incomplete', () => {
    const octets = encodeKirbi([tgt]);
    const unequal = encode('KrbCred', { ...decode('KrbCred', octets), tickets: [tgt.ticket, tgt.ticket] });
    const nameless = encode('KrbCred', {
      ...decode('KrbCred', octets),
      encPart: {
        etype: 0,
        cipher: encode('EncKrbCredPart', {
          ticketInfo: [{ key: { keytype: 18, keyvalue: new Uint8Array(32) } }],
        }),
      },
    });
    for (const wrong of [new Uint8Array(), mitCcache, tgt.ticket, unequal, nameless]) {
      expect(() => decodeKirbi(wrong, { file: 'x.kirbi' })).toThrow(refusal);
    }
    for (let length = 0; length < octets.length; length++) {
      expect(() => decodeKirbi(octets.subarray(0, length), { file: 'x.kirbi' })).toThrow(refusal);
    }
  });

  it('mutated gives a value or a FormatError', () => {
    fc.assert(
      fc.property(mutated(encodeKirbi(credentials)), (octets) =>
        valueOrFormatError(() => decodeKirbi(octets)),
      ),
      { numRuns: fuzzRuns },
    );
  });

  it('needs tickets', () => {
    for (const list of [[], [{ ...tgt, ticket: new Uint8Array() }]]) {
      expect(() => encodeKirbi(list)).toThrow(RangeError);
    }
  });
});
