/** The tokenizer of WWW-Authenticate against RFC 9110 section 11.6.1, and against what no grammar has. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  MAX_CHALLENGE_LENGTH,
  negotiateChallenge,
  parseChallenges,
} from '../../../src/adapters/http/challenge.js';
import { KerberosError } from '../../../src/errors.js';
import { fuzzRuns } from '../../support/fuzz.js';

/** Challenges in short: scheme, token68, parameters. */
function parsed(...headers: string[]): unknown[] {
  return parseChallenges(headers).map(({ scheme, token68, parameters }) => [
    scheme,
    token68,
    Object.fromEntries(parameters),
  ]);
}

const bare = (scheme: string) => [scheme, undefined, {}];

describe('parseChallenges', () => {
  it.each([
    ['Negotiate', [bare('negotiate')]],
    ['nEgOtIaTe', [bare('negotiate')]],
    ['Negotiate YII=', [['negotiate', 'YII=', {}]]],
    ['Negotiate   YII==  ', [['negotiate', 'YII==', {}]]],
    [
      'Negotiate YII,Basic realm=x',
      [
        ['negotiate', 'YII', {}],
        ['basic', undefined, { realm: 'x' }],
      ],
    ],
    ['Basic realm="a", Negotiate', [['basic', undefined, { realm: 'a' }], bare('negotiate')]],
    ['Basic realm="a, Negotiate x"', [['basic', undefined, { realm: 'a, Negotiate x' }]]],
    ['Basic realm="a\\", Negotiate"', [['basic', undefined, { realm: 'a", Negotiate' }]]],
    ['NTLM, Negotiate, Kerberos', [bare('ntlm'), bare('negotiate'), bare('kerberos')]],
    [',, ,Negotiate,,', [bare('negotiate')]],
    ['', []],
    [' \t,', []],
    // The example of RFC 9110 section 11.6.1.
    [
      'Basic realm="simple", Newauth realm="apps", type=1, title="Login to \\"apps\\""',
      [
        ['basic', undefined, { realm: 'simple' }],
        ['newauth', undefined, { realm: 'apps', type: '1', title: 'Login to "apps"' }],
      ],
    ],
    ['Digest a = b , c\t=\t"d"', [['digest', undefined, { a: 'b', c: 'd' }]]],
    ['Digest a=1, A=2', [['digest', undefined, { a: '1' }]]],
    ['Digest a==, b=1', [['digest', 'a==', { b: '1' }]]],
  ])('reads %j', (header, expected) => {
    expect(parsed(header)).toEqual(expected);
  });

  it.each([
    ['=, Negotiate', ['negotiate']],
    ['a=b, Negotiate', ['negotiate']],
    ['Bearer realm=https://x/, Negotiate', ['bearer', 'negotiate']],
    ['Bearer realm="x" y, Negotiate', ['bearer', 'negotiate']],
    ['Bearer error="x, Negotiate', ['bearer']],
    ['Bearer @, "a, b", Negotiate', ['bearer', 'negotiate']],
    ['Negotiate : YII=', ['negotiate']],
    ['Negotiate: YII=', ['negotiate']],
    ['Negotiate\u00a0YII=', ['negotiate']],
  ])('reads over what is wrong in %j', (header, schemes) => {
    expect(parseChallenges([header]).map(({ scheme }) => scheme)).toEqual(schemes);
  });

  it('reads several headers', () => {
    expect(parsed('Basic realm=x', 'Negotiate', 'NTLM')).toEqual([
      ['basic', undefined, { realm: 'x' }],
      bare('negotiate'),
      bare('ntlm'),
    ]);
  });

  it('refuses what is too long, also in sum', () => {
    const half = 'a'.repeat(MAX_CHALLENGE_LENGTH / 2);
    expect(parseChallenges([half, half])).toHaveLength(2);
    const tooLong = expect.objectContaining({ code: 'ERR_HTTP_CHALLENGE' });
    expect(() => parseChallenges([half, half, 'a'])).toThrow(tooLong);
    expect(() => parseChallenges(['a'.repeat(10_000_000)])).toThrow(tooLong);
  });

  it.each([
    ['quotes', '"'],
    ['quoted quotes', '\\"'],
    ['an open string', 'a="'],
    ['open strings', 'a="\\'],
    ['equals signs', '='],
    ['commas', ','],
    ['schemes', 'a,'],
    ['parameters', 'a=b,'],
    ['token68', 'a b='],
    ['blanks', ' '],
    ['bad items', '@"",'],
  ])('takes linear time for %s', (_what, part) => {
    /** Of the processor, which other programs do not take part in, ms. */
    const time = (length: number): number => {
      const header = `Negotiate ${part.repeat(length / part.length)}`;
      const start = process.cpuUsage();
      parseChallenges([header]);
      return process.cpuUsage(start).user / 1000;
    };
    const eighth = time(MAX_CHALLENGE_LENGTH / 8);
    // Eight times as long as an eighth; in quadratic time it would be sixty-four times.
    expect(time(MAX_CHALLENGE_LENGTH - 10)).toBeLessThan(Math.max(1000, 24 * eighth));
  });

  it('never throws anything but its own error', () => {
    const part = fc.constantFrom('Negotiate', ' ', ',', '=', '"', '\\', 'a', 'YII=', '\t', '\u00e9', '@');
    const headers = fc.array(
      fc.oneof(
        fc.array(part).map((parts) => parts.join('')),
        fc.string(),
      ),
    );
    fc.assert(
      fc.property(headers, (texts) => {
        for (const { scheme } of parseChallenges(texts)) expect(scheme).not.toBe('');
        try {
          negotiateChallenge(texts);
        } catch (error) {
          expect(error).toBeInstanceOf(KerberosError);
        }
      }),
      { numRuns: fuzzRuns },
    );
  });

  it('finds what was written, whatever stands around it', () => {
    const quoted = fc.string().map((text) => `Basic realm="${text.replace(/[\\"]/g, '\\$&')}"`);
    fc.assert(
      fc.property(fc.array(quoted), fc.nat(), (others, at) => {
        const list = others.toSpliced(at % (others.length + 1), 0, 'Negotiate YIIB');
        expect(negotiateChallenge([list.join(', ')]).token).toEqual(Uint8Array.of(0x60, 0x82, 0x01));
        expect(negotiateChallenge(list).offered).toBe(true);
        expect(negotiateChallenge(others)).toEqual({ offered: false, token: undefined });
      }),
      { numRuns: fuzzRuns },
    );
  });
});

describe('negotiateChallenge', () => {
  it('says whether Negotiate is offered, and gives the token', () => {
    expect(negotiateChallenge([])).toEqual({ offered: false, token: undefined });
    expect(negotiateChallenge(['Basic', 'NEGOTIATE'])).toEqual({ offered: true, token: undefined });
    expect(negotiateChallenge(['negotiate oQ=='])).toEqual({ offered: true, token: Uint8Array.of(0xa1) });
    expect(negotiateChallenge(['Negotiate', 'Negotiate oQ=='])).toMatchObject({ token: Uint8Array.of(0xa1) });
  });

  it.each([
    ['two tokens', ['Negotiate oQ==, Negotiate oQ==']],
    ['two tokens in two headers', ['Negotiate oQ==', 'Negotiate YII=']],
    ['base64url', ['Negotiate ab-_']],
    ['a length that base64 does not have', ['Negotiate oQ=']],
    ['no padding', ['Negotiate oQ']],
    ['too much padding', ['Negotiate a===']],
  ])('refuses %s', (_what, headers) => {
    expect(() => negotiateChallenge(headers)).toThrow(
      expect.objectContaining({ code: 'ERR_HTTP_CHALLENGE' }),
    );
  });
});
