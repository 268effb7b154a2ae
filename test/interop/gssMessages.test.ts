/**
 * The messages of established contexts against MIT's library, under every key type, with either side as the initiator:
 * RFC 4121, RFC 4757 section 7, RFC 2743 sections 1.2.3 and 2.3, RFC 7802. CI exchanges 10,000 messages each way per key type.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toHex, utf8 } from '../../src/bytes.js';
import { importSecurityContext } from '../../src/gss/established.js';
import { GSS_FLAGS } from '../../src/gss/flags.js';
import type { MessageKey } from '../../src/gss/messageKey.js';
import { messageProtection } from '../../src/gss/messageProtection.js';
import { initialSequence, type SequenceAnomaly, SequenceWindow } from '../../src/gss/sequence.js';
import { fuzzRuns } from '../support/fuzz.js';
import { bitFlips, codeThrown } from '../support/gssContexts.js';
import { BulkExchange } from './gssBulk.js';
import { ETYPES, environment, initialToken, mixedPair, SIDES, startGssPeer } from './gssPairs.js';
import type { Answer, GssPeer } from './gssPeer.js';

const { mutual, replay, sequence, confidentiality, integrity } = GSS_FLAGS;
const UNORDERED = mutual | confidentiality | integrity;
const ORDERS = [replay | sequence, replay, sequence, 0];
const hello = utf8('hello');

let peer: GssPeer;
beforeAll(async () => {
  peer = await startGssPeer();
});
afterAll(() => peer.end());

const cases = ETYPES.flatMap((etype) => SIDES.map((side) => [etype, side] as const));

describe('random messages of 0 octets to a megabyte', () => {
  // One program for each side: MIT's is the slower library.
  const bulks: BulkExchange[] = [];
  beforeAll(async () => {
    for (const seed of SIDES.keys()) bulks.push(new BulkExchange(await startGssPeer(), seed + 1));
    await Promise.all(bulks.map((bulk) => bulk.start()));
  });
  afterAll(() => {
    for (const { peer: other } of bulks) other.end();
  });

  it.each(ETYPES)(
    'of type %i are accepted both ways, sealed, signed and as MICs, with either side as the initiator',
    async (etype) => {
      const exchange = async (bulk: BulkExchange, i: number): Promise<void> =>
        bulk.exchange(await mixedPair(bulk.peer, etype, SIDES[i]!), fuzzRuns / SIDES.length);
      await Promise.all(bulks.map(exchange));
    },
    300_000,
  );
});

describe('a token of MIT’s library', () => {
  const kinds = ['sealed', 'signed', 'MIC'] as const;
  it.each(cases)(
    'of type %i is refused when any bit of it is another, by us as the %s',
    async (etype, side) => {
      for (const kind of kinds) {
        const { ours, mit } = await mixedPair(peer, etype, side);
        const answer =
          kind === 'MIC'
            ? await peer.must('mic', mit, hello)
            : await peer.must('wrap', mit, +(kind === 'sealed'), hello);
        const token = answer.octets();
        const saved = ours.export();
        const read = (octets: Uint8Array, message = hello): unknown => {
          const context = importSecurityContext(saved, environment);
          return kind === 'MIC' ? context.verifyMic(message, octets) : context.unwrap(octets).message;
        };
        expect(read(token)).toEqual(kind === 'MIC' ? undefined : hello);
        const codes = new Set([...bitFlips(token)].map((flipped) => codeThrown(() => read(flipped))));
        // No checksum covers the numbers of RC4 tokens: another number is out of its place.
        const allowed = ['ERR_GSS_TOKEN', 'ERR_INTEGRITY', ...(etype === 23 ? ['ERR_GSS_SEQUENCE'] : [])];
        expect(allowed).toEqual(expect.arrayContaining([...codes]));
        if (kind !== 'MIC') continue;
        for (const changed of bitFlips(hello))
          expect(codeThrown(() => read(token, changed))).toBe('ERR_INTEGRITY');
      }
    },
  );
});

/** Supplementary status bits (RFC 2744 section 3.9.1). */
const ANOMALIES: ReadonlyMap<number, SequenceAnomaly | undefined> = new Map([
  [0, undefined],
  [2, 'duplicate'],
  [4, 'old'],
  [8, 'unsequenced'],
  [16, 'gap'],
]);

function anomalyOf({ major }: Answer): SequenceAnomaly | undefined {
  if (!ANOMALIES.has(major)) throw new Error(`status ${major.toString(16)}`);
  return ANOMALIES.get(major);
}

/** Reproducible numbers below `limit`. */
function randomNumbers(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) % limit;
  };
}

/**
 * Places of tokens, counted from the first: in order, left out, repeated, late and too late. Never more than 62 are left out
 * at once: MIT's library shifts its 64 bits by more than C defines then, and takes new tokens for duplicates.
 */
function disorderly(count: number, seed: number): number[] {
  const below = randomNumbers(seed);
  let next = 0;
  return Array.from({ length: count }, () => {
    const choice = below(10);
    const place = choice < 5 ? next : choice < 7 ? next + below(62) : next - 1 - below(choice === 7 ? 3 : 90);
    next = Math.max(next, place + 1);
    return Math.max(0, place);
  });
}

describe('sequence anomalies are those that MIT’s library reports', () => {
  const orders = [17, 23].flatMap((etype) => ORDERS.map((flags) => [etype, flags] as const));

  it.each(orders)('of type %i with flags %i, both ways', async (etype, flags) => {
    for (const side of SIDES) {
      const options = { flags: UNORDERED | flags, anomalies: 'report' } as const;
      const { ours, mit } = await mixedPair(peer, etype, side, options);
      const places = disorderly(300, etype * 16 + flags);
      const numbers = Array.from({ length: Math.max(...places) + 1 }, (_, i) => i);
      const sent = numbers.map((i) => (i % 2 === 0 ? ours.wrap(hello) : ours.mic(hello)));
      const made = await Promise.all(
        numbers.map((i) => (i % 2 === 0 ? peer.must('wrap', mit, 1, hello) : peer.must('mic', mit, hello))),
      );
      const received = made.map((answer) => answer.octets());
      const answers = await Promise.all(
        places.map((i) =>
          i % 2 === 0 ? peer.ask('unwrap', mit, sent[i]!) : peer.ask('verifyMic', mit, hello, sent[i]!),
        ),
      );
      const theirs = answers.map(anomalyOf);
      const found = places.map((i) =>
        i % 2 === 0 ? ours.unwrap(received[i]!).anomaly : ours.verifyMic(hello, received[i]!),
      );
      expect(found).toEqual(theirs);
      expect(new Set(theirs)).toEqual(new Set(reportable(flags)));
    }
  });

  it.each(orders)('of type %i with flags %i, at the wrap-around and far away', async (etype, flags) => {
    for (const first of [0n, 0xfffffff0n, 0xffffffffn]) {
      const { context, key, window } = await initiatedAt(etype, flags, first);
      const { mic, sequenceBits } = messageProtection(etype);
      const last = (1n << BigInt(sequenceBits)) - 1n;
      const near = disorderly(120, Number(first & 0xffffn) + flags).map(BigInt);
      // After these no new token comes within the 64 before, for the reason above.
      const far = [1n << 31n, 1n << 31n, (1n << 31n) + 1n, last, last, 0n, 1n, last - 64n];
      for (const place of [...near, ...far]) {
        const number = BigInt.asUintN(sequenceBits, first + place);
        const theirs = anomalyOf(await peer.ask('verifyMic', context, hello, mic(hello, key, number)));
        expect([place, window.check(number)]).toEqual([place, theirs]);
      }
    }
  });
});

function reportable(flags: number): (SequenceAnomaly | undefined)[] {
  if (flags === 0) return [undefined];
  if (flags === replay) return [undefined, 'duplicate', 'old'];
  return [undefined, 'gap', 'unsequenced', ...(flags === sequence ? [] : ['duplicate' as const])];
}

/** MIT's acceptor with an initiator whose numbers start at `first`; our tokens are made number by number. */
async function initiatedAt(
  etype: number,
  flags: number,
  first: bigint,
): Promise<{ context: number; key: MessageKey; window: SequenceWindow }> {
  const CONTEXT = 61;
  await peer.ask('delete', CONTEXT);
  const { token, key } = initialToken(etype, (UNORDERED & ~mutual) | flags, Number(first));
  await peer.must('accept', CONTEXT, token);
  const { sequenceBits } = messageProtection(etype);
  return {
    context: CONTEXT,
    key: { key, acceptorSubkey: false },
    window: new SequenceWindow(flags, initialSequence(first), sequenceBits),
  };
}

describe('wrapSizeLimit', () => {
  it.each(cases)(
    'of type %i is that of MIT’s library, or more where that is not exact, as the %s',
    async (etype, side) => {
      const { ours, mit } = await mixedPair(peer, etype, side);
      const below = randomNumbers(etype);
      const sizes = [0, 1, 28, 59, 60, 61, 77, 100, 127, 128, 200, 1000, 65_535, 1_048_576];
      for (const size of [...sizes, ...Array.from({ length: 50 }, () => below(1 << 24))]) {
        for (const confidential of [false, true]) {
          const theirs = (await peer.must('sizeLimit', mit, +confidential, size)).number();
          const limit = ours.wrapSizeLimit(size, { confidential });
          if (etype === 23) expect(limit).toBeGreaterThanOrEqual(theirs);
          else expect([size, limit]).toEqual([size, theirs]);
        }
      }
    },
  );
});

describe('other services of a context', () => {
  it.each(cases)(
    'of type %i: pseudo-random octets, session key and lucid view are the same, as the %s',
    async (etype, side) => {
      const { ours, mit } = await mixedPair(peer, etype, side);
      for (const length of [0, 1, 16, 20, 32, 44, 48, 1000]) {
        for (const input of [
          new Uint8Array(0),
          utf8('ABCDEFGHIJKLMNOPQRSTUVWXYZ'),
          environment.randomBytes(3000),
        ]) {
          for (const [kind, number] of [
            ['full', 1],
            ['partial', 0],
          ] as const) {
            const theirs = (await peer.must('prf', mit, number, length, input)).octets();
            expect(toHex(ours.prf(kind, input, length))).toBe(toHex(theirs));
          }
        }
      }
      expect(toHex(ours.sessionKey.value)).toBe(toHex((await peer.must('sessionKey', mit)).octets()));
      const lucid = ours.lucid();
      expect({
        ...lucid,
        initiator: !lucid.initiator,
        sendSequence: lucid.receiveSequence,
        receiveSequence: lucid.sendSequence,
        contextKey: toHex(lucid.contextKey.value),
        acceptorSubkey: lucid.acceptorSubkey && toHex(lucid.acceptorSubkey.value),
      }).toEqual(await lucidOf(mit));
    },
  );

  it.each(cases)(
    'of type %i: an imported context goes on where the exported one was, as the %s',
    async (etype, side) => {
      const { ours, mit } = await mixedPair(peer, etype, side);
      const exchange = async (context: typeof ours): Promise<void> => {
        expect((await peer.must('unwrap', mit, context.wrap(hello))).octets()).toEqual(hello);
        context.verifyMic(hello, (await peer.must('mic', mit, hello)).octets());
      };
      await exchange(ours);
      const first = importSecurityContext(ours.export(), environment);
      await exchange(first);
      await exchange(importSecurityContext(first.export(), environment));
      expect(codeThrown(() => ours.wrap(hello))).toBe('ERR_GSS_STATE');
    },
  );
});

async function lucidOf(context: number): Promise<unknown> {
  const answer = await peer.must('lucid', context);
  const [initiator, endTime] = [answer.number() === 1, answer.number()];
  const [sendSequence, receiveSequence] = [answer.wide(), answer.wide()];
  const cfx = answer.number() === 1;
  const [signAlgorithm, sealAlgorithm] = [answer.number(), answer.number()].map((n) => (cfx ? undefined : n));
  const readKey = (): string => {
    answer.number();
    return toHex(answer.octets());
  };
  const contextKey = readKey();
  const acceptorSubkey = answer.number() === 1 ? readKey() : undefined;
  const protocol = cfx ? 'cfx' : 'rfc1964';
  return {
    version: 1,
    initiator,
    endTime,
    sendSequence,
    receiveSequence,
    protocol,
    contextKey,
    acceptorSubkey,
    signAlgorithm,
    sealAlgorithm,
  };
}
