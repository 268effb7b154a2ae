/** Export and import of contexts (RFC 2743 sections 2.2.8 and 2.2.9), the lucid view and the session key. */
import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat, toHex, utf8 } from '../../src/bytes.js';
import { Key } from '../../src/crypto/key.js';
import { EstablishedContext, importSecurityContext } from '../../src/gss/established.js';
import { decodeExportedContext, encodeExportedContext } from '../../src/gss/exportedContext.js';
import { contextPair, ETYPES, keyOf, octets, partsOf } from '../support/establishedPairs.js';
import { fuzzRuns } from '../support/fuzz.js';
import { codeThrown, establishedPair } from '../support/gssContexts.js';
import { testEnvironment } from '../support/scriptedAcceptor.js';

const environment = testEnvironment();
const hello = utf8('hello');
const REFUSED = ['ERR_GSS_TOKEN', 'ERR_ETYPE_UNSUPPORTED', 'ERR_KEY_LENGTH'];

describe('an exported context', () => {
  it.each(ETYPES)('of type %i goes on where it was, also with what it has received', (etype) => {
    for (const acceptorSubkey of [true, false]) {
      const { initiator, acceptor } = contextPair({ etype, acceptorSubkey });
      const tokens = [1, 2, 3].map(() => initiator.wrap(hello));
      acceptor.unwrap(tokens[0]!);
      const again = importSecurityContext(acceptor.export(), environment);
      expect(again.unwrap(tokens[1]!)).toEqual({ message: hello, confidential: true, anomaly: undefined });
      expect(initiator.unwrap(again.wrap(hello)).message).toEqual(hello);
      expect(codeThrown(() => again.unwrap(tokens[0]!))).toBe('ERR_GSS_SEQUENCE');
    }
  });

  it('keeps names, flags, end and policy', () => {
    const { initiator } = contextPair({ anomalies: 'report', dceStyle: true });
    const { flags, source, target, endTime } = initiator;
    const again = importSecurityContext(initiator.export(), environment);
    expect(again).toMatchObject({ flags, source, target, endTime });
    const token = contextPair({ dceStyle: true }).acceptor.wrap(hello);
    again.unwrap(token);
    expect(again.unwrap(token).anomaly).toBe('duplicate');
  });

  it('is dead', () => {
    const { initiator } = contextPair();
    initiator.export();
    expect(initiator.alive).toBe(false);
    for (const action of [
      () => initiator.wrap(hello),
      () => initiator.unwrap(hello),
      () => initiator.mic(hello),
      () => initiator.verifyMic(hello, hello),
      () => initiator.wrapSizeLimit(100),
      () => initiator.wrapIov([{ type: 'header' }]),
      () => initiator.iovLengths([{ type: 'header' }]),
      () => initiator.unwrapIov([{ type: 'header' }]),
      () => initiator.prf('full', hello, 1),
      () => initiator.lucid(),
      () => initiator.sessionKey,
      () => initiator.export(),
    ]) {
      expect(codeThrown(action)).toBe('ERR_GSS_STATE');
    }
  });

  it('ends the context that was negotiated, too', () => {
    const { context } = establishedPair();
    const again = importSecurityContext(context.export(), environment);
    expect(context.established).toBe(false);
    expect(codeThrown(() => context.wrap(hello))).toBe('ERR_GSS_STATE');
    expect(again.wrap(hello).length).toBeGreaterThan(hello.length);
  });

  it('of any contents comes back as it was', () => {
    const text = fc.string({ maxLength: 10, unit: 'binary' });
    const principal = fc.record({
      nameType: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
      components: fc.array(text, { maxLength: 4 }),
      realm: text,
    });
    const number = fc.bigInt({ min: 0n, max: 0xffffffffn });
    const parts = fc.record({
      side: fc.constantFrom('initiator' as const, 'acceptor' as const),
      anomalies: fc.constantFrom('refuse' as const, 'report' as const),
      flags: fc.nat(0xffff),
      endTime: fc.integer({ min: 0, max: 2 ** 40 }),
      sendSequence: number,
      received: fc.record({
        base: number,
        next: number,
        received: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
      }),
      source: principal,
      target: principal,
      initiatorKey: fc.constantFrom(...ETYPES).map((etype) => keyOf(etype)),
      acceptorSubkey: fc.option(
        fc.constantFrom(...ETYPES).map((etype) => keyOf(etype, 2)),
        { nil: undefined },
      ),
    });
    const shown = ({ initiatorKey, acceptorSubkey, ...rest }: ReturnType<typeof decodeExportedContext>) => ({
      ...rest,
      keys: [initiatorKey, acceptorSubkey].map((key) => key && [key.etype, toHex(key.value)]),
    });
    fc.assert(
      fc.property(parts, (some) => {
        expect(shown(decodeExportedContext(encodeExportedContext(some)))).toEqual(shown(some));
      }),
      { numRuns: fuzzRuns / 2 },
    );
  });
});

describe('importing is refused', () => {
  const exported = encodeExportedContext(partsOf('initiator'));
  const tryImport = (octetsOf: Uint8Array): string =>
    codeThrown(() => importSecurityContext(octetsOf, environment));

  it('when anything is missing or added', () => {
    for (let end = 0; end < exported.length; end++)
      expect(tryImport(exported.subarray(0, end))).toBe('ERR_GSS_TOKEN');
    expect(tryImport(concat(exported, Uint8Array.of(0)))).toBe('ERR_GSS_TOKEN');
    expect(tryImport(exported)).toBe('nothing');
  });

  it.each([
    [0, 'another beginning'],
    [4, 'another version'],
    [5, 'another side'],
    [6, 'another policy'],
  ])('when octet %i is %s', (at) => {
    const changed = exported.slice();
    changed[at] = 0x7f;
    expect(tryImport(changed)).toBe('ERR_GSS_TOKEN');
  });

  it('when a number is too wide for its messages', () => {
    const wide = { ...partsOf('initiator', { etype: 23 }), sendSequence: 1n << 32n };
    expect(tryImport(encodeExportedContext(wide))).toBe('ERR_GSS_TOKEN');
    expect(tryImport(encodeExportedContext({ ...wide, sendSequence: 5n }))).toBe('nothing');
  });

  it('when a key can protect nothing', () => {
    const unknown = { ...partsOf('initiator'), acceptorSubkey: new Key(99, octets(16)) };
    expect(tryImport(encodeExportedContext(unknown))).toBe('ERR_ETYPE_UNSUPPORTED');
    const short = { ...partsOf('initiator'), initiatorKey: new Key(18, octets(31)) };
    expect(tryImport(encodeExportedContext(short))).toBe('ERR_KEY_LENGTH');
  });

  it('when it is anything else, with a typed error and little memory', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(exported.length), (some, at) => {
        expect(REFUSED).toContain(tryImport(some));
        const changed = exported.slice();
        changed.set(some.subarray(0, changed.length - at), at);
        expect(['nothing', ...REFUSED]).toContain(tryImport(changed));
      }),
      { numRuns: fuzzRuns },
    );
    const header = exported.subarray(0, 7 + 4 + 5 * 8 + 4);
    const endless = concat(header, Uint8Array.of(0xff, 0xff, 0xff, 0xff), new Uint8Array(40));
    expect(tryImport(endless)).toBe('ERR_GSS_TOKEN');
  });

  it('when it is no octets: the caller’s mistake', () => {
    expect(() => importSecurityContext('text' as unknown as Uint8Array, environment)).toThrow(TypeError);
  });
});

describe('the lucid view', () => {
  it.each(ETYPES)('of type %i has the keys, and the numbers of the other side crosswise', (etype) => {
    const { initiator, acceptor } = contextPair({ etype });
    acceptor.unwrap(initiator.wrap(hello));
    const [ours, theirs] = [initiator.lucid(), acceptor.lucid()];
    expect(ours.sendSequence).toBe(1001n);
    expect(ours.sendSequence).toBe(theirs.receiveSequence);
    expect(ours.receiveSequence).toBe(theirs.sendSequence);
    expect([ours.initiator, theirs.initiator]).toEqual([true, false]);
    const rc4 = etype === 23;
    expect(ours).toMatchObject({
      version: 1,
      protocol: rc4 ? 'rfc1964' : 'cfx',
      signAlgorithm: rc4 ? 0x11 : undefined,
      sealAlgorithm: rc4 ? 0x10 : undefined,
    });
    expect(ours.contextKey.equals(keyOf(etype, rc4 ? 2 : 1))).toBe(true);
    expect(ours.acceptorSubkey?.equals(keyOf(etype, 2)) ?? rc4).toBe(true);
  });

  it('and the session key are copies that show no octets', () => {
    const { initiator } = contextPair();
    const { contextKey, acceptorSubkey } = initiator.lucid();
    for (const key of [contextKey, acceptorSubkey!, initiator.sessionKey]) {
      expect(inspect({ key })).not.toContain(String(key.value[0]));
      key.wipe();
    }
    expect(initiator.sessionKey.equals(keyOf(18, 2))).toBe(true);
    expect(initiator.wrap(hello).length).toBeGreaterThan(5);
  });

  it('of a context without an acceptor’s subkey has the initiator’s', () => {
    const { initiator } = contextPair({ acceptorSubkey: false });
    expect(initiator.lucid().acceptorSubkey).toBeUndefined();
    expect(initiator.sessionKey.equals(keyOf(18, 1))).toBe(true);
  });
});

describe('an established context', () => {
  it('cannot be made of a key that protects nothing', () => {
    const parts = { ...partsOf('initiator'), acceptorSubkey: new Key(3, octets(8)) };
    expect(codeThrown(() => new EstablishedContext(parts, environment))).toBe('ERR_ETYPE_UNSUPPORTED');
  });

  it.each(ETYPES)('counts to the end and begins again, under a key of type %i', (etype) => {
    const { initiator, acceptor } = contextPair({ etype, first: (1n << (etype === 23 ? 32n : 64n)) - 2n });
    for (let i = 0; i < 5; i++) acceptor.verifyMic(hello, initiator.mic(hello));
    expect([initiator.lucid().sendSequence, acceptor.lucid().receiveSequence]).toEqual([3n, 3n]);
  });

  it('is dead after any error of reading, in every call', () => {
    for (const etype of ETYPES) {
      for (const action of [
        (context: EstablishedContext) => context.unwrap(octets(60)),
        (context: EstablishedContext) => context.verifyMic(hello, octets(60)),
        (context: EstablishedContext) => context.unwrapIov([{ type: 'header', octets: octets(60) }]),
        (context: EstablishedContext) =>
          context.unwrapIov([{ type: 'stream', octets: octets(60) }, { type: 'data' }]),
      ]) {
        const { initiator } = contextPair({ etype });
        expect(codeThrown(() => action(initiator))).toBe('ERR_GSS_TOKEN');
        expect(initiator.alive).toBe(false);
        expect(codeThrown(() => initiator.wrap(hello))).toBe('ERR_GSS_STATE');
      }
    }
  });
});
