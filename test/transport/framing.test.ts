import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat, fromHex } from '../../src/bytes.js';
import { FrameReader, frame, MAX_REPLY_OCTETS } from '../../src/transport/framing.js';
import { fuzzRuns } from '../support/fuzz.js';

const message = fc.uint8Array({ minLength: 1, maxLength: 40 });

function coded(code: string) {
  return expect.objectContaining({ code });
}

describe('frame', () => {
  it('puts the length before the message in network byte order (RFC 4120 section 7.2.2)', () => {
    expect(frame(new Uint8Array(0x0102).fill(7)).subarray(0, 5)).toEqual(fromHex('00 00 01 02 07'));
  });

  it('refuses an empty message', () => {
    expect(() => frame(new Uint8Array())).toThrow(RangeError);
  });
});

describe('FrameReader', () => {
  it('gives the same messages for every segmentation', () => {
    const cuts = fc.array(fc.nat({ max: 200 }), { maxLength: 30 });
    fc.assert(
      fc.property(fc.array(message, { minLength: 1, maxLength: 5 }), cuts, (messages, lengths) => {
        let stream = concat(...messages.map(frame));
        const reader = new FrameReader();
        const received: Uint8Array[] = [];
        for (const length of [...lengths, stream.length]) {
          received.push(...reader.push(stream.subarray(0, length)));
          stream = stream.subarray(length);
        }
        expect(received).toEqual(messages);
        expect(reader.progress).toEqual({ received: 0, expected: 4 });
      }),
      { numRuns: fuzzRuns },
    );
  });

  it('gives messages or a typed error for arbitrary octets', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (octets) => {
        try {
          for (const whole of new FrameReader(50).push(octets)) expect(whole.length).toBeLessThanOrEqual(50);
        } catch (error) {
          expect(['ERR_REPLY_TOO_LARGE', 'ERR_REPLY_MSG_TYPE']).toContain((error as { code?: string }).code);
        }
      }),
      { numRuns: fuzzRuns },
    );
  });

  it('keeps its own copy of what it read', () => {
    const segment = frame(Uint8Array.of(1, 2, 3));
    const [whole] = new FrameReader().push(segment);
    segment.fill(0);
    expect(whole).toEqual(Uint8Array.of(1, 2, 3));
  });

  it.each([
    ['one octet above the limit', '00 10 00 01', 'ERR_REPLY_TOO_LARGE'],
    ['the largest length', '7f ff ff ff', 'ERR_REPLY_TOO_LARGE'],
    ['the reserved top bit', '80 00 00 01', 'ERR_REPLY_TOO_LARGE'],
    ['HTTP instead of Kerberos', '48 54 54 50', 'ERR_REPLY_TOO_LARGE'],
    ['no octets', '00 00 00 00', 'ERR_REPLY_MSG_TYPE'],
  ])('refuses a length of %s, now and ever after', (_, length, code) => {
    const reader = new FrameReader();
    expect(reader.push(fromHex(length).subarray(0, 3))).toEqual([]);
    expect(() => reader.push(fromHex(length).subarray(3))).toThrow(coded(code));
    expect(() => reader.push(new Uint8Array(8))).toThrow(coded(code));
  });

  it('accepts a message of exactly the limit', () => {
    const reader = new FrameReader();
    expect(reader.push(fromHex('00 10 00 00'))).toEqual([]);
    expect(reader.progress).toEqual({ received: 0, expected: MAX_REPLY_OCTETS });
    expect(reader.push(new Uint8Array(MAX_REPLY_OCTETS))[0]?.length).toBe(MAX_REPLY_OCTETS);
  });

  it('gives a whole message although a bad length follows it', () => {
    const reader = new FrameReader();
    expect(reader.push(concat(frame(Uint8Array.of(5)), fromHex('ff ff ff ff')))).toEqual([Uint8Array.of(5)]);
    expect(() => reader.push(new Uint8Array())).toThrow(coded('ERR_REPLY_TOO_LARGE'));
  });

  it('refuses a limit that is no positive integer', () => {
    for (const limit of [0, -1, 1.5, Number.NaN]) expect(() => new FrameReader(limit)).toThrow(RangeError);
  });
});
