/** SASL at OpenLDAP's slapd with Cyrus SASL: GSSAPI, GSS-SPNEGO and GS2-KRB5, with every layer (RFC 4752, RFC 5801). */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ENCTYPES, type OpenLdap, startOpenLdap } from '../../scripts/realServers/index.mjs';
import { type SaslLayer, type SaslOptions, saslClient } from '../../src/adapters/sasl/index.js';
import { concat, utf8 } from '../../src/bytes.js';
import { LdapClient } from './ldapClient.js';
import { failure, passwordClient } from './library.js';
import { servers } from './servers.js';

const { realm } = servers();
/** SSF as Cyrus SASL counts it. */
const SSF: Readonly<Record<SaslLayer, number>> = { none: 0, integrity: 1, confidentiality: 256 };
const LAYERS = ['none', 'integrity', 'confidentiality'] as const;

let slapd: OpenLdap;
/** Demands channel bindings of type tls-server-end-point where TLS is used. */
let bound: OpenLdap;

beforeAll(async () => {
  slapd = await startOpenLdap(realm);
  bound = await startOpenLdap(realm, { saslCbinding: 'tls-endpoint' });
});

afterAll(() => Promise.all([slapd.stop(), bound.stop()]));

/** A connection that `user` is bound on. */
async function bind(
  options: SaslOptions,
  { server = slapd, user = 'alice', ldap }: { server?: OpenLdap; user?: string; ldap?: LdapClient } = {},
): Promise<LdapClient> {
  const connection = ldap ?? (await LdapClient.connect(server.port));
  try {
    await connection.bind(await saslClient(passwordClient(user), server.service, options));
    return connection;
  } catch (error) {
    await connection.end();
    throw error;
  }
}

/**
 * What slapd logs of the bind of a connection, the latest unless given: mechanism and strengths. It answers before it logs.
 */
function bindOf(
  server: OpenLdap,
  { localPort = '\\d+' }: { localPort?: number | string } = {},
): Promise<string> {
  const accepted = new RegExp(`(conn=\\d+) fd=\\d+ ACCEPT from IP=\\S+:${localPort} `, 'g');
  return vi.waitFor(
    () => {
      const log = server.log();
      const connection = [...log.matchAll(accepted)].at(-1)?.[1];
      const bind = new RegExp(`${connection} op=\\d+ BIND .*(mech=\\S+ (?:bind_ssf|ssf)=\\d+(?: ssf=\\d+)?)`);
      const [, found] = bind.exec(log) ?? [];
      expect(found).toBeDefined();
      return found!;
    },
    { timeout: 30_000 },
  );
}

const person = (name: string): string => `dn:uid=${name},ou=people,${slapd.suffix}`;

describe.each(['GSSAPI', 'GSS-SPNEGO'] as const)('%s', (mechanism) => {
  it.each(LAYERS)('with layer %s', async (layer) => {
    const ldap = await bind({ mechanism, layers: [layer] });
    expect(await ldap.whoAmI()).toBe(person('alice'));
    expect(await bindOf(slapd, ldap)).toBe(`mech=${mechanism} bind_ssf=${SSF[layer]} ssf=${SSF[layer]}`);
    await ldap.end();
  });

  it.each(LAYERS)('reads a result much larger than a buffer through layer %s', async (layer) => {
    const ldap = await bind({ mechanism, layers: [layer] });
    const entries = await ldap.search(`ou=many,${slapd.suffix}`, 'one', ['description']);
    expect(entries).toHaveLength(slapd.many.count);
    const octets = entries.reduce((sum, entry) => sum + entry.length, 0);
    expect(octets).toBeGreaterThan(2 * 65536);
    expect(octets).toBeGreaterThan(slapd.many.count * slapd.many.descriptionOctets);
    await ldap.end();
  });

  it.each(LAYERS)('sends a request much larger than a buffer through layer %s', async (layer) => {
    const ldap = await bind({ mechanism, layers: [layer] });
    const attributes = Array.from({ length: 5000 }, (_, number) => `noSuchAttributeWithThisNumber${number}`);
    expect(await ldap.search('', 'base', attributes)).toHaveLength(1);
    expect(await ldap.whoAmI()).toBe(person('alice'));
    await ldap.end();
  });

  it.each(LAYERS)('keeps a connection through many requests: %s', async (layer) => {
    const ldap = await bind({ mechanism, layers: [layer] });
    for (let i = 0; i < 50; i++) {
      expect(await ldap.search(`uid=bob,ou=people,${slapd.suffix}`, 'base', ['uid'])).toHaveLength(1);
    }
    await ldap.end();
  });

  it.each(ENCTYPES)('under a key of $name', async ({ name }) => {
    const user = `u-${name}`;
    const ldap = await bind({ mechanism }, { user });
    expect(await ldap.whoAmI()).toBe(person(user));
    await ldap.end();
  });
});

describe('GSSAPI', () => {
  it('tells slapd how long buffers may be, and slapd obeys', async () => {
    const ldap = await bind({ mechanism: 'GSSAPI', maxReceiveBuffer: 4096 });
    const entries = await ldap.search(`ou=many,${slapd.suffix}`, 'one');
    expect(entries).toHaveLength(slapd.many.count);
    await ldap.end();
  });

  it('acts as somebody else where slapd permits it', async () => {
    const authorizationId = person('bob');
    const ldap = await bind({ mechanism: 'GSSAPI', authorizationId });
    expect(await ldap.whoAmI()).toBe(person('bob'));
    await ldap.end();
  });

  it('is refused where slapd does not', async () => {
    const authorizationId = person('alice');
    const error = await failure(bind({ mechanism: 'GSSAPI', authorizationId }, { user: 'bob' }));
    expect(error).toMatchObject({ resultCode: 50 });
  });

  it('ends where policies do not meet', async () => {
    const strict = await startOpenLdap(realm, { saslSecprops: 'minssf=56' });
    const weak = await startOpenLdap(realm, { saslSecprops: 'none,maxssf=0' });
    try {
      const open = bind({ mechanism: 'GSSAPI', layers: ['none', 'integrity'] }, { server: strict });
      expect(await failure(open)).toMatchObject({ code: 'ERR_SASL_LAYER' });
      const secret = bind({ mechanism: 'GSSAPI', layers: ['confidentiality'] }, { server: weak });
      expect(await failure(secret)).toMatchObject({ code: 'ERR_SASL_LAYER' });
      const either = await bind({ mechanism: 'GSSAPI' }, { server: weak });
      expect(await bindOf(weak, either)).toBe('mech=GSSAPI bind_ssf=0 ssf=0');
      await either.end();
    } finally {
      await Promise.all([strict.stop(), weak.stop()]);
    }
  });
});

describe('GS2-KRB5', () => {
  it('authenticates without a layer', async () => {
    const ldap = await bind({ mechanism: 'GS2-KRB5' });
    expect(await ldap.whoAmI()).toBe(person('alice'));
    expect(await bindOf(slapd, ldap)).toMatch(/^mech=GS2-KRB5 /);
    await ldap.end();
  });

  it('acts as somebody else, commas and equals signs escaped', async () => {
    const ldap = await bind({ mechanism: 'GS2-KRB5', authorizationId: person('bob') });
    expect(await ldap.whoAmI()).toBe(person('bob'));
    await ldap.end();
  });
});

describe('inside TLS', () => {
  const connect = (server: OpenLdap): Promise<LdapClient> =>
    LdapClient.connect(server.tlsPort, readFileSync(server.certificates.ca));

  it.each(['GSSAPI', 'GSS-SPNEGO'] as const)('%s with the right channel bindings', async (mechanism) => {
    const ldap = await connect(bound);
    const { channelBinding } = ldap;
    await bind({ mechanism, layers: ['none'], channelBinding }, { server: bound, ldap });
    expect(await ldap.whoAmI()).toBe(person('alice'));
    expect(await bindOf(bound, ldap)).toBe(`mech=${mechanism} bind_ssf=0 ssf=256`);
    await ldap.end();
  });

  it.each(['GSSAPI', 'GSS-SPNEGO'] as const)(
    '%s with those of another server is refused',
    async (mechanism) => {
      const ldap = await connect(bound);
      const channelBinding = { type: 'tls-server-end-point', data: new Uint8Array(32) };
      const attempt = bind({ mechanism, layers: ['none'], channelBinding }, { server: bound, ldap });
      expect(await failure(attempt)).toMatchObject({ resultCode: 49 });
    },
  );

  // OpenLDAP calls its bindings "ldap" and puts the type in front of the data, other than RFC 5801 has it.
  const inOpenLdapsTerms = (data: Uint8Array) => ({
    type: 'ldap',
    data: concat(utf8('tls-server-end-point:'), data),
  });

  it('GS2-KRB5-PLUS is offered, and binds the connection', async () => {
    const ldap = await connect(bound);
    const offered = String(await ldap.search('', 'base', ['supportedSASLMechanisms']));
    expect(offered).toContain('GS2-KRB5-PLUS');
    const channelBinding = inOpenLdapsTerms(ldap.channelBinding.data);
    await bind({ mechanism: 'GS2-KRB5-PLUS', channelBinding }, { server: bound, ldap });
    expect(await ldap.whoAmI()).toBe(person('alice'));
    await ldap.end();
  });

  it('GS2-KRB5-PLUS with the bindings of another connection is refused', async () => {
    const channelBinding = inOpenLdapsTerms(new Uint8Array(32));
    const attempt = bind(
      { mechanism: 'GS2-KRB5-PLUS', channelBinding },
      { server: bound, ldap: await connect(bound) },
    );
    expect(await failure(attempt)).toMatchObject({ resultCode: 80 });
  });

  it('GS2-KRB5 that believes the offer of PLUS was missing is refused: it was removed on the way', async () => {
    const channelBinding = { type: 'tls-server-end-point', data: new Uint8Array(32) };
    const attempt = bind(
      { mechanism: 'GS2-KRB5', channelBinding },
      { server: bound, ldap: await connect(bound) },
    );
    expect(await failure(attempt)).toMatchObject({ resultCode: 49 });
  });
});

describe('like ldapwhoami', () => {
  it.each([
    ['GSSAPI', 'maxssf=0', 'none'],
    ['GSSAPI', 'minssf=1,maxssf=1', 'integrity'],
    ['GSSAPI', 'minssf=56', 'confidentiality'],
    ['GSS-SPNEGO', 'maxssf=0', 'none'],
    ['GSS-SPNEGO', 'minssf=56', 'confidentiality'],
  ] as const)('%s %s', async (mechanism, properties, layer) => {
    const ccache = realm.newCcache();
    await realm.run('kinit', ['alice'], { ccache, input: `${realm.users.alice}\n` });
    const theirs = await realm.run(
      'ldapwhoami',
      ['-N', '-Q', '-Y', mechanism, '-O', properties, '-H', slapd.url],
      { ccache },
    );
    const theirBind = await bindOf(slapd);
    const ldap = await bind({ mechanism, layers: [layer] });
    expect(`${await ldap.whoAmI()}\n`).toBe(theirs.stdout);
    expect(await bindOf(slapd, ldap)).toBe(theirBind);
    await ldap.end();
  });
});

describe('a server that goes away', () => {
  it.each(LAYERS)('leaves nobody waiting: layer %s', async (layer) => {
    const server = await startOpenLdap(realm);
    const ldap = await bind({ mechanism: 'GSSAPI', layers: [layer] }, { server });
    expect(await ldap.whoAmI()).toBe(person('alice'));
    await server.stop();
    expect(await failure(ldap.whoAmI())).toBeInstanceOf(Error);
    await ldap.end();
  });
});

describe('a service that refuses', () => {
  it('says so when the ticket is for another host', async () => {
    const ldap = await LdapClient.connect(slapd.port);
    const mechanism = await saslClient(passwordClient('alice'), 'host@localhost', { mechanism: 'GSSAPI' });
    expect(await failure(ldap.bind(mechanism))).toMatchObject({ resultCode: 49 });
    mechanism.delete();
    await ldap.end();
  });
});
