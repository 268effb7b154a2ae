import { describe, expect, it } from 'vitest';
import { concat, fromHex, toHex, utf8 } from '../../src/bytes.js';
import { KdcError } from '../../src/errors.js';
import { DEFAULT_FLAGS } from '../../src/gss/context.js';
import { GSS_FLAGS } from '../../src/gss/flags.js';
import { KRB5_OID, MS_KRB5_OID } from '../../src/gss/token.js';
import { krb5Mechanisms } from '../../src/spnego/mechanisms.js';
import { NEG_STATES, type NegTokenResp } from '../../src/spnego/messages.js';
import { SpnegoInitiator } from '../../src/spnego/negotiate.js';
import { codeThrown, freshPair } from '../support/gssContexts.js';
import { negTokenResp, type ScriptedAcceptor } from '../support/scriptedAcceptor.js';

const { acceptCompleted, acceptIncomplete, reject, requestMic } = NEG_STATES;
const hello = utf8('hello');
const NOT_MUTUAL = DEFAULT_FLAGS & ~GSS_FLAGS.mutual;
const NTLM = '1.3.6.1.4.1.311.2.2.10';

interface Pair {
  readonly negotiation: SpnegoInitiator;
  readonly acceptor: ScriptedAcceptor;
}

/** A negotiation whose NegTokenInit has been accepted. */
function started(...args: Parameters<typeof freshPair>): Pair {
  const { context, acceptor } = freshPair(...args);
  const negotiation = new SpnegoInitiator(krb5Mechanisms(() => context));
  acceptor.acceptNegTokenInit(negotiation.step().token!);
  return { negotiation, acceptor };
}

function exchangesMessages({ negotiation, acceptor }: Pair): void {
  expect(negotiation.established).toBe(true);
  expect(acceptor.unwrap(negotiation.wrap(hello)).message).toEqual(hello);
  expect(negotiation.unwrap(acceptor.wrap(hello)).message).toEqual(hello);
  acceptor.verifyMic(hello, negotiation.mic(hello));
  negotiation.verifyMic(hello, acceptor.mic(hello));
}

/** The negotiation refuses the answer and is of no use any more, nor is the context inside. */
function refuses({ negotiation, acceptor }: Pair, answer: Uint8Array, code: string): void {
  expect(codeThrown(() => negotiation.step(answer))).toBe(code);
  expect(negotiation.established).toBe(false);
  expect(negotiation.mutuallyAuthenticated).toBe(false);
  expect(negotiation.context.established).toBe(false);
  const right = negTokenResp({ negState: acceptCompleted, responseToken: acceptor.apRepToken() });
  for (const action of [
    () => negotiation.step(right),
    () => negotiation.wrap(hello),
    () => negotiation.step(),
  ]) {
    expect(codeThrown(action)).toBe('ERR_GSS_STATE');
  }
}

describe('accept-completed', () => {
  const shapes: [string, NegTokenResp][] = [
    ['with negState and mechanism', { negState: acceptCompleted, supportedMech: KRB5_OID }],
    [
      'with the mechanism as Windows 2000 spells it',
      { negState: acceptCompleted, supportedMech: MS_KRB5_OID },
    ],
    ['without mechanism', { negState: acceptCompleted }],
    ['without negState', {}],
    ['without negState, with mechanism', { supportedMech: KRB5_OID }],
  ];
  it.each(shapes)('%s and the AP-REP completes both', (_, shape) => {
    const pair = started();
    const { negotiation, acceptor } = pair;
    expect(negotiation.established).toBe(false);
    const answer = negTokenResp({ ...shape, responseToken: acceptor.apRepToken() });
    expect(negotiation.step(answer)).toEqual({ token: undefined, done: true });
    expect(negotiation.mutuallyAuthenticated).toBe(true);
    exchangesMessages(pair);
  });

  it.each(shapes)('%s but without AP-REP is refused', (_, shape) => {
    refuses(started(), negTokenResp(shape), 'ERR_SPNEGO_TOKEN');
  });

  it.each(shapes)('%s suffices without mutual authentication', (_, shape) => {
    const pair = started({}, { flags: NOT_MUTUAL });
    expect(pair.negotiation.established).toBe(false);
    expect(pair.negotiation.step(negTokenResp(shape))).toEqual({ token: undefined, done: true });
    expect(pair.negotiation.mutuallyAuthenticated).toBe(false);
    exchangesMessages(pair);
  });

  it('with a MIC nobody asked for has it verified, and not answered, for the acceptor expects nothing', () => {
    const pair = started();
    const { negotiation, acceptor } = pair;
    const answer = negTokenResp({
      negState: acceptCompleted,
      responseToken: acceptor.apRepToken(),
      mechListMic: acceptor.mechListMic(),
    });
    expect(negotiation.step(answer)).toEqual({ token: undefined, done: true });
    exchangesMessages(pair);
  });

  it('missing, with a MIC nobody asked for, has it verified and answered', () => {
    const pair = started();
    const { negotiation, acceptor } = pair;
    const responseToken = acceptor.apRepToken();
    const answer = negTokenResp({ responseToken, mechListMic: acceptor.mechListMic() });
    const { token, done } = negotiation.step(answer);
    expect(done).toBe(true);
    expect(acceptor.acceptMicResp(token!)).toBe(acceptCompleted);
    exchangesMessages(pair);
  });

  it('with a copy of the AP-REP in place of the MIC, as Windows 2000 sends it, completes', () => {
    const pair = started();
    const responseToken = pair.acceptor.apRepToken();
    const answer = negTokenResp({ negState: acceptCompleted, responseToken, mechListMic: responseToken });
    expect(pair.negotiation.step(answer)).toEqual({ token: undefined, done: true });
    exchangesMessages(pair);
  });

  it('with a wrong AP-REP is refused', () => {
    const pair = started();
    const responseToken = pair.acceptor.apRepToken({ key: pair.acceptor.freshKey(18) });
    refuses(pair, negTokenResp({ negState: acceptCompleted, responseToken }), 'ERR_INTEGRITY');
  });

  it('with a KRB-ERROR gives it', () => {
    const pair = started();
    const responseToken = pair.acceptor.errorToken(37);
    refuses(pair, negTokenResp({ negState: acceptIncomplete, responseToken }), 'KRB_AP_ERR_SKEW');
  });

  it('ends the negotiation: another token is refused', () => {
    const { negotiation, acceptor } = started();
    const answer = negTokenResp({ negState: acceptCompleted, responseToken: acceptor.apRepToken() });
    negotiation.step(answer);
    expect(codeThrown(() => negotiation.step(answer))).toBe('ERR_GSS_STATE');
  });
});

describe('accept-incomplete', () => {
  it('with AP-REP and MIC is answered by our MIC, and that is the end', () => {
    const pair = started();
    const { negotiation, acceptor } = pair;
    const answer = negTokenResp({
      negState: acceptIncomplete,
      supportedMech: KRB5_OID,
      responseToken: acceptor.apRepToken(),
      mechListMic: acceptor.mechListMic(),
    });
    const { token, done } = negotiation.step(answer);
    expect(done).toBe(true);
    expect(acceptor.acceptMicResp(token!)).toBe(acceptCompleted);
    exchangesMessages(pair);
  });

  it.each<[string, NegTokenResp]>([
    ['with AP-REP only', { negState: acceptIncomplete }],
    [
      'with AP-REP and a copy of it in place of the MIC',
      { negState: acceptIncomplete, mechListMic: new Uint8Array(0) },
    ],
  ])('%s is the end, for no MIC is due (RFC 4178 section 5 b) III)', (_, shape) => {
    const pair = started();
    const responseToken = pair.acceptor.apRepToken();
    const mechListMic = shape.mechListMic === undefined ? undefined : responseToken;
    const answer = negTokenResp({ ...shape, responseToken, mechListMic });
    expect(pair.negotiation.step(answer)).toEqual({ token: undefined, done: true });
    exchangesMessages(pair);
  });

  it('is the end without mutual authentication, too', () => {
    const pair = started({}, { flags: NOT_MUTUAL });
    const answer = negTokenResp({ negState: acceptIncomplete });
    expect(pair.negotiation.step(answer)).toEqual({ token: undefined, done: true });
    exchangesMessages(pair);
  });

  it('without AP-REP is refused', () => {
    refuses(started(), negTokenResp({ negState: acceptIncomplete }), 'ERR_SPNEGO_TOKEN');
  });
});

describe('request-mic', () => {
  it('with AP-REP and MIC is answered by our MIC', () => {
    const pair = started();
    const { negotiation, acceptor } = pair;
    const answer = negTokenResp({
      negState: requestMic,
      supportedMech: KRB5_OID,
      responseToken: acceptor.apRepToken(),
      mechListMic: acceptor.mechListMic(),
    });
    const { token, done } = negotiation.step(answer);
    expect(done).toBe(true);
    expect(acceptor.acceptMicResp(token!)).toBe(acceptCompleted);
    exchangesMessages(pair);
  });

  it('with a MIC works without mutual authentication', () => {
    const pair = started({}, { flags: NOT_MUTUAL });
    const mechListMic = pair.acceptor.mechListMic();
    const { token, done } = pair.negotiation.step(negTokenResp({ negState: requestMic, mechListMic }));
    expect(done).toBe(true);
    expect(pair.acceptor.acceptMicResp(token!)).toBe(acceptCompleted);
    exchangesMessages(pair);
  });

  it('without MIC is refused', () => {
    const mutual = started();
    const responseToken = mutual.acceptor.apRepToken();
    refuses(mutual, negTokenResp({ negState: requestMic, responseToken }), 'ERR_SPNEGO_MIC');
    refuses(started({}, { flags: NOT_MUTUAL }), negTokenResp({ negState: requestMic }), 'ERR_SPNEGO_MIC');
  });

  it('with a copy of the AP-REP in place of the MIC is refused', () => {
    const pair = started();
    const responseToken = pair.acceptor.apRepToken();
    const answer = negTokenResp({ negState: requestMic, responseToken, mechListMic: responseToken });
    refuses(pair, answer, 'ERR_SPNEGO_MIC');
  });
});

describe('mechListMIC', () => {
  const wrong: [string, (acceptor: ScriptedAcceptor) => Uint8Array][] = [
    ['empty', () => new Uint8Array(0)],
    ['of another list', (acceptor) => acceptor.mic(fromHex('300d060b2a864886f7120102020100'))],
    [
      'of the list with its tag [0]',
      (acceptor) => acceptor.mic(concat(fromHex('a00d'), acceptor.mechTypeList)),
    ],
    ['of the OID alone', (acceptor) => acceptor.mic(acceptor.mechTypeList.subarray(2))],
    ['of the initiator’s direction', (acceptor) => acceptor.mic(acceptor.mechTypeList, { flags: 0 })],
    ['with the initiator’s usage', (acceptor) => acceptor.mic(acceptor.mechTypeList, { usage: 25 })],
    ['with a later number', (acceptor) => acceptor.mic(acceptor.mechTypeList, { sequence: 1001n })],
    ['a Wrap token', (acceptor) => acceptor.wrap(acceptor.mechTypeList, { sealed: false })],
  ];
  for (const [name, negState] of Object.entries({ acceptCompleted, acceptIncomplete, requestMic })) {
    it.each(wrong)(`%s with ${name} is refused`, (_, make) => {
      const pair = started();
      const responseToken = pair.acceptor.apRepToken();
      const answer = negTokenResp({ negState, responseToken, mechListMic: make(pair.acceptor) });
      refuses(pair, answer, 'ERR_SPNEGO_MIC');
    });
  }

  it('before the AP-REP is refused', () => {
    const pair = started();
    const mechListMic = pair.acceptor.mechListMic();
    refuses(pair, negTokenResp({ negState: acceptIncomplete, mechListMic }), 'ERR_SPNEGO_TOKEN');
  });

  it('covers the DER of the list, without its tag', () => {
    const { acceptor } = started();
    expect(toHex(acceptor.mechTypeList)).toBe('300b06092a864886f712010202');
  });
});

describe('reject', () => {
  it('is reported', () => {
    refuses(started(), negTokenResp({ negState: reject }), 'ERR_SPNEGO_REJECTED');
    const notMutual = started({}, { flags: NOT_MUTUAL });
    refuses(notMutual, negTokenResp({ negState: reject }), 'ERR_SPNEGO_REJECTED');
  });

  it('with a KRB-ERROR gives the KRB-ERROR', () => {
    const { negotiation, acceptor } = started();
    const answer = negTokenResp({ negState: reject, responseToken: acceptor.errorToken(41) });
    expect(() => negotiation.step(answer)).toThrow(KdcError);
    const again = started();
    const other = negTokenResp({ negState: reject, responseToken: again.acceptor.errorToken(37) });
    refuses(again, other, 'KRB_AP_ERR_SKEW');
  });

  it.each<[string, (acceptor: ScriptedAcceptor) => Uint8Array]>([
    ['a right AP-REP', (acceptor) => acceptor.apRepToken()],
    ['a wrong AP-REP', (acceptor) => acceptor.apRepToken({ usage: 11 })],
    ['garbage', () => hello],
    ['nothing in the token', () => new Uint8Array(0)],
  ])('with %s stays a reject', (_, make) => {
    for (const flags of [DEFAULT_FLAGS, NOT_MUTUAL]) {
      const pair = started({}, { flags });
      const answer = negTokenResp({ negState: reject, responseToken: make(pair.acceptor) });
      refuses(pair, answer, 'ERR_SPNEGO_REJECTED');
    }
  });
});

describe('answer that is none', () => {
  it.each([NTLM, '1.3.6.1.5.5.2', '1.2.840.113554.1.2.2.3', '1.2.840.113554.1.2'])(
    'for the mechanism %s is refused',
    (supportedMech) => {
      const pair = started();
      const responseToken = pair.acceptor.apRepToken();
      refuses(
        pair,
        negTokenResp({ negState: acceptCompleted, supportedMech, responseToken }),
        'ERR_SPNEGO_MECHANISM',
      );
    },
  );

  it.each([4, 127, 65536])('with the state %i is refused', (negState) => {
    const pair = started();
    const responseToken = pair.acceptor.apRepToken();
    refuses(pair, negTokenResp({ negState, responseToken }), 'ERR_SPNEGO_TOKEN');
  });

  it('because it is a NegTokenInit is refused, framed or not', () => {
    const { context } = freshPair();
    const negotiation = new SpnegoInitiator(krb5Mechanisms(() => context));
    const { token } = negotiation.step();
    expect(codeThrown(() => negotiation.step(token))).toBe('ERR_SPNEGO_TOKEN');
    const pair = started();
    const start = toHex(token!).indexOf('a08') / 2;
    refuses(pair, token!.subarray(start), 'ERR_SPNEGO_TOKEN');
  });

  it('because of octets after its end is refused', () => {
    const pair = started();
    const right = negTokenResp({ negState: acceptCompleted, responseToken: pair.acceptor.apRepToken() });
    refuses(pair, concat(right, Uint8Array.of(0)), 'ERR_ASN1');
  });
});

describe('state of a negotiation', () => {
  it('allows nothing twice', () => {
    expect(codeThrown(() => started().negotiation.step())).toBe('ERR_GSS_STATE');
  });

  it('allows no messages before it is complete', () => {
    const { negotiation } = started({}, { flags: NOT_MUTUAL });
    for (const action of [
      () => negotiation.wrap(hello),
      () => negotiation.mic(hello),
      () => negotiation.unwrap(hello),
      () => negotiation.verifyMic(hello, hello),
    ]) {
      expect(codeThrown(action)).toBe('ERR_GSS_STATE');
    }
  });

  it('is not established any more after a message that was refused', () => {
    const { negotiation, acceptor } = started();
    negotiation.step(negTokenResp({ negState: acceptCompleted, responseToken: acceptor.apRepToken() }));
    expect(codeThrown(() => negotiation.unwrap(hello))).toBe('ERR_GSS_TOKEN');
    expect(negotiation.established).toBe(false);
    expect(negotiation.mutuallyAuthenticated).toBe(false);
    expect(codeThrown(() => negotiation.wrap(hello))).toBe('ERR_GSS_STATE');
  });

  it('does not change by a caller’s wrong argument', () => {
    const pair = started();
    expect(() => pair.negotiation.step('oQcwBaADCgEA' as unknown as Uint8Array)).toThrow(TypeError);
    const responseToken = pair.acceptor.apRepToken();
    pair.negotiation.step(negTokenResp({ negState: acceptCompleted, responseToken }));
    exchangesMessages(pair);
  });

  it('ends with delete()', () => {
    const { negotiation, acceptor } = started();
    negotiation.delete();
    const answer = negTokenResp({ negState: acceptCompleted, responseToken: acceptor.apRepToken() });
    expect(codeThrown(() => negotiation.step(answer))).toBe('ERR_GSS_STATE');
    expect(negotiation.context.established).toBe(false);
  });
});
