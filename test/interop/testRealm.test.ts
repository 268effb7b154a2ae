/** The embedded realm judged by programs that are not ours: MIT krb5's kinit, kvno, klist and gss-client, and curl. */
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunResult, run, temporaryFolder } from '../../scripts/realServers/index.mjs';
import type { TgsRequest } from '../../src/exchange/tgs.js';
import {
  type Credential,
  formatPrincipal,
  fromPassword,
  KDC_OPTIONS,
  KdcError,
  Key,
  type Krb5Config,
  type Principal,
  parsePrincipal,
  writeCcacheFile,
} from '../../src/index.js';
import { decode } from '../../src/messages/module.js';
import { loadKrb5Config } from '../../src/stores/krb5ConfFiles.js';
import { type AcceptorOptions, TestRealm } from '../../src/testing/index.js';
import { flipped } from '../support/scriptedKdc.js';
import { exchangeTgt } from '../testing/clients.js';
import { type Conversation, startGssServer } from '../testing/gssServer.js';
import { servers } from './servers.js';

const ETYPES = [
  [17, 'aes128-cts-hmac-sha1-96'],
  [18, 'aes256-cts-hmac-sha1-96'],
  [19, 'aes128-cts-hmac-sha256-128'],
  [20, 'aes256-cts-hmac-sha384-192'],
] as const;

const LIBDEFAULTS = { forwardable: 'true', proxiable: 'true' };

let realm: TestRealm;
let other: TestRealm;
let third: TestRealm;
beforeAll(async () => {
  const perEtype = (name: string, options: object) =>
    Object.fromEntries(ETYPES.map(([etype]) => [`${name}${etype}`, { ...options, etypes: [etype] }]));
  realm = await TestRealm.start({
    realm: 'EXAMPLE.TEST',
    libdefaults: LIBDEFAULTS,
    principals: {
      alice: { password: 'secret' },
      bob: { password: 'secret', requiresPreauth: false },
      salted: { password: 'secret', salt: 'pepper' },
      daemon: {},
      expired: { password: 'secret', expired: true },
      pwexpired: { password: 'secret', passwordExpired: true },
      locked: { password: 'secret', locked: true },
      'HTTP/localhost': {},
      'host/localhost': {},
      ...perEtype('user', { password: 'secret' }),
      ...Object.fromEntries(
        ETYPES.map(([etype]) => [`test${etype}/localhost`, { etypes: [etype], sessionEtypes: [etype] }]),
      ),
    },
  });
  other = await TestRealm.start({ realm: 'OTHER.TEST', principals: { 'host/srv.other.test': {} } });
  third = await TestRealm.start({ realm: 'THIRD.TEST', principals: { 'host/srv.third.test': {} } });
  realm.trust(other);
  other.trust(third);
});
afterAll(() => Promise.all([realm, other, third].map((one) => one.stop())));

const folder = temporaryFolder('krb5-test-realm-interop-');
let caches = 0;
const newCcache = (): string => `FILE:${folder}/cc${caches++}`;

function mit(
  ccache: string,
  command: string,
  args: readonly string[],
  input = '',
  krb5Conf = realm.krb5ConfFile,
): Promise<RunResult> {
  return run(command, [...args], {
    input,
    env: {
      PATH: process.env.PATH,
      LC_ALL: 'C.UTF-8',
      KRB5_CONFIG: krb5Conf,
      KRB5CCNAME: ccache,
      KRB5_TRACE: `${ccache.replace('FILE:', '')}.trace`,
    },
  });
}

/** What KRB5_TRACE told about a cache. */
function traceOf(ccache: string): string {
  return readFileSync(`${ccache.replace('FILE:', '')}.trace`, 'utf8');
}

async function login(user = 'alice', ...args: readonly string[]): Promise<string> {
  const ccache = newCcache();
  const result = await mit(ccache, 'kinit', [...args, user], 'secret\n');
  expect(result).toMatchObject({ status: 0, stderr: '' });
  return ccache;
}

async function klist(ccache: string): Promise<string> {
  return (await mit(ccache, 'klist', ['-ef'])).stdout;
}

describe('kinit', () => {
  it.each(['alice', 'bob', 'salted'])('%s logs in with a password', async (user) => {
    expect(await klist(await login(user))).toContain(`Default principal: ${user}@EXAMPLE.TEST`);
  });

  it.each(ETYPES)('a user with a key of etype %i alone, and a service likewise', async (etype, name) => {
    const ccache = await login(`user${etype}`);
    const service = `test${etype}/localhost`;
    expect(await mit(ccache, 'kvno', [service])).toMatchObject({ status: 0 });
    expect(await klist(ccache)).toMatch(
      new RegExp(`${service}@EXAMPLE.TEST\\n.*\\n?.*Etype \\(skey, tkt\\): ${name}, ${name}`),
    );
  });

  it('logs in with a keytab', async () => {
    const ccache = newCcache();
    const args = ['-k', '-t', realm.keytabFile('daemon'), 'daemon'];
    expect(await mit(ccache, 'kinit', args)).toMatchObject({ status: 0, stderr: '' });
  });

  it.each([
    ['alice', 'wrong', 'Password incorrect'],
    ['nobody', 'secret', 'not found in Kerberos database'],
    ['expired', 'secret', "Client's entry in database has expired"],
    ['locked', 'secret', "Client's credentials have been revoked"],
    ['pwexpired', 'secret', 'Password expired.  You must change it now.'],
  ])('%s with the password %s: "%s"', async (user, password, message) => {
    const { status, stdout, stderr } = await mit(newCcache(), 'kinit', [user], `${password}\n`);
    expect(status).toBe(1);
    expect(stdout + stderr).toContain(message);
  });

  it('renews with -R', async () => {
    const ccache = await login('alice', '-l', '10m', '-r', '1h');
    expect(await mit(ccache, 'kinit', ['-R'])).toMatchObject({ status: 0, stderr: '' });
    expect((await mit(ccache, 'klist', ['-s'])).status).toBe(0);
  });
});

describe('kvno', () => {
  it('gets service tickets', async () => {
    const ccache = await login();
    const { status, stdout } = await mit(ccache, 'kvno', ['HTTP/localhost', 'host/localhost']);
    expect([status, stdout]).toEqual([
      0,
      'HTTP/localhost@EXAMPLE.TEST: kvno = 1\nhost/localhost@EXAMPLE.TEST: kvno = 1\n',
    ]);
  });

  it('decrypts them with the keytab', async () => {
    const ccache = await login();
    const args = ['-k', realm.keytabFile('HTTP/localhost'), 'HTTP/localhost'];
    expect((await mit(ccache, 'kvno', args)).stdout).toContain('keytab entry valid');
  });

  it('is told of an unknown service', async () => {
    const { status, stderr } = await mit(await login(), 'kvno', ['HTTP/nowhere']);
    expect(status).toBe(1);
    expect(stderr).toContain('not found in Kerberos database');
  });

  it.each([
    ['one realm further', 'host/srv.other.test@OTHER.TEST'],
    ['two realms further', 'host/srv.third.test@THIRD.TEST'],
  ])('crosses to a service %s', async (_what, service) => {
    const ccache = await login();
    expect(await mit(ccache, 'kvno', [service])).toMatchObject({ status: 0 });
    expect(await klist(ccache)).toContain(service);
  });

  it('is referred to the realm of a service', async () => {
    const ccache = await login();
    expect(await mit(ccache, 'kvno', ['-S', 'host', 'srv.other.test'])).toMatchObject({ status: 0 });
    expect(await klist(ccache)).toContain('host/srv.other.test@OTHER.TEST');
  });

  it('gets a user-to-user ticket', async () => {
    const alice = await login();
    const bob = await login('bob');
    const args = ['--u2u', bob.replace('FILE:', ''), 'bob'];
    expect(await mit(alice, 'kvno', args)).toMatchObject({ status: 0 });
  });

  it('gets a reply that is too big for UDP over TCP', async () => {
    await using narrow = await TestRealm.start({
      principals: { alice: { password: 'secret' } },
      maxUdpReplyOctets: 300,
    });
    const ccache = newCcache();
    const result = await mit(ccache, 'kinit', ['alice'], 'secret\n', narrow.krb5ConfFile);
    expect(result).toMatchObject({ status: 0 });
    expect(traceOf(ccache)).toContain('-1765328332/'); // 52 KRB_ERR_RESPONSE_TOO_BIG
  });
});

describe('curl --negotiate', () => {
  it('gets in with mutual authentication, and not without a ticket', async () => {
    const server = createServer(
      realm.httpHandler('HTTP/localhost', (_request, response, { user }) => response.end(`hello ${user}\n`)),
    );
    server.listen(0, 'localhost');
    await once(server, 'listening');
    const url = `http://localhost:${(server.address() as AddressInfo).port}/`;
    const args = ['-si', '--negotiate', '-u', ':', url];
    const allowed = await mit(await login(), 'curl', args);
    expect(allowed.stdout).toMatch(/200 OK.*WWW-Authenticate: Negotiate \S+.*hello alice@EXAMPLE.TEST/s);
    expect((await mit(newCcache(), 'curl', args)).stdout).toMatch(/401 Unauthorized/);
    server.close();
  });
});

describe('gss-client', () => {
  async function talk(
    args: readonly string[],
    options: {
      service?: string;
      acceptor?: Omit<AcceptorOptions, 'keytab' | 'service'>;
      ccache?: string;
    } = {},
  ): Promise<RunResult & { conversation: Conversation; ccache: string }> {
    const { service = 'host', ccache = await login() } = options;
    const server = await startGssServer(realm.acceptor(`${service}/localhost`, options.acceptor));
    const target = ['-port', String(server.port), ...args, 'localhost', `${service}@localhost`, 'a message'];
    const result = await mit(ccache, 'gss-client', target);
    await server.stop();
    return { ...result, conversation: server.conversations[0]!, ccache };
  }

  it.each([
    [[]],
    [['-spnego']],
    [['-seq']],
    [['-noreplay']],
    [['-nomutual']],
    [['-spnego', '-nomutual']],
    [['-d']],
    [['-spnego', '-seq', '-d']],
    [['-nw']],
    [['-nx']],
    [['-mcount', '3']],
    [['-spnego', '-mcount', '3']],
  ])('%j', async (args) => {
    const { stdout, conversation } = await talk(args);
    expect(conversation.error).toBeUndefined();
    expect(stdout).toContain('Signature verified.');
    expect(conversation.messages).toEqual(Array(args.includes('-mcount') ? 3 : 1).fill('a message'));
    expect(formatPrincipal(conversation.accepted!.context.client!)).toBe('alice@EXAMPLE.TEST');
  });

  it.each(ETYPES)('with etype %i', async (etype) => {
    const ccache = await login(`user${etype}`);
    const { stdout } = await talk(['-spnego', '-seq'], { service: `test${etype}`, ccache });
    expect(stdout).toContain('Signature verified.');
  });

  it('exchanges MICs of the mechanism list on demand', async () => {
    const { stdout, conversation } = await talk(['-spnego'], { acceptor: { requestMic: true } });
    expect(conversation.error).toBeUndefined();
    expect(stdout).toContain('Signature verified.');
  });

  it('delegates a ticket that MIT kvno can use', async () => {
    const { delegated } = (await talk(['-d'])).conversation.accepted!;
    const ccache = newCcache();
    await writeCcacheFile(ccache.replace('FILE:', ''), {
      version: 4,
      defaultPrincipal: delegated[0]!.client,
      credentials: delegated,
      config: [],
    });
    expect(await mit(ccache, 'kvno', ['HTTP/localhost'])).toMatchObject({ status: 0 });
    const listed = await klist(ccache);
    expect(listed).toContain('Default principal: alice@EXAMPLE.TEST');
    expect(listed).toMatch(/krbtgt\/EXAMPLE.TEST@EXAMPLE.TEST\n.*Flags: FfPRAT/);
  });
});

describe('beside krb5kdc of MIT krb5', () => {
  const kdc = servers().realm;

  /** The same commands against a KDC; what they say, without times. */
  async function session(krb5Conf: string, password: string, steps: readonly Step[]): Promise<string[]> {
    const ccache = newCcache();
    const said: string[] = [];
    for (const [command, ...args] of [...steps, ['klist', '-ef'] as const]) {
      const { status, stdout, stderr } = await mit(ccache, command, args, `${password}\n`, krb5Conf);
      said.push(`${command} ${args.join(' ')}: ${status}\n${stdout}${stderr}`);
    }
    const text = said.map((line) =>
      line.replaceAll(ccache.replace('FILE:', ''), 'CCACHE').replace(/\d\d\/\d\d\/\d\d \d\d:/g, ''),
    );
    return text.map((line) => line.replace(/\d\d:\d\d\b/g, 'MM:SS'));
  }

  type Step = readonly [command: string, ...args: string[]];

  let twin: TestRealm;
  let theirConf: string;
  beforeAll(async () => {
    const user = (name: string, options: object = {}) => ({
      [name]: { password: kdc.users[name]!, ...options },
    });
    twin = await TestRealm.start({
      libdefaults: LIBDEFAULTS,
      principals: {
        ...user('alice'),
        ...user('u-expired', { expired: true }),
        ...user('u-pwexpired', { passwordExpired: true }),
        ...user('u-locked', { locked: true }),
        'HTTP/localhost': {},
      },
    });
    theirConf = `${folder}/krb5kdc.conf`;
    writeFileSync(theirConf, twin.krb5Conf.replace(twin.kdc, kdc.kdc));
  });
  afterAll(() => twin.stop());

  it.each<[string, readonly Step[]]>([
    [
      'login and service ticket',
      [
        ['kinit', 'alice'],
        ['kvno', 'HTTP/localhost'],
      ],
    ],
    [
      'renewal',
      [
        ['kinit', '-l', '10m', '-r', '1h', 'alice'],
        ['kinit', '-R'],
        ['kvno', 'HTTP/localhost'],
      ],
    ],
    [
      'a life beyond the limit',
      [
        ['kinit', '-l', '5d', '-r', '30d', '-p', 'alice'],
        ['kvno', 'HTTP/localhost'],
      ],
    ],
    [
      'not forwardable',
      [
        ['kinit', '-F', '-P', 'alice'],
        ['kvno', 'HTTP/localhost'],
      ],
    ],
    [
      'a renewal of what is not renewable',
      [
        ['kinit', '-l', '5m', 'alice'],
        ['kinit', '-R'],
      ],
    ],
    ['a service as initial ticket', [['kinit', '-S', 'HTTP/localhost', 'alice']]],
    [
      'canonicalize',
      [
        ['kinit', '-C', 'alice'],
        ['kvno', '-C', 'HTTP/localhost'],
      ],
    ],
    [
      'unknown service',
      [
        ['kinit', 'alice'],
        ['kvno', 'HTTP/nowhere'],
      ],
    ],
    ['unknown service as initial ticket', [['kinit', '-S', 'HTTP/nowhere', 'alice']]],
    ['unknown client', [['kinit', 'nobody']]],
    ['expired account', [['kinit', 'u-expired']]],
    ['expired password', [['kinit', 'u-pwexpired']]],
    ['locked account', [['kinit', 'u-locked']]],
  ])('%s', async (_what, steps) => {
    const password = kdc.users[steps[0]!.at(-1)!] ?? 'secret';
    const ours = await session(twin.krb5ConfFile, password, steps);
    expect(ours).toEqual(await session(theirConf, password, steps));
  });

  /** What the KRB-ERROR of an exchange that must fail says. */
  async function refusal(exchange: Promise<unknown>): Promise<object> {
    const error: unknown = await exchange.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (!(error instanceof KdcError)) throw new Error(`no KRB-ERROR: ${error}`);
    const { symbol, eText, eData } = error.details;
    const offers = eData === undefined ? undefined : decode('MethodData', eData).map((pa) => pa.padataType);
    // What MIT krb5 offers beyond: PKINIT (16, 147), FAST (136), freshness (150)
    return { symbol, eText, offers: offers?.filter((type) => ![16, 136, 147, 150].includes(type)) };
  }

  const theirConfig = (): Krb5Config => loadKrb5Config({ files: [theirConf] });
  const principal = (name: string): Principal => parsePrincipal(name, { defaultRealm: 'EXAMPLE.TEST' });

  it.each([
    ['alice', 'wrong', 'krbtgt/EXAMPLE.TEST'],
    ['alice', undefined, 'HTTP/nowhere'],
    ['nobody', 'secret', 'krbtgt/EXAMPLE.TEST'],
    ['u-expired', undefined, 'krbtgt/EXAMPLE.TEST'],
    ['u-pwexpired', undefined, 'krbtgt/EXAMPLE.TEST'],
    ['u-locked', undefined, 'krbtgt/EXAMPLE.TEST'],
  ])('the same KRB-ERROR for %s with %s asking for %s', async (user, password, service) => {
    const login = (config: Krb5Config): Promise<object> => {
      const client = fromPassword(user, password ?? kdc.users[user]!, { config });
      return refusal(client.login({ service: principal(service) }));
    };
    expect(await login(twin.config)).toEqual(await login(theirConfig()));
  });

  type Spoil = (tgt: Credential, service: Credential) => Partial<TgsRequest>;

  it.each<[string, Spoil]>([
    ['an unknown service', () => ({ server: principal('HTTP/nowhere') })],
    ['forwarding what is not forwardable', () => ({ kdcOptions: KDC_OPTIONS.forwarded })],
    ['lending what is not proxiable', () => ({ kdcOptions: KDC_OPTIONS.proxy })],
    ['renewing what is not renewable', () => ({ kdcOptions: KDC_OPTIONS.renew })],
    ['validating what is valid', () => ({ kdcOptions: KDC_OPTIONS.validate })],
    ['user-to-user without a second ticket', () => ({ kdcOptions: KDC_OPTIONS.encTktInSkey })],
    ['a changed ticket', (tgt) => ({ tgt: { ...tgt, ticket: flipped(tgt.ticket) } })],
    ["another client's name", (tgt) => ({ tgt: { ...tgt, client: principal('mallory') } })],
    ['another session key', (tgt) => ({ tgt: { ...tgt, sessionKey: new Key(18, new Uint8Array(32)) } })],
    ['a clock that is an hour off', () => ({ timeOffsetSeconds: 3600 })],
    [
      'a service ticket in the place of the first',
      (tgt, service) => ({ tgt: { ...service, server: tgt.server } }),
    ],
    ['no common encryption type', () => ({ etypes: [23] })],
  ])('the same KRB-ERROR for %s', async (_what, spoil) => {
    const ask = async (config: Krb5Config): Promise<object> => {
      const client = fromPassword('alice', kdc.users.alice!, { config });
      const tgt = (await client.login({ lifetimeSeconds: 600, forwardable: false, proxiable: false }))
        .credential;
      const service = await client.serviceTicket('HTTP/localhost');
      const request = { tgt, server: tgt.server, kdcOptions: 0, ...spoil(tgt, service) };
      return refusal(exchangeTgt({ config }, { till: tgt.endTime, ...request }));
    };
    // RC4 is allowed here so that the client lets the request out at all.
    const [ours, theirs] = [twin.config, theirConfig()].map(withRc4);
    expect(await ask(ours!)).toEqual(await ask(theirs!));
  });
});

function withRc4(config: Krb5Config): Krb5Config {
  return { ...config, allowRc4: true, permittedEtypes: [...config.permittedEtypes, 23] };
}
