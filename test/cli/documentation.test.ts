/** docs/cli.md against the tables from which the program works. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../../src/cli/commands.js';
import { dashed, type Option, sharedOptions } from '../../src/cli/options.js';
import { codeWords, tableRows } from '../support/markdown.js';

const text = readFileSync(fileURLToPath(new URL('../../docs/cli.md', import.meta.url)), 'utf8');

/** The text below the heading `## name`. */
function sectionOf(name: string): string {
  return text.split(/^## /m).find((section) => section.startsWith(`${name}\n`)) ?? '';
}

async function specOf(name: string) {
  const command = await COMMANDS[name]?.load();
  if (command === undefined) throw new Error(`there is no command ${name}`);
  return command.spec;
}

const nameOf = ({ letter, word = '' }: Option): string => dashed(letter ?? word);

/** Every option that the usage of MIT krb5 1.22's program shows. */
const MIT_OPTIONS: Readonly<Record<string, string>> = {
  kinit:
    '-V -l -s -r -f -F -p -P -n -a -A -C -E --request-pac --no-request-pac -v -R -k -i -t -c -S -I -T -X',
  klist: '-e -V -c -l -A -d -f -s -a -n -I -k -i -t -K -C',
  kvno: '-c -C -e -k -q -u -S -F -I -U -P --u2u --cached-only --no-store --out-cache',
  kdestroy: '-A -q -c -p',
  kswitch: '-c -p',
};

describe.each(Object.keys(MIT_OPTIONS))('docs/cli.md on %s', (name) => {
  const rows = tableRows(sectionOf(name)).filter(([first = '']) => first.startsWith('`'));

  it('has a row for each option of MIT, in that order', () => {
    expect(rows.map(([mit = '']) => codeWords(mit)[0]).join(' ')).toBe(MIT_OPTIONS[name]);
  });

  it('says which of them there are here', async () => {
    const { options, unsupported, unsupportedWords = [] } = await specOf(name);
    const here = rows.flatMap(([, ours = '']) => codeWords(ours));
    expect([...here].sort()).toEqual(options.map(nameOf).sort());
    const missing = rows.filter(([, ours]) => ours === '-').map(([mit = '']) => codeWords(mit)[0] ?? '');
    expect(missing.sort()).toEqual([...unsupported, ...unsupportedWords].map(dashed).sort());
  });

  it('has the second name of those that have two, and a word on each difference', async () => {
    const { options } = await specOf(name);
    for (const { letter, word } of options) {
      if (letter === undefined || word === undefined) continue;
      expect(sectionOf(name)).toContain(`also \`--${word}\``);
    }
    for (const [, ours, difference = ''] of rows) {
      expect(difference).toMatch(ours === '-' ? /^not supported/ : /\w{4}/);
    }
  });
});

it.each(Object.keys(COMMANDS))('docs/cli.md has the options that %s shares with others', async (name) => {
  const shared = sharedOptions(await specOf(name)).map(nameOf);
  expect(shared).toContain('--json');
  for (const option of shared) expect(text.split('## kinit')[0]).toContain(option);
});

describe.each(['keytab', 'exec'])('docs/cli.md on %s', (name) => {
  it('has a row for each option', async () => {
    const rows = tableRows(sectionOf(name)).filter(([first = '']) => /^`-/.test(first));
    const { options } = await specOf(name);
    expect(rows.flatMap(([first = '']) => codeWords(first)).sort()).toEqual(options.map(nameOf).sort());
  });
});
