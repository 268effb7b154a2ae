/** The table of requests-kerberos' behaviours in docs/http.md, held against the interop tests it names. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { codeWords, tableRows } from './support/markdown.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Names of the HTTP tests at real servers, as they stand in the source. */
function testNames(): string[] {
  const folder = join(ROOT, 'test/interop');
  const files = readdirSync(folder).filter((name) => /^http\w*\.test\.ts$/.test(name));
  const sources = files.map((name) => readFileSync(join(folder, name), 'utf8'));
  return sources.flatMap((source) =>
    [...source.matchAll(/^\s*(?:it\(|\]\)\(|it\.each\(.*\)\(|\] as const\)\()\s*(['"`])(.+?)\1,/gm)].map(
      (match) => match[2]!,
    ),
  );
}

describe('docs/http.md', () => {
  const text = readFileSync(join(ROOT, 'docs/http.md'), 'utf8');
  const section = /^## Behaviours$([\s\S]*?)(?=^## )/m.exec(text)?.[1] ?? '';
  const rows = tableRows(section);
  const names = testNames();

  it('has the whole table', () => {
    expect(rows.length).toBeGreaterThanOrEqual(30);
    expect(names.length).toBeGreaterThan(60);
  });

  it.each(rows.map((cells) => [cells[0]!, cells.at(-1)!]))('%s: its tests exist', (_, tests) => {
    const named = codeWords(tests);
    expect(named.length).toBeGreaterThan(0);
    for (const name of named) expect(names).toContain(name);
  });
});
