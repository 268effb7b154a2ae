/** Acceptors that select another mechanism than the first (RFC 4178 sections 3.2 and 5), and mechanisms of many tokens. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_FLAGS } from '../../src/gss/context.js';
import { GSS_FLAGS } from '../../src/gss/flags.js';
import type { StepResult } from '../../src/gss/securityContext.js';
import { KRB5_OID, MS_KRB5_OID } from '../../src/gss/token.js';
import { mechTypeList, readOffer } from '../../src/spnego/framing.js';
import { krb5Mechanisms, type NegotiableMechanism } from '../../src/spnego/mechanisms.js';
import { NEG_STATES, type NegTokenResp } from '../../src/spnego/messages.js';
import { SpnegoInitiator } from '../../src/spnego/negotiate.js';
import { fuzzRuns } from '../support/fuzz.js';
import { bitFlips, codeThrown } from '../support/gssContexts.js';
import { negTokenResp } from '../support/scriptedAcceptor.js';
import {
  exchangesMessages,
  type Negotiated,
  OTHER_OID,
  offered,
  offering,
  refuses,
  respOf,
} from './negotiations.js';
import { acceptorMic, initiatorMic, legToken, scriptedMechanism } from './scriptedMechanism.js';

const { acceptCompleted, acceptIncomplete, reject, requestMic } = NEG_STATES;
const NOT_MUTUAL = DEFAULT_FLAGS & ~GSS_FLAGS.mutual;
const NO_INTEGRITY = GSS_FLAGS.mutual;
const OIDS = [OTHER_OID, KRB5_OID];

/** An acceptor that knows krb5 and not the mechanism in front of it has selected krb5. */
function reselected(
  ...[oids = OIDS, ...more]: Parameters<typeof offered>
): Negotiated & { second: StepResult } {
  const negotiated = offered(oids, ...more);
  const answer = negTokenResp({ negState: requestMic, supportedMech: oids.at(-1) });
  const second = negotiated.negotiation.step(answer);
  negotiated.acceptor.acceptToken(respOf(second).responseToken!);
  return { ...negotiated, second };
}

describe('another mechanism than the first', () => {
  it.each([
    [OIDS],
    [[MS_KRB5_OID, KRB5_OID]],
    [[KRB5_OID, MS_KRB5_OID]],
    [[OTHER_OID, '1.3.6.1', MS_KRB5_OID]],
  ])('is started anew, and MICs go both ways: %j', (oids) => {
    const pair = reselected(oids);
    const { acceptor, negotiation, contexts, second } = pair;
    expect(second.done).toBe(false);
    expect(respOf(second)).toEqual({ negState: acceptIncomplete, responseToken: expect.any(Uint8Array) });
    expect(contexts).toHaveLength(2);
    expect(negotiation.context).toBe(contexts[1]);
    expect(codeThrown(() => contexts[0]!.step(acceptor.apRepToken()))).toBe('ERR_GSS_STATE');
    const responseToken = acceptor.apRepToken();
    const mechListMic = acceptor.mechListMic();
    const third = negotiation.step(negTokenResp({ negState: acceptIncomplete, responseToken, mechListMic }));
    expect(third.done).toBe(true);
    expect(acceptor.acceptMicResp(third.token!)).toBe(acceptCompleted);
    expect(negotiation.mutuallyAuthenticated).toBe(true);
    exchangesMessages(pair);
  });

  it('has MICs of the list as it was sent', () => {
    const { acceptor } = reselected([MS_KRB5_OID, KRB5_OID]);
    expect(acceptor.mechTypeList).toEqual(mechTypeList([MS_KRB5_OID, KRB5_OID]));
  });

  it('sends its MIC with its last token where that ends the mechanism (section 5 c)', () => {
    const pair = reselected(OIDS, { flags: NOT_MUTUAL });
    const { acceptor, negotiation, second } = pair;
    expect([second.done, acceptor.acceptMicResp(second.token!)]).toEqual([false, acceptIncomplete]);
    const last = negTokenResp({ negState: acceptCompleted, mechListMic: acceptor.mechListMic() });
    expect(negotiation.step(last)).toEqual({ token: undefined, done: true });
    exchangesMessages(pair);
  });

  it('needs no MIC in a context without integrity', () => {
    const { acceptor, negotiation } = reselected(OIDS, { flags: NO_INTEGRITY });
    const last = negTokenResp({ negState: acceptCompleted, responseToken: acceptor.apRepToken() });
    expect(negotiation.step(last)).toEqual({ token: undefined, done: true });
  });

  it.each<[string, NegTokenResp]>([
    ['accept-completed', { negState: acceptCompleted }],
    ['accept-incomplete', { negState: acceptIncomplete }],
    ['no state', {}],
    ['a token', { negState: requestMic, responseToken: legToken(2) }],
    ['a MIC', { negState: requestMic, mechListMic: legToken(2) }],
  ])('with %s in the answer that selects it is refused', (_, fields) => {
    refuses(offered(OIDS), negTokenResp({ supportedMech: KRB5_OID, ...fields }), 'ERR_SPNEGO_TOKEN');
  });

  it('is not selected later', () => {
    const pair = reselected([OTHER_OID, '1.3.6.1', KRB5_OID]);
    const responseToken = pair.acceptor.apRepToken();
    const mechListMic = pair.acceptor.mechListMic();
    for (const supportedMech of ['1.3.6.1', OTHER_OID]) {
      const { negotiation } = reselected([OTHER_OID, '1.3.6.1', KRB5_OID]);
      const answer = negTokenResp({ negState: acceptIncomplete, supportedMech, responseToken, mechListMic });
      expect(codeThrown(() => negotiation.step(answer))).toBe('ERR_SPNEGO_TOKEN');
    }
    const again = negTokenResp({ negState: requestMic, supportedMech: OTHER_OID });
    refuses(pair, again, 'ERR_SPNEGO_TOKEN');
  });

  it.each(['1.3.6.1.4.1.311.2.2.10', '1.3.6.1.4.1.311.2.2.30', '1.3.6'])(
    'is refused when it is %s',
    (oid) => {
      const answer = negTokenResp({ negState: requestMic, supportedMech: oid });
      refuses(offered(OIDS), answer, 'ERR_SPNEGO_MECHANISM');
      refuses(offered([KRB5_OID]), answer, 'ERR_SPNEGO_MECHANISM');
    },
  );

  it('may be named again, under either identifier', () => {
    for (const supportedMech of [KRB5_OID, MS_KRB5_OID]) {
      const { acceptor, negotiation } = reselected();
      const responseToken = acceptor.apRepToken();
      const mechListMic = acceptor.mechListMic();
      const answer = negTokenResp({ negState: acceptIncomplete, supportedMech, responseToken, mechListMic });
      expect(negotiation.step(answer).done).toBe(true);
    }
  });

  it.each<[string, (pair: Negotiated) => NegTokenResp, string]>([
    ['without a MIC', ({ acceptor }) => ({ responseToken: acceptor.apRepToken() }), 'ERR_SPNEGO_MIC'],
    [
      'without a MIC, completed',
      ({ acceptor }) => ({ negState: acceptCompleted, responseToken: acceptor.apRepToken() }),
      'ERR_SPNEGO_MIC',
    ],
    [
      'with a MIC of the mechanism alone',
      ({ acceptor }) => ({
        responseToken: acceptor.apRepToken(),
        mechListMic: acceptor.mic(mechTypeList([KRB5_OID])),
      }),
      'ERR_SPNEGO_MIC',
    ],
    ['without the AP-REP', ({ acceptor }) => ({ mechListMic: acceptor.mechListMic() }), 'ERR_SPNEGO_TOKEN'],
    ['completed and empty', () => ({ negState: acceptCompleted }), 'ERR_SPNEGO_TOKEN'],
    ['rejected', () => ({ negState: reject }), 'ERR_SPNEGO_REJECTED'],
    [
      'rejected with a KRB-ERROR',
      ({ acceptor }) => ({ negState: reject, responseToken: acceptor.errorToken(37) }),
      'KRB_AP_ERR_SKEW',
    ],
  ])('%s at the end is refused', (_, fields, code) => {
    const pair = reselected();
    refuses(pair, negTokenResp(fields(pair)), code);
  });

  it('accepts no bare token in place of the last NegTokenResp, for a MIC is due', () => {
    const pair = reselected();
    refuses(pair, pair.acceptor.apRepToken(), 'ERR_SPNEGO_MIC');
  });

  it('refuses a MIC out of its place, even where anomalies are only reported', () => {
    const pair = reselected(OIDS, { anomalies: 'report' });
    const responseToken = pair.acceptor.apRepToken();
    const mechListMic = pair.acceptor.mic(pair.acceptor.mechTypeList, { sequence: 1001n });
    refuses(pair, negTokenResp({ negState: acceptIncomplete, responseToken, mechListMic }), 'ERR_SPNEGO_MIC');
  });

  it('refuses every MIC with one bit flipped', () => {
    const { acceptor } = reselected();
    for (const mechListMic of bitFlips(acceptor.mechListMic())) {
      const pair = reselected();
      const responseToken = pair.acceptor.apRepToken();
      const answer = negTokenResp({ negState: acceptIncomplete, responseToken, mechListMic });
      expect(codeThrown(() => pair.negotiation.step(answer))).toBe('ERR_SPNEGO_MIC');
    }
  });
});

describe('the other identifier of krb5', () => {
  it.each<[string, NegTokenResp]>([
    ['accept-completed', { negState: acceptCompleted }],
    ['accept-incomplete', { negState: acceptIncomplete }],
    ['no state', {}],
  ])('in an answer with %s and a token changes nothing', (_, fields) => {
    for (const [first, other] of [
      [MS_KRB5_OID, KRB5_OID],
      [KRB5_OID, MS_KRB5_OID],
    ] as const) {
      for (const oids of [[first], [first, other]]) {
        const pair = offered(oids);
        const responseToken = pair.acceptor.apRepToken();
        const answer = negTokenResp({ ...fields, supportedMech: other, responseToken });
        expect(pair.negotiation.step(answer)).toEqual({ token: undefined, done: true });
        expect(pair.contexts).toHaveLength(1);
        exchangesMessages(pair);
      }
    }
  });

  it('does not start a mechanism that was not offered', () => {
    const answer = negTokenResp({ negState: requestMic, supportedMech: MS_KRB5_OID });
    refuses(offered([KRB5_OID]), answer, 'ERR_SPNEGO_TOKEN');
  });

  it('stands in the list, and the token inside has the right one', () => {
    const { negotiation, acceptor } = offering([MS_KRB5_OID, KRB5_OID]);
    const offer = readOffer(negotiation.step().token!);
    expect(offer.mechTypes).toEqual([MS_KRB5_OID, KRB5_OID]);
    acceptor.acceptToken(offer.mechToken!);
  });
});

/** A negotiation of one scripted mechanism whose first token has been sent. */
function sent(tokens: number, ...more: NegotiableMechanism[]): SpnegoInitiator {
  const negotiation = new SpnegoInitiator([scriptedMechanism(OTHER_OID, tokens), ...more]);
  negotiation.step();
  return negotiation;
}
const LIST = mechTypeList([OTHER_OID]);

describe('a mechanism of three tokens, as DCE style has them', () => {
  it('waits for the last word of the acceptor', () => {
    const negotiation = sent(3);
    const third = negotiation.step(negTokenResp({ negState: acceptIncomplete, responseToken: legToken(2) }));
    expect(third.done).toBe(false);
    expect(respOf(third)).toEqual({ negState: acceptIncomplete, responseToken: legToken(3) });
    // The mechanism has proved the acceptor, but nobody knows yet that the list is as it was sent.
    expect(negotiation.context.mutuallyAuthenticated).toBe(true);
    expect([negotiation.established, negotiation.protReady]).toEqual([false, false]);
    expect(negotiation.mutuallyAuthenticated).toBe(false);
    expect(negotiation.step(negTokenResp({ negState: acceptCompleted }))).toEqual({
      token: undefined,
      done: true,
    });
    expect([negotiation.established, negotiation.mutuallyAuthenticated]).toEqual([true, true]);
  });

  it('sends its MIC with the third token when one is due, and demands the other', () => {
    const begin = (): SpnegoInitiator => {
      const negotiation = sent(3);
      const third = negotiation.step(negTokenResp({ negState: requestMic, responseToken: legToken(2) }));
      expect(respOf(third)).toEqual({
        negState: acceptIncomplete,
        responseToken: legToken(3),
        mechListMic: initiatorMic(LIST),
      });
      return negotiation;
    };
    const last = negTokenResp({ negState: acceptCompleted, mechListMic: acceptorMic(LIST) });
    expect(begin().step(last)).toEqual({ token: undefined, done: true });
    for (const fields of [{ negState: acceptCompleted }, { mechListMic: initiatorMic(LIST) }, {}]) {
      expect(codeThrown(() => begin().step(negTokenResp(fields)))).toBe('ERR_SPNEGO_MIC');
    }
  });

  it('answers a MIC that comes unasked with the third token', () => {
    const negotiation = sent(3);
    const fields = { negState: acceptIncomplete, responseToken: legToken(2), mechListMic: acceptorMic(LIST) };
    const third = negotiation.step(negTokenResp(fields));
    expect([third.done, respOf(third).mechListMic]).toEqual([false, initiatorMic(LIST)]);
    expect(negotiation.step(negTokenResp({}))).toEqual({ token: undefined, done: true });
  });

  it('refuses accept-completed before its third token', () => {
    const answer = negTokenResp({ negState: acceptCompleted, responseToken: legToken(2) });
    expect(codeThrown(() => sent(3).step(answer))).toBe('ERR_SPNEGO_TOKEN');
  });

  it('answers a MIC that comes unasked at the end', () => {
    const negotiation = sent(3);
    negotiation.step(negTokenResp({ negState: acceptIncomplete, responseToken: legToken(2) }));
    const last = negotiation.step(
      negTokenResp({ negState: acceptIncomplete, mechListMic: acceptorMic(LIST) }),
    );
    expect(last.done).toBe(true);
    expect(respOf(last)).toEqual({ negState: acceptCompleted, mechListMic: initiatorMic(LIST) });
  });
});

describe('a mechanism of many tokens', () => {
  it.each([4, 5, 6, 7])('is carried through: %i', (tokens) => {
    const negotiation = sent(tokens);
    let result: StepResult = { token: undefined, done: false };
    for (let number = 2; number <= tokens; number += 2) {
      const last = number === tokens;
      const negState = number === 2 && !last ? acceptIncomplete : undefined;
      result = negotiation.step(negTokenResp({ negState, responseToken: legToken(number) }));
      expect(result.done).toBe(last);
      if (!last) expect(respOf(result).responseToken).toEqual(legToken(number + 1));
    }
    if (tokens % 2 === 1) result = negotiation.step(negTokenResp({}));
    expect([result, negotiation.established]).toEqual([{ token: undefined, done: true }, true]);
  });

  it('is refused when a token is missing, empty, wrong or too much', () => {
    const late = (fields: NegTokenResp): string => {
      const negotiation = sent(4);
      negotiation.step(negTokenResp({ negState: acceptIncomplete, responseToken: legToken(2) }));
      return codeThrown(() => negotiation.step(negTokenResp(fields)));
    };
    expect(late({ negState: acceptIncomplete })).toBe('ERR_SPNEGO_TOKEN');
    expect(late({ responseToken: new Uint8Array(0) })).toBe('ERR_SPNEGO_TOKEN');
    expect(late({ negState: acceptCompleted })).toBe('ERR_SPNEGO_TOKEN');
    expect(late({ responseToken: legToken(2) })).toBe('ERR_GSS_TOKEN');
    expect(late({ responseToken: legToken(4), mechListMic: legToken(9) })).toBe('ERR_SPNEGO_MIC');
    expect(late({ responseToken: legToken(4) })).toBe('nothing');
    const one = sent(1);
    const token = negTokenResp({ negState: acceptCompleted, responseToken: legToken(2) });
    expect(codeThrown(() => one.step(token))).toBe('ERR_SPNEGO_TOKEN');
  });

  it('refuses a MIC before it is complete', () => {
    const answer = negTokenResp({
      negState: acceptIncomplete,
      responseToken: legToken(2),
      mechListMic: acceptorMic(LIST),
    });
    expect(codeThrown(() => sent(4).step(answer))).toBe('ERR_SPNEGO_MIC');
  });

  it('is selected behind another one with MICs at its end', () => {
    const negotiation = sent(2, scriptedMechanism('1.3.6', 4));
    const list = mechTypeList([OTHER_OID, '1.3.6']);
    negotiation.step(negTokenResp({ negState: requestMic, supportedMech: '1.3.6' }));
    negotiation.step(negTokenResp({ negState: acceptIncomplete, responseToken: legToken(2) }));
    const answer = { negState: acceptIncomplete, responseToken: legToken(4), mechListMic: acceptorMic(list) };
    const last = negotiation.step(negTokenResp(answer));
    expect(last.done).toBe(true);
    expect(respOf(last)).toEqual({ negState: acceptCompleted, mechListMic: initiatorMic(list) });
  });
});

describe('the list of mechanisms', () => {
  const start = (): never => {
    throw new Error('not started');
  };
  it('is one or both identifiers of krb5', () => {
    expect(krb5Mechanisms(start).map(({ oid }) => oid)).toEqual([KRB5_OID]);
    expect(krb5Mechanisms(start, [MS_KRB5_OID, KRB5_OID]).map(({ oid }) => oid)).toEqual([
      MS_KRB5_OID,
      KRB5_OID,
    ]);
    for (const oids of [[], [KRB5_OID, KRB5_OID], [KRB5_OID, OTHER_OID]]) {
      expect(() => krb5Mechanisms(start, oids)).toThrow(RangeError);
    }
    expect(() => krb5Mechanisms(start, KRB5_OID as unknown as string[])).toThrow(TypeError);
    expect(() => new SpnegoInitiator([])).toThrow(RangeError);
  });
});

describe('any answers', () => {
  const optional = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
    fc.option(arbitrary, { nil: undefined });
  const octets = optional(
    fc.oneof(fc.constantFrom(legToken(2), legToken(4), new Uint8Array(0)), fc.uint8Array({ maxLength: 8 })),
  );
  const answers = fc.array(
    fc.record({
      negState: optional(fc.nat(4)),
      supportedMech: optional(fc.constantFrom(OTHER_OID, KRB5_OID, MS_KRB5_OID, '1.3.6')),
      responseToken: octets,
      mechListMic: optional(fc.constantFrom(acceptorMic(mechTypeList([OTHER_OID, '1.3.6'])), legToken(2))),
    }),
    { minLength: 1, maxLength: 6 },
  );

  it('end with a KerberosError or legally, and another selection never without MICs', () => {
    fc.assert(
      fc.property(answers, (list) => {
        const negotiation = sent(4, scriptedMechanism('1.3.6', 4));
        let mics = 0;
        const code = codeThrown(() => {
          for (const answer of list) {
            const { token, done } = negotiation.step(negTokenResp(answer));
            if (token !== undefined && respOf({ token, done }).mechListMic !== undefined) mics++;
          }
        });
        if (code !== 'nothing') expect(negotiation.established).toBe(false);
        const [first] = list;
        if (!negotiation.established || first?.supportedMech !== '1.3.6') return;
        const verified = list.some(({ mechListMic }) => mechListMic !== undefined);
        expect([first.negState, verified, mics <= 1]).toEqual([requestMic, true, true]);
      }),
      { numRuns: fuzzRuns },
    );
  });
});
