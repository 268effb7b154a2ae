/** What a context negotiates beyond the default: DCE style, encryption types, delegation, channel bindings, anonymity. */
import { describe, expect, it } from 'vitest';
import { utf8 } from '../../src/bytes.js';
import { SUPPORTED_ETYPES } from '../../src/crypto/etypes.js';
import { Key } from '../../src/crypto/key.js';
import { CredentialError, KdcError } from '../../src/errors.js';
import type { Principal } from '../../src/formats/principal.js';
import { readOffers, subkeyEtypes } from '../../src/gss/authorizationData.js';
import { DEFAULT_FLAGS, InitiatorContext } from '../../src/gss/context.js';
import { delegationMessage } from '../../src/gss/delegation.js';
import { GSS_FLAGS } from '../../src/gss/flags.js';
import { ANONYMOUS } from '../../src/gss/name.js';
import { encodeKrb5Token } from '../../src/gss/token.js';
import type { EncApRepPart } from '../../src/messages/ap.js';
import { decode, encode } from '../../src/messages/module.js';
import { encryptionKey, unseal } from '../../src/messages/sealed.js';
import { bitFlips, codeThrown, freshPair, startedPair } from '../support/gssContexts.js';
import { KEY_OCTETS, ScriptedAcceptor, testEnvironment } from '../support/scriptedAcceptor.js';

const { mutual, integrity, dceStyle, channelBound, anonymous, identify, extendedError, delegation } =
  GSS_FLAGS;
const hello = utf8('hello');
const keyOf = (etype: number): Key => new Key(etype, new Uint8Array(KEY_OCTETS[etype] ?? 16).fill(7));

describe('flags', () => {
  it('of every kind that can be asked for stand in the checksum', () => {
    const flags = DEFAULT_FLAGS | identify | extendedError;
    const { acceptor, context } = startedPair({}, { flags });
    expect([acceptor.flags, context.flags]).toEqual([flags, flags]);
  });

  it('none at all is possible', () => {
    const { acceptor, context } = startedPair({}, { flags: 0 });
    expect([acceptor.flags, context.flags, context.established]).toEqual([0, 0, true]);
  });
});

describe('DCE style', () => {
  const DCE = { flags: DEFAULT_FLAGS | dceStyle };
  const subkey = keyOf(18);

  it('has three bare tokens, and messages under the acceptor’s subkey', () => {
    const { context, acceptor } = startedPair({ subkey }, DCE);
    const { token, done } = context.step(acceptor.apRepToken({ bare: true }));
    expect([done, context.established, context.mutuallyAuthenticated]).toEqual([true, true, true]);
    acceptor.acceptLastToken(token!);
    expect(acceptor.unwrap(context.wrap(hello)).message).toEqual(hello);
    expect(context.unwrap(acceptor.wrap(hello)).message).toEqual(hello);
  });

  it('is mutual whether that is asked for or not', () => {
    const { context, acceptor } = startedPair({ subkey }, { flags: dceStyle });
    expect([context.flags, acceptor.flags]).toEqual([dceStyle | mutual, dceStyle | mutual]);
    expect([context.established, context.protReady]).toEqual([false, false]);
    expect(codeThrown(() => context.wrap(hello))).toBe('ERR_GSS_STATE');
  });

  it('dates the last token by the acceptor’s clock', () => {
    const ctimeOf = (timeOffsetSeconds: number): number => {
      const { context, acceptor } = startedPair({ subkey }, { ...DCE, timeOffsetSeconds });
      const { encPart } = decode('ApRep', context.step(acceptor.apRepToken({ bare: true })).token!);
      return decode('EncApRepPart', unseal(encPart, acceptor.sessionKey, 12)).ctime;
    };
    expect(ctimeOf(3600) - ctimeOf(0)).toBe(3600);
  });

  const refusals: [string, string, (acceptor: ScriptedAcceptor) => Uint8Array][] = [
    ['ERR_GSS_TOKEN', 'a framed AP-REP', (acceptor) => acceptor.apRepToken()],
    [
      'ERR_GSS_TOKEN',
      'an AP-REP without subkey',
      (acceptor) => acceptor.apRepToken({ bare: true, part: (part) => ({ ...part, subkey: undefined }) }),
    ],
    [
      'ERR_AP_REP',
      'an AP-REP for another AP-REQ',
      (acceptor) => acceptor.apRepToken({ bare: true, part: (part) => ({ ...part, ctime: part.ctime + 1 }) }),
    ],
    [
      'ERR_INTEGRITY',
      'an AP-REP under another key',
      (acceptor) => acceptor.apRepToken({ bare: true, key: acceptor.serviceKey }),
    ],
    ['ERR_ASN1', 'nothing', () => new Uint8Array(0)],
    ['ERR_GSS_TOKEN', 'a framed AP-REQ', () => encodeKrb5Token(0x0100, hello)],
  ];
  it.each(refusals)('refuses with %s: %s', (code, _what, answer) => {
    const { context, acceptor } = startedPair({ subkey }, DCE);
    expect(codeThrown(() => context.step(answer(acceptor)))).toBe(code);
    expect(codeThrown(() => context.step(acceptor.apRepToken({ bare: true })))).toBe('ERR_GSS_STATE');
  });

  it('refuses our own AP-REQ and the AP-REP with any bit flipped', () => {
    const { context, acceptor } = freshPair({ subkey }, DCE);
    const { token } = context.step();
    acceptor.acceptToken(token!);
    expect(codeThrown(() => context.step(token))).toBe('ERR_ASN1');
    for (const flipped of bitFlips(acceptor.apRepToken({ bare: true }))) {
      const victim = new InitiatorContext({ credential: acceptor.credential, ...DCE }, testEnvironment());
      victim.step();
      expect(['ERR_ASN1', 'ERR_INTEGRITY', 'ERR_GSS_TOKEN']).toContain(
        codeThrown(() => victim.step(flipped)),
      );
      expect(victim.established).toBe(false);
    }
  });

  it.each([true, false])('gives the KRB-ERROR of a refusal (framed: %s)', (framed) => {
    const { context, acceptor } = startedPair({ subkey }, DCE);
    const token = acceptor.errorToken(37);
    const bare = token.subarray(token.indexOf(0x7e));
    expect(() => context.step(framed ? token : bare)).toThrow(KdcError);
  });

  it('is no answer to a context without it', () => {
    const { context, acceptor } = startedPair({ subkey });
    expect(codeThrown(() => context.step(acceptor.apRepToken({ bare: true })))).toBe('ERR_GSS_TOKEN');
  });
});

describe('encryption type of the acceptor’s subkey (RFC 4537)', () => {
  it.each([
    [[18, 17, 20, 19], 18, []],
    [[18, 17, 20, 19], 17, [18, 17]],
    [[18, 17, 20, 19], 19, [18, 17, 20, 19]],
    [[20, 19], 18, [20, 19]],
    [[], 18, []],
  ])('of %j permitted with a session key of %i, %j is offered', (permitted, session, offered) => {
    expect(subkeyEtypes(permitted, session)).toEqual(offered);
  });

  it('is offered in the authenticator, with mutual authentication only', () => {
    const offered = (flags: number): readonly number[] =>
      readOffers(startedPair({ etype: 17 }, { flags }).acceptor.authenticator.authorizationData).etypes;
    expect(offered(DEFAULT_FLAGS)).toEqual([18, 17]);
    expect(offered(DEFAULT_FLAGS & ~mutual)).toEqual([]);
    const { authorizationData } = startedPair({ etype: 18 }).acceptor.authenticator;
    expect(authorizationData).toBeUndefined();
  });

  it.each([
    [[18, 17], 17, 18],
    [[17], 17, 17],
    [[20], 20, 20],
  ])('%j permitted, session key %i: a subkey of %i is taken', (permittedEtypes, etype, subkeyEtype) => {
    const { context, acceptor } = startedPair({ etype, subkey: keyOf(subkeyEtype) }, { permittedEtypes });
    expect(context.step(acceptor.apRepToken()).done).toBe(true);
    expect(acceptor.unwrap(context.wrap(hello)).message).toEqual(hello);
  });

  it.each([
    [[18], 18, 17],
    [[17, 19], 17, 18],
    [[18, 17, 20, 19], 18, 23],
    [[18, 17, 20, 19], 18, 16],
  ])('%j permitted, session key %i: a subkey of %i is refused', (permittedEtypes, etype, subkeyEtype) => {
    const { context, acceptor } = startedPair({ etype }, { permittedEtypes });
    const part = (right: EncApRepPart): EncApRepPart => ({
      ...right,
      subkey: encryptionKey(keyOf(subkeyEtype)),
    });
    expect(codeThrown(() => context.step(acceptor.apRepToken({ part })))).toBe('ERR_REPLY_ETYPE');
    expect(context.established).toBe(false);
  });
});

describe('a session key', () => {
  it.each([
    [18, [17]],
    [23, [18, 17]],
    [23, undefined],
  ])('of etype %i is refused when only %j is permitted', (etype, permittedEtypes) => {
    const { credential } = new ScriptedAcceptor({ etype });
    const context = new InitiatorContext({ credential, permittedEtypes }, testEnvironment());
    expect(() => context.step()).toThrow(CredentialError);
    const again = new InitiatorContext({ credential, permittedEtypes }, testEnvironment());
    expect(codeThrown(() => again.step())).toBe('ERR_ETYPE_POLICY');
    expect(codeThrown(() => again.step())).toBe('ERR_GSS_STATE');
  });

  it('of RC4 is used where it is permitted', () => {
    const { context, acceptor } = startedPair({ etype: 23 }, { permittedEtypes: SUPPORTED_ETYPES });
    expect(readOffers(acceptor.authenticator.authorizationData).etypes).toEqual(SUPPORTED_ETYPES);
    expect(context.step(acceptor.apRepToken()).done).toBe(true);
  });
});

describe('channel bindings', () => {
  it.each([true, false])('of a client that knows them are announced: %s', (aware) => {
    const flags = mutual | integrity | (aware ? channelBound : 0);
    const { context, acceptor } = startedPair({}, { flags });
    expect(readOffers(acceptor.authenticator.authorizationData).channelBound).toBe(aware);
    expect([context.flags, acceptor.flags]).toEqual([mutual | integrity, mutual | integrity]);
  });
});

describe('delegation', () => {
  const environment = testEnvironment();

  it('puts the KRB-CRED under the session key into the checksum', () => {
    const { credential, sessionKey } = new ScriptedAcceptor();
    const message = delegationMessage({ ...credential, flags: 0x60000000 }, credential, environment);
    const { context, acceptor } = startedPair({}, { delegation: message });
    expect(acceptor.krbCred).toEqual(message);
    expect([context.flags, acceptor.flags]).toEqual([DEFAULT_FLAGS | delegation, DEFAULT_FLAGS | delegation]);
    const { encPart, tickets } = decode('KrbCred', message);
    const { ticketInfo } = decode('EncKrbCredPart', unseal(encPart, sessionKey, 14));
    expect(tickets).toEqual([credential.ticket]);
    expect(ticketInfo).toMatchObject([{ flags: 0x60000000, prealm: 'EXAMPLE.TEST' }]);
  });

  it('is possible up to the 65,535 octets that its length can say', () => {
    const { credential } = new ScriptedAcceptor();
    const messageOf = (octets: number): Uint8Array => {
      const ticket = decode('Ticket', credential.ticket);
      const encPart = { ...ticket.encPart, cipher: new Uint8Array(octets) };
      const forwarded = { ...credential, ticket: encode('Ticket', { ...ticket, encPart }) };
      return delegationMessage(forwarded, credential, environment);
    };
    const largest = 0xffff - (messageOf(60_000).length - 60_000);
    const { acceptor } = startedPair({}, { delegation: messageOf(largest) });
    expect(acceptor.krbCred).toHaveLength(0xffff);
    expect(codeThrown(() => messageOf(largest + 1))).toBe('ERR_DELEGATION');
  });
});

describe('anonymity', () => {
  const PARTLY: Principal = { ...ANONYMOUS, realm: 'EXAMPLE.TEST' };

  it.each([ANONYMOUS, PARTLY])('is a property of the ticket: %o', (client) => {
    for (const flags of [DEFAULT_FLAGS, DEFAULT_FLAGS | anonymous]) {
      const { context, acceptor } = startedPair({ client }, { flags });
      expect(context.flags).toBe(DEFAULT_FLAGS | anonymous);
      expect(acceptor.flags).toBe(DEFAULT_FLAGS);
      expect(context.source).toEqual(client);
    }
  });

  it.each([['alice'], ['WELLKNOWN', 'ANONYMOUS', 'not'], ['WELLKNOWN', 'anonymous']])(
    'is refused to %j, before any token',
    (...components) => {
      const client = { nameType: 1, components, realm: 'EXAMPLE.TEST' };
      const { credential } = new ScriptedAcceptor({ client });
      const make = () => new InitiatorContext({ credential, flags: anonymous }, testEnvironment());
      expect(codeThrown(make)).toBe('ERR_NOT_ANONYMOUS');
    },
  );
});
