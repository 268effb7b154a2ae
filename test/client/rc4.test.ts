/**
 * RC4 (RFC 4757) as the configuration allows it: never unless `allow_rc4` says so, whatever lists, keytabs, caches and
 * KDCs hold; and whole logins in it where it does.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { utf8 } from '../../src/bytes.js';
import { offeredEtypes, permittedEtypes, policyOf } from '../../src/client/policy.js';
import { stringToKey } from '../../src/crypto/stringToKey.js';
import { PA_DATA_TYPES } from '../../src/iana/paDataTypes.js';
import {
  type Client,
  type ClientOptions,
  encodeKeytab,
  fromCcache,
  fromKey,
  fromKeytab,
  fromPassword,
  KerberosError,
  Key,
  type Krb5Config,
  parsePrincipal,
  writeCcacheFile,
} from '../../src/index.js';
import { decode, encode } from '../../src/messages/module.js';
import type { PaData } from '../../src/messages/paData.js';
import type { KdcHooks, ScriptedKdc, ScriptedKdcOptions } from '../support/scriptedKdc.js';
import { config, realm, SERVICE } from './identity.js';

const RC4 = 23;
const PASSWORD = 'correct horse';
const HINT = 'allow_rc4 = true';
const ALLOWED = config('allow_rc4 = true');
const folder = mkdtempSync(join(tmpdir(), 'krb5-rc4-test-'));
afterAll(() => rmSync(folder, { recursive: true }));

interface Setting {
  readonly kdc: ScriptedKdc;
  readonly options: ClientOptions;
  readonly rc4Key: Key;
  client(more?: ClientOptions): Client;
  /** Encryption types of the last AS-REQ. */
  offered(): readonly number[];
}

/** Alice has keys of her password for `etypes`. */
async function setting(
  etypes: readonly number[],
  kdcOptions: Partial<ScriptedKdcOptions> = {},
): Promise<Setting> {
  const { kdc, options } = realm({ sessionEtypes: [18, 17, 20, 19, RC4], ...kdcOptions });
  const salt = 'EXAMPLE.TESTalice';
  const keys = await Promise.all(
    etypes.map(async (etype) => ({ key: await stringToKey(etype, utf8(PASSWORD), utf8(salt)), salt })),
  );
  kdc.addPrincipal('alice', ...keys);
  return {
    kdc,
    options,
    rc4Key: await stringToKey(RC4, utf8(PASSWORD), utf8(salt)),
    client: (more = {}) => fromPassword('alice', PASSWORD, { ...options, ...more }),
    offered: () => decode('AsReq', kdc.requests.at(-1)!).reqBody.etype,
  };
}

async function refusal(outcome: Promise<unknown>): Promise<KerberosError> {
  const error: unknown = await outcome.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(KerberosError);
  return error as KerberosError;
}

describe('the encryption types of a configuration', () => {
  it.each([
    ['', [18, 17, 20, 19]],
    ['allow_weak_crypto = true', [18, 17, 20, 19]],
    ['permitted_enctypes = aes256-cts rc4', [18]],
    ['allow_rc4 = true', [18, 17, 20, 19, 23]],
    ['allow_rc4 = true\npermitted_enctypes = aes', [18, 17, 20, 19]],
    ['allow_rc4 = true\npermitted_enctypes = aes256-cts rc4-hmac', [18, 23]],
    ['allow_rc4 = true\npermitted_enctypes = DEFAULT -rc4', [18, 17, 20, 19]],
    ['allow_rc4 = true\npermitted_enctypes = rc4', [23]],
  ])('of "%s" are %j', async (lines, etypes) => {
    expect(policyOf(config(lines)).permittedEtypes).toEqual(etypes);
    expect(offeredEtypes(config(lines), 'AS')).toEqual(etypes);
    expect(offeredEtypes(config(lines), 'TGS')).toEqual(etypes);
    const { client, offered } = await setting([18, 23]);
    await client({ config: config(lines) }).login();
    expect(offered()).toEqual(etypes);
  });

  it('are without RC4 even when a program lists it, unless it allows it too', () => {
    const listed: Krb5Config = { ...config(), permittedEtypes: [18, RC4], defaultTktEtypes: [RC4, 18] };
    expect(permittedEtypes(listed)).toEqual([18]);
    expect(offeredEtypes(listed, 'AS')).toEqual([18]);
    expect(offeredEtypes({ ...listed, allowRc4: true }, 'AS')).toEqual([RC4, 18]);
  });

  it('may be none, and then the error says what to set', () => {
    const none: Krb5Config = { ...config(), defaultTktEtypes: [RC4] };
    expect(() => offeredEtypes(none, 'AS')).toThrow(
      expect.objectContaining({ code: 'ERR_ETYPE_POLICY', message: expect.stringContaining(HINT) }),
    );
  });
});

describe('an account that has RC4 keys only', () => {
  it('cannot log in unless RC4 is allowed, and the error says what to set', async () => {
    const { client, kdc } = await setting([RC4]);
    const error = await refusal(client().login());
    expect(error.code).toBe('KDC_ERR_ETYPE_NOSUPP');
    expect(error.message).toContain('allow_rc4');
    expect(kdc.timestamps).toHaveLength(0);
  });

  it('logs in, renews and gets tickets where RC4 is allowed, all in RC4', async () => {
    const { client, kdc } = await setting([RC4], { sessionEtypes: [RC4], maxRenewSeconds: 86_400 });
    kdc.addPrincipal(SERVICE, kdc.freshKey(RC4));
    kdc.addPrincipal('krbtgt/EXAMPLE.TEST', kdc.freshKey(RC4));
    const alice = client({ config: ALLOWED });
    const { replyEtype, credential } = await alice.login({
      lifetimeSeconds: 3600,
      renewLifetimeSeconds: 50_000,
    });
    expect([replyEtype, credential.sessionKey.etype]).toEqual([RC4, RC4]);
    expect((await alice.renew()).sessionKey.etype).toBe(RC4);
    const ticket = await alice.serviceTicket(SERVICE);
    expect(ticket.sessionKey.etype).toBe(RC4);
    expect(decode('Ticket', ticket.ticket).encPart.etype).toBe(RC4);
  });

  it('has its password checked by the KDC', async () => {
    const { options } = await setting([RC4]);
    const error = await refusal(fromPassword('alice', 'wrong', { ...options, config: ALLOWED }).login());
    expect(error.code).toBe('KDC_ERR_PREAUTH_FAILED');
  });

  it('logs in by key and by keytab', async () => {
    const { options, rc4Key } = await setting([RC4]);
    const keytab = join(folder, 'rc4.keytab');
    const entry = { principal: parsePrincipal('alice@EXAMPLE.TEST'), timestamp: 0, kvno: 1, key: rc4Key };
    writeFileSync(keytab, encodeKeytab([entry]), { mode: 0o600 });
    for (const client of [
      fromKey('alice', rc4Key, { ...options, config: ALLOWED }),
      await fromKeytab({ ...options, keytab, config: ALLOWED }),
    ]) {
      expect((await client.login()).replyEtype).toBe(RC4);
    }
    const error = await refusal((await fromKeytab({ ...options, keytab })).login());
    expect(error.code).toBe('ERR_KEYTAB_NO_KEY');
    expect(error.message).toContain(HINT);
  });
});

describe('a hostile KDC', () => {
  const encPart = (change: object): KdcHooks => ({ rewriteEncPart: (honest) => ({ ...honest, ...change }) });
  const onlyRc4: readonly PaData[] = [
    { padataType: PA_DATA_TYPES['PA-ENC-TIMESTAMP'], padataValue: new Uint8Array(0) },
  ];
  const methodData = (type: 'PA-ETYPE-INFO' | 'PA-ETYPE-INFO2', etypes: readonly number[]): KdcHooks => {
    const entries = etypes.map((etype) => ({ etype }));
    const padataValue =
      type === 'PA-ETYPE-INFO' ? encode('EtypeInfo', entries) : encode('EtypeInfo2', entries);
    return { rewriteMethodData: () => [{ padataType: PA_DATA_TYPES[type], padataValue }, ...onlyRc4] };
  };

  it.each([
    ['seals its reply in the RC4 key of the password', ({ rc4Key }: Setting) => ({ replyKey: () => rc4Key })],
    ['gives an RC4 session key', () => encPart({ key: { keytype: RC4, keyvalue: new Uint8Array(16) } })],
  ])('that %s is refused', async (_what, hooks) => {
    for (const lines of ['', 'allow_rc4 = true\npermitted_enctypes = aes']) {
      const made = await setting([18, RC4]);
      made.kdc.hooks = hooks(made);
      expect((await refusal(made.client({ config: config(lines) }).login())).code).toBe('ERR_REPLY_ETYPE');
    }
  });

  it('that gives an RC4 session key for a service is refused', async () => {
    const made = await setting([18]);
    const client = made.client();
    await client.login();
    made.kdc.hooks = encPart({ key: { keytype: RC4, keyvalue: new Uint8Array(16) } });
    expect((await refusal(client.serviceTicket(SERVICE))).code).toBe('ERR_REPLY_ETYPE');
  });

  it.each(['PA-ETYPE-INFO', 'PA-ETYPE-INFO2'] as const)(
    'that names RC4 keys only, in %s, gets no timestamp',
    async (type) => {
      const made = await setting([18, RC4]);
      // -128 is the RC4 with MD4 that a KDC could be made to choose (CVE-2022-33647); 24 is export RC4.
      made.kdc.hooks = methodData(type, [RC4, 24, -128]);
      const error = await refusal(made.client().login());
      expect(error.code).toBe('ERR_ETYPE_POLICY');
      expect(error.message).toContain(HINT);
      expect(made.kdc.timestamps).toHaveLength(0);
    },
  );

  it('that names the worst types gets no timestamp even where RC4 is allowed', async () => {
    const made = await setting([18, RC4]);
    made.kdc.hooks = methodData('PA-ETYPE-INFO2', [24, -128, -133]);
    const error = await refusal(made.client({ config: ALLOWED }).login());
    expect(error.code).toBe('ERR_ETYPE_POLICY');
    expect(error.message).not.toContain(HINT);
    expect(made.kdc.timestamps).toHaveLength(0);
  });

  it('that names RC4 first gets the AES key all the same', async () => {
    const made = await setting([18, RC4]);
    made.kdc.hooks = methodData('PA-ETYPE-INFO2', [RC4, 18]);
    const asked = made.client({ config: ALLOWED }).login();
    await refusal(asked);
    expect(made.kdc.timestamps.map((octets) => decode('PaEncTimestamp', octets).etype)).toEqual([18]);
  });
});

describe('a credential cache with RC4 session keys', () => {
  it('is of use only where RC4 is allowed', async () => {
    const { kdc, client, options } = await setting([18], { sessionEtypes: [RC4] });
    const login = client({ config: ALLOWED });
    const cache = login.credentialCache(await login.login());
    const ticket = await login.serviceTicket(SERVICE);
    expect(ticket.sessionKey.etype).toBe(RC4);
    const ccache = join(folder, 'ccache');
    await writeCcacheFile(ccache, { ...cache, credentials: [...cache.credentials, ticket] });
    const from = (own: Krb5Config): Promise<Client> =>
      fromCcache({ ...options, config: own, ccache, clientKeytab: false });
    const before = kdc.requests.length;
    expect((await (await from(ALLOWED)).serviceTicket(SERVICE)).sessionKey.etype).toBe(RC4);
    const error = await refusal((await from(config())).serviceTicket(SERVICE));
    expect(error.code).toBe('ERR_ETYPE_POLICY');
    expect(error.message).toContain(HINT);
    expect(kdc.requests.length).toBe(before);
  });
});

describe('a key of RC4', () => {
  it('is of no use by itself where RC4 is not allowed', async () => {
    const { options, rc4Key } = await setting([RC4]);
    expect((await refusal(fromKey('alice', new Key(RC4, rc4Key.value), options).login())).code).toBe(
      'ERR_KEYTAB_NO_KEY',
    );
  });
});
