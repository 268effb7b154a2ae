/** How src is built, as rules that fail. The table below is the plan of the house. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

/**
 * What each folder (or file at the top of src) may import. A floor sees the floors below it and its own folder, never a
 * floor above. `type:` allows type-only imports, which vanish when the program runs.
 */
const GROUND = ['errors', 'bytes', 'trace', 'iana'];
const WIRE = [...GROUND, 'asn1', 'crypto'];
const CORE = [...WIRE, 'messages', 'formats', 'exchange', 'gss', 'spnego', 'sasl'];
const OUTSIDE = [...CORE, 'transport', 'stores', 'client'];
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  // 0: what everything stands on
  errors: GROUND,
  bytes: GROUND,
  trace: GROUND,
  iana: GROUND,
  // 1: octets <-> ASN.1 values, and ciphers
  asn1: GROUND,
  crypto: GROUND,
  // 2: the messages of RFC 4120 section 5
  messages: WIRE,
  // 3: files and texts <-> values
  formats: [...WIRE, 'messages'],
  // 4: the exchanges as machines without I/O
  exchange: [...WIRE, 'messages', 'formats'],
  // 5: GSS-API tokens; SPNEGO negotiates a GSS-API mechanism; SASL carries one
  gss: [...WIRE, 'messages', 'formats', 'exchange'],
  spnego: [...WIRE, 'messages', 'formats', 'exchange', 'gss'],
  sasl: [...GROUND, 'gss'],
  // 5': beside 4 and 5, where the outside world begins: sockets, and files
  transport: [...GROUND, 'formats', 'type:crypto'],
  stores: [...GROUND, 'formats', 'type:crypto'],
  // 6: drives exchanges over transports and keeps what comes of them
  client: [...CORE, 'transport', 'stores'],
  // 7: the client in other programs' terms; a KDC and acceptor for tests
  adapters: OUTSIDE,
  testing: OUTSIDE,
  // 8: the program
  cli: [...OUTSIDE, 'adapters', 'testing'],
  // The front door
  index: [...OUTSIDE, 'adapters', 'testing'],
};

/** Packages, each behind one file. */
const PACKAGES: Readonly<Record<string, string>> = { asn1js: 'asn1/tlv.ts', '@noble': 'crypto/noble.ts' };

/** Floors that may use Node.js itself. */
const MAY_USE_NODE = ['transport', 'stores', 'client', 'adapters', 'testing', 'cli'];

const LONGEST_FILE = 350;

interface Import {
  readonly specifier: string;
  /** Vanishes when the program runs. */
  readonly typeOnly: boolean;
}
interface SourceFile {
  /** Path from src, with slashes. */
  readonly path: string;
  readonly text: string;
  readonly imports: readonly Import[];
}

/** The text without its comments. Sources are formatted, so a comment begins a line or follows a blank. */
function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1');
}

/** `import` and `export` with `from`, `import` for its effect, and `import()` of values and types. */
function importsOf(text: string): Import[] {
  const code = withoutComments(text);
  const statements = code.matchAll(
    /^(?:import|export)\s+(?:(type)\s)?(?:[^;'"]*?\sfrom\s+)?['"]([^'"]+)['"]/gm,
  );
  const calls = code.matchAll(/\bimport\(\s*['"]([^'"]+)['"]/g);
  return [
    ...[...statements].map((match) => ({ specifier: match[2]!, typeOnly: match[1] === 'type' })),
    ...[...calls].map((match) => ({ specifier: match[1]!, typeOnly: false })),
  ];
}

/** Statements at the top of a module that wait. Sources are formatted, so what begins at column 0 is at the top. */
function topLevelAwaits(text: string): string[] {
  return withoutComments(text)
    .split(/\n(?=[A-Za-z_$@({[])/)
    .filter((statement) => /\bawait\b/.test(statement))
    .filter((statement) => !/\basync\b|^(?:export )?(?:default )?(?:abstract )?class\b/.test(statement));
}

/** Statements of a module that do more than hand on. */
function notReexports(text: string): string[] {
  const statement = /export\s+(?:type\s+)?(?:\*(?:\s+as\s+\w+)?|\{[^}]*\})\s+from\s+'[^']+';?/g;
  const rest = withoutComments(text).replace(statement, '');
  return rest.split('\n').filter((line) => line.trim() !== '');
}

const SRC = fileURLToPath(new URL('../src', import.meta.url));

const files: readonly SourceFile[] = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .map((path) => {
    const text = readFileSync(join(SRC, path), 'utf8');
    return { path: path.replaceAll('\\', '/'), text, imports: importsOf(text) };
  });

/** `asn1/tlv.ts` is of `asn1`, `errors.ts` of `errors`. */
function unitOf(path: string): string {
  return path.split('/')[0]!.replace(/\.ts$/, '');
}

/** The path from src of what a file imports by a relative specifier. */
function target(file: SourceFile, specifier: string): string {
  return posix.join(posix.dirname(file.path), specifier).replace(/\.js$/, '.ts');
}

const isRelative = ({ specifier }: Import): boolean => specifier.startsWith('.');

describe('imports', () => {
  it.each(files)('$path imports downwards only', (file) => {
    const unit = unitOf(file.path);
    const allowed = MAY_IMPORT[unit];
    expect(allowed, `src/${unit} is not in the table of floors`).toBeDefined();
    const wrong = file.imports.filter(isRelative).filter(({ specifier, typeOnly }) => {
      const other = unitOf(target(file, specifier));
      return !(
        other === unit ||
        allowed!.includes(other) ||
        (typeOnly && allowed!.includes(`type:${other}`))
      );
    });
    expect(wrong).toEqual([]);
  });

  it('name files that exist, with their extension', () => {
    const paths = new Set(files.map((file) => file.path));
    const wrong = files.flatMap((file) =>
      file.imports
        .filter(isRelative)
        .filter(({ specifier }) => !specifier.endsWith('.js') || !paths.has(target(file, specifier)))
        .map(({ specifier }) => `${file.path}: ${specifier}`),
    );
    expect(wrong).toEqual([]);
  });

  it('make no cycle, types aside', () => {
    expect(findCycle(valueImports(files))).toEqual([]);
  });

  it('reach packages through one file each', () => {
    const wrong = files.flatMap((file) =>
      file.imports
        .filter((one) => !isRelative(one) && !one.specifier.startsWith('node:'))
        .filter(({ specifier }) => PACKAGES[specifier.split('/')[0]!] !== file.path)
        .map(({ specifier }) => `${file.path}: ${specifier}`),
    );
    expect(wrong).toEqual([]);
  });

  it('reach Node.js from the outer floors only', () => {
    const wrong = files
      .filter((file) => !MAY_USE_NODE.includes(unitOf(file.path)))
      .filter((file) => file.imports.some(({ specifier }) => specifier.startsWith('node:')));
    expect(wrong.map((file) => file.path)).toEqual([]);
  });
});

describe('files', () => {
  it('there are some', () => expect(files.length).toBeGreaterThan(50));

  it.each(files)('$path begins with what it is, ends in time and does not wait while it loads', (file) => {
    expect(file.text, 'the first line must begin a /** comment or be a #! line').toMatch(/^(\/\*\*|#!)/);
    const lines = file.text.split('\n').length - 1;
    expect(lines, `no file in src has more than ${LONGEST_FILE} lines`).toBeLessThanOrEqual(LONGEST_FILE);
    expect(topLevelAwaits(file.text), 'no await at the top of a module').toEqual([]);
  });

  it('the front door only hands on', () => {
    const doors = files.filter((file) => file.path === 'index.ts');
    expect(doors.flatMap((file) => notReexports(file.text))).toEqual([]);
  });
});

type Graph = ReadonlyMap<string, readonly string[]>;

function valueImports(sources: readonly SourceFile[]): Graph {
  return new Map(
    sources.map((file) => {
      const values = file.imports.filter((one) => isRelative(one) && !one.typeOnly);
      return [file.path, values.map(({ specifier }) => target(file, specifier))];
    }),
  );
}

/** The files of one cycle in their order, or none. */
function findCycle(graph: Graph): string[] {
  const done = new Set<string>();
  const visit = (path: string, way: readonly string[]): string[] => {
    if (way.includes(path)) return [...way.slice(way.indexOf(path)), path];
    if (done.has(path)) return [];
    for (const next of graph.get(path) ?? []) {
      const cycle = visit(next, [...way, path]);
      if (cycle.length > 0) return cycle;
    }
    done.add(path);
    return [];
  };
  for (const path of graph.keys()) {
    const cycle = visit(path, []);
    if (cycle.length > 0) return cycle;
  }
  return [];
}

describe('these checks can fail', () => {
  it.each([
    ["import { a } from './a.js';", './a.js', false],
    ["import {\n  a,\n  type B,\n} from '../b.js';", '../b.js', false],
    ["import type { A } from './a.js';", './a.js', true],
    ["export type { A } from './a.js';", './a.js', true],
    ["export * from './a.js';", './a.js', false],
    ["import * as a from './a.js';", './a.js', false],
    ["import './a.js';", './a.js', false],
    ["const a = () => import('./a.js');", './a.js', false],
    ["type A = import('./a.js').A;", './a.js', false],
  ])('importsOf sees %j', (text, specifier, typeOnly) => {
    expect(importsOf(text)).toEqual([{ specifier, typeOnly }]);
  });

  it.each(["// import './a.js';", "/* import './a.js'; */", "const from = 'a';\nexport const b = 'import';"])(
    'importsOf does not see %j',
    (text) => expect(importsOf(text)).toEqual([]),
  );

  it.each([
    'const a = await b();',
    'await a;',
    'export const a =\n  await b();',
    'for await (const a of b) {\n}',
  ])('topLevelAwaits sees %j', (text) => expect(topLevelAwaits(`let a;\n${text}\n`)).toHaveLength(1));

  it.each([
    'export async function a() {\n  await b;\n}',
    'class A {\n  async b() {\n    await c;\n  }\n}',
    'const a = async () => {\n  await b;\n};',
    '// await nothing\nconst a = 1;',
  ])('topLevelAwaits does not see %j', (text) => expect(topLevelAwaits(text)).toEqual([]));

  it('findCycle finds one', () => {
    const graph = new Map([
      ['a', ['b', 'd']],
      ['b', ['c']],
      ['c', ['b']],
      ['d', []],
    ]);
    expect(findCycle(graph)).toEqual(['b', 'c', 'b']);
    expect(findCycle(new Map([...graph, ['c', ['d']]]))).toEqual([]);
  });

  it('notReexports sees what else there is', () => {
    expect(notReexports("/** x */\nexport { a } from './a.js';\nexport type { B } from './b.js';\n")).toEqual(
      [],
    );
    expect(notReexports("export * from './a.js';\nexport const b = 1;\n")).toEqual(['export const b = 1;']);
  });
});
