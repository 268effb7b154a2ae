/** What a person is told who got something wrong: that it says what is the matter, and what to do. */
import {
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import promises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { describeFailure, Failure } from '../../src/cli/failure.js';
import { runProgram } from '../../src/cli/program.js';
import { CredentialError } from '../../src/errors.js';
import { KCM_CODES } from '../../src/formats/kcm.js';
import { parsePrincipal } from '../../src/formats/principal.js';
import { ioError, readError } from '../../src/stores/ccacheFile.js';
import { writeCcacheFile } from '../../src/stores/fileCcache.js';
import { readKeytabFile } from '../../src/stores/fileKeytab.js';
import { KcmRefusal } from '../../src/stores/kcmConnection.js';
import { testFolder } from '../stores/folder.js';
import { recordedIo } from './io.js';

const alice = parsePrincipal('alice@EXAMPLE.TEST');

interface Run {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

async function krb5(argv: readonly string[], env: Record<string, string> = {}): Promise<Run> {
  const io = recordedIo({ env });
  const status = await runProgram(argv, io);
  return { status, out: io.out, err: io.err };
}

function configIn(folder: string): Record<string, string> {
  const file = join(folder, 'krb5.conf');
  writeFileSync(file, '[libdefaults]\n default_realm = EXAMPLE.TEST\n dns_lookup_kdc = false\n');
  return { KRB5_CONFIG: file };
}

function emptyFile(folder: string): string {
  const path = join(folder, 'empty');
  writeFileSync(path, '');
  return path;
}

const codeOf = ({ err }: Run): string => (JSON.parse(err) as { error: { code: string } }).error.code;

describe('exec without -- before the command', () => {
  it.each([[['ls', '-la']], [['-k', 'alice', 'tar', '-c', 'x']], [['-Z']], [[]]])(
    '%j says where to put it',
    async (argv) => {
      const { status, err } = await krb5(['exec', ...argv]);
      expect([status, err.split('\n')[0]]).toEqual([
        2,
        'exec: put -- before the command: krb5 exec [options] -- COMMAND',
      ]);
    },
  );

  it('is no mistake when help is asked for', async () => {
    expect((await krb5(['exec', '--help'])).status).toBe(0);
  });
});

describe('a cache that is not there', () => {
  it.each([
    ['MEMORY:x', /^klist: No credentials cache found \(MEMORY:x\)\n.*in one program only.*FILE:/],
    [
      'DIR:{}/dir',
      /^klist: No credentials cache found \(filename: {}\/dir\/tkt\)\n.*kinit -c DIR::{}\/dir\/tkt /,
    ],
    [
      'DIR:{}/no/dir',
      /^klist: Credential cache directory {}\/no\/dir does not exist while resolving ccache\n/,
    ],
    ['FILE:{}/cc', /^klist: No credentials cache found \(filename: {}\/cc\)\n.*kinit -c FILE:{}\/cc /],
  ])('%s: the advice is about its type', async (name, expected) => {
    const folder = testFolder();
    const { status, err } = await krb5(['klist', name.replace('{}', folder)]);
    expect(status).toBe(1);
    expect(err.replaceAll(folder, '{}')).toMatch(expected);
  });

  it('is that of a principal: the advice is to look which there are', async () => {
    const folder = testFolder();
    const env = { ...configIn(folder), KRB5CCNAME: `FILE:${folder}/cc` };
    await writeCcacheFile(`${folder}/cc`, {
      ...{ version: 4, credentials: [], config: [] },
      defaultPrincipal: parsePrincipal('alice@EXAMPLE.TEST'),
    });
    for (const program of ['kdestroy', 'kswitch']) {
      const { status, err } = await krb5([program, '-p', 'zz'], env);
      expect(status).toBe(1);
      expect(err).toMatch(/^\w+: Matching credential not found while .* zz\n.*zz@EXAMPLE\.TEST.*klist -l/);
      expect(err).not.toContain('kinit');
    }
    expect(existsSync(`${folder}/cc`)).toBe(true);
  });
});

describe('empty files', () => {
  it('are called empty', async () => {
    const path = emptyFile(testFolder());
    const cache = await krb5(['klist', path]);
    expect(cache.err).toContain('the file is empty; get a ticket with kinit');
    const keytab = await krb5(['klist', '-k', path]);
    expect(keytab.err).toContain('the file is empty');
    expect(keytab.err).toContain(`krb5 keytab add -t ${path}`);
    expect(codeOf(await krb5(['klist', '-k', '--json', path]))).toBe('ERR_KEYTAB_FORMAT');
    expect(codeOf(await krb5(['klist', '--json', path]))).toBe('ERR_CCACHE_FORMAT');
  });

  it('can become keytabs', async () => {
    const folder = testFolder();
    const path = emptyFile(folder);
    writeFileSync(join(folder, 'other'), Uint8Array.of(5, 2));
    const { status, err } = await krb5(['keytab', 'merge', '-t', path, join(folder, 'other')]);
    expect([status, err]).toEqual([0, '']);
  });

  it('become a keytab of no keys when there are none to merge', async () => {
    const folder = testFolder();
    const none = join(folder, 'none');
    writeFileSync(none, Uint8Array.of(5, 2));
    for (const path of [join(folder, 'missing'), emptyFile(folder)]) {
      expect((await krb5(['keytab', 'merge', '-t', path, none])).status).toBe(0);
      expect([...readFileSync(path)]).toEqual([5, 2]);
    }
    expect(statSync(join(folder, 'missing')).mode & 0o777).toBe(0o600);
  });

  it('are not made where they cannot be', async () => {
    const folder = testFolder();
    const none = join(folder, 'none');
    writeFileSync(none, Uint8Array.of(5, 2));
    const argv = ['keytab', 'merge', '--json', '-t', join(folder, 'no', 'keytab'), none];
    const result = await krb5(argv);
    expect([result.status, result.out, codeOf(result)]).toEqual([1, '', 'ERR_KEYTAB_IO']);
  });

  it('a keytab without entries says so', async () => {
    const folder = testFolder();
    const path = join(folder, 'keytab');
    writeFileSync(path, Uint8Array.of(5, 2));
    expect(await readKeytabFile(path)).toEqual([]);
    const { err } = await krb5(['kinit', '-k', '-t', path], configIn(folder));
    expect(err).toContain(`keytab ${path} is empty; add keys with krb5 keytab add`);
  });
});

describe('a keytab', () => {
  it('that is missing is told of in the words of MIT krb5', async () => {
    const { status, err } = await krb5(['klist', '-k', '/nope/keytab']);
    expect([status, err.split('\n')[0]]).toEqual([
      1,
      "klist: Key table file '/nope/keytab' not found while starting keytab scan",
    ]);
  });

  it('that has no such keys to remove is an error for programs, too', async () => {
    const folder = testFolder();
    const path = join(folder, 'keytab');
    writeFileSync(path, Uint8Array.of(5, 2));
    const argv = ['keytab', 'remove', '--json', '-t', path, '-p', 'alice'];
    const result = await krb5(argv, configIn(folder));
    expect([result.status, result.out, codeOf(result)]).toEqual([1, '', 'ERR_KEYTAB_NO_KEY']);
  });

  it('in a folder that is missing says so', async () => {
    const folder = testFolder();
    const io = recordedIo({ env: configIn(folder), input: `${'00'.repeat(16)}\n` });
    const key = ['--key', '-k', '1', '-e', 'aes128-cts', '-p', 'alice'];
    expect(await runProgram(['keytab', 'add', '-t', join(folder, 'no', 'keytab'), ...key], io)).toBe(1);
    expect(io.err).toContain('cannot be written (ENOENT: no such file or directory)');
  });
});

describe('names', () => {
  it('the host behind kvno -S is no service', async () => {
    const folder = testFolder();
    const env = { ...configIn(folder), KRB5CCNAME: `FILE:${folder}/cc` };
    await writeCcacheFile(`${folder}/cc`, {
      ...{ version: 4, credentials: [], config: [] },
      defaultPrincipal: parsePrincipal('alice@EXAMPLE.TEST'),
    });
    const { status, err } = await krb5(['kvno', '-S', 'HTTP', 'HTTP/localhost'], env);
    expect([status, err]).toEqual([1, expect.stringContaining('with -S HTTP write the host alone')]);
  });

  it('an unknown type of cache is told of in the words of MIT krb5', async () => {
    const { err } = await krb5(['klist', 'FOO:x']);
    expect(err).toMatch(/^klist: Unknown credential cache type while resolving ccache\n.*FOO; use FILE:/);
  });

  it('an empty realm is named', async () => {
    const { status, err } = await krb5(['kinit', 'alice@'], configIn(testFolder()));
    expect(status).toBe(1);
    expect(err).toMatch(
      /^kinit: Malformed representation of principal when parsing name alice@\n.*empty realm/,
    );
  });

  it('a ticket for MEMORY: is told to be lost', async () => {
    const { err } = await krb5(['kinit', '-c', 'MEMORY:x', 'alice'], configIn(testFolder()));
    expect(err).toMatch(/^kinit: MEMORY:x is in this program only.*\n/);
  });
});

describe('the first line is that of MIT krb5', () => {
  const firstLine = ({ err }: Run): string => err.split('\n')[0] ?? '';

  function configOf(folder: string, text: string): Record<string, string> {
    const file = join(folder, 'krb5.conf');
    writeFileSync(file, text);
    return { KRB5_CONFIG: file };
  }

  /** `action` while nobody, root neither, may open the file `denied`. */
  async function denying<T>(denied: string, action: () => Promise<T>): Promise<T> {
    const { open } = promises;
    const spy = vi.spyOn(promises, 'open').mockImplementation(async (path, ...more) => {
      if (path !== denied) return open(path, ...more);
      throw Object.assign(new Error('EACCES: permission denied, open'), { code: 'EACCES' });
    });
    syncBuiltinESMExports();
    return action().finally(() => {
      spy.mockRestore();
      syncBuiltinESMExports();
    });
  }

  it.each([
    ['[libdefaults\n', 'klist', 'Improper format of Kerberos configuration file while initializing krb5'],
    [
      '[libdefaults]\n nonsense\n',
      'kinit',
      'Improper format of Kerberos configuration file while initializing Kerberos 5 library',
    ],
    ['include /nope\n', 'klist', 'Included profile file could not be read while initializing krb5'],
    ['includedir /nope\n', 'klist', 'Included profile directory could not be read while initializing krb5'],
  ])('krb5.conf %j', async (text, program, expected) => {
    const result = await krb5([program], configOf(testFolder(), text));
    expect([result.status, firstLine(result)]).toEqual([1, `${program}: ${expected}`]);
    expect(result.err).toContain('line ');
  });

  it('but not about a bad value in krb5.conf', async () => {
    const env = configOf(testFolder(), '[libdefaults]\n ticket_lifetime = x\n');
    const result = await krb5(['kinit', 'alice@EXAMPLE.TEST'], env);
    expect(result.status).toBe(1);
    expect(firstLine(result)).toContain('ticket_lifetime must be');
    expect(codeOf(await krb5(['kinit', '--json', 'alice@EXAMPLE.TEST'], env))).toBe('ERR_KRB5_CONF');
  });

  it.each([
    [[5, 9], 'Unsupported credentials cache format version number'],
    [[4, 4], 'Unsupported credentials cache format version number'],
    [[5], 'Bad format in credentials cache'],
    [[], 'Bad format in credentials cache'],
  ])('a cache of the octets %j', async (octets, expected) => {
    const path = join(testFolder(), 'cc');
    writeFileSync(path, Uint8Array.from(octets));
    const result = await krb5(['klist', path]);
    expect(firstLine(result)).toBe(`klist: ${expected} (filename: ${path})`);
    expect(codeOf(await krb5(['klist', '--json', path]))).toBe('ERR_CCACHE_FORMAT');
  });

  it.each([[[5, 9]], [[4, 2]], [[5]], [[]]])('a keytab of the octets %j', async (octets) => {
    const path = join(testFolder(), 'keytab');
    writeFileSync(path, Uint8Array.from(octets));
    expect(firstLine(await krb5(['klist', '-k', path]))).toBe(
      'klist: Unsupported key table format version number while starting keytab scan',
    );
  });

  it('a cache that may not be read or removed', () => {
    const denied = Object.assign(new Error('EACCES: permission denied, open'), { code: 'EACCES' });
    const reading = new Failure(readError('/x/cc', denied), { activity: '' });
    expect(describeFailure(reading)).toEqual([
      'Credentials cache permissions incorrect (filename: /x/cc)',
      '  credential cache /x/cc cannot be read (EACCES: permission denied)',
    ]);
    const removal = { activity: 'while destroying cache', terse: true };
    expect(describeFailure(new Failure(ioError('/x/cc', 'cannot be removed', denied), removal))[0]).toBe(
      'Credentials cache permissions incorrect while destroying cache',
    );
    const activity = 'while resolving ccache';
    const folder = new Failure(ioError('/x', 'cannot be read', denied), { activity, opening: true });
    expect(describeFailure(folder)[0]).toBe('Credentials cache I/O operation failed while resolving ccache');
  });

  it("a peer's cache that may not be read", async () => {
    const folder = testFolder();
    const [path, peer] = [join(folder, 'cc'), join(folder, 'peer')];
    await writeCcacheFile(path, { version: 4, defaultPrincipal: alice, credentials: [], config: [] });
    const argv = ['kvno', '-c', path, '--u2u', `FILE:${peer}`, 'bob'];
    const result = await denying(peer, () => krb5(argv, configIn(folder)));
    expect([result.status, firstLine(result)]).toEqual([
      1,
      `kvno: Credentials cache permissions incorrect (filename: ${peer}) while getting user-to-user ticket from FILE:${peer}`,
    ]);
  });

  it.each([
    [3, 'Bad format in credentials cache'],
    [20, 'End of credential cache reached'],
    [30, 'End of credential cache reached'],
  ])('a cache that ends after %i octets', async (length, expected) => {
    const path = join(testFolder(), 'cc');
    await writeCcacheFile(path, { version: 4, defaultPrincipal: alice, credentials: [], config: [] });
    truncateSync(path, length);
    expect(firstLine(await krb5(['klist', path]))).toBe(`klist: ${expected} (filename: ${path})`);
  });

  it('a folder of caches that names something else as the primary one', async () => {
    const folder = testFolder();
    writeFileSync(join(folder, 'primary'), '../tkt\n');
    expect(firstLine(await krb5(['klist', `DIR:${folder}`]))).toBe(
      `klist: ${folder}/primary contains invalid filename while resolving ccache`,
    );
  });

  it.each([
    ['EACCES', 'Credentials cache permissions incorrect'],
    ['ENOENT', 'No credentials cache found'],
    ['ENOSPC', 'Credentials cache I/O operation failed'],
  ])('a cache that cannot be written: %s', (errno, expected) => {
    const cause = Object.assign(new Error(`${errno}: reason, open`), { code: errno });
    const situation = { activity: 'while logging in', writing: 'Failed to store credentials: ' };
    expect(describeFailure(new Failure(ioError('/x/cc', 'cannot be written', cause), situation))).toEqual([
      `Failed to store credentials: ${expected} while logging in`,
      `  credential cache /x/cc cannot be written (${errno}: reason)`,
    ]);
  });

  it.each([
    [KCM_CODES.IO, 'Credentials cache I/O operation failed'],
    [KCM_CODES.INTERNAL, 'Internal credentials cache error'],
  ])('a KCM daemon that refuses with %i', (code, expected) => {
    const cause = new KcmRefusal('STORE', code);
    const error = new CredentialError('ERR_CCACHE_IO', 'refused', { cause });
    expect(describeFailure(new Failure(error, { activity: '' }))).toEqual([expected, '  refused']);
  });

  it('no KCM daemon, whenever that turns out', async () => {
    const folder = testFolder();
    const env = configOf(folder, `[libdefaults]\n kcm_socket = ${folder}/socket\n`);
    for (const argv of [
      ['klist', '-c', 'KCM:'],
      ['klist', '-c', 'KCM:x'],
      ['kdestroy', '-c', 'KCM:x'],
    ]) {
      const result = await krb5(argv, env);
      expect(firstLine(result)).toBe(`${argv[0]}: No KCM server found while resolving ccache`);
      expect(result.err).toContain(`${folder}/socket`);
    }
    const path = join(folder, 'cc');
    await writeCcacheFile(path, { version: 4, defaultPrincipal: alice, credentials: [], config: [] });
    expect(firstLine(await krb5(['kvno', '-c', path, '--u2u', 'KCM:x', 'bob'], env))).toBe(
      'kvno: No KCM server found while getting user-to-user ticket from KCM:x',
    );
  });

  it.each([
    ['klist', 'x', 'Subsidiary cache path x has no parent directory'],
    ['klist', '/d/x', 'Subsidiary cache path /d/x filename does not begin with "tkt"'],
    ['kdestroy', '/d/x', 'Credential cache name malformed'],
    ['kswitch', '/d/x', 'Credential cache name malformed'],
  ])('%s -c DIR::%s', async (program, path, expected) => {
    const result = await krb5([program, '-c', `DIR::${path}`]);
    const activity = `while resolving ${program === 'kswitch' ? `DIR::${path}` : 'ccache'}`;
    expect([result.status, firstLine(result)]).toEqual([1, `${program}: ${expected} ${activity}`]);
    expect(result.err).toContain('DIR::/folder/tkt');
  });
});

describe('a cache that is a link or of another user', () => {
  function linked(): { path: string; link: string } {
    const folder = testFolder();
    const [path, link] = [join(folder, 'cc'), join(folder, 'link')];
    symlinkSync(path, link);
    return { path, link };
  }

  it('is taken where an option says so, which the refusal names', async () => {
    const { path, link } = linked();
    await writeCcacheFile(path, { version: 4, defaultPrincipal: alice, credentials: [], config: [] });
    const refused = await krb5(['klist', link]);
    expect([refused.status, refused.err]).toEqual([1, expect.stringContaining('--allow-link')]);
    expect(await krb5(['klist', '--allow-link', link])).toMatchObject({ status: 0, err: '' });
    const spy = vi.spyOn(process, 'geteuid').mockReturnValue(4711);
    try {
      const foreign = await krb5(['klist', path]);
      expect([foreign.status, foreign.err]).toEqual([1, expect.stringContaining('--allow-other-owner')]);
      expect(await krb5(['klist', '--allow-other-owner', path])).toMatchObject({ status: 0, err: '' });
    } finally {
      spy.mockRestore();
    }
  });

  it('is told of by klist -A, and removed by kdestroy -A', async () => {
    const { path, link } = linked();
    await writeCcacheFile(path, { version: 4, defaultPrincipal: alice, credentials: [], config: [] });
    const env = { KRB5CCNAME: `FILE:${link}` };
    expect(await krb5(['klist', '-A'], env)).toMatchObject({
      status: 1,
      out: '',
      err: expect.stringContaining('is a symbolic link'),
    });
    expect(await krb5(['kdestroy', '-A'], env)).toMatchObject({ status: 0, err: '' });
    expect([existsSync(link), existsSync(path)]).toEqual([false, true]);
  });
});

describe('kdestroy', () => {
  it.each([[[]], [['-A']]])('%j leaves the file of another user, whatever it holds', async (options) => {
    const path = join(testFolder(), 'cc');
    const env = { KRB5CCNAME: `FILE:${path}` };
    writeFileSync(path, 'no cache', { mode: 0o600 });
    const spy = vi.spyOn(process, 'geteuid').mockReturnValue(4711);
    try {
      const { status, err } = await krb5(['kdestroy', ...options], env);
      expect([status, err]).toEqual([1, expect.stringContaining('--allow-other-owner')]);
      expect(readFileSync(path, 'utf8')).toBe('no cache');
      const allowed = await krb5(['kdestroy', ...options, '--allow-other-owner'], env);
      expect([allowed, existsSync(path)]).toEqual([{ status: 0, out: '', err: '' }, false]);
    } finally {
      spy.mockRestore();
    }
  });

  it('-A names the cache that it cannot destroy, and goes on', async () => {
    const folder = testFolder();
    mkdirSync(join(folder, 'tkt1'));
    writeFileSync(join(folder, 'tkt2'), 'no cache', { mode: 0o600 });
    const { status, err } = await krb5(['kdestroy', '-A'], { KRB5CCNAME: `DIR:${folder}` });
    expect([status, err.split('\n')[0]]).toEqual([
      1,
      `kdestroy: Credentials cache permissions incorrect while destroying cache DIR::${folder}/tkt1`,
    ]);
    expect([existsSync(join(folder, 'tkt1')), existsSync(join(folder, 'tkt2'))]).toEqual([true, false]);
  });

  it('-A finds no cache where the folder is a file', async () => {
    const env = { KRB5CCNAME: `FILE:${join(emptyFile(testFolder()), 'x')}` };
    expect(await krb5(['kdestroy', '-A'], env)).toMatchObject({ status: 0, err: '' });
  });
});

it('a damaged cache is removed by kdestroy -A, and a missing one is nothing', async () => {
  const path = join(testFolder(), 'cc');
  const env = { KRB5CCNAME: `FILE:${path}` };
  writeFileSync(path, 'no cache', { mode: 0o600 });
  expect((await krb5(['klist', '-A'], env)).err).toContain('Unsupported credentials cache format');
  expect(await krb5(['kdestroy', '-A'], env)).toMatchObject({ status: 0, err: '' });
  expect(existsSync(path)).toBe(false);
  expect(await krb5(['klist', '-A'], env)).toMatchObject({ status: 1, err: '' });
  expect(await krb5(['kdestroy', '-A', '--json'], env)).toMatchObject({ status: 0, out: '[]\n' });
});

describe('krb5 exec', () => {
  it.each([
    ['kinit', '[-k [-i | -t keytab]]'],
    ['exec', '[-c cache | -k [-i | -t keytab]]'],
  ])('%s: -i and -t go with -k', async (program, expected) => {
    const { err } = await krb5([program, '-Z', '--', 'x']);
    expect(err).toContain(expected);
    expect(err.match(/-t keytab/g)).toHaveLength(1);
  });

  it('tells programs, too, that there is no such command', async () => {
    const folder = testFolder();
    await writeCcacheFile(`${folder}/cc`, {
      ...{ version: 4, credentials: [], config: [] },
      defaultPrincipal: parsePrincipal('alice@EXAMPLE.TEST'),
    });
    const argv = ['-c', `FILE:${folder}/cc`, '--', '/nope/command'];
    const text = await krb5(['exec', ...argv], configIn(folder));
    expect([text.status, text.err]).toEqual([127, 'exec: /nope/command: command not found\n']);
    const json = await krb5(['exec', '--json', ...argv], configIn(folder));
    expect([json.status, json.out, JSON.parse(json.err)]).toEqual([
      127,
      '',
      { error: { code: 'ERR_COMMAND', message: '/nope/command: command not found' } },
    ]);
  });
});

describe('krb5 config', () => {
  it('check says that a file does not exist', async () => {
    const { status, out } = await krb5(['config', 'check', '/nope']);
    expect([status, out]).toEqual([1, '/nope: missing: there is no such file\n']);
    const { findings } = JSON.parse((await krb5(['config', 'check', '--json', '/nope'])).out);
    expect(findings).toEqual([{ file: '/nope', kind: 'missing', text: 'there is no such file' }]);
  });

  it('show says that a file does not exist, too: a realm goes with -r', async () => {
    const result = await krb5(['config', 'show', '--json', '/nope']);
    expect([result.status, result.out, codeOf(result)]).toEqual([1, '', 'ERR_KRB5_CONF']);
  });

  it('check reads the files that there are', async () => {
    const folder = testFolder();
    mkdirSync(folder, { recursive: true });
    const path = join(folder, 'krb5.conf');
    writeFileSync(path, '[libdefaults]\n nonsense = 1\n');
    const { out } = await krb5(['config', 'check', '/nope', path]);
    expect(out).toContain('/nope: missing: ');
    expect(out).toContain(`${path}:2: unknown: `);
  });

  it('show leaves out servers and encryption types that have no effect', async () => {
    const path = join(testFolder(), 'krb5.conf');
    const types = 'aes256-cts camellia256-cts aes128-cts';
    writeFileSync(
      path,
      `[libdefaults]\n permitted_enctypes = ${types}\n default_tgs_enctypes = aes256-sha2 aes128-cts\n` +
        '[realms]\n R = {\n  kdc = good:88\n  kdc = bad:99999\n  kdc = https://proxy/x\n  kdc = 1\n }\n',
    );
    const { out } = await krb5(['config', 'show', path]);
    expect(out.match(/R\.kdc = \S+/g)).toEqual(['R.kdc = good:88']);
    expect(out).toContain('permitted_enctypes = aes256-cts-hmac-sha1-96 aes128-cts-hmac-sha1-96   #');
    expect(out).toContain('default_tgs_enctypes = aes128-cts-hmac-sha1-96   #');
  });
});

describe('--json', () => {
  it('is for unknown commands too', async () => {
    const result = await krb5(['nonsense', '--json']);
    expect([result.status, result.out, codeOf(result)]).toEqual([2, '', 'ERR_USAGE']);
  });

  it.each([[['klist', '-V', '--json']], [['--version', '--json']]])(
    'is for the version: %j',
    async (argv) => {
      const { status, out } = await krb5(argv);
      expect([status, JSON.parse(out)]).toEqual([
        0,
        { name: 'krb5-client', version: expect.stringMatching(/^\d+\.\d+\.\d+/) },
      ]);
    },
  );
});
