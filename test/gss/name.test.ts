import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat, fromHex, toHex, utf8 } from '../../src/bytes.js';
import {
  ANONYMOUS,
  displayName,
  exportName,
  GSS_NAME_TYPES,
  type GssNameType,
  importExportedName,
  importName,
  isAnonymous,
  sameGssName,
} from '../../src/gss/name.js';
import { fuzzRuns } from '../support/fuzz.js';
import { codeThrown } from '../support/gssContexts.js';

const { hostBasedService, krb5Principal, userName, anonymous } = GSS_NAME_TYPES;
const alice = { nameType: 1, components: ['alice'], realm: 'EXAMPLE.TEST' };
/** RFC 2743 section 3.2 by hand: TOK_ID, length of the mechanism's DER, that, length of the name. */
const PREFIX = '0401000b06092a864886f712010202';

describe('texts', () => {
  it.each([
    ['HTTP@WWW.Example.Test.', hostBasedService, ['HTTP', 'www.example.test'], ''],
    ['alice@EXAMPLE.TEST', krb5Principal, ['alice'], 'EXAMPLE.TEST'],
    ['HTTP/www\\/x@R', krb5Principal, ['HTTP', 'www/x'], 'R'],
    ['alice', krb5Principal, ['alice'], 'DEFAULT.TEST'],
    ['alice', userName, ['alice'], 'DEFAULT.TEST'],
    ['whatever', anonymous, ['WELLKNOWN', 'ANONYMOUS'], 'WELLKNOWN:ANONYMOUS'],
  ])('%s of type %s', (text, type, components, realm) => {
    expect(importName(text, type, { defaultRealm: 'DEFAULT.TEST' })).toMatchObject({ components, realm });
  });

  it('of hosts have the realm that is known of them', () => {
    const realmOfHost = (host: string): string => `REALM.OF.${host}`;
    expect(importName('x@Host', hostBasedService, { realmOfHost })).toMatchObject({
      nameType: 3,
      realm: 'REALM.OF.host',
    });
  });

  it.each([
    ['HTTP', hostBasedService],
    ['HTTP@', hostBasedService],
    ['HTTP@.', hostBasedService],
    ['@host', hostBasedService],
    ['HTTP@host@R', hostBasedService],
    ['HTTP/host', hostBasedService],
    ['alice', krb5Principal],
    ['', krb5Principal],
    ['a@b@c', userName],
  ])('%j of type %s is refused', (text, type) => {
    expect(codeThrown(() => importName(text, type))).toBe('ERR_PRINCIPAL_NAME');
  });

  it('of an unknown type are refused', () => {
    expect(() => importName('alice', '1.2.3' as GssNameType)).toThrow(RangeError);
  });

  it('display principals, and nobody as nobody', () => {
    expect(displayName(alice)).toEqual({ text: 'alice@EXAMPLE.TEST', nameType: krb5Principal });
    const text = 'WELLKNOWN/ANONYMOUS@WELLKNOWN:ANONYMOUS';
    expect(displayName(ANONYMOUS)).toEqual({ text, nameType: anonymous });
    // RFC 8062 section 6: with a realm it is an authenticated principal.
    expect(displayName({ ...ANONYMOUS, realm: 'R' }).nameType).toBe(krb5Principal);
  });
});

describe('comparison', () => {
  it('is by realm and components, and nobody equals nobody', () => {
    expect(sameGssName(alice, { ...alice, nameType: 2 })).toBe(true);
    expect(sameGssName(alice, { ...alice, realm: 'OTHER.TEST' })).toBe(false);
    expect(sameGssName(ANONYMOUS, ANONYMOUS)).toBe(false);
    expect([isAnonymous(alice), isAnonymous(ANONYMOUS), isAnonymous({ ...ANONYMOUS, realm: 'R' })]).toEqual([
      false,
      true,
      true,
    ]);
  });
});

describe('exported names', () => {
  it('are as RFC 2743 section 3.2 draws them', () => {
    const text = utf8('alice@EXAMPLE.TEST');
    expect(toHex(exportName(alice))).toBe(`${PREFIX}00000012${toHex(text)}`);
    expect(importExportedName(exportName(alice))).toEqual(alice);
  });

  it('need a realm', () => {
    expect(codeThrown(() => exportName({ ...alice, realm: '' }))).toBe('ERR_PRINCIPAL_NAME');
  });

  it.each([
    ['nothing', ''],
    ['another identifier', `0402${PREFIX.slice(4)}00000003614052`],
    ['another mechanism', '0401000806062b060105050200000003614052'],
    ['a wrong length of the mechanism', `0401000c${PREFIX.slice(8)}00000003614052`],
    ['no length', PREFIX],
    ['a cut length', `${PREFIX}000000`],
    ['a longer name than announced', `${PREFIX}00000002614052`],
    ['a shorter name than announced', `${PREFIX}00000004614052`],
    ['an endless name', `${PREFIX}ffffffff614052`],
  ])('with %s are refused', (_what, hex) => {
    expect(codeThrown(() => importExportedName(fromHex(hex)))).toBe('ERR_GSS_TOKEN');
  });

  it.each(['', 'alice', 'a@b@c', 'a\\'])('of the text %j are refused', (text) => {
    const length = Uint8Array.of(0, 0, 0, text.length);
    const token = concat(fromHex(PREFIX), length, utf8(text));
    expect(codeThrown(() => importExportedName(token))).toBe('ERR_PRINCIPAL_NAME');
  });

  it('keep every name', () => {
    const part = fc.string({ minLength: 1, unit: 'binary' });
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 3 }), part, (components, realm) => {
        const back = importExportedName(exportName({ nameType: 1, components, realm }));
        expect([back.components, back.realm]).toEqual([components, realm]);
      }),
      { numRuns: fuzzRuns },
    );
  });

  it('give a typed error for any octets', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.boolean(), (octets, prefixed) => {
        const token = prefixed ? concat(fromHex(PREFIX), octets) : octets;
        expect(['nothing', 'ERR_GSS_TOKEN', 'ERR_PRINCIPAL_NAME']).toContain(
          codeThrown(() => importExportedName(token)),
        );
      }),
      { numRuns: fuzzRuns },
    );
  });
});
