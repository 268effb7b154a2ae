/** Negotiations of the embedded acceptor with this library's own initiator: who prefers what, and what follows from it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { concat, utf8 } from '../../src/bytes.js';
import { DEFAULT_FLAGS, GSS_FLAGS } from '../../src/gss/flags.js';
import type { SecurityContext } from '../../src/gss/securityContext.js';
import { KRB5_OID, MS_KRB5_OID } from '../../src/gss/token.js';
import { type Client, type ContextOptions, fromPassword } from '../../src/index.js';
import { frameSpnego, readOffer } from '../../src/spnego/framing.js';
import { decode, encode, NEG_STATES, type NegTokenResp } from '../../src/spnego/messages.js';
import { type Accepted, type AcceptorOptions, TestRealm } from '../../src/testing/index.js';
import { codeThrown } from './clients.js';

const SERVICE = 'HTTP/localhost';
const { acceptCompleted, acceptIncomplete, reject, requestMic } = NEG_STATES;
const NOT_MUTUAL = DEFAULT_FLAGS & ~GSS_FLAGS.mutual;

let realm: TestRealm;
let alice: Client;
beforeAll(async () => {
  realm = await TestRealm.start({ principals: { alice: { password: 'secret' }, [SERVICE]: {} } });
  alice = fromPassword('alice', 'secret', { config: realm.config });
});
afterAll(() => realm.stop());

interface Conversation {
  readonly initiator: SecurityContext;
  readonly accepted: Accepted;
  /** The acceptor's answers. */
  readonly answers: readonly NegTokenResp[];
  /** What the initiator sent after its first token. */
  readonly responses: readonly NegTokenResp[];
}

function respOf(token: Uint8Array): NegTokenResp {
  const message = decode('NegotiationToken', token);
  if (!('negTokenResp' in message)) throw new Error('no NegTokenResp');
  return message.negTokenResp;
}

type AcceptorChoices = Omit<AcceptorOptions, 'keytab'>;

/** Both sides, from the first token to the end. */
async function negotiate(
  options: ContextOptions,
  choices: AcceptorChoices,
  hints = false,
): Promise<Conversation> {
  const acceptor = realm.acceptor(SERVICE, choices);
  const initiator = await alice.securityContext(SERVICE, options);
  const answers: NegTokenResp[] = [];
  const responses: NegTokenResp[] = [];
  const first = hints ? acceptor.hints() : undefined;
  let step = initiator.step(first?.token);
  let accepted = acceptor.accept(step.token!, first?.context);
  while (accepted.token !== undefined) {
    answers.push(respOf(accepted.token));
    step = initiator.step(accepted.token);
    if (step.token === undefined) break;
    responses.push(respOf(step.token));
    accepted = acceptor.accept(step.token, accepted.context);
  }
  expect([step.done, accepted.done, initiator.established]).toEqual([true, true, true]);
  return { initiator, accepted, answers, responses };
}

const BOTH = [MS_KRB5_OID, KRB5_OID];

describe.each<[string, number]>([
  ['with mutual authentication', DEFAULT_FLAGS],
  ['without', NOT_MUTUAL],
])('%s', (_, flags) => {
  it.each<[string, readonly string[], AcceptorChoices, number[]]>([
    ['the first mechanism, no preference', [KRB5_OID], {}, [acceptCompleted]],
    ['the first mechanism of two', BOTH, {}, [acceptCompleted]],
    ['what both prefer', BOTH, { spnegoMechanisms: BOTH }, [acceptCompleted]],
    ['the first, with MICs asked for', [KRB5_OID], { requestMic: true }, [requestMic]],
    [
      'the first, and the acceptor would prefer another',
      [KRB5_OID],
      { spnegoMechanisms: BOTH },
      [requestMic],
    ],
    ['the only one that is accepted', BOTH, { spnegoMechanisms: [KRB5_OID] }, [requestMic, acceptIncomplete]],
    [
      'what the acceptor prefers',
      BOTH,
      { spnegoMechanisms: [KRB5_OID, MS_KRB5_OID] },
      [requestMic, acceptIncomplete],
    ],
  ])('selects %s', async (_what, spnegoMechanisms, choices, states) => {
    const { initiator, accepted, answers, responses } = await negotiate({ flags, spnegoMechanisms }, choices);
    const mutual = (flags & GSS_FLAGS.mutual) !== 0;
    const expected = mutual || states.length === 1 ? states : [requestMic, acceptCompleted];
    expect(answers.map(({ negState }) => negState)).toEqual(expected);
    expect(answers[0]?.supportedMech).toBe(
      choices.spnegoMechanisms?.find((oid) => spnegoMechanisms.includes(oid)) ?? spnegoMechanisms[0],
    );
    expect(answers.slice(1).every(({ supportedMech }) => supportedMech === undefined)).toBe(true);
    const mics = (list: readonly NegTokenResp[]): number =>
      list.filter((one) => one.mechListMic !== undefined).length;
    const due = states[0] === requestMic ? 1 : 0;
    expect([mics(answers), mics(responses)]).toEqual([due, due]);
    const message = utf8('message');
    expect(accepted.context.unwrap(initiator.wrap(message)).message).toEqual(message);
    expect(initiator.unwrap(accepted.context.wrap(message)).message).toEqual(message);
    expect(initiator.mutuallyAuthenticated).toBe(mutual);
  });

  it('goes without MICs in a context without integrity', async () => {
    const bare = flags & GSS_FLAGS.mutual;
    const { answers, responses } = await negotiate(
      { flags: bare, spnegoMechanisms: BOTH },
      { spnegoMechanisms: [KRB5_OID] },
    );
    expect([...answers, ...responses].every(({ mechListMic }) => mechListMic === undefined)).toBe(true);
  });
});

describe('DCE style', () => {
  const flags = DEFAULT_FLAGS | GSS_FLAGS.dceStyle;
  it.each<[string, AcceptorChoices, number[]]>([
    ['has three legs and a last word', {}, [acceptIncomplete, acceptCompleted]],
    ['with MICs with the third leg', { requestMic: true }, [requestMic, acceptCompleted]],
    [
      'after another selection',
      { spnegoMechanisms: [KRB5_OID] },
      [requestMic, acceptIncomplete, acceptCompleted],
    ],
  ])('%s', async (_, choices, states) => {
    const { answers, responses, initiator, accepted } = await negotiate(
      { flags, spnegoMechanisms: BOTH },
      choices,
    );
    expect(answers.map(({ negState }) => negState)).toEqual(states);
    expect(responses.at(-1)?.responseToken).toBeDefined();
    const due = states[0] === requestMic;
    expect([answers.at(-1), responses.at(-1)].map((last) => last?.mechListMic !== undefined)).toEqual([
      due,
      due,
    ]);
    const message = utf8('message');
    accepted.context.verifyMic(message, initiator.mic(message));
  });
});

describe('hints', () => {
  it.each([undefined, [KRB5_OID], BOTH])(
    'come first where the acceptor speaks first: %j',
    async (mechanisms) => {
      const { token } = realm.acceptor(SERVICE, { spnegoMechanisms: mechanisms }).hints();
      expect(readOffer(token!)).toEqual({
        mechTypes: mechanisms ?? [KRB5_OID, MS_KRB5_OID],
        mechToken: undefined,
        hintName: 'not_defined_in_RFC4178@please_ignore',
        mechListMic: undefined,
      });
      const { accepted } = await negotiate({}, { spnegoMechanisms: mechanisms }, true);
      expect(accepted.client?.components).toEqual(['alice']);
    },
  );
});

describe('the acceptor refuses', () => {
  async function reselecting(flags: number) {
    const acceptor = realm.acceptor(SERVICE, { spnegoMechanisms: [KRB5_OID] });
    const initiator = await alice.securityContext(SERVICE, { flags, spnegoMechanisms: BOTH });
    const first = acceptor.accept(initiator.step().token!);
    return { acceptor, initiator, first, second: initiator.step(first.token) };
  }
  const resp = (negTokenResp: NegTokenResp): Uint8Array => encode('NegotiationToken', { negTokenResp });

  it('a last token of the mechanism without the MIC that is due (section 5 c) V)', async () => {
    const { first, second } = await reselecting(NOT_MUTUAL);
    const { responseToken } = respOf(second.token!);
    expect(codeThrown(() => first.context.step(resp({ responseToken })))).toBe('ERR_SPNEGO_MIC');
  });

  it('a MIC before the mechanism is complete, or in place of its token', async () => {
    const { first, second } = await reselecting(DEFAULT_FLAGS);
    const { responseToken } = respOf(second.token!);
    expect(codeThrown(() => first.context.step(resp({ mechListMic: responseToken })))).toBe(
      'ERR_SPNEGO_TOKEN',
    );
  });

  it('a MIC with any one bit flipped', async () => {
    for (let bit = 0; bit < 28 * 8; bit += 13) {
      const { first, initiator, second } = await reselecting(DEFAULT_FLAGS);
      const third = initiator.step(first.context.step(second.token!).token);
      const { mechListMic } = respOf(third.token!);
      const changed = mechListMic!.slice();
      changed[bit >> 3]! ^= 1 << (bit & 7);
      const last = resp({ negState: acceptCompleted, mechListMic: changed });
      expect(codeThrown(() => first.context.step(last))).toBe('ERR_SPNEGO_MIC');
      expect(first.context.established).toBe(false);
    }
  });

  it('messages before the end', async () => {
    const { first, second } = await reselecting(DEFAULT_FLAGS);
    first.context.step(second.token!);
    expect(first.context.protReady).toBe(false);
    expect(codeThrown(() => first.context.wrap(utf8('early')))).toBe('ERR_GSS_STATE');
  });

  it('an initiator that rejects', async () => {
    const { first } = await reselecting(DEFAULT_FLAGS);
    expect(codeThrown(() => first.context.step(resp({ negState: reject })))).toBe('ERR_SPNEGO_REJECTED');
  });

  it('a first token that is none', () => {
    const { context } = realm.acceptor(SERVICE).hints();
    const empty = frameSpnego(encode('NegotiationToken', { negTokenInit: {} }));
    expect(codeThrown(() => context.step(empty))).toBe('ERR_SPNEGO_REJECTED');
    const behind = concat(empty, Uint8Array.of(0));
    const { context: another } = realm.acceptor(SERVICE).hints();
    expect(codeThrown(() => another.step(behind))).toBe('ERR_SPNEGO_TOKEN');
  });
});

it('a client refuses a list that is not of krb5 before it asks for a ticket', async () => {
  for (const spnegoMechanisms of [[], [KRB5_OID, KRB5_OID], ['1.3.6.1.4.1.311.2.2.10']]) {
    const context = alice.securityContext('no/such.service', { spnegoMechanisms });
    await expect(context).rejects.toThrow(RangeError);
  }
});
