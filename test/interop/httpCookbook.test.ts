/** docs/cookbook/http.md as a user has it: the packed tarball in a new folder, the text unchanged, `npm run demo -- --serve`. */
import { mkdirSync, readdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  freePort,
  mustRun,
  type RunningProcess,
  start,
  temporaryFolder,
} from '../../scripts/realServers/index.mjs';
import { codeBlocks } from '../support/markdown.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const examples = codeBlocks(readFileSync(join(ROOT, 'docs/cookbook/http.md'), 'utf8'), 'ts');
const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  dependencies: Record<string, string>;
};

let demo: RunningProcess;
let folder: string;
/** Ports of the text, and those that are free here. */
const ports = new Map<string, number>();
beforeAll(async () => {
  folder = temporaryFolder('krb5-client-http-');
  mkdirSync(join(folder, 'node_modules'));
  for (const name of ['undici', 'axios', 'got', ...Object.keys(dependencies)]) {
    const place = join(folder, 'node_modules', name);
    mkdirSync(dirname(place), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules', name), place);
  }
  await unpack();
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  for (const port of ['8080', '8443', '3128']) ports.set(port, await freePort());
  const [http, https, proxy] = [...ports.values()].map(String) as [string, string, string];
  const args = ['scripts/demo.mjs', '--serve', '--http', http, '--https', https, '--proxy', proxy];
  demo = await start(process.execPath, args, {
    ...{ cwd: ROOT, log: join(folder, 'demo.log') },
    readyWhen: (running) => running.logText().includes('Ctrl-C'),
  });
});
afterAll(() => demo.stop());

/** Puts what `npm pack` makes of the built package into node_modules. */
async function unpack(): Promise<void> {
  await mustRun('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], { cwd: ROOT });
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'));
  await mustRun('tar', ['-xzf', tarball!], { cwd: folder });
  renameSync(join(folder, 'package'), join(folder, 'node_modules/krb5-client'));
}

/** What the demo says to export. */
function exported(): Record<string, string> {
  return Object.fromEntries([...demo.logText().matchAll(/^export (\w+)=(.*)$/gm)].map((m) => [m[1]!, m[2]!]));
}

it('the examples are there', () => {
  const text = examples.map(({ code }) => code).join('');
  for (const name of ['negotiateFetch', 'undici', 'negotiateRequest', 'axios', 'got', 'ProxyAgent'])
    expect(text).toContain(name);
});

it.each(examples.map(({ line, code }) => [line, code] as const))(
  'the example in line %i',
  async (line, code) => {
    const file = `example-${line}.mjs`;
    const here = code.replace(/localhost:(\d+)/g, (_, port: string) => `localhost:${ports.get(port)}`);
    writeFileSync(join(folder, file), here);
    const env = { PATH: process.env.PATH, ...exported() };
    const { stdout } = await mustRun(process.execPath, [file], { cwd: folder, env });
    expect(stdout).toMatch(/\b200\b|hello alice@EXAMPLE\.TEST: /);
    if (code.includes('8443') && !code.includes('delegate'))
      expect(stdout).toContain('bound to the TLS channel');
  },
);
