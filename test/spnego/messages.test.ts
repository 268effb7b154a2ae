import { Constructed, fromBER, type ObjectIdentifier, OctetString, Sequence } from 'asn1js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../../src/bytes.js';
import { InitiatorContext } from '../../src/gss/context.js';
import { krb5Mechanisms } from '../../src/spnego/mechanisms.js';
import { decode, encode } from '../../src/spnego/messages.js';
import { SpnegoInitiator } from '../../src/spnego/negotiate.js';
import { fuzzRuns } from '../support/fuzz.js';
import { bitFlips, codeThrown, freshPair } from '../support/gssContexts.js';
import { negTokenResp, ScriptedAcceptor, testEnvironment } from '../support/scriptedAcceptor.js';

type Block = ReturnType<typeof fromBER>['result'];

/** The parts of a constructed block. */
function parts(block: unknown): Block[] {
  if (!(block instanceof Constructed)) throw new Error('not constructed');
  return block.valueBlock.value as Block[];
}

describe('NegTokenInit', () => {
  it('is [APPLICATION 0], the OID and [0] with mechanisms and token, as another decoder reads it', () => {
    const token = new SpnegoInitiator(krb5Mechanisms(() => freshPair().context)).step().token!;
    const { result, offset } = fromBER(token);
    expect(offset).toBe(token.length);
    expect(result.idBlock).toMatchObject({ tagClass: 2, tagNumber: 0, isConstructed: true });
    const [oid, choice, ...more] = parts(result);
    expect(more).toEqual([]);
    expect((oid as ObjectIdentifier).getValue()).toBe('1.3.6.1.5.5.2');
    expect(choice!.idBlock).toMatchObject({ tagClass: 3, tagNumber: 0 });
    const [sequence] = parts(choice);
    expect(sequence).toBeInstanceOf(Sequence);
    const fields = parts(sequence);
    expect(fields.map((field) => field.idBlock.tagNumber)).toEqual([0, 2]);
    const mechanisms = parts(parts(fields[0])[0]).map((mechanism) =>
      (mechanism as ObjectIdentifier).getValue(),
    );
    expect(mechanisms).toEqual(['1.2.840.113554.1.2.2']);
    const mechToken = parts(fields[1])[0] as OctetString;
    expect(mechToken).toBeInstanceOf(OctetString);
    const expected = freshPair().context.step().token!;
    expect(toHex(new Uint8Array(mechToken.getValue()))).toBe(toHex(expected));
  });

  it('of another peer is read', () => {
    const octets = fromHex('a00f300da00b3009 06072b060104018237'.replace(/ /g, ''));
    expect(decode('NegotiationToken', octets)).toEqual({ negTokenInit: { mechTypes: ['1.3.6.1.4.1.311'] } });
  });
});

describe('NegTokenResp', () => {
  it.each([
    ['a1073005a0030a0100', { negState: 0 }],
    ['a1073005a0030a0103', { negState: 3 }],
    ['a1023000', {}],
    ['a1143012a0030a0100a10b06092a864886f712010202', { negState: 0, supportedMech: '1.2.840.113554.1.2.2' }],
    ['a10b3009a2030401aaa3020400', undefined],
    [
      'a10d300ba2030401aaa304 0402bbcc'.replace(' ', ''),
      { responseToken: [0xaa], mechListMic: [0xbb, 0xcc] },
    ],
  ])('%s is read and written alike', (hex, fields) => {
    if (fields === undefined) {
      const message = decode('NegotiationToken', fromHex(hex));
      expect(message).toMatchObject({ negTokenResp: { mechListMic: new Uint8Array(0) } });
      return;
    }
    const octets = Object.fromEntries(
      Object.entries(fields).map(([key, value]) => [
        key,
        Array.isArray(value) ? Uint8Array.from(value) : value,
      ]),
    );
    expect(decode('NegotiationToken', fromHex(hex))).toEqual({ negTokenResp: octets });
    expect(toHex(encode('NegotiationToken', { negTokenResp: octets }))).toBe(hex);
  });

  it.each(['', 'a1', 'a100', 'a10430020500', 'a2023000', 'a1053003a0010a', 'a1083006a0040a020000'])(
    '%s is refused',
    (hex) => {
      expect(codeThrown(() => decode('NegotiationToken', fromHex(hex)))).toBe('ERR_ASN1');
    },
  );
});

describe('any answer', () => {
  const acceptor = new ScriptedAcceptor();
  /** An initiator after its first token, which is the same octets every time. */
  const waiting = (): { negotiation: SpnegoInitiator; token: Uint8Array } => {
    const { credential } = acceptor;
    const context = new InitiatorContext({ credential }, testEnvironment());
    const negotiation = new SpnegoInitiator(krb5Mechanisms(() => context));
    return { negotiation, token: negotiation.step().token! };
  };
  /** Steps; passes every error that is not a KerberosError on. */
  const step = (answer: Uint8Array): { code: string; established: boolean } => {
    const { negotiation } = waiting();
    const code = codeThrown(() => negotiation.step(answer));
    return { code, established: negotiation.established };
  };
  acceptor.acceptNegTokenInit(waiting().token);
  const right = [0, 1, 3].map((negState) =>
    negTokenResp({
      negState,
      supportedMech: '1.2.840.113554.1.2.2',
      responseToken: acceptor.apRepToken(),
      mechListMic: acceptor.mic(acceptor.mechTypeList, { sequence: 1000n }),
    }),
  );

  it('of random octets gives a KerberosError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (answer) => {
        expect(step(answer)).toMatchObject({ established: false });
      }),
      { numRuns: fuzzRuns },
    );
  });

  it('of random fields gives a KerberosError', () => {
    const optional = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
      fc.option(arbitrary, { nil: undefined });
    const fields = fc.record({
      negState: optional(fc.nat(5)),
      supportedMech: optional(fc.constantFrom('1.2.840.113554.1.2.2', '1.2.840.48018.1.2.2', '1.3.6.1')),
      responseToken: optional(fc.oneof(fc.uint8Array(), fc.constantFrom(acceptor.errorToken(37)))),
      mechListMic: optional(fc.uint8Array()),
    });
    fc.assert(
      fc.property(fields, (resp) => {
        const { code, established } = step(negTokenResp(resp));
        expect(established).toBe(false);
        expect(code).not.toBe('nothing');
      }),
      { numRuns: fuzzRuns },
    );
  });

  it('that was right and then changed gives a KerberosError or a legal step', () => {
    const edit = fc.record({ at: fc.nat(400), with: fc.nat(255), cut: fc.nat(20) });
    fc.assert(
      fc.property(
        fc.constantFrom(...right),
        fc.array(edit, { minLength: 1, maxLength: 4 }),
        (answer, edits) => {
          let changed = answer.slice();
          for (const { at, with: octet, cut } of edits) {
            changed[at % changed.length] = octet;
            if (cut === 0) changed = changed.slice(0, 1 + (at % changed.length));
          }
          const { code, established } = step(changed);
          expect(established && code !== 'nothing').toBe(false);
        },
      ),
      { numRuns: fuzzRuns },
    );
  });

  // The state is not protected, a MIC that is not due can be hidden below an unknown tag, and one bit makes the mechanism's
  // other OID.
  it.each([
    [0, ['0>1', '86>82', 'a3>a7', 'a3>ab', 'a3>b3']],
    [1, ['1>0', '1>3', '86>82', 'a3>a7', 'a3>ab', 'a3>b3']],
    [2, ['3>1', '86>82']],
  ])('no. %i with any one bit flipped is taken only where nothing is protected', (index, expected) => {
    const answer = right[index]!;
    expect(step(answer)).toEqual({ code: 'nothing', established: true });
    const taken: string[] = [];
    for (const flipped of bitFlips(answer)) {
      const at = flipped.findIndex((octet, i) => octet !== answer[i]);
      if (step(flipped).established) taken.push(`${answer[at]!.toString(16)}>${flipped[at]!.toString(16)}`);
    }
    expect(taken).toEqual(expected);
  });
});
