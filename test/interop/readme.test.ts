/** README's examples as a user runs them: the package in node_modules, the text unchanged, real servers. */
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { mustRun, run, temporaryFolder } from '../../scripts/realServers/index.mjs';
import { codeBlocks } from '../support/markdown.js';
import { servers } from './servers.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const { realm, apache } = servers();
const examples = codeBlocks(readFileSync(join(ROOT, 'README.md'), 'utf8'), 'ts').map(({ code }) => code);
const folder = temporaryFolder('krb5-client-readme-');

/** The files that the compiler makes of the examples, by index. */
const programOf = (index: number): string => join(folder, `example${index}.mjs`);

beforeAll(async () => {
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(ROOT, join(folder, 'node_modules/krb5-client'));
  examples.forEach((code, i) => {
    writeFileSync(join(folder, `example${i}.mts`), code);
  });
  const compilerOptions = {
    ...{ target: 'ES2023', module: 'NodeNext', strict: true, types: ['node'] },
    typeRoots: [join(ROOT, 'node_modules/@types')],
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.mts'] }));
  await mustRun(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', folder]);
});

/** Runs an example with nothing but the environment around it. */
function runExample(index: number) {
  const env = {
    PATH: process.env.PATH,
    KRB5_CONFIG: realm.krb5Conf,
    PASSWORD: realm.users.alice,
    URL: `${apache.url}/krb`,
  };
  return run(process.execPath, [programOf(index)], { env, cwd: folder });
}

describe('README', () => {
  it('begins with an example of twelve lines that logs in and verifies the server', async () => {
    expect(examples[0]!.split('\n').filter((line) => line.trim() !== '').length).toBeLessThanOrEqual(12);
    expect(await runExample(0)).toEqual({ status: 0, stdout: '200 true\n', stderr: '' });
  });

  it('fetches a page behind Negotiate', async () => {
    const index = examples.findIndex((code) => code.includes('negotiateFetch'));
    const stdout = '200 REMOTE_USER=alice@EXAMPLE.TEST\n';
    expect(await runExample(index)).toEqual({ status: 0, stdout, stderr: '' });
  });

  it('shows how to tell a wrong password', async () => {
    const index = examples.findIndex((code) => code.includes('KDC_ERR_PREAUTH_FAILED'));
    expect(await runExample(index)).toEqual({ status: 0, stdout: '', stderr: 'wrong password\n' });
  });
});
