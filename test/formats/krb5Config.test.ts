import { describe, expect, it } from 'vitest';
import { parseKrb5Conf } from '../../src/formats/krb5Conf.js';
import {
  configOfRealm,
  defaultKrb5Config,
  type Krb5Config,
  krb5ConfigFromProfile,
  realmOfHost,
} from '../../src/formats/krb5Config.js';

const configOf = (text: string, realm?: string): Krb5Config =>
  krb5ConfigFromProfile(parseKrb5Conf([{ file: 'k', text }]), realm === undefined ? {} : { realm });
const libdefaults = (...lines: readonly string[]): Krb5Config =>
  configOf(['[libdefaults]', ...lines].join('\n'));

describe('[libdefaults]', () => {
  it('has the documented defaults', () => {
    expect(libdefaults()).toMatchObject({
      defaultRealm: undefined,
      clockSkewSeconds: 300,
      ticketLifetimeSeconds: undefined,
      renewLifetimeSeconds: undefined,
      forwardable: false,
      proxiable: false,
      noaddresses: true,
      canonicalize: false,
      udpPreferenceLimit: 1465,
      permittedEtypes: [18, 17, 20, 19, 25, 26],
      defaultTktEtypes: [18, 17, 20, 19, 25, 26],
      defaultTgsEtypes: [18, 17, 20, 19, 25, 26],
      dnsLookupKdc: true,
      dnsLookupRealm: false,
      dnsCanonicalizeHostname: false,
      kdcTimesync: false,
      defaultCcacheName: undefined,
      requestTimeoutSeconds: undefined,
      allowWeakCrypto: false,
      allowRc4: false,
    });
  });

  it('reads every setting', () => {
    const config = libdefaults(
      'default_realm = R',
      'clockskew = 200',
      'ticket_lifetime = 10h',
      'renew_lifetime = 7d',
      'forwardable = YES',
      'proxiable = 1',
      'noaddresses = off',
      'canonicalize = t',
      'udp_preference_limit = 1',
      'dns_lookup_kdc = nil',
      'dns_lookup_realm = on',
      'dns_canonicalize_hostname = fallback',
      'kdc_timesync = 1',
      'default_ccache_name = FILE:/tmp/cc_%{uid}',
      'default_keytab_name = FILE:/k',
      'default_client_keytab_name = FILE:/c',
      'request_timeout = 10',
      'some_future_setting = {',
      '}',
    );
    expect(config).toMatchObject({
      defaultRealm: 'R',
      clockSkewSeconds: 200,
      ticketLifetimeSeconds: 36000,
      renewLifetimeSeconds: 604800,
      forwardable: true,
      proxiable: true,
      noaddresses: false,
      canonicalize: true,
      udpPreferenceLimit: 1,
      dnsLookupKdc: false,
      dnsLookupRealm: true,
      dnsCanonicalizeHostname: 'fallback',
      kdcTimesync: true,
      defaultCcacheName: 'FILE:/tmp/cc_%{uid}',
      defaultKeytabName: 'FILE:/k',
      defaultClientKeytabName: 'FILE:/c',
      requestTimeoutSeconds: 10,
      notices: [],
    });
  });

  it.each([
    'allow_weak_crypto = maybe',
    'ticket_lifetime = soon',
    'request_timeout = -5',
    'udp_preference_limit = x',
    'udp_preference_limit = 2147483648',
    'dns_canonicalize_hostname = perhaps',
    'permitted_enctypes = rot13',
    'default_tkt_enctypes = rc4',
  ])('refuses %s with its line', (line) => {
    expect(() => libdefaults('# first', line)).toThrow(
      expect.objectContaining({ code: 'ERR_KRB5_CONF', file: 'k', line: 3 }),
    );
  });

  // MIT krb5 passes over these without a word.
  it.each<[string, Partial<Krb5Config>]>([
    ['clockskew = 5m', { clockSkewSeconds: 300 }],
    ['forwardable = maybe', { forwardable: false }],
    ['noaddresses = f', { noaddresses: false }],
    ['dns_lookup_kdc = f', { dnsLookupKdc: false }],
    ['kdc_timesync = perhaps', { kdcTimesync: false }],
    ['ticket_lifetime = 10h # note', { ticketLifetimeSeconds: 36_000 }],
    ['ticket_lifetime = 10H', { ticketLifetimeSeconds: 10 }],
  ])('reads %s as MIT krb5 does, and says so', (line, settings) => {
    const config = libdefaults('# first', line);
    expect(config).toMatchObject(settings);
    expect(config.notices.map((notice) => notice.line)).toEqual([3]);
  });

  it('knows words for kdc_timesync, limits of UDP, and the older name of dns_lookup_kdc', () => {
    expect(libdefaults('kdc_timesync = true').kdcTimesync).toBe(true);
    expect(libdefaults('kdc_timesync = 2').kdcTimesync).toBe(true);
    expect(libdefaults('udp_preference_limit = -1').udpPreferenceLimit).toBe(1465);
    expect(libdefaults('udp_preference_limit = 99999').udpPreferenceLimit).toBe(32_700);
    expect(libdefaults('dns_fallback = no').dnsLookupKdc).toBe(false);
  });

  it('lets only the settings of initial tickets be made for one realm', () => {
    const config = libdefaults('default_realm = R', 'R = {', 'clockskew = 7', 'proxiable = yes', '}');
    expect(config).toMatchObject({ clockSkewSeconds: 300, proxiable: true });
  });

  it('gives the settings for another realm, without losing what a program set', () => {
    const text = '[libdefaults]\ndefault_realm = R\nR = {\nforwardable = yes\n}\nS = {\nproxiable = yes\n}\n';
    const config = { ...configOf(text), ticketLifetimeSeconds: 7 };
    expect(configOfRealm(config, 'S')).toMatchObject({
      forwardable: false,
      proxiable: true,
      ticketLifetimeSeconds: 7,
      defaultRealm: 'R',
    });
    expect(configOfRealm(config, 'R')).toMatchObject({ forwardable: true, proxiable: false });
  });

  it('lets the subsection of the realm outrank the section', () => {
    const text = '[libdefaults]\ndefault_realm = R\nforwardable = no\nR = {\nforwardable = yes\n}\n';
    expect(configOf(text).forwardable).toBe(true);
    expect(configOf(text, 'S').forwardable).toBe(false);
  });
});

describe('lists of encryption types', () => {
  it.each([
    ['aes256-cts aes128-cts', [18, 17]],
    ['aes256-sha2,aes128-sha2', [20, 19]],
    ['DEFAULT -aes256-cts', [17, 20, 19, 25, 26]],
    ['aes256-cts -DEFAULT camellia', [26, 25]],
    ['aes -aes128-sha1 +camellia', [18, 20, 19, 26, 25]],
    ['rc4 AES256-CTS-HMAC-SHA1-96 des-cbc-crc', [18]],
    ['aes256-cts nonsense aes256-cts', [18]],
  ])('%s', (list, etypes) => {
    const config = libdefaults(`permitted_enctypes = ${list}`);
    expect(config.permittedEtypes).toEqual(etypes);
    expect(config.defaultTktEtypes).toEqual(etypes);
    expect(config.defaultTgsEtypes).toEqual(etypes);
  });

  it('says which words are unknown', () => {
    expect(libdefaults('permitted_enctypes = aes nonsense').notices.map(({ line }) => line)).toEqual([2]);
  });

  it('offers RC4, weak and triple DES types only where that is allowed', () => {
    expect(libdefaults('allow_rc4 = true').permittedEtypes).toEqual([18, 17, 20, 19, 23, 25, 26]);
    expect(libdefaults('allow_rc4 = true', 'permitted_enctypes = rc4').permittedEtypes).toEqual([23]);
    const list = 'default_tgs_enctypes = des-cbc-md5 arcfour-hmac-exp des3 aes256-cts';
    expect(libdefaults('allow_weak_crypto = true', list).defaultTgsEtypes).toEqual([24, 18]);
    expect(libdefaults('allow_des3 = true', list).defaultTgsEtypes).toEqual([16, 18]);
  });
});

describe('[realms]', () => {
  const config = configOf(`[realms]
  R = {
    kdc = kdc1
    kdc = kdc2:750
    kdc = [2001:db8::1]:751
    kdc = [::1]
    kdc = 2001:db8::2
    kdc = tcp/kdc3
    kdc = udp/kdc4:88 trailing words
    kdc = https://proxy.example/KdcProxy
    kdc = kdc5:70000
    kdc = http/kdc6
    kdc = :88
    master_kdc = old
    primary_kdc = new
    admin_server = admin
  }
  S = {
    master_kdc = old
    kpasswd_server = pw:1464
    admin_server = admin:7490
  }
  loose = relation
`);

  it('reads the servers in order', () => {
    expect(config.realms.get('R')).toEqual({
      kdcs: [
        { host: 'kdc1', port: 88 },
        { host: 'kdc2', port: 750 },
        { host: '2001:db8::1', port: 751 },
        { host: '::1', port: 88 },
        { host: '2001:db8::2', port: 88 },
        { host: 'kdc3', port: 88, protocol: 'tcp' },
        { host: 'kdc4', port: 88, protocol: 'udp' },
      ],
      primaryKdcs: [{ host: 'new', port: 88 }],
      adminServers: [{ host: 'admin', port: 749 }],
      kpasswdServers: [{ host: 'admin', port: 464 }],
      kkdcp: ['https://proxy.example/KdcProxy'],
    });
  });

  it('falls back to the older name, and prefers kpasswd_server', () => {
    expect(config.realms.get('S')).toMatchObject({
      primaryKdcs: [{ host: 'old', port: 88 }],
      kpasswdServers: [{ host: 'pw', port: 1464 }],
    });
  });

  it('reads over servers that it does not understand, and says so', () => {
    expect(config.notices.map(({ line }) => line)).toEqual([11, 12, 13]);
  });
});

describe('realmOfHost', () => {
  const config = configOf(`[domain_realm]
    host.example.test = HOST
    .example.test = DOMAIN
    example.test = APEX
    plain.test = PLAIN
    .sub.plain.test = SUB
    Capital.test = CAPITAL
    localhost = LOCAL
    test = TLD
    10 = NUMBER
`);

  it.each([
    ['host.example.test', 'HOST'],
    ['HOST.Example.Test.', 'HOST'],
    ['other.example.test', 'DOMAIN'],
    ['a.b.example.test', 'DOMAIN'],
    ['example.test', 'APEX'],
    ['plain.test', 'PLAIN'],
    ['a.plain.test', 'PLAIN'],
    ['a.sub.plain.test', 'SUB'],
    ['sub.plain.test', 'PLAIN'],
    ['localhost', 'LOCAL'],
    ['capital.test', 'TLD'],
    ['else.test', 'TLD'],
    ['else.org', undefined],
    ['notexample.org', undefined],
    ['', undefined],
    ['.', undefined],
    ['10.0.0.10', undefined],
    ['0.10', 'NUMBER'],
    ['::1', undefined],
    [`${'a.'.repeat(1_000_000)}test`, undefined],
  ])('%.40s -> %s', (host, realm) => {
    expect(realmOfHost(config, host)).toBe(realm);
  });
});

describe('defaultKrb5Config', () => {
  it('is the configuration of an empty file with settings on top', () => {
    expect(defaultKrb5Config()).toEqual(configOf(''));
    const realms = new Map([
      [
        'R',
        { kdcs: [{ host: 'k', port: 88 }], primaryKdcs: [], adminServers: [], kpasswdServers: [], kkdcp: [] },
      ],
    ]);
    const config = defaultKrb5Config({ defaultRealm: 'R', realms });
    expect(config).toMatchObject({ defaultRealm: 'R', realms, clockSkewSeconds: 300 });
  });

  it('lets lists of etypes follow each other and the policy', () => {
    expect(defaultKrb5Config({ permittedEtypes: [20] }).defaultTgsEtypes).toEqual([20]);
    expect(defaultKrb5Config({ allowRc4: true }).defaultTktEtypes).toEqual([18, 17, 20, 19, 23, 25, 26]);
  });
});
