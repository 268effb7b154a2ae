import { describe, expect, it } from 'vitest';
import { describeFailure, Failure, failureJson, type Situation } from '../../src/cli/failure.js';
import {
  CredentialError,
  CryptoError,
  FormatError,
  KdcError,
  type KdcErrorDetails,
  TransportError,
} from '../../src/errors.js';
import { parsePrincipal } from '../../src/formats/principal.js';

const client = parsePrincipal('alice@EXAMPLE.TEST');
const situation: Situation = { activity: 'while getting initial credentials', client };

function kdcError(details: Partial<KdcErrorDetails>): KdcError {
  return new KdcError({
    number: 24,
    symbol: 'KDC_ERR_PREAUTH_FAILED',
    realm: 'EXAMPLE.TEST',
    principal: 'alice@EXAMPLE.TEST',
    serverTimeMs: 0,
    skewSeconds: 0,
    eText: undefined,
    eData: undefined,
    ...details,
  });
}

function lines(error: unknown, more: Partial<Situation> = {}): string[] {
  return describeFailure(new Failure(error, { ...situation, ...more }));
}

describe('describeFailure', () => {
  it('begins with the sentence of MIT and goes on with ours', () => {
    const [first, second, ...rest] = lines(kdcError({}), { password: true });
    expect(first).toBe('Password incorrect while getting initial credentials');
    expect(second).toContain('KDC_ERR_PREAUTH_FAILED 24');
    expect(rest).toEqual([]);
  });

  it('knows passwords from keys', () => {
    const wrong = new CryptoError('ERR_INTEGRITY', 'integrity check failed');
    expect(lines(wrong, { password: true })[0]).toMatch(/^Password incorrect/);
    expect(lines(wrong)[0]).toMatch(/^Decrypt integrity check failed/);
    expect(lines(kdcError({}))[0]).toMatch(/^Preauthentication failed/);
  });

  it('names the client, the server or the realm', () => {
    const unknown = kdcError({ number: 6, symbol: 'KDC_ERR_C_PRINCIPAL_UNKNOWN' });
    expect(lines(unknown)[0]).toMatch(/^Client 'alice@EXAMPLE.TEST' not found in Kerberos database/);
    const server = parsePrincipal('nosuch/x@EXAMPLE.TEST');
    const unknownServer = kdcError({
      number: 7,
      symbol: 'KDC_ERR_S_PRINCIPAL_UNKNOWN',
      principal: 'nosuch/x@EXAMPLE.TEST',
    });
    expect(lines(unknownServer, { server })[0]).toMatch(/^Server nosuch\/x@EXAMPLE.TEST not found/);
    expect(lines(unknownServer)[0]).toMatch(/^Server not found/);
    const away = new TransportError('ERR_KDC_UNKNOWN', 'no KDC of EXAMPLE.TEST is known');
    expect(lines(away)[0]).toMatch(/^Cannot find KDC for realm "EXAMPLE.TEST"/);
    const elsewhere = new TransportError('ERR_KDC_UNKNOWN', 'no KDC of OTHER.TEST is known; add one');
    expect(lines(elsewhere)[0]).toMatch(/^no KDC of OTHER.TEST is known while/);
  });

  it('lists every attempt', () => {
    const attempts = [{ server: '127.0.0.1:88', protocol: 'udp', outcome: 'connection refused' }] as const;
    const error = new TransportError('ERR_KDC_UNREACHABLE', 'EXAMPLE.TEST: no answer', attempts);
    expect(lines(error)).toEqual([
      "Cannot contact any KDC for realm 'EXAMPLE.TEST' while getting initial credentials",
      '  EXAMPLE.TEST: no answer',
      '  udp 127.0.0.1:88: connection refused',
    ]);
  });

  it('puts the advice of our messages on a line of its own', () => {
    const error = new CredentialError('ERR_CCACHE_MISSING', 'No cache (filename: x); run kinit');
    expect(lines(error)).toEqual(['No cache (filename: x) while getting initial credentials', '  run kinit']);
    expect(describeFailure(error)).toEqual(['No cache (filename: x)', '  run kinit']);
  });

  it('shows no control characters and no stack', () => {
    const error = new FormatError('keytab', 'has \u001b[2J and \u009b');
    expect(describeFailure(error)).toEqual(['keytab: has \\x1b[2J and \\x9b']);
    expect(describeFailure(new TypeError('a\n    at b'))).toEqual(['a']);
    expect(describeFailure('text')).toEqual(['text']);
  });
});

describe('failureJson', () => {
  it('has code, message, details and what is known beyond', () => {
    const skew = kdcError({ number: 37, symbol: 'KRB_AP_ERR_SKEW', skewSeconds: 412.4 });
    expect(failureJson(new Failure(skew, situation))).toMatchObject({
      error: { code: 'KRB_AP_ERR_SKEW', message: expect.any(String), skewSeconds: 412 },
    });
    expect(failureJson(new Error('mistake'))).toEqual({
      error: { code: 'ERR_INTERNAL', message: 'mistake' },
    });
  });
});
