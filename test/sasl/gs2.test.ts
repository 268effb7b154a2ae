/** GS2-KRB5 and GS2-KRB5-PLUS (RFC 5801): header, channel bindings, framing. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat, utf8 } from '../../src/bytes.js';
import { KerberosError } from '../../src/errors.js';
import type { SecurityContext } from '../../src/gss/securityContext.js';
import {
  type ChannelBinding,
  GS2_FLAGS,
  Gs2Mechanism,
  type Gs2Name,
  type Gs2Options,
  gs2ChannelBindings,
  gs2Header,
} from '../../src/sasl/gs2.js';
import { fuzzRuns } from '../support/fuzz.js';
import { codeThrown, freshPair } from '../support/gssContexts.js';
import { expectedBindingsHash } from '../support/scriptedAcceptor.js';

const END_POINT: ChannelBinding = { type: 'tls-server-end-point', data: utf8('a hash of 32 octets') };
const KRB5_OID_DER = Buffer.from('06092a864886f712010202', 'hex');

/** A mechanism and a server that checks the bindings of RFC 5801 section 5.1. */
function gs2Pair(name: Gs2Name, options: Gs2Options, bound: string) {
  const bindingsHash = expectedBindingsHash([0, ''], [0, ''], bound);
  const channelBindings = gs2ChannelBindings(name, options);
  const { context, acceptor } = freshPair({ bindingsHash }, { flags: GS2_FLAGS, channelBindings });
  return { mechanism: new Gs2Mechanism(context, name, options), acceptor };
}

/** The server's part: header and the token with its framing again (RFC 5801 section 4). */
function readInitialMessage(message: Uint8Array): { header: string; token: Uint8Array } {
  const text = Buffer.from(message).toString('latin1');
  const header = /^(?:p=[A-Za-z0-9.-]+|n|y),(?:a=[^,]+)?,/.exec(text)?.[0];
  if (header === undefined) throw new Error(`no gs2-header: ${text.slice(0, 20)}`);
  const inner = concat(KRB5_OID_DER, message.subarray(header.length));
  const length = Buffer.alloc(2);
  length.writeUInt16BE(inner.length);
  return { header, token: concat(Uint8Array.of(0x60, 0x82), length, inner) };
}

describe('the gs2-header', () => {
  it.each<[Gs2Name, Gs2Options, string]>([
    ['GS2-KRB5', {}, 'n,,'],
    ['GS2-KRB5', { authorizationId: '' }, 'n,,'],
    ['GS2-KRB5', { authorizationId: 'someuser' }, 'n,a=someuser,'],
    ['GS2-KRB5', { authorizationId: 'a,b=c=2C' }, 'n,a=a=2Cb=3Dc=3D2C,'],
    ['GS2-KRB5', { authorizationId: 'Zoë' }, 'n,a=Zoë,'],
    ['GS2-KRB5', { channelBinding: END_POINT }, 'y,,'],
    ['GS2-KRB5', { channelBinding: END_POINT, authorizationId: 'u' }, 'y,a=u,'],
    ['GS2-KRB5-PLUS', { channelBinding: END_POINT }, 'p=tls-server-end-point,,'],
    [
      'GS2-KRB5-PLUS',
      { channelBinding: { type: 'tls-exporter', data: new Uint8Array(32) }, authorizationId: 'u' },
      'p=tls-exporter,a=u,',
    ],
  ])('of %s with %o', (name, options, header) => {
    expect(Buffer.from(gs2Header(name, options)).toString()).toBe(header);
  });

  it.each([
    [{ authorizationId: 'a\0' }, RangeError],
    [{ authorizationId: '\udc80' }, RangeError],
    [{ authorizationId: 7 as unknown as string }, TypeError],
    [{ channelBinding: { type: 'a,b', data: new Uint8Array(0) } }, RangeError],
    [{ channelBinding: { type: '', data: new Uint8Array(0) } }, RangeError],
    [{ channelBinding: { type: 'tls-exporter', data: 'x' as unknown as Uint8Array } }, TypeError],
    [{ channelBinding: null as unknown as ChannelBinding }, TypeError],
  ])('cannot be made of %o', (options, kind) => {
    expect(() => gs2Header('GS2-KRB5', options)).toThrow(kind);
    expect(() => gs2ChannelBindings('GS2-KRB5', options)).toThrow(/authorizationId|channelBinding/);
  });

  it('with p needs a binding', () => {
    expect(() => gs2Header('GS2-KRB5-PLUS')).toThrow(TypeError);
  });
});

describe('the exchange', () => {
  it.each<[Gs2Name, Gs2Options, string, string]>([
    ['GS2-KRB5', {}, 'n,,', 'n,,'],
    ['GS2-KRB5', { authorizationId: 'bob' }, 'n,a=bob,', 'n,a=bob,'],
    ['GS2-KRB5', { channelBinding: END_POINT }, 'y,,', 'y,,'],
    [
      'GS2-KRB5-PLUS',
      { channelBinding: END_POINT },
      'p=tls-server-end-point,,',
      'p=tls-server-end-point,,a hash of 32 octets',
    ],
  ])('of %s with %o binds header and channel', (name, options, header, bound) => {
    const { mechanism, acceptor } = gs2Pair(name, options, bound);
    expect(mechanism.name).toBe(name);
    const initial = readInitialMessage(mechanism.next());
    expect(initial.header).toBe(header);
    acceptor.acceptToken(initial.token);
    expect(acceptor.flags).toBe(GS2_FLAGS);
    // RFC 5801 section 6, example 1: the reply token is a challenge, the response is empty.
    expect(mechanism.next(acceptor.apRepToken())).toHaveLength(0);
    expect(mechanism.complete).toBe(true);
    expect(mechanism.conclude()).toBeUndefined();
    expect(mechanism.securityLayer).toBeUndefined();
  });

  it('takes the reply token as additional data with success', () => {
    const { mechanism, acceptor } = gs2Pair('GS2-KRB5', {}, 'n,,');
    acceptor.acceptToken(readInitialMessage(mechanism.next()).token);
    expect(mechanism.conclude(acceptor.apRepToken())).toBeUndefined();
    expect(mechanism.complete).toBe(true);
  });

  it('does not believe a success without proof, or with the wrong one', () => {
    const unproven = gs2Pair('GS2-KRB5', {}, 'n,,');
    unproven.mechanism.next();
    expect(codeThrown(() => unproven.mechanism.conclude())).toBe('ERR_SASL_TOKEN');
    const other = gs2Pair('GS2-KRB5', {}, 'n,,');
    const { mechanism, acceptor } = gs2Pair('GS2-KRB5', {}, 'n,,');
    other.acceptor.acceptToken(readInitialMessage(other.mechanism.next()).token);
    acceptor.acceptToken(readInitialMessage(mechanism.next()).token);
    const wrong = other.acceptor.apRepToken({ part: (part) => ({ ...part, cusec: part.cusec ^ 1 }) });
    expect(codeThrown(() => mechanism.conclude(wrong))).toBe('ERR_AP_REP');
    expect(mechanism.complete).toBe(false);
  });

  it('tells the service by a KRB-ERROR token why it failed', () => {
    const { mechanism, acceptor } = gs2Pair('GS2-KRB5', {}, 'n,,');
    acceptor.acceptToken(readInitialMessage(mechanism.next()).token);
    expect(codeThrown(() => mechanism.next(acceptor.errorToken(37)))).toBe('KRB_AP_ERR_SKEW');
  });

  it('ends there: a further challenge is refused', () => {
    const { mechanism, acceptor } = gs2Pair('GS2-KRB5', {}, 'n,,');
    acceptor.acceptToken(readInitialMessage(mechanism.next()).token);
    mechanism.next(acceptor.apRepToken());
    expect(codeThrown(() => mechanism.next(new Uint8Array(0)))).toBe('ERR_SASL_TOKEN');
  });

  it('does not believe a context that is established without mutual authentication', () => {
    const { context } = freshPair({}, { flags: 0 });
    const mechanism = new Gs2Mechanism(context, 'GS2-KRB5');
    mechanism.next();
    expect(codeThrown(() => mechanism.next(new Uint8Array(0)))).toBe('ERR_SASL_TOKEN');
  });
});

describe('an initial token without framing', () => {
  it('is marked with F, which is no part of the bindings', () => {
    const token = Uint8Array.of(0x6e, 1, 2, 3);
    const context = { step: () => ({ token, done: false }), delete: () => undefined };
    const mechanism = new Gs2Mechanism(context as unknown as SecurityContext, 'GS2-KRB5');
    expect(Buffer.from(mechanism.next())).toEqual(Buffer.from('F,n,,n\x01\x02\x03'));
    expect(Buffer.from(gs2ChannelBindings('GS2-KRB5').applicationData!).toString()).toBe('n,,');
  });

  it('cannot be missing', () => {
    const context = { step: () => ({ token: undefined, done: true }), delete: () => undefined };
    const mechanism = new Gs2Mechanism(context as unknown as SecurityContext, 'GS2-KRB5');
    expect(codeThrown(() => mechanism.next())).toBe('ERR_SASL_TOKEN');
  });
});

it('gives our own error for whatever the server sends', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), fc.boolean(), (octets, success) => {
      const { mechanism } = gs2Pair('GS2-KRB5', {}, 'n,,');
      mechanism.next();
      expect(() => (success ? mechanism.conclude(octets) : mechanism.next(octets))).toThrow(KerberosError);
      expect(mechanism.complete).toBe(false);
    }),
    { numRuns: fuzzRuns },
  );
});
