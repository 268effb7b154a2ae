import { describe, expect, it } from 'vitest';
import { concat, fromHex } from '../../src/bytes.js';
import { isKdcReply, isKpasswdReply, messageName } from '../../src/transport/reply.js';

const filled = (header: string, count: number) => concat(fromHex(header), new Uint8Array(count));

describe('isKdcReply', () => {
  it.each([
    ['AS-REP', filled('6b 05', 5)],
    ['TGS-REP', filled('6d 81 80', 128)],
    ['KRB-ERROR', filled('7e 82 01 00', 256)],
  ])('accepts an %s whose length fits', (name, octets) => {
    expect(isKdcReply(octets)).toBe(true);
    expect(messageName(octets)).toBe(name);
  });

  it.each([
    ['nothing', ''],
    ['a tag alone', '6b'],
    ['a request', '6a 00'],
    ['too few octets', '6b 02 00'],
    ['too many octets', '6b 00 00'],
    ['the indefinite length', '6b 80 00 00'],
    ['a length that could be shorter', '6b 81 01 00'],
    ['a length with a leading zero', '6b 82 00 01 00'],
    ['a cut length', '6b 82 01'],
    ['a length of five octets', '6b 85 00 00 00 00 01 00'],
  ])('refuses %s', (_, hex) => {
    expect(isKdcReply(fromHex(hex))).toBe(false);
  });
});

describe('isKpasswdReply', () => {
  it('accepts a length that fits and a bare KRB-ERROR (RFC 3244 section 2)', () => {
    expect(isKpasswdReply(fromHex('00 08 00 01 00 00 01 02'))).toBe(true);
    expect(isKpasswdReply(fromHex('7e 02 01 02'))).toBe(true);
  });

  it('refuses a length that does not fit', () => {
    expect(isKpasswdReply(fromHex('00 09 00 01 00 00 01 02'))).toBe(false);
    expect(isKpasswdReply(fromHex('00 04 00 01'))).toBe(false);
    expect(isKpasswdReply(fromHex(''))).toBe(false);
  });
});

describe('messageName', () => {
  it('names requests and leaves the rest unnamed', () => {
    const names = ['6a', '6c', '30', ''].map((hex) => messageName(fromHex(hex)));
    expect(names).toEqual(['AS-REQ', 'TGS-REQ', 'message', 'message']);
  });
});
