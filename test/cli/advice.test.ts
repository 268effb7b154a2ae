/** What a person is told who got something wrong: that it says what is the matter, and what to do. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runProgram } from '../../src/cli/program.js';
import { parsePrincipal } from '../../src/formats/principal.js';
import { writeCcacheFile } from '../../src/stores/fileCcache.js';
import { readKeytabFile } from '../../src/stores/fileKeytab.js';
import { testFolder } from '../stores/folder.js';
import { recordedIo } from './io.js';

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
    expect(cache.err).toContain('the file is empty\n  get a ticket with kinit');
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

  it('a keytab without entries says so', async () => {
    const folder = testFolder();
    const path = join(folder, 'keytab');
    writeFileSync(path, Uint8Array.of(5, 2));
    expect(await readKeytabFile(path)).toEqual([]);
    const { err } = await krb5(['kinit', '-k', '-t', path], configIn(folder));
    expect(err).toContain(`keytab ${path} is empty; add keys with krb5 keytab add`);
  });
});

describe('names', () => {
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

describe('krb5 config', () => {
  it('check says that a file does not exist', async () => {
    const { status, out } = await krb5(['config', 'check', '/nope']);
    expect([status, out]).toEqual([1, '/nope: missing: there is no such file\n']);
    const { findings } = JSON.parse((await krb5(['config', 'check', '--json', '/nope'])).out);
    expect(findings).toEqual([{ file: '/nope', kind: 'missing', text: 'there is no such file' }]);
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
