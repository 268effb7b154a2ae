/** The hints of an acceptor that speaks first (NegTokenInit2, MS-SPNG sections 2.2.1 and 3.2.5.2). */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat, fromHex, toHex, utf8 } from '../../src/bytes.js';
import { KRB5_OID, MS_KRB5_OID } from '../../src/gss/token.js';
import { frameSpnego, readOffer } from '../../src/spnego/framing.js';
import { encode, NEG_STATES, type NegTokenInit } from '../../src/spnego/messages.js';
import { fuzzRuns } from '../support/fuzz.js';
import { bitFlips, codeThrown } from '../support/gssContexts.js';
import { negTokenResp } from '../support/scriptedAcceptor.js';
import { errorOf, exchangesMessages, OTHER_OID, offering, refuses } from './negotiations.js';

const NTLM = '1.3.6.1.4.1.311.2.2.10';
const NEGOEX = '1.3.6.1.4.1.311.2.2.30';
const HINTS = encode('NegHints', { hintName: 'not_defined_in_RFC4178@please_ignore' });
const MIC = Uint8Array.of(0x04, 0x02, 0xaa, 0xbb);

function hints(fields: NegTokenInit): Uint8Array {
  return frameSpnego(encode('NegotiationToken', { negTokenInit: fields }));
}

/** What Windows 10 sends in SMB: NegoEx with a token, both identifiers of Kerberos, user-to-user, NTLM. */
const WINDOWS = hints({
  mechTypes: [NEGOEX, MS_KRB5_OID, KRB5_OID, `${KRB5_OID}.3`, NTLM],
  mechToken: utf8('NEGOEXTS'),
  micOrHints: HINTS,
});

describe('hints', () => {
  it.each<[string, Uint8Array]>([
    ['of MIT krb5 and Samba', hints({ mechTypes: [KRB5_OID, NTLM], micOrHints: HINTS })],
    ['of Windows', WINDOWS],
    ["with Microsoft's identifier alone", hints({ mechTypes: [MS_KRB5_OID], micOrHints: HINTS })],
    ['without hints', hints({ mechTypes: [KRB5_OID] })],
    ['without mechanisms', hints({ micOrHints: HINTS })],
    ['with nothing at all', hints({})],
    ['with an empty NegHints', hints({ mechTypes: [KRB5_OID], micOrHints: fromHex('3000') })],
    ['with flags and a MIC', hints({ mechTypes: [KRB5_OID], reqFlags: 0, micOrHints: MIC })],
    [
      'with hints and a MIC',
      hints({ mechTypes: [KRB5_OID], micOrHints: HINTS, micBehindHints: MIC.slice(2) }),
    ],
  ])('%s change nothing in our token', (_, token) => {
    const expected = offering([KRB5_OID, MS_KRB5_OID]).negotiation.step();
    const negotiated = offering([KRB5_OID, MS_KRB5_OID]);
    const result = negotiated.negotiation.step(token);
    expect(toHex(result.token!)).toBe(toHex(expected.token!));
    negotiated.acceptor.acceptNegTokenInit(result.token!);
    const responseToken = negotiated.acceptor.apRepToken();
    const answer = negTokenResp({ negState: NEG_STATES.acceptCompleted, responseToken });
    expect(negotiated.negotiation.step(answer)).toEqual({ token: undefined, done: true });
    exchangesMessages(negotiated);
  });

  it('may be an empty token', () => {
    const { token } = offering().negotiation.step(new Uint8Array(0));
    expect(toHex(token!)).toBe(toHex(offering().negotiation.step().token!));
  });

  it.each([[[NTLM]], [[NEGOEX, NTLM]], [[]], [[`${KRB5_OID}.3`, OTHER_OID]]])(
    'that list %j are refused',
    (mechTypes) => {
      refuses(offering(), hints({ mechTypes, micOrHints: HINTS }), 'ERR_SPNEGO_MECHANISM');
    },
  );

  it('that list a mechanism of ours are taken whatever it is', () => {
    const token = hints({ mechTypes: [NTLM, OTHER_OID], micOrHints: HINTS });
    expect(offering([OTHER_OID, KRB5_OID]).negotiation.step(token).done).toBe(false);
  });

  it('with NTLM say that it is not supported', () => {
    for (const token of [
      hints({ mechTypes: [NTLM] }),
      concat(utf8('NTLMSSP\0'), Uint8Array.of(2, 0, 0, 0)),
    ]) {
      const { code, message } = errorOf(() => offering().negotiation.step(token));
      expect(code).toBe('ERR_SPNEGO_MECHANISM');
      expect(message).toContain('NTLM is not supported');
    }
  });

  it.each<[string, Uint8Array, string]>([
    ['without framing', hints({ mechTypes: [KRB5_OID] }).subarray(10), 'ERR_SPNEGO_TOKEN'],
    ['that are a NegTokenResp', negTokenResp({ negState: 2 }), 'ERR_SPNEGO_TOKEN'],
    ['that are a framed NegTokenResp', frameSpnego(negTokenResp({ negState: 2 })), 'ERR_SPNEGO_TOKEN'],
    ['in the framing of krb5', fromHex('600b06092a864886f712010202'), 'ERR_SPNEGO_TOKEN'],
    ['with two MICs', hints({ micOrHints: MIC, micBehindHints: MIC.slice(2) }), 'ERR_SPNEGO_TOKEN'],
    ['with a number in place of both', hints({ micOrHints: fromHex('020100') }), 'ERR_ASN1'],
    ['with octets behind', concat(hints({ mechTypes: [KRB5_OID] }), Uint8Array.of(0)), 'ERR_SPNEGO_TOKEN'],
    ['cut off', WINDOWS.subarray(0, WINDOWS.length - 1), 'ERR_SPNEGO_TOKEN'],
  ])('%s are refused', (_, token, code) => {
    refuses(offering(), token, code);
  });

  it('come once', () => {
    const negotiated = offering();
    negotiated.negotiation.step(WINDOWS);
    refuses(negotiated, WINDOWS, 'ERR_SPNEGO_TOKEN');
  });
});

describe('NegTokenInit2', () => {
  it('has hints where NegTokenInit has the MIC', () => {
    const mechTypes = [KRB5_OID];
    const plain = { mechTypes, mechToken: undefined, hintName: undefined, mechListMic: undefined };
    expect(readOffer(hints({ mechTypes }))).toEqual(plain);
    const mechListMic = MIC.slice(2);
    expect(readOffer(hints({ mechTypes, micOrHints: MIC }))).toEqual({ ...plain, mechListMic });
    const hintName = 'not_defined_in_RFC4178@please_ignore';
    expect(readOffer(hints({ mechTypes, micOrHints: HINTS }))).toEqual({ ...plain, hintName });
    const both = hints({ mechTypes, micOrHints: HINTS, micBehindHints: mechListMic });
    expect(readOffer(both)).toEqual({ ...plain, hintName, mechListMic });
    expect(readOffer(hints({ mechTypes, micBehindHints: mechListMic }))).toEqual({ ...plain, mechListMic });
  });
});

describe('any hints', () => {
  const outcome = (token: Uint8Array): string => codeThrown(() => offering().negotiation.step(token));

  it('of random octets are refused with a KerberosError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 80 }), (token) => {
        expect(outcome(token)).not.toBe('nothing');
      }),
      { numRuns: fuzzRuns },
    );
  });

  it('of Windows with one bit flipped give a KerberosError or our token', () => {
    for (const flipped of bitFlips(WINDOWS))
      expect(outcome(flipped)).toMatch(/^(nothing|ERR_(ASN1|SPNEGO_\w+))$/);
  });
});
