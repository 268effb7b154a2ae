import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex, utf8 } from '../../src/bytes.js';
import { Key } from '../../src/crypto/key.js';
import { DEFAULT_FLAGS, InitiatorContext } from '../../src/gss/context.js';
import { GSS_FLAGS } from '../../src/gss/flags.js';
import { checkMic, makeMic } from '../../src/gss/micToken.js';
import type { SequenceAnomaly } from '../../src/gss/sequence.js';
import { unwrapMessage, wrapMessage } from '../../src/gss/wrapToken.js';
import { fuzzRuns } from '../support/fuzz.js';
import { bitFlips, type ContextPair, codeThrown, establishedPair } from '../support/gssContexts.js';
import {
  type MicChanges,
  type ScriptedAcceptor,
  testEnvironment,
  type WrapChanges,
} from '../support/scriptedAcceptor.js';

const ETYPES = [17, 18, 19, 20] as const;
const CHECKSUM_OCTETS: Readonly<Record<number, number>> = { 17: 12, 18: 12, 19: 16, 20: 24 };
const UNORDERED = DEFAULT_FLAGS & ~(GSS_FLAGS.replay | GSS_FLAGS.sequence);
const hello = utf8('hello');
const { randomBytes } = testEnvironment();

const octets = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => i * 7 + length);
const messageKey = (pair: ContextPair): { key: Key; acceptorSubkey: boolean } => ({
  key: pair.acceptor.initiatorSubkey,
  acceptorSubkey: false,
});

describe.each(ETYPES)('messages under etype %i', (etype) => {
  it('of 0 to 80 octets go both ways, sealed and open', () => {
    const { context, acceptor } = establishedPair({ etype });
    for (let length = 0; length <= 80; length++) {
      for (const sealed of [true, false]) {
        const message = octets(length);
        expect(acceptor.unwrap(context.wrap(message, { confidential: sealed }))).toEqual({ message, sealed });
        expect(context.unwrap(acceptor.wrap(message, { sealed }))).toEqual({
          message,
          confidential: sealed,
          anomaly: undefined,
        });
      }
      acceptor.verifyMic(octets(length), context.mic(octets(length)));
      context.verifyMic(octets(length), acceptor.mic(octets(length)));
    }
  });

  it('of a megabyte go both ways', () => {
    const { context, acceptor } = establishedPair({ etype });
    const message = octets(1_000_003);
    expect(toHex(acceptor.unwrap(context.wrap(message)).message)).toBe(toHex(message));
    const { message: received } = context.unwrap(acceptor.wrap(message, { rrc: 28 }));
    expect(toHex(received)).toBe(toHex(message));
  });

  it.each([true, false])('do not change with the memory that they came in (sealed: %s)', (sealed) => {
    const { context, acceptor } = establishedPair({ etype });
    const token = acceptor.wrap(hello, { sealed });
    const { message } = context.unwrap(token);
    token.fill(0);
    expect(message).toEqual(hello);
  });

  it('do not show when sealed, and do when only signed', () => {
    const { context } = establishedPair({ etype });
    const message = octets(40);
    expect(toHex(context.wrap(message))).not.toContain(toHex(message).slice(0, 16));
    expect(toHex(context.wrap(message, { confidential: false }))).toContain(toHex(message));
    expect(context.wrap(message).length).toBe(16 + 16 + 40 + 16 + CHECKSUM_OCTETS[etype]!);
    expect(context.mic(message).length).toBe(16 + CHECKSUM_OCTETS[etype]!);
  });

  it('are read with every rotation, also beyond the length of the body', () => {
    const { context, acceptor } = establishedPair({ etype });
    const rotations = [...Array.from({ length: 130 }, (_, i) => i), 256, 4097, 65534, 65535];
    for (const rrc of rotations) {
      for (const sealed of [true, false]) {
        expect(context.unwrap(acceptor.wrap(hello, { rrc, sealed })).message).toEqual(hello);
        expect(context.unwrap(acceptor.wrap(octets(0), { rrc, sealed })).message.length).toBe(0);
      }
    }
  });

  it('are read with any filler', () => {
    const { context, acceptor } = establishedPair({ etype });
    for (const ec of [1, 2, 15, 16, 17, 300, 65535]) {
      expect(context.unwrap(acceptor.wrap(hello, { ec, rrc: (ec + 28) & 0xffff })).message).toEqual(hello);
    }
  });

  it.each<[string, (acceptor: ScriptedAcceptor) => Uint8Array]>([
    ['sealed Wrap', (acceptor) => acceptor.wrap(hello)],
    ['sealed Wrap with filler and rotation', (acceptor) => acceptor.wrap(hello, { ec: 3, rrc: 5 })],
    ['open Wrap', (acceptor) => acceptor.wrap(hello, { sealed: false })],
    ['open Wrap with rotation', (acceptor) => acceptor.wrap(hello, { sealed: false, rrc: 12 })],
  ])('are refused when any one bit of a %s is flipped', (_, make) => {
    const pair = establishedPair({ etype }, { flags: UNORDERED });
    const token = make(pair.acceptor);
    expect(unwrapMessage(token, messageKey(pair)).message).toEqual(hello);
    const length = token.length - 16;
    for (const flipped of bitFlips(token)) {
      // The rotation is not protected; one that differs by whole turns is the same token.
      const turns = (Buffer.from(flipped).readUInt16BE(6) - Buffer.from(token).readUInt16BE(6)) / length;
      const same = Number.isInteger(turns) && turns !== 0;
      const code = codeThrown(() => unwrapMessage(flipped, messageKey(pair)));
      expect(same ? ['nothing'] : ['ERR_GSS_TOKEN', 'ERR_INTEGRITY']).toContain(code);
    }
  });

  it('are refused when any one bit of a MIC or of what it covers is flipped', () => {
    const pair = establishedPair({ etype });
    const token = pair.acceptor.mic(hello);
    expect(checkMic(hello, token, messageKey(pair))).toBe(1000n);
    for (const flipped of bitFlips(token)) {
      const code = codeThrown(() => checkMic(hello, flipped, messageKey(pair)));
      expect(['ERR_GSS_TOKEN', 'ERR_INTEGRITY']).toContain(code);
    }
    for (const flipped of bitFlips(hello)) {
      expect(codeThrown(() => checkMic(flipped, token, messageKey(pair)))).toBe('ERR_INTEGRITY');
    }
  });

  it('are refused when cut or longer', () => {
    const pair = establishedPair({ etype });
    const { acceptor } = pair;
    const tokens = [
      acceptor.wrap(hello),
      acceptor.wrap(hello, { sealed: false }),
      acceptor.wrap(hello, { rrc: 3 }),
    ];
    const mic = acceptor.mic(hello);
    const wrong = (token: Uint8Array): Uint8Array[] => [
      ...Array.from(token, (_, end) => token.subarray(0, end)),
      Uint8Array.from([...token, 0]),
    ];
    for (const changed of tokens.flatMap(wrong)) {
      const code = codeThrown(() => unwrapMessage(changed, messageKey(pair)));
      expect(['ERR_GSS_TOKEN', 'ERR_INTEGRITY']).toContain(code);
    }
    for (const changed of wrong(mic)) {
      const code = codeThrown(() => checkMic(hello, changed, messageKey(pair)));
      expect(['ERR_GSS_TOKEN', 'ERR_INTEGRITY']).toContain(code);
    }
  });
});

describe('Wrap token', () => {
  const rows: [string, WrapChanges, string][] = [
    ['without SentByAcceptor', { flags: 2 }, 'ERR_GSS_TOKEN'],
    ['with AcceptorSubkey although there is none', { flags: 7 }, 'ERR_GSS_TOKEN'],
    ['with filler 00', { filler: 0 }, 'ERR_GSS_TOKEN'],
    ['under the initiator’s usage', { usage: 24 }, 'ERR_INTEGRITY'],
    ['under the usage of MICs', { usage: 23 }, 'ERR_INTEGRITY'],
    ['open, under the usage of MICs', { sealed: false, usage: 23 }, 'ERR_INTEGRITY'],
    ['with another TOK_ID inside', { innerHeader: (h) => h.set([4], 0) }, 'ERR_INTEGRITY'],
    ['with other flags inside', { innerHeader: (h) => h.set([1], 2) }, 'ERR_INTEGRITY'],
    ['with another EC inside', { ec: 4, innerHeader: (h) => h.set([0, 0], 4) }, 'ERR_INTEGRITY'],
    ['with its rotation inside', { rrc: 3, innerHeader: (h) => h.set([3], 7) }, 'ERR_INTEGRITY'],
    ['with another number inside', { innerHeader: (h) => h.set([1], 15) }, 'ERR_INTEGRITY'],
    ['open, with EC in the checksum', { sealed: false, innerHeader: (h) => h.set([12], 5) }, 'ERR_INTEGRITY'],
  ];
  it.each(rows)('%s is refused', (_, changes, code) => {
    const { context, acceptor } = establishedPair();
    expect(codeThrown(() => context.unwrap(acceptor.wrap(hello, changes)))).toBe(code);
  });

  it('with a bit that no RFC defines is read when it is covered by the checksum', () => {
    const { context, acceptor } = establishedPair();
    expect(context.unwrap(acceptor.wrap(hello, { flags: 0x83 })).message).toEqual(hello);
  });

  it('without AcceptorSubkey is refused once the acceptor has a subkey', () => {
    const { context, acceptor } = establishedPair({ subkey: new Key(18, new Uint8Array(32)) });
    expect(codeThrown(() => context.unwrap(acceptor.wrap(hello, { flags: 3 })))).toBe('ERR_GSS_TOKEN');
  });

  it('whose EC exceeds what was sealed is refused', () => {
    const pair = establishedPair();
    const header = Uint8Array.of(5, 4, 3, 0xff, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    const cipher = messageKey(pair).key.encrypt(
      22,
      Uint8Array.from([...hello, ...header]),
      new Uint8Array(16),
    );
    const token = Uint8Array.from([...header, ...cipher]);
    expect(codeThrown(() => unwrapMessage(token, messageKey(pair)))).toBe('ERR_GSS_TOKEN');
  });

  it('that seals less than a header is refused', () => {
    const pair = establishedPair();
    const header = Uint8Array.of(5, 4, 3, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    const cipher = messageKey(pair).key.encrypt(22, header.subarray(1), new Uint8Array(16));
    const token = Uint8Array.from([...header, ...cipher]);
    expect(codeThrown(() => unwrapMessage(token, messageKey(pair)))).toBe('ERR_GSS_TOKEN');
  });

  it.each([0, 11, 13, 24, 65535])('that is only signed, with EC %i, is refused', (ec) => {
    const { context, acceptor } = establishedPair();
    const token = acceptor.wrap(octets(30), { sealed: false });
    token.set([ec >> 8, ec & 0xff], 4);
    expect(codeThrown(() => context.unwrap(token))).toBe('ERR_GSS_TOKEN');
  });

  it('of ours that comes back is refused', () => {
    for (const confidential of [true, false]) {
      const { context } = establishedPair();
      expect(codeThrown(() => context.unwrap(context.wrap(hello, { confidential })))).toBe('ERR_GSS_TOKEN');
    }
  });

  it('in place of a MIC, and a MIC in place of it, are refused', () => {
    const one = establishedPair();
    expect(codeThrown(() => one.context.unwrap(one.acceptor.mic(hello)))).toBe('ERR_GSS_TOKEN');
    const two = establishedPair();
    const wrap = two.acceptor.wrap(hello, { sealed: false });
    expect(codeThrown(() => two.context.verifyMic(hello, wrap))).toBe('ERR_GSS_TOKEN');
  });

  it('is not changed by reading it', () => {
    const { context, acceptor } = establishedPair();
    for (const changes of [{ rrc: 7 }, { rrc: 7, sealed: false }]) {
      const token = acceptor.wrap(hello, changes);
      const before = toHex(token);
      context.unwrap(token);
      expect(toHex(token)).toBe(before);
    }
  });
});

describe('MIC token', () => {
  const rows: [string, MicChanges, string][] = [
    ['without SentByAcceptor', { flags: 0 }, 'ERR_GSS_TOKEN'],
    ['with Sealed', { flags: 3 }, 'ERR_GSS_TOKEN'],
    ['with AcceptorSubkey although there is none', { flags: 5 }, 'ERR_GSS_TOKEN'],
    ['under the initiator’s usage', { usage: 25 }, 'ERR_INTEGRITY'],
    ['under the usage of Wrap', { usage: 22 }, 'ERR_INTEGRITY'],
    ...[3, 4, 5, 6, 7].map((i): [string, MicChanges, string] => [
      `with 00 in octet ${i} of the filler`,
      { header: (h) => h.set([0], i) },
      'ERR_GSS_TOKEN',
    ]),
  ];
  it.each(rows)('%s is refused', (_, changes, code) => {
    const { context, acceptor } = establishedPair();
    expect(codeThrown(() => context.verifyMic(hello, acceptor.mic(hello, changes)))).toBe(code);
  });

  it('of ours that comes back is refused', () => {
    const { context } = establishedPair();
    expect(codeThrown(() => context.verifyMic(hello, context.mic(hello)))).toBe('ERR_GSS_TOKEN');
  });
});

describe('sequence numbers', () => {
  it.each([0, 1, 0x7fffffff, 0x80000000, 0xffffffff])('start from the AP-REP’s %i', (seqNumber) => {
    const { context, acceptor } = establishedPair({ seqNumber });
    for (let i = 0; i < 3; i++) expect(context.unwrap(acceptor.wrap(hello)).message).toEqual(hello);
    expect(acceptor.sendSequence).toBe(BigInt(seqNumber) + 3n);
  });

  it('start from 0 when the AP-REP has none', () => {
    const { context, acceptor } = establishedPair({ seqNumber: null });
    expect(acceptor.sendSequence).toBe(0n);
    context.verifyMic(hello, acceptor.mic(hello));
  });

  it('of ours start from the authenticator’s and count Wrap and MIC alike', () => {
    const { context, acceptor } = establishedPair();
    const first = BigInt(acceptor.authenticator.seqNumber!);
    const tokens = [context.mic(hello), context.wrap(hello), context.wrap(hello, { confidential: false })];
    const numbers = tokens.map((token) => Buffer.from(token).readBigUInt64BE(8));
    expect(numbers).toEqual([first, first + 1n, first + 2n]);
  });

  /** What is reported under `replay` and `sequence`, under `replay` alone and under `sequence` alone. */
  type Reports = readonly (SequenceAnomaly | undefined)[];
  const disorders: [string, (acceptor: ScriptedAcceptor) => Uint8Array[], Reports][] = [
    [
      'repeated',
      (acceptor) => Array<Uint8Array>(2).fill(acceptor.wrap(hello)),
      ['duplicate', 'duplicate', 'unsequenced'],
    ],
    [
      'lost',
      (acceptor) => [acceptor.wrap(hello), acceptor.wrap(hello, { sequence: 1002n })],
      ['gap', undefined, 'gap'],
    ],
    [
      'swapped',
      (acceptor) => [acceptor.wrap(hello), acceptor.wrap(hello)].reverse(),
      ['unsequenced', undefined, 'unsequenced'],
    ],
    [
      'equal in 32 bits only',
      (acceptor) => [acceptor.wrap(hello, { sequence: 1000n + (1n << 32n) })],
      ['gap', undefined, 'gap'],
    ],
    [
      'of the upper half',
      (acceptor) => [acceptor.wrap(hello, { sequence: (1n << 64n) - 1n })],
      ['gap', undefined, 'gap'],
    ],
    [
      'older than the window',
      (acceptor) => [0n, 65n, 0n].map((n) => acceptor.wrap(hello, { sequence: 1000n + n })),
      ['unsequenced', 'old', 'unsequenced'],
    ],
  ];
  const orderFlags = [GSS_FLAGS.replay | GSS_FLAGS.sequence, GSS_FLAGS.replay, GSS_FLAGS.sequence];
  it.each(disorders)('that are %s are reported', (_, make, reports) => {
    for (const [i, flag] of orderFlags.entries()) {
      const { context, acceptor } = establishedPair({}, { flags: UNORDERED | flag, anomalies: 'report' });
      const anomalies = make(acceptor).map((token) => context.unwrap(token).anomaly);
      expect(anomalies.at(-1)).toBe(reports[i]);
    }
  });

  it.each(disorders)('that are %s end the context unless a report is wanted', (_, make) => {
    const { context, acceptor } = establishedPair();
    const codes = make(acceptor).map((token) => codeThrown(() => context.unwrap(token)));
    expect(codes).toContain('ERR_GSS_SEQUENCE');
    expect(context.established).toBe(false);
  });

  it.each(disorders)('that are %s pass when neither replay nor sequence was asked for', (_, make) => {
    const { context, acceptor } = establishedPair({}, { flags: UNORDERED });
    for (const token of make(acceptor)) expect(context.unwrap(token).message).toEqual(hello);
  });

  it('of a MIC that comes twice are reported', () => {
    const { context, acceptor } = establishedPair();
    const mic = acceptor.mic(hello);
    context.verifyMic(hello, mic);
    expect(codeThrown(() => context.verifyMic(hello, mic))).toBe('ERR_GSS_SEQUENCE');
  });

  it('do not count before the token has been verified', () => {
    const pair = establishedPair();
    const token = pair.acceptor.wrap(hello, { sequence: 5n });
    token[token.length - 1]! ^= 1;
    expect(codeThrown(() => pair.context.unwrap(token))).toBe('ERR_INTEGRITY');
  });

  it('are 64 bits wide', () => {
    const pair = establishedPair();
    for (const sequence of [0n, (1n << 32n) - 1n, 1n << 32n, 1n << 63n, (1n << 64n) - 1n]) {
      const wrapped = wrapMessage(hello, true, messageKey(pair), sequence, randomBytes);
      const mic = makeMic(hello, messageKey(pair), sequence);
      for (const token of [wrapped, mic]) expect(Buffer.from(token).readBigUInt64BE(8)).toBe(sequence);
      expect(unwrapMessage(pair.acceptor.wrap(hello, { sequence }), messageKey(pair)).sequence).toBe(
        sequence,
      );
      expect(checkMic(hello, pair.acceptor.mic(hello, { sequence }), messageKey(pair))).toBe(sequence);
    }
  });
});

describe('any octets', () => {
  it('in place of a message give a typed error', () => {
    const pair = establishedPair();
    const header = fc.constantFrom([5, 4, 3, 255], [5, 4, 1, 255], [4, 4, 1, 255, 255, 255, 255, 255]);
    fc.assert(
      fc.property(header, fc.uint8Array({ maxLength: 90 }), (start, rest) => {
        const token = Uint8Array.from([...start, ...rest]);
        for (const action of [
          () => unwrapMessage(token, messageKey(pair)),
          () => checkMic(hello, token, messageKey(pair)),
        ]) {
          expect(['ERR_GSS_TOKEN', 'ERR_INTEGRITY']).toContain(codeThrown(action));
        }
      }),
      { numRuns: fuzzRuns },
    );
  });

  it('as messages come back as they were', () => {
    const { context, acceptor } = establishedPair({ etype: 19 });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), fc.nat(0xffff), (message, sealed, rrc) => {
        expect(acceptor.unwrap(context.wrap(message, { confidential: sealed })).message).toEqual(message);
        expect(context.unwrap(acceptor.wrap(message, { sealed, rrc })).message).toEqual(message);
      }),
      { numRuns: fuzzRuns },
    );
  });
});

describe('context of another client', () => {
  it('cannot read the messages of this one', () => {
    const pair = establishedPair();
    const other = new InitiatorContext(
      { credential: pair.acceptor.credential },
      testEnvironment(undefined, 7),
    );
    pair.acceptor.acceptToken(other.step().token!);
    other.step(pair.acceptor.apRepToken());
    expect(codeThrown(() => pair.context.unwrap(pair.acceptor.wrap(hello)))).toBe('ERR_INTEGRITY');
  });
});
