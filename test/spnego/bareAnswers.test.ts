/** Acceptors that answer a NegTokenInit with a token of the mechanism alone, and those that want NTLM. */
import { describe, expect, it } from 'vitest';
import { concat, fromHex, utf8 } from '../../src/bytes.js';
import { DEFAULT_FLAGS } from '../../src/gss/context.js';
import { GSS_FLAGS } from '../../src/gss/flags.js';
import { KRB5_OID, MS_KRB5_OID } from '../../src/gss/token.js';
import { NEG_STATES } from '../../src/spnego/messages.js';
import { bitFlips, codeThrown } from '../support/gssContexts.js';
import { negTokenResp } from '../support/scriptedAcceptor.js';
import { errorOf, exchangesMessages, OTHER_OID, offered, refuses } from './negotiations.js';

const { acceptIncomplete, requestMic } = NEG_STATES;
const NTLM = concat(utf8('NTLMSSP\0'), fromHex('02000000'));

describe('a bare krb5 token', () => {
  it.each([[[KRB5_OID]], [[MS_KRB5_OID]], [[KRB5_OID, MS_KRB5_OID]]])(
    'that is the AP-REP completes: %j',
    (oids) => {
      const pair = offered(oids);
      expect(pair.negotiation.step(pair.acceptor.apRepToken())).toEqual({ token: undefined, done: true });
      expect(pair.negotiation.mutuallyAuthenticated).toBe(true);
      exchangesMessages(pair);
    },
  );

  it('that is a KRB-ERROR gives it', () => {
    const pair = offered();
    refuses(pair, pair.acceptor.errorToken(37), 'KRB_AP_ERR_SKEW');
  });

  it('that belongs to somebody else is refused', () => {
    const pair = offered();
    refuses(pair, pair.acceptor.apRepToken({ key: pair.acceptor.freshKey(18) }), 'ERR_INTEGRITY');
  });

  it('where none is expected is refused', () => {
    const flags = DEFAULT_FLAGS & ~GSS_FLAGS.mutual;
    const pair = offered([KRB5_OID], { flags });
    refuses(pair, pair.acceptor.apRepToken(), 'ERR_SPNEGO_TOKEN');
  });

  it('is refused after request-mic', () => {
    const pair = offered([OTHER_OID, KRB5_OID]);
    const answer = negTokenResp({ negState: requestMic, supportedMech: KRB5_OID });
    const { token } = pair.negotiation.step(answer);
    expect(token).toBeDefined();
    refuses(pair, pair.acceptor.errorToken(37), 'KRB_AP_ERR_SKEW');
  });

  it('with any one bit flipped is refused', () => {
    const { acceptor } = offered();
    for (const flipped of bitFlips(acceptor.apRepToken())) {
      expect(codeThrown(() => offered().negotiation.step(flipped))).not.toBe('nothing');
    }
  });
});

describe('a bare token of another mechanism', () => {
  it.each<[string, Uint8Array, string]>([
    ['user-to-user Kerberos', fromHex('600c060a2a864886f71201020203'), 'ERR_SPNEGO_MECHANISM'],
    ['IAKERB', fromHex('6008060 62b0601050205'.replace(' ', '')), 'ERR_SPNEGO_MECHANISM'],
    ['SPNEGO', fromHex('600806062b0601050502'), 'ERR_SPNEGO_TOKEN'],
    ['nothing', fromHex('6000'), 'ERR_ASN1'],
    ['an empty identifier', fromHex('60020600'), 'ERR_ASN1'],
    ['what is cut off', fromHex('6009060b2a864886f712'), 'ERR_ASN1'],
    ['a length without octets', fromHex('6084'), 'ERR_ASN1'],
  ])('%s is refused', (_, token, code) => {
    refuses(offered(), token, code);
  });
});

describe('NTLM', () => {
  it.each<[string, Uint8Array]>([
    ['as a bare token', NTLM],
    [
      'in responseToken',
      negTokenResp({ negState: acceptIncomplete, supportedMech: KRB5_OID, responseToken: NTLM }),
    ],
    ['in responseToken without mechanism', negTokenResp({ negState: acceptIncomplete, responseToken: NTLM })],
    ['as the mechanism', negTokenResp({ negState: requestMic, supportedMech: '1.3.6.1.4.1.311.2.2.10' })],
    [
      'as the mechanism with its token, as Windows Server 2003 answers',
      negTokenResp({
        negState: acceptIncomplete,
        supportedMech: '1.3.6.1.4.1.311.2.2.10',
        responseToken: NTLM,
      }),
    ],
  ])('%s is refused and named', (_, token) => {
    const { code, message } = errorOf(() => offered().negotiation.step(token));
    expect(code).toBe('ERR_SPNEGO_MECHANISM');
    expect(message).toContain('NTLM is not supported');
    refuses(offered([KRB5_OID, MS_KRB5_OID]), token, 'ERR_SPNEGO_MECHANISM');
  });

  it('in a reject is a reject', () => {
    refuses(
      offered(),
      negTokenResp({ negState: NEG_STATES.reject, responseToken: NTLM }),
      'ERR_SPNEGO_REJECTED',
    );
  });
});

describe('an empty responseToken', () => {
  it.each([0, 1])(
    'means none where the mechanism is complete, as old servers send it: state %i',
    (negState) => {
      const pair = offered([KRB5_OID], { flags: DEFAULT_FLAGS & ~GSS_FLAGS.mutual });
      const answer = negTokenResp({ negState, supportedMech: KRB5_OID, responseToken: new Uint8Array(0) });
      expect(pair.negotiation.step(answer)).toEqual({ token: undefined, done: true });
      exchangesMessages(pair);
    },
  );

  it('is none where the AP-REP should be', () => {
    const answer = negTokenResp({ negState: acceptIncomplete, responseToken: new Uint8Array(0) });
    refuses(offered(), answer, 'ERR_SPNEGO_TOKEN');
  });

  it('does not hide a token that nobody expects', () => {
    const pair = offered([KRB5_OID], { flags: DEFAULT_FLAGS & ~GSS_FLAGS.mutual });
    refuses(pair, negTokenResp({ responseToken: pair.acceptor.apRepToken() }), 'ERR_SPNEGO_TOKEN');
  });
});
