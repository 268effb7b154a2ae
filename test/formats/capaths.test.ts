import { describe, expect, it } from 'vitest';
import { appDefault, appDefaultBoolean } from '../../src/formats/appdefaults.js';
import { intermediateRealms, transitPath } from '../../src/formats/capaths.js';
import { configuration } from '../../src/formats/configuration.js';
import { parseKrb5Conf } from '../../src/formats/krb5Conf.js';
import { type Krb5Config, krb5ConfigFromProfile } from '../../src/formats/krb5Config.js';

const configOf = (text: string): Krb5Config => krb5ConfigFromProfile(parseKrb5Conf([{ file: 'k', text }]));

describe('transitPath', () => {
  const config = configOf(`[capaths]
    ANL.GOV = {
      NERSC.GOV = ES.NET
      ES.NET = .
      HAL.COM = K5.MOON
      HAL.COM = K5.JUPITER note
    }
`);

  // The same as krb5_walk_realm_tree of MIT krb5 (test/interop/krb5Conf.test.ts).
  it.each([
    ['ANL.GOV', 'NERSC.GOV', 'ANL.GOV ES.NET NERSC.GOV'],
    ['ANL.GOV', 'ES.NET', 'ANL.GOV ES.NET'],
    ['ANL.GOV', 'HAL.COM', 'ANL.GOV K5.MOON K5.JUPITER HAL.COM'],
    ['NERSC.GOV', 'ANL.GOV', 'NERSC.GOV GOV ANL.GOV'],
    ['A.B.C', 'X.C', 'A.B.C B.C C X.C'],
    ['C', 'A.B.C', 'C B.C A.B.C'],
    ['A.B.C', 'C', 'A.B.C B.C C'],
    ['AB.C', 'B.C', 'AB.C C B.C'],
    ['A.B', 'X.Y', 'A.B B Y X.Y'],
    ['R', 'R', 'R'],
  ])('%s -> %s', (client, server, path) => {
    expect(transitPath(config, client, server)).toEqual(path.split(' '));
  });

  it('tells "directly" from "nothing said"', () => {
    expect(intermediateRealms(config, 'ANL.GOV', 'ES.NET')).toEqual([]);
    expect(intermediateRealms(config, 'ES.NET', 'ANL.GOV')).toBeUndefined();
  });
});

describe('appDefault', () => {
  const config = configOf(`[appdefaults]
    telnet = {
      R = {
        one = false
      }
      one = true
      two = yes
    }
    R = {
      two = off
      three = here
    }
    two = on
    four = maybe
`);

  it.each<[string, string | undefined, string, string | undefined]>([
    ['telnet', 'R', 'one', 'false'],
    ['telnet', 'S', 'one', 'true'],
    ['telnet', undefined, 'one', 'true'],
    ['telnet', 'R', 'two', 'yes'],
    ['other', 'R', 'two', 'off'],
    ['other', 'S', 'two', 'on'],
    ['other', undefined, 'three', undefined],
  ])('%s in %s: %s is %s', (application, realm, option, value) => {
    expect(appDefault(config, application, realm, option)?.value).toBe(value);
  });

  it('takes what is neither true nor false for false', () => {
    expect(appDefaultBoolean(config, 'telnet', 'R', 'one')).toBe(false);
    expect(appDefaultBoolean(config, 'telnet', 'S', 'one')).toBe(true);
    expect(appDefaultBoolean(config, 'telnet', 'R', 'four')).toBe(false);
    expect(appDefaultBoolean(config, 'telnet', 'R', 'none')).toBeUndefined();
  });
});

describe('configuration', () => {
  it('needs no file', () => {
    const config = configuration({
      defaultRealm: 'R',
      realms: { R: { kdc: ['kdc1', 'kdc2:750'], adminServer: 'admin' } },
      domainRealm: { '.example.test': 'R' },
      capaths: { R: { S: ['VIA'], T: [] } },
      libdefaults: {
        forwardable: true,
        ticket_lifetime: '10h',
        clockskew: 60,
        permitted_enctypes: undefined,
      },
    });
    expect(config).toMatchObject({
      defaultRealm: 'R',
      forwardable: true,
      ticketLifetimeSeconds: 36_000,
      clockSkewSeconds: 60,
      notices: [],
    });
    expect(config.realms.get('R')).toMatchObject({
      kdcs: [
        { host: 'kdc1', port: 88 },
        { host: 'kdc2', port: 750 },
      ],
      kpasswdServers: [{ host: 'admin', port: 464 }],
    });
    expect(config.domainRealm.get('.example.test')).toBe('R');
    expect(transitPath(config, 'R', 'S')).toEqual(['R', 'VIA', 'S']);
    expect(transitPath(config, 'R', 'T')).toEqual(['R', 'T']);
    expect(configuration({}).defaultRealm).toBeUndefined();
  });

  it('refuses values of the wrong kind', () => {
    const libdefaults = { forwardable: {} } as never;
    expect(() => configuration({ libdefaults })).toThrow(TypeError);
    expect(() => configuration({ libdefaults: { ticket_lifetime: 'soon' } })).toThrow(
      expect.objectContaining({ code: 'ERR_KRB5_CONF' }),
    );
  });
});
