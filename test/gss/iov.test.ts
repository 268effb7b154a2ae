/** Messages in several buffers, some only signed (MIT krb5's gss_wrap_iov; RFC 4121 section 4.2, RFC 4757 section 7). */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat, toHex } from '../../src/bytes.js';
import type { EstablishedContext } from '../../src/gss/established.js';
import type { IovBuffer, IovOctets, IovType } from '../../src/gss/iov.js';
import { rc4Framing } from '../../src/gss/rc4Framing.js';
import { unwrapRc4Iov } from '../../src/gss/rc4Iov.js';
import { makeRc4Token } from '../../src/gss/rc4Token.js';
import { contextPair, ETYPES, keyOf, messageKeyOf, octets } from '../support/establishedPairs.js';
import { fuzzRuns } from '../support/fuzz.js';
import { bitFlips, codeThrown } from '../support/gssContexts.js';

const REFUSED = ['ERR_GSS_TOKEN', 'ERR_INTEGRITY', 'ERR_GSS_SEQUENCE'];
const styles = ETYPES.flatMap((etype) => [false, true].map((dceStyle) => ({ etype, dceStyle })));

const plain = (buffers: readonly IovBuffer[]): (string | undefined)[] =>
  buffers.map(({ type, octets: held }) => (type === 'data' || type === 'signOnly' ? toHex(held!) : type));

/** The buffers that are sent as one token. */
const tokenOf = (buffers: readonly IovOctets[]): Uint8Array =>
  concat(...buffers.filter(({ type }) => type !== 'signOnly').map(({ octets: held }) => held));

const message = (trailer: boolean, ...parts: IovBuffer[]): IovBuffer[] => [
  { type: 'header' },
  ...parts,
  { type: 'padding' },
  ...(trailer ? [{ type: 'trailer' } as const] : []),
];
const data = (length: number): IovBuffer => ({ type: 'data', octets: octets(length) });
const signOnly = (length: number): IovBuffer => ({ type: 'signOnly', octets: octets(length, 3) });

describe.each(styles)('buffers of %o', (style) => {
  it('of any number, order and length go both ways', () => {
    const parts = fc.array(
      fc.record({
        type: fc.constantFrom<IovType>('data', 'signOnly'),
        octets: fc.uint8Array({ maxLength: 70 }),
      }),
      { maxLength: 6 },
    );
    const { initiator, acceptor } = contextPair(style);
    fc.assert(
      fc.property(parts, fc.boolean(), fc.boolean(), fc.nat(), (some, trailer, confidential, order) => {
        const buffers = message(trailer, ...some);
        // The buffers that the context makes may stand anywhere.
        buffers.push(...buffers.splice(0, order % buffers.length));
        const wrapped = initiator.wrapIov(buffers, { confidential });
        expect(wrapped.map(({ octets: held }) => held.length)).toEqual(
          initiator.iovLengths(buffers, { confidential }),
        );
        expect(wrapped.map(({ type }) => type)).toEqual(buffers.map(({ type }) => type));
        const opened = acceptor.unwrapIov(wrapped);
        expect(plain(opened.buffers)).toEqual(plain(buffers));
        expect(opened.anomaly).toBeUndefined();
        expect(opened.confidential).toBe(confidential && some.some(({ type }) => type === 'data'));
        expect(opened.buffers.find(({ type }) => type === 'padding')?.octets).toEqual(new Uint8Array(0));
      }),
      { numRuns: fuzzRuns / 10 },
    );
  });

  it('are refused when any one bit of any of them is another', () => {
    for (const trailer of [true, false]) {
      for (const confidential of [true, false]) {
        const { initiator } = contextPair(style);
        const wrapped = initiator.wrapIov(message(trailer, signOnly(5), data(7), signOnly(2), data(3)), {
          confidential,
        });
        for (const [i, { type, octets: held }] of wrapped.entries()) {
          for (const flipped of bitFlips(held)) {
            const changed = wrapped.with(i, { type, octets: flipped });
            const { acceptor } = contextPair(style);
            expect(REFUSED).toContain(codeThrown(() => acceptor.unwrapIov(changed)));
            expect(acceptor.alive).toBe(false);
          }
        }
      }
    }
  });

  it('are refused when they are cut elsewhere, left out or in another order', () => {
    const { initiator } = contextPair(style);
    const wrapped = initiator.wrapIov(message(true, data(20), signOnly(6), data(12)));
    const [header, first, second, third, padding, trailer] = wrapped as [
      IovOctets,
      IovOctets,
      IovOctets,
      IovOctets,
      IovOctets,
      IovOctets,
    ];
    const cut = (buffer: IovOctets, end: number): IovOctets => ({
      ...buffer,
      octets: buffer.octets.subarray(0, end),
    });
    const changes: IovBuffer[][] = [
      [header, third, second, first, padding, trailer],
      [header, first, third, padding, trailer],
      [header, second, first, third, padding, trailer],
      [header, first, { ...second, type: 'data' }, third, padding, trailer],
      [header, cut(first, 19), second, third, padding, trailer],
      [cut(header, 15), first, second, third, padding, trailer],
      [cut(header, header.octets.length - 1), first, second, third, padding, trailer],
      [header, first, second, third, padding, { type: 'trailer', octets: octets(1) }],
      [header, first, second, third, { type: 'padding', octets: octets(2) }, trailer],
      [{ type: 'header' }, first, second, third, padding, trailer],
    ];
    for (const changed of changes) {
      const { acceptor } = contextPair(style);
      expect(REFUSED).toContain(codeThrown(() => acceptor.unwrapIov(changed)));
    }
  });

  it('are refused when an octet stands in the buffer before or after', () => {
    for (const trailer of [true, false]) {
      for (const confidential of [true, false]) {
        const { initiator } = contextPair(style);
        const wrapped = initiator.wrapIov(message(trailer, data(20)), { confidential });
        const [header, body, padding, end] = wrapped.map(({ octets: held }) => held);
        const joined = concat(header!, body!);
        for (const cut of [header!.length - 1, header!.length + 1]) {
          const changed: IovBuffer[] = [
            { type: 'header', octets: joined.subarray(0, cut) },
            { type: 'data', octets: joined.subarray(cut) },
            { type: 'padding', octets: padding },
            ...(trailer ? [{ type: 'trailer' as const, octets: end }] : []),
          ];
          const { acceptor } = contextPair(style);
          expect(codeThrown(() => acceptor.unwrapIov(changed))).toBe('ERR_GSS_TOKEN');
        }
        if (end === undefined || end.length === 0) continue;
        const rest = concat(body!, end);
        const moved: IovBuffer[] = [
          { type: 'header', octets: header },
          { type: 'data', octets: rest.subarray(0, 21) },
          { type: 'trailer', octets: rest.subarray(21) },
        ];
        expect(codeThrown(() => contextPair(style).acceptor.unwrapIov(moved))).toBe('ERR_GSS_TOKEN');
      }
    }
  });

  it('of ours that come back are refused', () => {
    const { initiator } = contextPair(style);
    const wrapped = initiator.wrapIov(message(true, data(9)));
    expect(codeThrown(() => initiator.unwrapIov(wrapped))).toBe('ERR_GSS_TOKEN');
  });

  it('that are wrong by the caller spend no number and leave the context alive', () => {
    const { initiator } = contextPair(style);
    const before = initiator.lucid().sendSequence;
    const header: IovBuffer = { type: 'header' };
    const wrong: [unknown, typeof TypeError | typeof RangeError][] = [
      [[], RangeError],
      [[data(1)], RangeError],
      [[header, header, data(1)], RangeError],
      [[header, data(1), { type: 'padding' }, { type: 'padding' }], RangeError],
      [[header, data(1), { type: 'padding' }, { type: 'trailer' }, { type: 'trailer' }], RangeError],
      [[header, data(1), { type: 'padding' }, { type: 'stream' }], RangeError],
      [[header, { type: 'other' }], TypeError],
      [[header, undefined], TypeError],
      [[header, { type: 'data', octets: 'text' }], TypeError],
      ['text', TypeError],
      [undefined, TypeError],
    ];
    for (const [buffers, kind] of wrong) {
      for (const action of ['wrapIov', 'iovLengths', 'unwrapIov'] as const)
        expect(() => initiator[action](buffers as IovBuffer[])).toThrow(kind);
    }
    expect(initiator.lucid().sendSequence).toBe(before);
  });
});

describe('a token as a stream', () => {
  const open = (context: EstablishedContext, token: Uint8Array, ...more: IovBuffer[]): IovOctets[] =>
    context.unwrapIov([{ type: 'stream', octets: token }, ...more]).buffers;

  it.each(ETYPES)('of type %i comes with what was only signed, sealed and not', (etype) => {
    const { initiator, acceptor } = contextPair({ etype });
    for (const confidential of [true, false]) {
      for (const length of [0, 1, 16, 33]) {
        const wrapped = initiator.wrapIov(message(true, signOnly(4), data(length), signOnly(1)), {
          confidential,
        });
        const opened = open(acceptor, tokenOf(wrapped), signOnly(4), { type: 'data' }, signOnly(1));
        expect(opened[2]!.octets).toEqual(octets(length));
        const token = initiator.wrap(octets(length), { confidential });
        expect(open(acceptor, token, { type: 'data' })[1]!.octets).toEqual(octets(length));
        const inOne = tokenOf(initiator.wrapIov(message(true, data(length)), { confidential }));
        expect(acceptor.unwrap(inOne)).toMatchObject({ message: octets(length), confidential });
      }
    }
  });

  it.each(ETYPES)('of type %i is refused when what was only signed is another', (etype) => {
    const changed: IovBuffer[] = [
      { type: 'signOnly', octets: octets(4, 4) },
      { type: 'signOnly', octets: octets(3, 3) },
      { type: 'signOnly' },
    ];
    for (const confidential of [true, false]) {
      for (const other of changed) {
        const { initiator, acceptor } = contextPair({ etype });
        const token = tokenOf(initiator.wrapIov(message(true, signOnly(4), data(9)), { confidential }));
        expect(codeThrown(() => open(acceptor, token, other, { type: 'data' }))).toBe('ERR_INTEGRITY');
      }
    }
  });

  it('that was rotated because it had no trailer is a token in one piece', () => {
    for (const etype of [17, 18, 19, 20]) {
      for (const dceStyle of [false, true]) {
        const { initiator, acceptor } = contextPair({ etype, dceStyle });
        const rotated = tokenOf(initiator.wrapIov(message(false, data(50))));
        expect(acceptor.unwrap(rotated).message).toEqual(octets(50));
        const again = tokenOf(initiator.wrapIov(message(false, data(51))));
        expect(open(acceptor, again, { type: 'data' })[1]!.octets).toEqual(octets(51));
      }
    }
  });

  it('needs one data buffer and no others', () => {
    const { initiator, acceptor } = contextPair();
    const token = initiator.wrap(octets(5));
    const more: IovBuffer[][] = [
      [],
      [data(0), data(0)],
      [data(0), { type: 'header' }],
      [data(0), { type: 'padding' }],
      [data(0), { type: 'trailer' }],
      [data(0), { type: 'stream' }],
    ];
    for (const buffers of more) expect(() => open(acceptor, token, ...buffers)).toThrow(RangeError);
    expect(open(acceptor, token, { type: 'data' })[1]!.octets).toEqual(octets(5));
  });
});

describe('DCE style', () => {
  it.each([17, 18, 19, 20])(
    'has a block of filler under type %i, which is not counted as rotation',
    (etype) => {
      const { initiator } = contextPair({ etype, dceStyle: true });
      const [header] = initiator.wrapIov(message(false, data(64)));
      const view = new DataView(header!.octets.buffer, header!.octets.byteOffset);
      const tag = header!.octets.length - 16 - 16 - 16 - 16;
      expect([view.getUint16(4), view.getUint16(6)]).toEqual([16, 16 + tag]);
    },
  );

  it('has no padding under RC4, and the framing counts the header only', () => {
    const { initiator, acceptor } = contextPair({ etype: 23, dceStyle: true });
    const wrapped = initiator.wrapIov([{ type: 'header' }, data(64)]);
    expect(wrapped[0]!.octets.length).toBe(45);
    expect(wrapped[0]!.octets[1]).toBe(43);
    expect(acceptor.unwrapIov(wrapped).buffers[1]!.octets).toEqual(octets(64));
  });

  it('and no style makes another padding right under RC4', () => {
    // The sender's checksum is right.
    const context = messageKeyOf('initiator', 23);
    const reader = messageKeyOf('acceptor', 23);
    for (const value of [0, 2, 255]) {
      const message = [octets(8), octets(5), Uint8Array.of(value)];
      const token = makeRc4Token('wrap', false, message, context, 1n);
      const framed = concat(rc4Framing(token.length + 14), token, octets(8));
      const iov = {
        header: framed,
        parts: [{ octets: octets(5), signOnly: false }],
        padding: Uint8Array.of(value),
        paddingAt: 1,
        trailer: undefined,
      };
      expect(codeThrown(() => unwrapRc4Iov(iov, reader))).toBe('ERR_GSS_TOKEN');
    }
  });

  it('is otherwise necessary to have a padding for under RC4', () => {
    const { initiator } = contextPair({ etype: 23 });
    expect(() => initiator.wrapIov([{ type: 'header' }, data(64)])).toThrow(RangeError);
    expect(initiator.lucid().sendSequence).toBe(1000n);
  });
});

describe('a key', () => {
  it.each(ETYPES)('of type %i signs what is not encrypted, where it stands', (etype) => {
    const key = keyOf(etype);
    const secret = (length: number) => ({ octets: octets(length), signOnly: false });
    const open = { octets: octets(9, 2), signOnly: true };
    const cipher = key.encrypt(5, [secret(20), open, secret(13)], new Uint8Array(key.confounderLength));
    expect(cipher.length).toBe(key.encrypt(5, octets(33), new Uint8Array(key.confounderLength)).length);
    expect(key.decrypt(5, cipher, [{ at: 20, octets: open.octets }])).toEqual(concat(octets(20), octets(13)));
    for (const wrong of [undefined, [{ at: 19, octets: open.octets }], [{ at: 20, octets: octets(9, 1) }]])
      expect(codeThrown(() => key.decrypt(5, cipher, wrong))).toBe('ERR_INTEGRITY');
    expect(codeThrown(() => key.decrypt(5, cipher, [{ at: 1000, octets: open.octets }]))).toBe(
      'ERR_INTEGRITY',
    );
  });
});

describe('any octets', () => {
  it('in place of buffers or a stream give a typed error', () => {
    const bytes = fc.uint8Array({ maxLength: 80 });
    const start = fc.constantFrom<number[]>(
      [5, 4, 7, 255],
      [5, 4, 5, 255],
      [5, 4, 7, 255, 0, 16, 0, 28],
      [5, 4, 7, 255, 255, 255, 255, 255],
      [0x60, 0x2b, 6, 9, 42, 134, 72, 134, 247, 18, 1, 2, 2, 2, 1, 17, 0, 16, 0, 255, 255],
      [0x60, 0x82, 0xff, 0xff],
      [],
    );
    fc.assert(
      fc.property(
        fc.constantFrom(...styles),
        start,
        bytes,
        bytes,
        bytes,
        (style, first, header, body, end) => {
          const { initiator, acceptor } = contextPair(style);
          const octetsOf = Uint8Array.from([...first, ...header]);
          const buffers: IovBuffer[] = [
            { type: 'header', octets: octetsOf },
            { type: 'data', octets: body },
            { type: 'trailer', octets: end },
          ];
          expect(REFUSED).toContain(codeThrown(() => initiator.unwrapIov(buffers)));
          expect(REFUSED).toContain(
            codeThrown(() => acceptor.unwrapIov([{ type: 'stream', octets: octetsOf }, { type: 'data' }])),
          );
        },
      ),
      { numRuns: fuzzRuns },
    );
  });
});
