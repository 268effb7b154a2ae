/** GSSAPI (RFC 4752): the exchange, the choice of a layer, and what a server may not do. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KerberosError } from '../../src/errors.js';
import { GSS_FLAGS } from '../../src/gss/flags.js';
import { GssapiMechanism, gssapiFlags } from '../../src/sasl/gssapi.js';
import type { LayerPolicy, SaslLayer } from '../../src/sasl/layers.js';
import { fuzzRuns } from '../support/fuzz.js';
import { bitFlips, codeThrown, freshPair } from '../support/gssContexts.js';
import { choice, gssapiAtOffer, gssapiPair, layerMessage, offer } from './saslPairs.js';

const NONE = 1;
const INTEGRITY = 2;
const CONFIDENTIALITY = 4;
const ALL = 7;

describe('the exchange', () => {
  it('is initial response, empty response, choice, and no data with success', () => {
    const { mechanism, acceptor } = gssapiPair({ authorizationId: 'bob' });
    expect(mechanism.name).toBe('GSSAPI');
    acceptor.acceptToken(mechanism.next());
    expect(mechanism.next(acceptor.apRepToken())).toEqual(new Uint8Array(0));
    expect(mechanism.complete).toBe(false);
    expect(mechanism.securityLayer).toBeUndefined();
    const response = mechanism.next(offer(acceptor, ALL));
    expect(choice(acceptor, response)).toEqual({
      mask: CONFIDENTIALITY,
      maxBuffer: 0x10000,
      authorizationId: 'bob',
    });
    expect(mechanism.complete).toBe(true);
    const layer = mechanism.conclude();
    expect(layer).toBe(mechanism.securityLayer);
    expect(layer?.protection).toBe('confidentiality');
  });

  it('begins after an empty challenge too', () => {
    const { mechanism, acceptor } = gssapiPair();
    acceptor.acceptToken(mechanism.next(new Uint8Array(0)));
    expect(mechanism.next(acceptor.apRepToken())).toHaveLength(0);
  });

  it('writes the authorization identity in UTF-8', () => {
    const { mechanism, acceptor } = gssapiAtOffer({ authorizationId: 'dn:cn=Zoë,dc=x' });
    const { authorizationId } = choice(acceptor, mechanism.next(offer(acceptor, ALL)));
    expect(authorizationId).toBe('dn:cn=Zoë,dc=x');
  });

  it('protects both directions afterwards', () => {
    const { mechanism, acceptor } = gssapiAtOffer();
    choice(acceptor, mechanism.next(offer(acceptor, ALL)));
    const layer = mechanism.conclude()!;
    const sent = layer.encode(Buffer.from('to the server'));
    expect(Buffer.from(acceptor.unwrap(sent.subarray(4)).message).toString()).toBe('to the server');
    const token = acceptor.wrap(Buffer.from('to the client'));
    const [message] = [...layer.decode(Buffer.concat([Buffer.from([0, 0, 0, token.length]), token]))];
    expect(Buffer.from(message!).toString()).toBe('to the client');
  });
});

describe('the flags of the context', () => {
  const { mutual, replay, sequence, integrity, confidentiality } = GSS_FLAGS;
  const always = mutual | replay | sequence | integrity;
  it.each<[readonly SaslLayer[] | undefined, number]>([
    [undefined, always | confidentiality],
    [['none'], always],
    [['integrity'], always],
    [['none', 'integrity', 'confidentiality'], always | confidentiality],
  ])('for layers %j', (layers, flags) => expect(gssapiFlags({ layers })).toBe(flags));
});

describe('the choice', () => {
  it.each<[LayerPolicy, number, number, SaslLayer, number]>([
    [{}, ALL, 0x10000, 'confidentiality', 0x10000],
    [{}, NONE | INTEGRITY, 0x10000, 'integrity', 0x10000],
    [{}, NONE, 0, 'none', 0],
    // Dovecot says a size beside no layer, though it should be 0.
    [{}, NONE, 0xffffff, 'none', 0],
    // Bits that are not understood are negotiated off.
    [{}, 0xf8 | NONE, 0x10000, 'none', 0],
    [{}, 0xff, 0x10000, 'confidentiality', 0x10000],
    [{ layers: ['none', 'confidentiality'] }, ALL, 0x10000, 'none', 0],
    [{ layers: ['none', 'confidentiality'] }, CONFIDENTIALITY, 0x10000, 'confidentiality', 0x10000],
    [{ layers: ['integrity'], maxReceiveBuffer: 1 }, ALL, 4096, 'integrity', 1],
    [{ maxReceiveBuffer: 0xffffff }, ALL, 0xffffff, 'confidentiality', 0xffffff],
    // No message fits into such buffers.
    [{}, ALL, 0, 'none', 0],
    [{}, ALL, 16, 'none', 0],
  ])('under %j of mask %i with %i octets is %s', (policy, mask, size, expected, ourSize) => {
    const { mechanism, acceptor } = gssapiAtOffer(policy);
    const chosen = choice(acceptor, mechanism.next(offer(acceptor, mask, size)));
    const bits = { none: NONE, integrity: INTEGRITY, confidentiality: CONFIDENTIALITY };
    expect(chosen).toEqual({ mask: bits[expected], maxBuffer: ourSize, authorizationId: '' });
    const layer = mechanism.conclude();
    expect(layer?.protection ?? 'none').toBe(expected);
    if (layer !== undefined) {
      expect(layer.maxSendBuffer).toBe(size);
      expect(layer.maxReceiveBuffer).toBe(ourSize);
    }
  });

  it.each<[LayerPolicy, number, number]>([
    [{ layers: ['confidentiality'] }, NONE | INTEGRITY, 0x10000],
    [{ layers: ['confidentiality', 'integrity'] }, NONE, 0],
    [{ layers: ['integrity'] }, NONE | CONFIDENTIALITY, 0x10000],
    [{ layers: ['none'] }, INTEGRITY | CONFIDENTIALITY, 0x10000],
    [{}, 0, 0],
    [{}, 0xf8, 0x10000],
    [{ layers: ['confidentiality', 'integrity'] }, ALL, 0],
    [{ layers: ['confidentiality', 'integrity'] }, ALL, 20],
  ])('under %j of mask %i with %i octets is refused', (policy, mask, size) => {
    const { mechanism, acceptor } = gssapiAtOffer(policy);
    expect(codeThrown(() => mechanism.next(offer(acceptor, mask, size)))).toBe('ERR_SASL_LAYER');
    expect(codeThrown(() => mechanism.conclude())).toBe('ERR_GSS_STATE');
  });

  it('leaves out layers that the context cannot give', () => {
    const { mutual, integrity } = GSS_FLAGS;
    const only = gssapiAtOffer({}, mutual | integrity);
    expect(choice(only.acceptor, only.mechanism.next(offer(only.acceptor, ALL))).mask).toBe(INTEGRITY);
    const nothing = gssapiAtOffer({}, mutual);
    expect(choice(nothing.acceptor, nothing.mechanism.next(offer(nothing.acceptor, ALL))).mask).toBe(NONE);
    const strict = gssapiAtOffer({ layers: ['integrity'] }, mutual);
    expect(codeThrown(() => strict.mechanism.next(offer(strict.acceptor, ALL)))).toBe('ERR_SASL_LAYER');
  });
});

describe('a server that breaks the rules', () => {
  it.each([0, 1, 2, 3, 5, 6, 100])('offers layers in %i octets', (length) => {
    const { mechanism, acceptor } = gssapiAtOffer();
    const challenge = acceptor.wrap(new Uint8Array(length).fill(1), { sealed: false });
    expect(codeThrown(() => mechanism.next(challenge))).toBe('ERR_SASL_TOKEN');
  });

  it('speaks first', () => {
    const { mechanism } = gssapiPair();
    expect(codeThrown(() => mechanism.next(Uint8Array.of(1)))).toBe('ERR_SASL_TOKEN');
  });

  it('sends an empty challenge instead of its token or its offer', () => {
    const { mechanism } = gssapiPair();
    mechanism.next();
    expect(codeThrown(() => mechanism.next(new Uint8Array(0)))).toBe('ERR_GSS_TOKEN');
    expect(codeThrown(() => gssapiAtOffer().mechanism.next(new Uint8Array(0)))).toBe('ERR_GSS_TOKEN');
  });

  it('offers layers without Wrap token', () => {
    const { mechanism } = gssapiAtOffer();
    expect(codeThrown(() => mechanism.next(layerMessage(ALL, 0x10000)))).toBe('ERR_GSS_TOKEN');
  });

  it('sends another token than Wrap, or our own', () => {
    const mic = gssapiAtOffer();
    const challenge = mic.acceptor.mic(layerMessage(ALL, 0x10000));
    expect(codeThrown(() => mic.mechanism.next(challenge))).toBe('ERR_GSS_TOKEN');
    const own = gssapiAtOffer();
    const reflected = own.context.wrap(layerMessage(ALL, 0x10000), { confidential: false });
    expect(codeThrown(() => own.mechanism.next(reflected))).toBe('ERR_GSS_TOKEN');
  });

  it('skips a sequence number', () => {
    const { mechanism, acceptor } = gssapiAtOffer();
    acceptor.wrap(new Uint8Array(0));
    expect(codeThrown(() => mechanism.next(offer(acceptor, ALL)))).toBe('ERR_GSS_SEQUENCE');
  });

  it('skips a sequence number, which the context only reports', () => {
    const { context, acceptor } = freshPair({}, { flags: gssapiFlags(), anomalies: 'report' });
    const mechanism = new GssapiMechanism(context);
    acceptor.acceptToken(mechanism.next());
    mechanism.next(acceptor.apRepToken());
    acceptor.wrap(new Uint8Array(0));
    expect(codeThrown(() => mechanism.next(offer(acceptor, ALL)))).toBe('ERR_GSS_SEQUENCE');
  });

  it('changes any bit of its offer that is protected', () => {
    const right = offer(gssapiAtOffer().acceptor, ALL);
    let accepted = 0;
    for (const challenge of bitFlips(right)) {
      const { mechanism } = gssapiAtOffer();
      const code = codeThrown(() => mechanism.next(challenge));
      // Nothing protects RRC, and a rotation by the whole length changes nothing (RFC 4121 section 4.2.5).
      const rrc = challenge.findIndex((octet, index) => octet !== right[index]) >> 1 === 3;
      if (rrc && code === 'nothing') accepted++;
      else expect(['ERR_INTEGRITY', 'ERR_GSS_TOKEN', 'ERR_GSS_SEQUENCE']).toContain(code);
    }
    expect(accepted).toBeLessThanOrEqual(12);
  });

  it('reports success before it has proved itself', () => {
    const unproven = gssapiPair().mechanism;
    unproven.next();
    expect(codeThrown(() => unproven.conclude())).toBe('ERR_SASL_TOKEN');
  });

  it('reports success before layers are agreed', () => {
    expect(codeThrown(() => gssapiAtOffer().mechanism.conclude())).toBe('ERR_SASL_TOKEN');
    const { mechanism, acceptor } = gssapiAtOffer();
    expect(codeThrown(() => mechanism.conclude(offer(acceptor, NONE)))).toBe('ERR_SASL_TOKEN');
  });

  it('goes on after the end', () => {
    const { mechanism, acceptor } = gssapiAtOffer();
    mechanism.next(offer(acceptor, NONE));
    expect(codeThrown(() => mechanism.next(offer(acceptor, NONE)))).toBe('ERR_SASL_TOKEN');
    const other = gssapiAtOffer();
    other.mechanism.next(offer(other.acceptor, NONE));
    expect(codeThrown(() => other.mechanism.conclude(Uint8Array.of(1)))).toBe('ERR_SASL_TOKEN');
  });

  it('sends anything at all in place of its token', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.boolean(), (octets, success) => {
        const { mechanism } = gssapiPair();
        mechanism.next();
        expect(() => (success ? mechanism.conclude(octets) : mechanism.next(octets))).toThrow(KerberosError);
        expect(mechanism.complete).toBe(false);
      }),
      { numRuns: fuzzRuns },
    );
  });

  it('sends anything at all in place of its offer', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.boolean(), (octets, success) => {
        const { mechanism } = gssapiAtOffer();
        expect(() => (success ? mechanism.conclude(octets) : mechanism.next(octets))).toThrow(KerberosError);
        expect(mechanism.complete).toBe(false);
      }),
      { numRuns: fuzzRuns / 10 },
    );
  });

  it('offers any layers in any size: the choice was offered and permitted, or nothing is chosen', () => {
    const layers = fc.uniqueArray(fc.constantFrom<SaslLayer>('none', 'integrity', 'confidentiality'), {
      minLength: 1,
    });
    const bits = { none: NONE, integrity: INTEGRITY, confidentiality: CONFIDENTIALITY };
    fc.assert(
      fc.property(layers, fc.nat(255), fc.nat(0xffffff), (permitted, mask, size) => {
        const { mechanism, acceptor } = gssapiAtOffer({ layers: permitted });
        const challenge = offer(acceptor, mask, size);
        let response: Uint8Array;
        try {
          response = mechanism.next(challenge);
        } catch (error) {
          expect(error).toMatchObject({ code: 'ERR_SASL_LAYER' });
          return;
        }
        const chosen = choice(acceptor, response).mask;
        expect(chosen & mask).toBe(chosen);
        expect(permitted.map((layer) => bits[layer])).toContain(chosen);
      }),
      { numRuns: fuzzRuns / 10 },
    );
  });
});

describe('a caller', () => {
  it.each([
    [{ layers: [] }, 'layers'],
    [{ layers: ['encryption'] as unknown as SaslLayer[] }, 'layers'],
    [{ layers: 'none' as unknown as SaslLayer[] }, 'layers'],
    [{ maxReceiveBuffer: 0 }, 'maxReceiveBuffer'],
    [{ maxReceiveBuffer: 0x1000000 }, 'maxReceiveBuffer'],
    [{ maxReceiveBuffer: 1.5 }, 'maxReceiveBuffer'],
    [{ authorizationId: 'a\0b' }, 'authorizationId'],
    [{ authorizationId: '\ud800' }, 'authorizationId'],
  ])('is told what is wrong in %j', (options, name) => {
    const { context } = freshPair();
    const create = () => new GssapiMechanism(context, options);
    expect(create).toThrow(RangeError);
    expect(create).toThrow(name);
  });

  it('passes what is no octets', () => {
    const { mechanism } = gssapiPair();
    expect(() => mechanism.next('' as unknown as Uint8Array)).toThrow(TypeError);
    mechanism.next();
    expect(() => mechanism.next()).toThrow(TypeError);
    expect(() => mechanism.conclude('' as unknown as Uint8Array)).toThrow(TypeError);
  });

  it('concludes at the wrong time, or twice', () => {
    expect(codeThrown(() => gssapiPair().mechanism.conclude())).toBe('ERR_GSS_STATE');
    const { mechanism, acceptor } = gssapiAtOffer();
    choice(acceptor, mechanism.next(offer(acceptor, ALL)));
    const layer = mechanism.conclude();
    expect(codeThrown(() => mechanism.conclude())).toBe('ERR_GSS_STATE');
    expect(codeThrown(() => mechanism.next(new Uint8Array(0)))).toBe('ERR_GSS_STATE');
    expect(layer?.encode(Uint8Array.of(1)).length).toBeGreaterThan(4);
  });

  it('passes a context without mutual authentication: the server is not believed', () => {
    const flags = GSS_FLAGS.integrity;
    const { context, acceptor } = freshPair({}, { flags });
    const mechanism = new GssapiMechanism(context);
    acceptor.acceptToken(mechanism.next());
    expect(() => mechanism.next(offer(acceptor, NONE))).toThrow(KerberosError);
  });

  it('deletes it, and nothing is possible any more', () => {
    const { mechanism, context } = gssapiPair();
    mechanism.delete();
    expect(codeThrown(() => mechanism.next())).toBe('ERR_GSS_STATE');
    expect(context.established).toBe(false);
  });
});
