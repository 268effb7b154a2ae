import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runProgram } from '../../src/cli/program.js';
import { testFolder } from '../stores/folder.js';
import { recordedIo } from './io.js';

interface Run {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

async function run(argv: readonly string[], env: Record<string, string> = {}): Promise<Run> {
  const io = recordedIo({ env });
  const status = await runProgram(['config', ...argv], io);
  return { status, out: io.out, err: io.err };
}

function conf(text: string): string {
  const path = join(testFolder(), 'krb5.conf');
  writeFileSync(path, text);
  return path;
}

const CLEAN = '[libdefaults]\n default_realm = R\n forwardable = true\n[realms]\n R = {\n  kdc = kdc1\n }\n';

describe('krb5 config check', () => {
  it('finds nothing in a clean file: status 0', async () => {
    const path = conf(CLEAN);
    expect(await run(['check', path])).toEqual({ status: 0, out: `${path}: no problems\n`, err: '' });
    expect(await run(['check'], { KRB5_CONFIG: path })).toMatchObject({ status: 0 });
    expect(JSON.parse((await run(['check', '--json', path])).out)).toEqual({
      files: [path],
      problems: 0,
      findings: [],
    });
  });

  it('names problems with file and line: status 1', async () => {
    const path = conf(
      '[libdefaults]\n kdc = x\n defualt_realm = R\n clockskew = 5m\n rdns = true\n ccache_type = 4\n',
    );
    const { status, out, err } = await run(['check', path]);
    expect({ status, err }).toEqual({ status: 1, err: '' });
    expect(out.split('\n').map((line) => line.replace(path, 'k').split(' ')[1])).toEqual([
      'misplaced:',
      'unknown:',
      'value:',
      'ignored:',
      'note:',
      undefined,
    ]);
    expect(out).toContain(`${path}:2: misplaced: `);
    expect((await run(['check', '-q', path])).out).not.toContain('note');
    const { problems, findings } = JSON.parse((await run(['check', '--json', path])).out);
    expect(problems).toBe(4);
    expect(findings[0]).toMatchObject({ file: path, line: 2, kind: 'misplaced' });
  });

  it('notes a file of KRB5_CONFIG that does not exist', async () => {
    const { status, out } = await run(['check'], { KRB5_CONFIG: '/nonexistent/krb5.conf' });
    expect(status).toBe(0);
    expect(out).toContain('/nonexistent/krb5.conf: note: there is no such file\n');
  });

  it('takes notes for no problem', async () => {
    expect(await run(['check', conf('[libdefaults]\nccache_type = 4\n')])).toMatchObject({ status: 0 });
  });

  it('names the place in an included file', async () => {
    const folder = testFolder();
    mkdirSync(join(folder, 'd'));
    writeFileSync(join(folder, 'd', 'part'), '[libdefaults]\n\nfoo = bar\n');
    const path = conf(`includedir ${join(folder, 'd')}\n`);
    const { status, out } = await run(['check', path]);
    expect({ status, out }).toEqual({
      status: 1,
      out: `${join(folder, 'd', 'part')}:3: unknown: foo is unknown in [libdefaults]\n`,
    });
  });

  it('tells what makes the whole unusable', async () => {
    const broken = conf('[libdefaults]\n[x\n');
    expect(await run(['check', broken])).toMatchObject({
      status: 1,
      out: `${broken}:2: syntax: a section must be [name] on a line of its own\n`,
    });
    const weak = conf('[libdefaults]\npermitted_enctypes = rc4\n');
    expect(await run(['check', weak])).toMatchObject({ status: 1 });
    expect((await run(['check', '/nonexistent'])).out).toContain('no such file');
    expect((await run(['check', '/nonexistent'])).status).toBe(1);
  });
});

describe('krb5 config show', () => {
  it('prints values with their places', async () => {
    const path = conf(`${CLEAN}[domain_realm]\n .x = R\n`);
    const { status, out } = await run(['show', path]);
    expect(status).toBe(0);
    expect(out).toContain('[libdefaults]\n');
    expect(out).toContain(`  default_realm = R   # ${path}:2\n`);
    expect(out).toContain('  ticket_lifetime = 86400s   # default\n');
    expect(out).toContain(`[realms]\n  R.kdc = kdc1   # ${path}:6\n`);
    expect(out).toContain(`[domain_realm]\n  .x = R   # ${path}:9\n`);
  });

  it('prints JSON, and the settings of a realm', async () => {
    const path = conf(`${CLEAN}[libdefaults]\n S = {\n  forwardable = no\n }\n`);
    const settingOf = async (...more: string[]) => {
      const { out } = await run(['show', '--json', ...more], { KRB5_CONFIG: path });
      const { settings } = JSON.parse(out) as { settings: Record<string, string>[] };
      return settings.find(({ name }) => name === 'forwardable');
    };
    expect(await settingOf()).toMatchObject({ value: 'true', source: `${path}:3` });
    expect(await settingOf('-r', 'S')).toMatchObject({ value: 'false', source: `${path}:10` });
  });

  it('shows the defaults when there is no file, and fails when it cannot be used', async () => {
    expect((await run(['show'])).out).toContain('default_realm = (none)   # default');
    expect(await run(['show', conf('[x\n')])).toMatchObject({ status: 1, out: '' });
    expect(await run(['show', '--json', conf('[x\n')])).toMatchObject({ status: 1 });
  });
});

describe('krb5 config', () => {
  it('is check or show', async () => {
    expect(await run([])).toMatchObject({ status: 2, out: '' });
    expect(await run(['other'])).toMatchObject({ status: 2, out: '' });
  });
});
