/** What the documents say, held against the sources: error codes, paths, links and examples. */
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { runProgram } from '../src/cli/program.js';
import * as errors from '../src/errors.js';
import { ERROR_CODES } from '../src/iana/errorCodes.js';
import { anchorsOf, codeBlocks, codeWords, linksOf, tableRows } from './support/markdown.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** Paths from the root of the files below `folder` that end in `ending`. */
function filesIn(folder: string, ending: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith(ending) && !path.includes('node_modules'))
    .map((path) => join(folder, path));
}

const documents = [
  ...readdirSync(ROOT).filter((path) => path.endsWith('.md')),
  ...['docs', 'test', 'bench', 'scripts', 'src', 'vectors'].flatMap((folder) => filesIn(folder, '.md')),
];

it('the documents are there', () => {
  const expected = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md', 'docs/architecture.md'];
  expect(documents).toEqual(expect.arrayContaining(expected));
});

describe('docs/errors.md', () => {
  const source = read('src/errors.ts');
  const union = /export type ClientErrorCode =([\s\S]*?);/.exec(source)![1]!;
  const clientCodes = [...union.matchAll(/'(\w+)'/g)].map((match) => match[1]!);
  const rows = tableRows(read('docs/errors.md'))
    .map((cells) => ({ code: /^`(ERR_\w+|KDC_\w+|KRB_\w+)`$/.exec(cells[0]!)?.[1], cells }))
    .filter(({ code }) => code !== undefined);

  it('has one row for each code, and no other', () => {
    const all = [...clientCodes, ...Object.keys(ERROR_CODES), 'KRB_ERR_UNREGISTERED'];
    expect(clientCodes.length).toBeGreaterThan(30);
    expect(rows.map(({ code }) => code).sort()).toEqual(all.sort());
  });

  it('gives KRB-ERRORs their number', () => {
    const numbers = rows.filter(({ code }) => code! in ERROR_CODES).map(({ cells }) => Number(cells[1]));
    expect(numbers).toEqual(Object.values(ERROR_CODES).map(({ number }) => number));
  });

  it.each(rows)('$code has a class that exists, a meaning and advice', ({ code, cells }) => {
    const [classes, meaning, advice] = cells.slice(code!.startsWith('ERR_') ? 1 : 2);
    for (const name of classes!.split(', ')) expect(errors).toHaveProperty(name);
    expect(meaning).toMatch(/\.$/);
    expect(advice).toMatch(/\.$/);
  });

  it('has no code that cannot happen', () => {
    const sources = filesIn('src', '.ts').map((path) => withoutComments(read(path).replace(union, '')));
    const unused = clientCodes.filter((code) => !sources.some((text) => text.includes(`'${code}'`)));
    expect(unused).toEqual([]);
  });
});

describe('docs/coverage.md', () => {
  const rows = tableRows(read('docs/coverage.md')).filter((cells) => cells.length === 5);

  it('covers the RFCs', () => {
    const text = read('docs/coverage.md');
    for (const rfc of [2743, 2744, 3244, 3961, 3962, 4120, 4121, 4178, 4537, 4556, 4757, 6113, 6806, 8009]) {
      expect(text).toContain(`RFC ${rfc}`);
    }
    expect(rows.length).toBeGreaterThan(80);
  });

  it.each(rows)('%s %s: %s', (_section, _what, state, files, tests) => {
    expect(['yes', 'partly', 'no']).toContain(state);
    for (const path of [...codeWords(files!), ...codeWords(tests!)]) {
      expect(existsSync(join(ROOT, path)), path).toBe(true);
    }
    if (state === 'yes' || state === 'partly') {
      expect(codeWords(files!).every((path) => path.startsWith('src/')) && codeWords(files!).length > 0).toBe(
        true,
      );
      expect(
        codeWords(tests!).every((path) => path.startsWith('test/')) && codeWords(tests!).length > 0,
      ).toBe(true);
    }
  });
});

describe('docs/architecture.md', () => {
  const text = read('docs/architecture.md');

  it('has every floor in its table', () => {
    const floors = new Set(tableRows(text).flatMap((cells) => codeWords(cells[1] ?? '')));
    const missing = readdirSync(join(ROOT, 'src')).filter(
      (name) => !floors.has(name) && !floors.has(name.replace(/\.ts$/, '')),
    );
    expect(missing).toEqual([]);
  });

  it('names files that exist', () => {
    const paths = codeWords(text).filter((word) => /^\w+\/[\w/.]*$/.test(word));
    expect(paths.length).toBeGreaterThan(40);
    const missing = paths.filter(
      (path) => !existsSync(join(ROOT, 'src', path)) && !existsSync(join(ROOT, path)),
    );
    expect(missing).toEqual([]);
  });

  it('gives a reason for each dependency', () => {
    const { dependencies, devDependencies } = JSON.parse(read('package.json')) as Record<string, object>;
    const named = tableRows(text).flatMap((cells) => cells[0]!.split(', '));
    expect(named).toEqual(expect.arrayContaining(Object.keys({ ...dependencies, ...devDependencies })));
  });
});

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/\/\/.*$/gm, '');
}

describe('links', () => {
  it.each(documents)('of %s lead somewhere', (path) => {
    const broken = linksOf(read(path)).filter((link) => !/^[a-z]+:/.test(link) && !resolves(path, link));
    expect(broken).toEqual([]);
  });
});

function resolves(from: string, link: string): boolean {
  const [file, anchor] = link.split('#') as [string, string | undefined];
  const target = file === '' ? join(ROOT, from) : resolve(ROOT, dirname(from), file);
  if (!existsSync(target)) return false;
  return anchor === undefined || anchorsOf(readFileSync(target, 'utf8')).includes(anchor);
}

describe('command lines', () => {
  const lines = documents
    .flatMap((path) => codeBlocks(read(path), 'sh'))
    .flatMap(({ code }) => code.split('\n'))
    .flatMap((line) => [...line.replace(/#.*/, '').matchAll(/\bkrb5 ([a-z]\w*)(.*)/g)])
    .map((match) => [match[1]!, match[2]!.trim()] as const);

  it.each(lines)('krb5 %s %s', async (command, rest) => {
    const { status, stdout } = await run([command, '--help']);
    expect(status).toBe(0);
    for (const option of rest.match(/(?<!\S)--?\w+/g) ?? [])
      expect(stdout).toMatch(new RegExp(`^  ${option}\\b`, 'm'));
  });

  it('name the variables that --help explains', async () => {
    const { stdout } = await run(['kinit', '--help']);
    for (const name of new Set(read('README.md').match(/\bKRB5\w+/g))) expect(stdout).toContain(name);
  });

  it('that are wrong are seen', async () => {
    expect((await run(['frobnicate', '--help'])).status).not.toBe(0);
  });
});

/** One run of the program. */
async function run(argv: readonly string[]): Promise<{ status: number; stdout: string }> {
  const written: Uint8Array[] = [];
  const output = { write: (octets: Uint8Array) => written.push(octets) };
  const stdin = Readable.from([]);
  const status = await runProgram(argv, {
    stdin,
    stdout: output,
    stderr: { write: () => undefined },
    env: {},
  });
  return { status, stdout: Buffer.concat(written).toString() };
}

describe('examples', () => {
  const examples = documents
    .filter((path) => path === 'README.md' || path.startsWith('docs'))
    .flatMap((path) => codeBlocks(read(path), 'ts').map((block) => ({ path, ...block })));

  it('are there', () => {
    expect(examples.map(({ path }) => path)).toContain('README.md');
  });

  it('pass the type checker', () => {
    const folder = mkdtempSync(join(tmpdir(), 'krb5-client-docs-'));
    try {
      expect(typeErrors(folder, examples)).toBe('');
    } finally {
      rmSync(folder, { recursive: true });
    }
  }, 120_000);

  it('that are wrong do not pass', () => {
    const folder = mkdtempSync(join(tmpdir(), 'krb5-client-docs-'));
    try {
      const code = "import { fromPassword } from 'krb5-client';\nfromPassword(1);\n";
      expect(typeErrors(folder, [{ path: 'wrong.md', line: 7, code }])).toContain('wrong_md-7.mts(8,');
    } finally {
      rmSync(folder, { recursive: true });
    }
  }, 120_000);
});

/** What the compiler says of the examples; their lines are those of the document. */
function typeErrors(
  folder: string,
  examples: readonly { path: string; line: number; code: string }[],
): string {
  const files = examples.map(({ path, line, code }) => {
    const file = `${path.replace(/\W/g, '_')}-${line}.mts`;
    writeFileSync(join(folder, file), `${'\n'.repeat(line - 1)}${code}\nexport {};\n`);
    return file;
  });
  const compilerOptions = {
    ...{ target: 'ES2023', module: 'NodeNext', strict: true, exactOptionalPropertyTypes: true, noEmit: true },
    ...{ noUncheckedIndexedAccess: true, verbatimModuleSyntax: true, skipLibCheck: true, types: ['node'] },
    typeRoots: [join(ROOT, 'node_modules/@types')],
    paths: {
      'krb5-client': [join(ROOT, 'src/index.ts')],
      'krb5-client/http': [join(ROOT, 'src/adapters/http/index.ts')],
      'krb5-client/sasl': [join(ROOT, 'src/adapters/sasl/index.ts')],
      'krb5-client/testing': [join(ROOT, 'src/testing/index.ts')],
    },
  };
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }));
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
  return spawnSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8' }).stdout;
}
