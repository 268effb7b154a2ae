import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { formatTime, isoTime } from '../../src/cli/credentialText.js';
import { printable } from '../../src/cli/io.js';
import { hostPrincipal } from '../../src/cli/keytabPrincipal.js';
import { runProgram } from '../../src/cli/program.js';
import { environmentTrace } from '../../src/cli/traceFile.js';
import { Key } from '../../src/crypto/key.js';
import type { Credential } from '../../src/formats/credential.js';
import { encodeKeytab, type KeytabEntry } from '../../src/formats/keytab.js';
import { defaultKrb5Config } from '../../src/formats/krb5Config.js';
import { formatPrincipal, krbtgtPrincipal, parsePrincipal } from '../../src/formats/principal.js';
import { encode } from '../../src/messages/module.js';
import { writeCcacheFile } from '../../src/stores/fileCcache.js';
import { testFolder } from '../stores/folder.js';
import { recordedIo } from './io.js';

const alice = parsePrincipal('alice@EXAMPLE.TEST');
const now = Math.floor(Date.now() / 1000);

function ticket(change: Partial<Credential> = {}): Credential {
  return {
    client: alice,
    server: krbtgtPrincipal('EXAMPLE.TEST'),
    sessionKey: new Key(18, new Uint8Array(32).fill(0xab)),
    authTime: now,
    startTime: now,
    endTime: now + 3600,
    renewTill: 0,
    isSkey: false,
    flags: 0x40e00000,
    addresses: [],
    authData: [],
    ticket: Uint8Array.of(1, 2, 3),
    secondTicket: new Uint8Array(),
    ...change,
  };
}

async function cacheOf(...credentials: Credential[]): Promise<string> {
  const path = `${testFolder()}/cc`;
  await writeCcacheFile(path, { version: 4, defaultPrincipal: alice, credentials, config: [] });
  return path;
}

async function run(...argv: string[]): Promise<{ status: number; out: string; err: string }> {
  const io = recordedIo();
  const status = await runProgram(argv, io);
  return { status, out: io.out, err: io.err };
}

describe('krb5', () => {
  it('explains itself', async () => {
    expect(await run('--help')).toMatchObject({ status: 0, err: '' });
    expect(await run('help')).toEqual(await run('--help'));
    expect(await run('help', 'klist')).toEqual(await run('klist', '--help'));
    expect((await run('--version')).out).toMatch(/^krb5-client \d+\.\d+\.\d+\n$/);
    expect(await run()).toMatchObject({ status: 2, out: '' });
    for (const argv of [['nosuch'], ['help', 'nosuch'], ['constructor'], ['\u001b']]) {
      expect(await run(...argv)).toMatchObject({ status: 2, out: '' });
    }
  });

  it('gives errors as JSON when asked to', async () => {
    const missing = await run('klist', '--json', '/nonexistent');
    expect([missing.status, missing.out]).toEqual([1, '']);
    expect(JSON.parse(missing.err)).toMatchObject({ error: { code: 'ERR_CCACHE_MISSING' } });
    const usage = await run('kinit', '--json', '-Z');
    expect([usage.status, JSON.parse(usage.err)]).toMatchObject([2, { error: { code: 'ERR_USAGE' } }]);
  });

  it('tells of a krb5.conf that breaks the format', async () => {
    const file = `${testFolder()}/krb5.conf`;
    writeFileSync(file, '[libdefaults]\n clockskew\n');
    const io = recordedIo({ env: { KRB5_CONFIG: file } });
    expect(await runProgram(['klist'], io)).toBe(1);
    expect(io.err).toContain(`${file}, line 2`);
  });
});

describe('krb5 klist', () => {
  it('shows a cache whose tickets cannot be decoded', async () => {
    const path = await cacheOf(ticket());
    const { status, out } = await run('klist', '-ef', path);
    expect([status, out.split('\n').slice(0, 2)]).toEqual([
      0,
      [`Ticket cache: FILE:${path}`, 'Default principal: alice@EXAMPLE.TEST'],
    ]);
    expect(out).toContain('\tFlags: FRIA, Etype (skey, tkt): aes256-cts-hmac-sha1-96, unknown \n');
    const json = JSON.parse((await run('klist', '--json', path)).out) as { credentials: unknown[] };
    expect(json.credentials[0]).toMatchObject({ ticketKeyType: null, kvno: null, renewTill: null });
  });

  it('never shows a session key', async () => {
    const path = await cacheOf(ticket());
    for (const argv of [['-efaC'], ['--json', '-C']]) {
      const { out } = await run('klist', ...argv, path);
      expect(out).not.toMatch(/abababab|q6urq6ur/i);
    }
  });

  it('shows names with control characters without sending them to the terminal', async () => {
    const server = parsePrincipal('evil\u001b[2J\u009b/x@EXAMPLE.TEST');
    const path = await cacheOf(ticket({ server, client: parsePrincipal('b\u0007@EXAMPLE.TEST') }));
    const { out } = await run('klist', path);
    expect(out).toContain('evil\\x1b[2J\\x9b/x@EXAMPLE.TEST');
    expect(out).toContain('for client b\\x07@EXAMPLE.TEST');
  });

  it('with -s says by its status whether there is a valid ticket', async () => {
    const old = { endTime: now - 10 };
    const service = parsePrincipal('host/x@EXAMPLE.TEST');
    const other = krbtgtPrincipal('EXAMPLE.TEST', 'OTHER.TEST');
    const cases: [Credential[], number][] = [
      [[ticket()], 0],
      [[ticket(old)], 1],
      [[ticket(old), ticket()], 0],
      [[ticket(old), ticket({ server: service })], 1],
      [[ticket({ server: service })], 0],
      [[ticket({ server: other })], 0],
      [[ticket(old), ticket({ server: other })], 1],
      [[], 1],
    ];
    for (const [credentials, status] of cases) {
      expect(await run('klist', '-s', await cacheOf(...credentials))).toEqual({ status, out: '', err: '' });
    }
    expect(await run('klist', '-s', 'KCM:')).toEqual({ status: 1, out: '', err: '' });
  });

  it.each([['-K'], ['-kK'], ['-t'], ['-n'], ['-kf'], ['-ck'], ['-I', 'x']])(
    'refuses %s',
    async (...options) => {
      const { status, out, err } = await run('klist', ...options);
      expect([status, out, err.includes('Usage: krb5 klist')]).toEqual([1, '', true]);
    },
  );
});

describe('krb5 kinit', () => {
  it('refuses a cache that is no file before it asks for a password', async () => {
    const { status, err } = await run('kinit', '-c', 'KEYRING:x', 'alice@EXAMPLE.TEST');
    expect([status, err.includes('Password')]).toEqual([1, false]);
    expect(err).toMatch(/^kinit: credential cache "KEYRING:x": the kernel keyring/);
  });

  it('does not touch the cache when it cannot log in', async () => {
    const path = await cacheOf(ticket());
    const before = readFileSync(path);
    const keytab = `${testFolder()}/keytab`;
    writeFileSync(keytab, encodeKeytab([]));
    const cases = [
      ['-kt', keytab],
      ['-kt', '/nonexistent', 'a@B'],
      ['-kt', keytab, 'a@B'],
      ['-R', 'bob@EXAMPLE.TEST'],
      ['a@b@c'],
    ];
    for (const args of cases) {
      const { status, err } = await run('kinit', '-c', path, ...args);
      expect([status, err]).toEqual([1, expect.stringMatching(/^kinit: /)]);
      expect(err).not.toMatch(/^ {4}at /m);
    }
    expect(readFileSync(path)).toEqual(before);
  });
});

describe('krb5 kdestroy', () => {
  it('removes a cache, and no folder', async () => {
    const path = await cacheOf(ticket());
    const first = await run('kdestroy', '--json', '-c', path);
    expect(JSON.parse(first.out)).toEqual({ cache: `FILE:${path}`, destroyed: true });
    expect(existsSync(path)).toBe(false);
    expect(await run('kdestroy', '-c', path)).toEqual({
      status: 0,
      out: '',
      err: 'kdestroy: No credentials cache found while destroying cache\n',
    });
    mkdirSync(path);
    expect((await run('kdestroy', '-c', path)).status).toBe(1);
  });
});

describe('hostPrincipal', () => {
  const config = defaultKrb5Config({ defaultRealm: 'EXAMPLE.TEST' });
  const entry = (name: string): KeytabEntry => {
    return { principal: parsePrincipal(name), timestamp: 0, kvno: 1, key: new Key(18, new Uint8Array(32)) };
  };
  const find = (host: string, ...names: string[]): string =>
    formatPrincipal(hostPrincipal(names.map(entry), 'FILE:k', config, host));

  it('is the host in the default realm, else in any, by its short or full name', () => {
    const own = 'host/web@EXAMPLE.TEST';
    expect(find('web', 'HTTP/web@EXAMPLE.TEST', own, own)).toBe(own);
    expect(find('web', 'host/web@OTHER.TEST', own)).toBe(own);
    expect(find('web', 'host/web@OTHER.TEST')).toBe('host/web@OTHER.TEST');
    expect(find('web', 'host/Web.Example.Test@EXAMPLE.TEST')).toBe('host/Web.Example.Test@EXAMPLE.TEST');
    expect(find('web', 'host/web.example.test@EXAMPLE.TEST', own)).toBe(own);
  });

  it('is not guessed', () => {
    const cases = [
      ['host/website@EXAMPLE.TEST'],
      ['host/web.a@EXAMPLE.TEST', 'host/web.b@EXAMPLE.TEST'],
      ['HTTP/web@EXAMPLE.TEST'],
      [],
    ];
    for (const names of cases) {
      expect(() => find('web', ...names)).toThrow(expect.objectContaining({ code: 'ERR_KEYTAB_NO_KEY' }));
    }
  });
});

describe('KRB5_TRACE', () => {
  it('appends lines to a file of the owner', () => {
    const file = `${testFolder()}/trace`;
    const trace = environmentTrace(recordedIo({ env: { KRB5_TRACE: file } }));
    trace?.({ event: 'x', text: 'first' });
    trace?.({ event: 'x', text: 'second\n[1] forged' });
    const lines = readFileSync(file, 'utf8').split('\n');
    expect(lines).toEqual([
      expect.stringMatching(/^\[\d+\] \d{10}\.\d{6}: first$/),
      expect.stringMatching(/: second\\x0a\[1\] forged$/),
      '',
    ]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('may be a stream, nothing, or impossible', () => {
    const io = recordedIo({ env: { KRB5_TRACE: '/dev/stderr' } });
    environmentTrace(io)?.({ event: 'x', text: 'told' });
    expect(io.err).toMatch(/: told\n$/);
    expect(environmentTrace(recordedIo())).toBeUndefined();
    expect(environmentTrace(recordedIo({ env: { KRB5_TRACE: '' } }))).toBeUndefined();
    for (const file of ['/nonexistent/trace', '/']) {
      const trace = environmentTrace(recordedIo({ env: { KRB5_TRACE: file } }));
      expect(() => trace?.({ event: 'x', text: 'lost' })).not.toThrow();
    }
  });
});

describe('text', () => {
  it('has times of 17 characters, and ISO 8601', () => {
    expect(formatTime(0)).toMatch(/^\d\d\/\d\d\/\d\d \d\d:\d\d:\d\d$/);
    const local = new Date(2026, 10, 2, 3, 4, 5).getTime() / 1000;
    expect(formatTime(local)).toBe('11/02/26 03:04:05');
    expect(isoTime(0xffffffff)).toBe('2106-02-07T06:28:15Z');
    expect(isoTime(0)).toBeNull();
  });

  it('is free of control characters', () => {
    expect(printable('a\n\t\u0000\u007f\u0085é🔑\udc80')).toBe('a\\x0a\\x09\\x00\\x7f\\x85é🔑\udc80');
  });
});

describe('krb5 kvno -k', () => {
  it.each([
    [18, 32, 'keytab entry invalid'],
    [18, 9, 'a key of type'],
    [99, 32, 'etype 99'],
  ])('a ticket of type %i, a key of %i octets: %s', async (etype, length, expected) => {
    const server = parsePrincipal('HTTP/a.test@EXAMPLE.TEST');
    const sname = { nameType: 1, nameString: server.components };
    const encPart = { etype, kvno: 1, cipher: new Uint8Array(64) };
    const outer = encode('Ticket', { tktVno: 5, realm: server.realm, sname, encPart });
    const cache = await cacheOf(ticket({ server, ticket: outer }));
    const keytab = `${testFolder()}/keytab`;
    const key = new Key(etype, new Uint8Array(length));
    writeFileSync(keytab, encodeKeytab([{ principal: server, timestamp: 0, kvno: 1, key }]));
    const { status, out, err } = await run(
      'kvno',
      '-c',
      cache,
      '-k',
      keytab,
      '--cached-only',
      formatPrincipal(server),
    );
    expect([status, out, err]).toEqual([1, '', expect.stringContaining(expected)]);
    expect(err.includes('keytab entry invalid')).toBe(length === 32 && etype === 18);
  });
});
