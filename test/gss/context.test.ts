import { describe, expect, it } from 'vitest';
import { concat, utf8 } from '../../src/bytes.js';
import { Key } from '../../src/crypto/key.js';
import { KdcError } from '../../src/errors.js';
import { DEFAULT_FLAGS, InitiatorContext } from '../../src/gss/context.js';
import { GSS_FLAGS } from '../../src/gss/flags.js';
import { encodeKrb5Token } from '../../src/gss/token.js';
import type { EncApRepPart } from '../../src/messages/ap.js';
import { bitFlips, codeThrown, establishedPair, freshPair, startedPair } from '../support/gssContexts.js';
import { expectedBindingsHash, ScriptedAcceptor, testEnvironment } from '../support/scriptedAcceptor.js';

const ETYPES = [17, 18, 19, 20] as const;
const NOT_MUTUAL = DEFAULT_FLAGS & ~GSS_FLAGS.mutual;
const hello = utf8('hello');

describe('initial token', () => {
  it.each(ETYPES)('of etype %i is accepted, with our flags, subkey and sequence number', (etype) => {
    const { acceptor } = startedPair({ etype });
    expect(acceptor.flags).toBe(0x3e);
    expect(acceptor.initiatorSubkey.etype).toBe(etype);
    expect(acceptor.initiatorSubkey.equals(acceptor.sessionKey)).toBe(false);
    expect(acceptor.authenticator.seqNumber).toBeLessThan(0x40000000);
  });

  it('carries the hash of the channel bindings', () => {
    const bindingsHash = expectedBindingsHash([0, ''], [0, ''], 'tls-server-end-point:abc');
    const channelBindings = { applicationData: utf8('tls-server-end-point:abc') };
    expect(startedPair({ bindingsHash }, { channelBindings }).acceptor.flags).toBe(DEFAULT_FLAGS);
    expect(() => startedPair({ bindingsHash })).toThrow(/Bnd/);
  });

  it('is dated by the acceptor’s clock', () => {
    const here = startedPair().acceptor.authenticator;
    const there = startedPair({}, { timeOffsetSeconds: -3600 }).acceptor.authenticator;
    expect(there.ctime).toBe(here.ctime - 3600);
    expect(there.cusec).toBe(here.cusec);
  });

  it('has another subkey and sequence number each time', () => {
    const acceptor = new ScriptedAcceptor();
    const environment = testEnvironment();
    const seen = [1, 2].map(() => {
      acceptor.acceptToken(
        new InitiatorContext({ credential: acceptor.credential }, environment).step().token!,
      );
      return { key: acceptor.initiatorSubkey, seqNumber: acceptor.authenticator.seqNumber };
    });
    expect(seen[0]!.key.equals(seen[1]!.key)).toBe(false);
    expect(seen[0]!.seqNumber).not.toBe(seen[1]!.seqNumber);
  });

  it.each([GSS_FLAGS.delegation, 0x80, 0x100, 0x200, 0x8000, 0x80000000, -1, 1.5, Number.NaN])(
    'refuses flags %d',
    (flags) => {
      expect(() => freshPair({}, { flags })).toThrow(RangeError);
    },
  );

  it.each([3, 16, 24, 9999])('cannot be made with a session key of etype %i', (etype) => {
    const { credential } = new ScriptedAcceptor();
    const sessionKey = new Key(etype, new Uint8Array(16));
    const context = new InitiatorContext({ credential: { ...credential, sessionKey } }, testEnvironment());
    expect(codeThrown(() => context.step())).toBe('ERR_ETYPE_UNSUPPORTED');
    expect(codeThrown(() => context.step())).toBe('ERR_GSS_STATE');
  });
});

describe('context without mutual authentication', () => {
  it('is established at once and proves nothing about the acceptor', () => {
    const { context } = freshPair({}, { flags: NOT_MUTUAL });
    expect(context.step().done).toBe(true);
    expect(context.established).toBe(true);
    expect(context.mutuallyAuthenticated).toBe(false);
  });

  it.each(ETYPES)('exchanges messages under our subkey of etype %i, both numbered from ours', (etype) => {
    const { context, acceptor } = startedPair(
      { etype, subkey: new Key(18, new Uint8Array(32)) },
      { flags: NOT_MUTUAL },
    );
    expect(acceptor.sendSequence).toBe(BigInt(acceptor.authenticator.seqNumber!));
    expect(acceptor.unwrap(context.wrap(hello)).message).toEqual(hello);
    expect(context.unwrap(acceptor.wrap(hello)).message).toEqual(hello);
  });

  it('expects no token', () => {
    const { context, acceptor } = startedPair({}, { flags: NOT_MUTUAL });
    expect(codeThrown(() => context.step(acceptor.apRepToken()))).toBe('ERR_GSS_STATE');
    expect(context.established).toBe(false);
  });
});

describe('AP-REP', () => {
  it.each(ETYPES)('of etype %i establishes the context', (etype) => {
    const { context, acceptor } = startedPair({ etype });
    expect(context.established).toBe(false);
    expect(context.step(acceptor.apRepToken())).toEqual({ token: undefined, done: true });
    expect(context.established).toBe(true);
    expect(context.mutuallyAuthenticated).toBe(true);
  });

  const wrongParts: [string, (part: EncApRepPart) => EncApRepPart][] = [
    ['ctime', (part) => ({ ...part, ctime: part.ctime + 1 })],
    ['cusec', (part) => ({ ...part, cusec: part.cusec === 0 ? 1 : part.cusec - 1 })],
  ];
  it.each(wrongParts)('with another %s is refused', (_, part) => {
    const { context, acceptor } = startedPair();
    expect(codeThrown(() => context.step(acceptor.apRepToken({ part })))).toBe('ERR_AP_REP');
    expect(context.established).toBe(false);
  });

  it('under another key is refused', () => {
    for (const pick of ['service', 'subkey', 'other', 'other etype'] as const) {
      const { context, acceptor } = startedPair();
      const key = {
        service: acceptor.serviceKey,
        subkey: acceptor.initiatorSubkey,
        other: acceptor.freshKey(18),
        'other etype': acceptor.freshKey(17),
      }[pick];
      expect(
        codeThrown(() => context.step(acceptor.apRepToken({ key }))),
        pick,
      ).toBe('ERR_INTEGRITY');
    }
  });

  it('under another key usage is refused', () => {
    const { context, acceptor } = startedPair();
    expect(codeThrown(() => context.step(acceptor.apRepToken({ usage: 11 })))).toBe('ERR_INTEGRITY');
  });

  it.each([0x0100, 0x0300] as const)('under the identifier 0x%i is refused', (tokenId) => {
    const { context, acceptor } = startedPair();
    expect(codeThrown(() => context.step(acceptor.apRepToken({ tokenId })))).toBe('ERR_GSS_TOKEN');
    expect(context.established).toBe(false);
  });

  it('of another context is refused', () => {
    const one = startedPair();
    const environment = testEnvironment(Date.UTC(2026, 0, 3));
    const other = new InitiatorContext({ credential: one.acceptor.credential }, environment);
    other.step();
    expect(codeThrown(() => other.step(one.acceptor.apRepToken()))).toBe('ERR_AP_REP');
  });

  it('that is our own AP-REQ is refused', () => {
    for (const id of [0x0100, 0x0200] as const) {
      const { context } = freshPair();
      const token = context.step().token!;
      const apReq = token.subarray(
        token.findIndex((_, i) => i > 4 && token[i] === 1 && token[i + 1] === 0) + 2,
      );
      const reflected = id === 0x0100 ? token : encodeKrb5Token(id, apReq);
      expect(codeThrown(() => context.step(reflected))).toBe(id === 0x0100 ? 'ERR_GSS_TOKEN' : 'ERR_ASN1');
      expect(context.established).toBe(false);
    }
  });

  it('with a subkey of RC4 beside ours: tokens do not say whose key they are under, so ours stays', () => {
    const permittedEtypes = [18, 23];
    const subkeys = permittedEtypes.map(
      (etype) => new Key(etype, new Uint8Array(etype === 18 ? 32 : 16).fill(1)),
    );
    const [other, same] = subkeys.map((subkey) =>
      establishedPair({ etype: 23, subkey }, { permittedEtypes }),
    );
    expect(same!.context.sessionKey.equals(same!.acceptor.initiatorSubkey)).toBe(true);
    expect(other!.context.sessionKey.equals(subkeys[0]!)).toBe(true);
  });

  it('with any one bit flipped is refused', () => {
    const { acceptor, context } = startedPair({ subkey: new Key(18, new Uint8Array(32).fill(1)) });
    const token = acceptor.apRepToken();
    for (const flipped of bitFlips(token)) {
      const victim = new InitiatorContext({ credential: acceptor.credential }, testEnvironment());
      victim.step();
      const code = codeThrown(() => victim.step(flipped));
      expect(['ERR_GSS_TOKEN', 'ERR_ASN1', 'ERR_INTEGRITY']).toContain(code);
      expect(victim.established).toBe(false);
    }
    // the same clock and randomness: unchanged, the token is right for all of them
    expect(context.step(token).done).toBe(true);
  });

  it('cut anywhere is refused', () => {
    const { acceptor } = startedPair();
    const token = acceptor.apRepToken();
    for (let end = 0; end < token.length; end++) {
      const victim = new InitiatorContext({ credential: acceptor.credential }, testEnvironment());
      victim.step();
      expect(codeThrown(() => victim.step(token.subarray(0, end)))).toBe('ERR_GSS_TOKEN');
    }
  });

  it.each([
    [23, 16, 'ERR_REPLY_ETYPE'],
    [24, 16, 'ERR_REPLY_ETYPE'],
    [18, 16, 'ERR_KEY_LENGTH'],
    [17, 0, 'ERR_KEY_LENGTH'],
  ])('with a subkey of etype %i and %i octets is refused', (etype, octets, code) => {
    const { context, acceptor } = startedPair();
    const part = (right: EncApRepPart): EncApRepPart => ({
      ...right,
      subkey: { keytype: etype, keyvalue: new Uint8Array(octets) },
    });
    expect(codeThrown(() => context.step(acceptor.apRepToken({ part })))).toBe(code);
    expect(context.established).toBe(false);
  });
});

describe('error token', () => {
  it.each([0x0300, 0x0200] as const)('under the identifier %i gives its KRB-ERROR', (id) => {
    const { context, acceptor } = startedPair();
    const act = () => context.step(acceptor.errorToken(37, id, { eText: 'clock\u0007!' }));
    expect(act).toThrow(KdcError);
    expect(codeThrown(() => context.step())).toBe('ERR_GSS_STATE');
  });

  it('gives code, service and text without control characters', () => {
    const { context, acceptor } = startedPair();
    try {
      context.step(acceptor.errorToken(41, 0x0300, { eText: 'no\u0007 \u001b[31mgo' }));
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({ code: 'KRB_AP_ERR_MODIFIED' });
      expect((error as KdcError).details).toMatchObject({
        principal: 'HTTP/www.example.test@EXAMPLE.TEST',
        eText: 'no? ?[31mgo',
        sender: 'service',
      });
    }
  });

  it('that is no KRB-ERROR is refused', () => {
    const { context } = startedPair();
    const token = encodeKrb5Token(0x0300, Uint8Array.of(0x7e, 3, 1, 1));
    expect(codeThrown(() => context.step(token))).toBe('ERR_ASN1');
  });
});

describe('acceptor’s subkey', () => {
  for (const etype of ETYPES) {
    it.each(ETYPES)(`of etype %i replaces ours of etype ${etype} for messages both ways`, (subkeyEtype) => {
      const subkey = new Key(subkeyEtype, new Uint8Array(subkeyEtype % 2 === 1 ? 16 : 32).fill(9));
      const { context, acceptor } = establishedPair({ etype, subkey });
      const token = context.wrap(hello);
      expect(token[2]).toBe(6);
      expect(acceptor.unwrap(token)).toEqual({ message: hello, sealed: true });
      expect(context.mic(hello)[2]).toBe(4);
      expect(context.unwrap(acceptor.wrap(hello)).message).toEqual(hello);
      context.verifyMic(hello, acceptor.mic(hello));
    });
  }

  it('absent leaves ours and the flag clear', () => {
    const { context } = establishedPair();
    expect(context.wrap(hello)[2]).toBe(2);
    expect(context.wrap(hello, { confidential: false })[2]).toBe(0);
    expect(context.mic(hello)[2]).toBe(0);
  });
});

describe('state of a context', () => {
  it.each(['new', 'waiting'] as const)('%s allows no messages', (state) => {
    const actions: ((context: InitiatorContext) => unknown)[] = [
      (context) => context.wrap(hello),
      (context) => context.mic(hello),
      (context) => context.unwrap(hello),
      (context) => context.verifyMic(hello, hello),
    ];
    for (const action of actions) {
      const { context } = state === 'new' ? freshPair() : startedPair();
      expect(codeThrown(() => action(context))).toBe('ERR_GSS_STATE');
    }
  });

  it('allows each step once', () => {
    expect(codeThrown(() => freshPair().context.step(hello))).toBe('ERR_GSS_STATE');
    expect(codeThrown(() => startedPair().context.step())).toBe('ERR_GSS_STATE');
    const { context, acceptor } = establishedPair();
    expect(codeThrown(() => context.step(acceptor.apRepToken()))).toBe('ERR_GSS_STATE');
  });

  it('is dead after a failed step, for the right token too', () => {
    const { context, acceptor } = startedPair();
    expect(codeThrown(() => context.step(concat(acceptor.apRepToken(), hello)))).toBe('ERR_GSS_TOKEN');
    for (const action of [() => context.step(acceptor.apRepToken()), () => context.wrap(hello)]) {
      expect(codeThrown(action)).toBe('ERR_GSS_STATE');
    }
  });

  it('is dead after a message that was refused', () => {
    const attempts: ((context: InitiatorContext) => unknown)[] = [
      (context) => context.unwrap(hello),
      (context) => context.verifyMic(hello, hello),
    ];
    for (const attempt of attempts) {
      const { context, acceptor } = establishedPair();
      expect(codeThrown(() => attempt(context))).toBe('ERR_GSS_TOKEN');
      expect(context.established).toBe(false);
      expect(context.mutuallyAuthenticated).toBe(false);
      const next = acceptor.wrap(hello);
      for (const action of [
        () => context.unwrap(next),
        () => context.wrap(hello),
        () => context.mic(hello),
      ]) {
        expect(codeThrown(action)).toBe('ERR_GSS_STATE');
      }
    }
  });

  it('does not change by a caller’s wrong argument', () => {
    const { context, acceptor } = establishedPair();
    const text = 'hello' as unknown as Uint8Array;
    for (const action of [
      () => context.step(text),
      () => context.wrap(text),
      () => context.unwrap(text),
      () => context.mic(text),
      () => context.verifyMic(text, hello),
      () => context.verifyMic(hello, text),
      () => context.wrap(hello, { confidential: null as unknown as boolean }),
      () => context.wrap(hello, { confidential: 0 as unknown as boolean }),
      () => context.wrap(hello, false as unknown as object),
      () => context.wrap(hello, null as unknown as object),
      () => context.wrapIov([{ type: 'header' }], true as unknown as object),
      () => context.wrapSizeLimit(100, 1 as unknown as object),
    ]) {
      expect(action).toThrow(TypeError);
    }
    expect(context.unwrap(acceptor.wrap(hello)).message).toEqual(hello);
  });

  it('ends with delete(), which wipes the subkey', () => {
    const { context, acceptor } = establishedPair();
    const next = acceptor.wrap(hello);
    context.delete();
    context.delete();
    expect(context.established).toBe(false);
    expect(codeThrown(() => context.unwrap(next))).toBe('ERR_GSS_STATE');
    expect(codeThrown(() => context.wrap(hello))).toBe('ERR_GSS_STATE');
    expect(acceptor.sessionKey.value.some((octet) => octet !== 0)).toBe(true);
  });
});
