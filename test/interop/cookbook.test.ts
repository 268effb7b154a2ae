/** The cookbook's examples of tests as a user has them: the built package in node_modules, the text unchanged. */
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { mustRun, type RunResult, run, temporaryFolder } from '../../scripts/realServers/index.mjs';
import { codeBlocks } from '../support/markdown.js';
import { servers } from './servers.js';

const { realm, apache } = servers();

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

function examplesOf(document: string): readonly { code: string }[] {
  return codeBlocks(readFileSync(join(ROOT, 'docs/cookbook', document), 'utf8'), 'ts');
}

/** A project with the package and vitest, and `code` in `file`. */
function project(file: string, code: string): string {
  const folder = temporaryFolder('krb5-client-cookbook-');
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(ROOT, join(folder, 'node_modules/krb5-client'));
  symlinkSync(join(ROOT, 'node_modules/vitest'), join(folder, 'node_modules/vitest'));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(folder, file), code);
  return folder;
}

function exampleWith(text: string, document = 'testing.md'): string {
  const [example, ...more] = examplesOf(document).filter(({ code }) => code.includes(text));
  expect(more).toEqual([]);
  return example!.code;
}

/** Compiles `example.ts` in `folder` and runs it. */
async function compiled(
  folder: string,
  args: readonly string[] = [],
  more: Record<string, string> = {},
): Promise<RunResult> {
  const compilerOptions = {
    ...{ target: 'ES2023', module: 'NodeNext', strict: true, types: ['node'] },
    typeRoots: [join(ROOT, 'node_modules/@types')],
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }));
  await mustRun(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', folder]);
  const env = { PATH: process.env.PATH, KRB5_CONFIG: '/nonexistent', ...more };
  return run(process.execPath, [...args, 'example.js'], { cwd: folder, env });
}

it('has a test for vitest that passes', async () => {
  const folder = project('example.test.ts', exampleWith("from 'vitest'"));
  const env = { PATH: process.env.PATH, KRB5_CONFIG: '/nonexistent' };
  const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs');
  const result = await run(process.execPath, [vitest, 'run', '--root', folder], { cwd: folder, env });
  expect(result).toMatchObject({ status: 0 });
  expect(result.stdout).toMatch(/2 passed/);
});

it('has a test for node:test that passes', async () => {
  const result = await compiled(project('example.ts', exampleWith("from 'node:test'")), ['--test']);
  expect(result).toMatchObject({ status: 0 });
  expect(result.stdout).toMatch(/pass 1/);
});

it('shows faults and a shifted clock', async () => {
  const result = await compiled(project('example.ts', exampleWith('FAULTS')));
  expect(result).toMatchObject({ status: 0, stderr: '' });
  expect(result.stdout).toMatch(/^\d+ faults/);
});

it('has the walk of python-kerberos, and Apache proves itself', async () => {
  const ccache = realm.newCcache();
  const login = await realm.run('kinit', ['alice'], { ccache, input: `${realm.users.alice}\n` });
  expect(login).toMatchObject({ status: 0 });
  const folder = project('example.ts', exampleWith('authGSSClientInit', 'python-kerberos.md'));
  const result = await compiled(folder, [], { ...realm.env({ ccache }), URL: `${apache.url}/krb` });
  expect(result).toMatchObject({ status: 0, stderr: '' });
  expect(result.stdout).toBe('REMOTE_USER=alice@EXAMPLE.TEST alice@EXAMPLE.TEST\n');
  const open = await compiled(folder, [], { ...realm.env({ ccache }), URL: `${apache.url}/` });
  expect(open.status).not.toBe(0);
  expect(open.stderr).toContain('no proof from the server: 200');
});

it('delegates a ticket and acts by it', async () => {
  const result = await compiled(project('example.ts', exampleWith('fromCredentials', 'gss.md')));
  expect(result).toMatchObject({ status: 0, stderr: '' });
});
