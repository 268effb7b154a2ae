/** docs/cookbook/http.md as a user has it: the built package in node_modules, the text unchanged, `npm run demo -- --serve`. */
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
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

let demo: RunningProcess;
let folder: string;
/** Ports of the text, and those that are free here. */
const ports = new Map<string, number>();
beforeAll(async () => {
  folder = temporaryFolder('krb5-client-http-');
  mkdirSync(join(folder, 'node_modules'));
  for (const name of ['undici', 'axios', 'got'])
    symlinkSync(join(ROOT, 'node_modules', name), join(folder, 'node_modules', name));
  symlinkSync(ROOT, join(folder, 'node_modules/krb5-client'));
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
