/** GSS-SPNEGO: the tokens of RFC 4178, and a layer by the flags of the context. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KerberosError } from '../../src/errors.js';
import { GSS_FLAGS } from '../../src/gss/flags.js';
import { GssSpnegoMechanism, gssSpnegoFlags } from '../../src/sasl/gssSpnego.js';
import type { LayerPolicy, SaslLayer } from '../../src/sasl/layers.js';
import { krb5Mechanisms } from '../../src/spnego/mechanisms.js';
import { NEG_STATES } from '../../src/spnego/messages.js';
import { SpnegoInitiator } from '../../src/spnego/negotiate.js';
import { fuzzRuns } from '../support/fuzz.js';
import { codeThrown, freshPair } from '../support/gssContexts.js';
import { negTokenResp } from '../support/scriptedAcceptor.js';
import { choice, offer } from './saslPairs.js';

const { mutual, replay, sequence, integrity, confidentiality } = GSS_FLAGS;
const BASE = mutual | replay | sequence;

function spnegoPair(policy: LayerPolicy = {}, flags: number = gssSpnegoFlags(policy)) {
  const { context, acceptor } = freshPair({}, { flags });
  const negotiation = new SpnegoInitiator(krb5Mechanisms(() => context));
  return { mechanism: new GssSpnegoMechanism(negotiation, policy), acceptor };
}

/** The server's last token. */
function completed(responseToken: Uint8Array): Uint8Array {
  return negTokenResp({ negState: NEG_STATES.acceptCompleted, responseToken });
}

describe('the flags', () => {
  it.each<[readonly SaslLayer[] | undefined, number]>([
    [undefined, BASE | integrity | confidentiality],
    [['none'], BASE],
    [['integrity', 'confidentiality'], BASE | integrity],
    [['confidentiality'], BASE | integrity | confidentiality],
  ])('for layers %j', (layers, flags) => {
    expect(gssSpnegoFlags({ layers }) & flags).toBe(flags);
    expect(gssSpnegoFlags({ layers }) & confidentiality).toBe(flags & confidentiality);
  });

  it('ask for nothing per message without a layer, as Active Directory inside TLS demands', () => {
    expect(gssSpnegoFlags({ layers: ['none'] }) & (integrity | confidentiality)).toBe(0);
  });
});

describe('the exchange', () => {
  it.each<SaslLayer>(['none', 'integrity', 'confidentiality'])('ends with a challenge, layer %s', (layer) => {
    const { mechanism, acceptor } = spnegoPair({ layers: [layer] });
    expect(mechanism.name).toBe('GSS-SPNEGO');
    acceptor.acceptNegTokenInit(mechanism.next());
    expect(mechanism.next(completed(acceptor.apRepToken()))).toHaveLength(0);
    expect(mechanism.conclude()?.protection ?? 'none').toBe(layer);
  });

  it('ends with additional data with success', () => {
    const { mechanism, acceptor } = spnegoPair();
    acceptor.acceptNegTokenInit(mechanism.next());
    const layer = mechanism.conclude(completed(acceptor.apRepToken()));
    expect(layer).toMatchObject({ protection: 'confidentiality', maxReceiveBuffer: 0xffffff });
    const sent = layer!.encode(Buffer.from('hello'));
    expect(acceptor.unwrap(sent.subarray(4)).sealed).toBe(true);
  });

  it('goes on where MICs are due', () => {
    const { mechanism, acceptor } = spnegoPair();
    acceptor.acceptNegTokenInit(mechanism.next());
    const mechListMic = acceptor.apRepToken();
    const challenge = negTokenResp({
      negState: NEG_STATES.requestMic,
      responseToken: mechListMic,
      mechListMic: acceptor.mechListMic(),
    });
    const response = mechanism.next(challenge);
    expect(acceptor.acceptMicResp(response)).toBe(NEG_STATES.acceptCompleted);
    expect(mechanism.conclude()?.protection).toBe('confidentiality');
  });
});

describe('a server that goes on as in GSSAPI', () => {
  const established = (policy: LayerPolicy) => {
    const pair = spnegoPair(policy);
    pair.acceptor.acceptNegTokenInit(pair.mechanism.next());
    expect(pair.mechanism.next(completed(pair.acceptor.apRepToken()))).toHaveLength(0);
    return pair;
  };

  it.each<[LayerPolicy, number, number]>([
    [{}, 1, 1],
    [{}, 7, 4],
    [{ layers: ['none'] }, 7, 1],
    [{ layers: ['integrity', 'none'] }, 7, 2],
  ])('under %j of mask %i: it is answered by %i', (policy, mask, expected) => {
    const { mechanism, acceptor } = established(policy);
    const chosen = choice(acceptor, mechanism.next(offer(acceptor, mask)));
    expect(chosen).toMatchObject({ mask: expected, authorizationId: '' });
    const layers = { 1: undefined, 2: 'integrity', 4: 'confidentiality' } as Record<
      number,
      string | undefined
    >;
    expect(mechanism.conclude()?.protection).toBe(layers[expected]);
  });

  it('is refused where the policy says so, or its offer is none', () => {
    const strict = established({ layers: ['confidentiality'] });
    expect(codeThrown(() => strict.mechanism.next(offer(strict.acceptor, 1)))).toBe('ERR_SASL_LAYER');
    expect(codeThrown(() => established({}).mechanism.next(new Uint8Array(0)))).toBe('ERR_GSS_TOKEN');
    const twice = established({});
    twice.mechanism.next(offer(twice.acceptor, 7));
    expect(codeThrown(() => twice.mechanism.next(offer(twice.acceptor, 7)))).toBe('ERR_SASL_TOKEN');
  });
});

describe('a server that breaks the rules', () => {
  it('reports success before it has proved itself', () => {
    const { mechanism } = spnegoPair();
    mechanism.next();
    expect(codeThrown(() => mechanism.conclude())).toBe('ERR_SASL_TOKEN');
  });

  it('reports success while a token of ours is due', () => {
    const { mechanism, acceptor } = spnegoPair();
    acceptor.acceptNegTokenInit(mechanism.next());
    const responseToken = acceptor.apRepToken();
    const mechListMic = acceptor.mechListMic();
    const data = negTokenResp({ negState: NEG_STATES.requestMic, responseToken, mechListMic });
    expect(codeThrown(() => mechanism.conclude(data))).toBe('ERR_SASL_TOKEN');
  });

  it('rejects, or is no SPNEGO', () => {
    const { mechanism } = spnegoPair();
    mechanism.next();
    const code = codeThrown(() => mechanism.next(negTokenResp({ negState: NEG_STATES.reject })));
    expect(code).toBe('ERR_SPNEGO_REJECTED');
    const other = spnegoPair().mechanism;
    other.next();
    expect(codeThrown(() => other.next(new Uint8Array(0)))).toBe('ERR_ASN1');
  });
});

it('refuses a context without mutual authentication, by a challenge and by success', () => {
  const flags = gssSpnegoFlags() & ~mutual;
  const answer = negTokenResp({ negState: NEG_STATES.acceptCompleted });
  for (const end of ['next', 'conclude'] as const) {
    const { mechanism } = spnegoPair({}, flags);
    mechanism.next();
    expect(codeThrown(() => mechanism[end](answer))).toBe('ERR_SASL_TOKEN');
    expect([mechanism.complete, mechanism.securityLayer]).toEqual([false, undefined]);
  }
});

it('has no layer any more once it is deleted', () => {
  const { mechanism, acceptor } = spnegoPair();
  acceptor.acceptNegTokenInit(mechanism.next());
  mechanism.next(completed(acceptor.apRepToken()));
  expect(mechanism.securityLayer?.protection).toBe('confidentiality');
  mechanism.delete();
  expect(mechanism.securityLayer).toBeUndefined();
});

it('refuses a context whose flags stand for a layer that is not permitted', () => {
  const { mechanism, acceptor } = spnegoPair({ layers: ['confidentiality'] }, BASE | integrity);
  acceptor.acceptNegTokenInit(mechanism.next());
  expect(codeThrown(() => mechanism.next(completed(acceptor.apRepToken())))).toBe('ERR_SASL_LAYER');
});

it('gives our own error for whatever the server sends', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), fc.boolean(), (octets, success) => {
      const { mechanism } = spnegoPair();
      mechanism.next();
      expect(() => (success ? mechanism.conclude(octets) : mechanism.next(octets))).toThrow(KerberosError);
      expect(mechanism.complete).toBe(false);
    }),
    { numRuns: fuzzRuns },
  );
});
