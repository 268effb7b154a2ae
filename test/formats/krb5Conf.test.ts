import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ConfText, parseKrb5Conf } from '../../src/formats/krb5Conf.js';
import type { Profile } from '../../src/formats/profile.js';
import { fuzzRuns } from '../support/fuzz.js';
import { mutated, valueOrFormatError } from './arbitraries.js';

const parse = (...texts: readonly string[]): Profile =>
  parseKrb5Conf(texts.map((text, i) => ({ file: `f${i}`, text })));

const errorAt = (line: number, file = 'f0') => expect.objectContaining({ code: 'ERR_KRB5_CONF', file, line });

const SAMPLE = `text before the first section
# comment
[libdefaults]
  default_realm = EXAMPLE.TEST
  ; comment
  spaced   =   two words  # no comment
  quoted = " a\\tb\\"c\\\\ " ignored
  empty = ""
[realms]
  EXAMPLE.TEST = {
    kdc = one
    kdc = two
    inner =
    {
      deep = yes
    }
  }
[libdefaults]
  default_realm = SECOND
  more = 1
`;

describe('parseKrb5Conf', () => {
  const profile = parse(SAMPLE);

  it('reads sections, groups and repeated relations', () => {
    expect(profile.get('libdefaults', 'default_realm')).toBe('EXAMPLE.TEST');
    expect(profile.all('libdefaults', 'default_realm')).toEqual(['EXAMPLE.TEST', 'SECOND']);
    expect(profile.all('realms', 'EXAMPLE.TEST', 'kdc')).toEqual(['one', 'two']);
    expect(profile.get('realms', 'EXAMPLE.TEST', 'inner', 'deep')).toBe('yes');
    expect(profile.names()).toEqual(['libdefaults', 'realms']);
    expect(profile.names('realms', 'EXAMPLE.TEST')).toEqual(['inner', 'kdc']);
  });

  it('has nothing for what is not there', () => {
    expect(profile.get('libdefaults', 'absent')).toBeUndefined();
    expect(profile.all('absent', 'absent')).toEqual([]);
    expect(profile.names('absent')).toEqual([]);
    expect(profile.get()).toBeUndefined();
    expect(profile.get('realms', 'EXAMPLE.TEST')).toBeUndefined();
  });

  it('takes # and ; behind a value as part of it', () => {
    expect(profile.get('libdefaults', 'spaced')).toBe('two words  # no comment');
  });

  it('decodes quoted values', () => {
    expect(profile.get('libdefaults', 'quoted')).toBe(' a\tb"c\\ ');
    expect(profile.get('libdefaults', 'empty')).toBe('');
    expect(parse('[a]\nb = "open').get('a', 'b')).toBe('open');
  });

  it('knows the line of each relation', () => {
    expect(profile.relations('libdefaults', 'default_realm').map(({ file, line }) => [file, line])).toEqual([
      ['f0', 4],
      ['f0', 19],
    ]);
  });

  it('accepts CRLF, a byte order mark and indented sections', () => {
    const text = '\ufeff [realms]\r\n  R = {\r\n kdc = k\r\n }\r\n';
    expect(parse(text).get('realms', 'R', 'kdc')).toBe('k');
  });

  it('accepts groups that the end of the file leaves open, as MIT krb5 does, and says so', () => {
    const open = parse('[realms]\nR = {\nkdc = k');
    expect(open.get('realms', 'R', 'kdc')).toBe('k');
    expect(open.notices.map(({ line }) => line)).toEqual([2]);
    expect(parse('[realms]\nR =').notices.map(({ line }) => line)).toEqual([2]);
  });

  it('keeps blanks in quotes that are not closed, and a backslash at their end', () => {
    expect(parse('[a]\nb = " x  \nc = "y\\\n').all('a', 'b')).toEqual([' x  ']);
    expect(parse('[a]\nb = "y\\\n').get('a', 'b')).toBe('y\\');
  });

  it('says what stands where nothing counts', () => {
    const { notices } = parse('x = 1\ny = 2\n[a]\nb =\n{ note\n} note\n');
    expect(notices.map(({ line }) => line)).toEqual([1, 5, 6]);
  });

  // All of these stop MIT krb5 1.20.1 too ("Improper format of Kerberos configuration file"), but for the NUL.
  it.each<[string, number]>([
    ['[a]\n b =\n c = 1\n', 2],
    ['[a]\n b =\n\n{\n}\n', 2],
    ['[a]\n }\n', 2],
    ['[a]\n b = {\n[x]\n', 3],
    ['[a\n', 1],
    ['[a] x\n', 1],
    ['[a]\n foo\n', 2],
    ['[a]\n foo bar = x\n', 2],
    ['[a]\n = x\n', 2],
    ['[a]\nmodule /x:y\n', 2],
    ['[a]\n include /x\n', 2],
    ['[a]\n b = \0\n', 2],
  ])('refuses %j at its line', (text, line) => {
    expect(() => parse(text)).toThrow(errorAt(line));
  });

  it('reads over module lines and one-line groups, and says so', () => {
    const { notices } = parse('module /x:y\n[a]\n b = { c = d }\n');
    expect(notices.map(({ line }) => line)).toEqual([1, 3]);
  });

  it('gives a value or a FormatError for any text', () => {
    const line = fc.oneof(
      fc.constantFrom(
        '[a]',
        '[b]*',
        'x = {',
        'x* = {',
        '}',
        '}*',
        'y = 1',
        'y* = 2',
        'z =',
        '{',
        '',
        '# c',
        'include f',
      ),
      fc.string({ maxLength: 10 }),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), (lines) =>
        valueOrFormatError(() => parse(lines.join('\n')).all('a', 'x', 'y')),
      ),
      { numRuns: fuzzRuns },
    );
  });

  it('gives a value or a FormatError for a mutated file', () => {
    const octets = Uint8Array.from([...SAMPLE].map((character) => character.charCodeAt(0)));
    fc.assert(
      fc.property(mutated(octets), (input) =>
        valueOrFormatError(() => parse(String.fromCharCode(...input)).names('realms')),
      ),
      { numRuns: fuzzRuns },
    );
  });

  it('takes time in proportion to the text', () => {
    const lines = Array.from({ length: 100_000 }, (_, i) => `x${i} = {\ny = 1\n}`);
    expect(parse(`[a]\n${lines.join('\n')}`).get('a', 'x99999', 'y')).toBe('1');
    expect(parse(`[a]\n${'b = {\n}\n'.repeat(100_000)}`).names('a')).toEqual(['b']);
    expect(parse('x\n'.repeat(500_000)).notices).toHaveLength(1);
    expect(parse(`[a]*\n${'[a]\n'.repeat(500_000)}`).notices).toHaveLength(1000);
  });

  it('refuses groups inside each other without end', () => {
    expect(parse(`[a]\n${'b = {\n'.repeat(100)}`).names('a')).toEqual(['b']);
    expect(() => parse(`[a]\n${'b = {\n'.repeat(100_000)}`)).toThrow(errorAt(102));
  });

  it('gives a value or a FormatError with a line wherever the file is cut', () => {
    for (let length = 0; length <= SAMPLE.length; length++) {
      for (const text of [SAMPLE.slice(0, length), SAMPLE.slice(0, length).replaceAll('\n', '\r\n')]) {
        try {
          parse(text).names('realms');
        } catch (error) {
          expect(error).toMatchObject({ code: 'ERR_KRB5_CONF', file: 'f0', line: expect.any(Number) });
        }
      }
    }
  });
});

describe('several files', () => {
  it('the first has the say in scalars, lists are joined', () => {
    const profile = parse('[a]\n x = 1\n', '[a]\n x = 2\n y = 3\n');
    expect(profile.get('a', 'x')).toBe('1');
    expect(profile.all('a', 'x')).toEqual(['1', '2']);
    expect(profile.get('a', 'y')).toBe('3');
  });

  it.each([
    ['relation', '[a]\n x* = 1\n x = 9\n', ['1'], '3'],
    ['section', '[a]*\n x = 1\n', ['1'], undefined],
    ['group by its name', '[a]\n g* = {\n x = 1\n }\n', ['1'], undefined],
    ['group by its end', '[a]\n g = {\n x = 1\n }*\n', ['1'], undefined],
  ])('a final %s silences later files', (_, first, values, y) => {
    const group = first.includes('g') ? ['g'] : [];
    const second = group.length > 0 ? '[a]\n g = {\n x = 2\n y = 3\n }\n' : '[a]\n x = 2\n y = 3\n';
    const profile = parse(first, second);
    expect(profile.all('a', ...group, 'x')).toEqual(values);
    expect(profile.get('a', ...group, 'y')).toBe(y);
  });
});

// The manual of MIT krb5 1.22; before, final counted for later files only, and not for relations.
describe('final in one file', () => {
  it.each([
    ['[a]*\nx = 1\n[a]\nx = 2\n[b]\ny = 3\n', ['1'], ['3']],
    ['[a]*\nx = 1\n[a]\ng = {\nx = 2\n}*\nx = 4\n[b]\ny = 3\n', ['1'], ['3']],
    ['[a]\nx* = 1\nx = 2\n[b]\ny = 3\n', ['1'], ['3']],
    ['[a]\nx = 1\nx* = 2\nx = 3\n', ['1', '2'], []],
    ['[a]\nx* = {\n}\nx = 1\n', [], []],
  ])('%j', (text, x, y) => {
    const profile = parse(text);
    expect(profile.all('a', 'x')).toEqual(x);
    expect(profile.all('b', 'y')).toEqual(y);
  });

  it('silences a group that comes again, up to its brace', () => {
    const profile = parse('[a]\ng = {\nx = 1\n}*\ng = {\nx = 2\nh = {\nx = 3\n}\n}\ny = 4\n');
    expect(profile.all('a', 'g', 'x')).toEqual(['1']);
    expect(profile.all('a', 'g', 'h', 'x')).toEqual([]);
    expect(profile.all('a', 'y')).toEqual(['4']);
    expect(profile.notices.map(({ line }) => line)).toEqual([5]);
  });
});

describe('include', () => {
  const files: Readonly<Record<string, string>> = {
    '/a': '[s]\nfrom = a\n',
    '/open': '[s]\nR = {\n',
    '/self': 'include /self\n',
    '/pair1': 'include /pair2\n',
    '/pair2': 'include /pair1\n',
    '/bad': '\n[s\n',
  };
  const readInclude = (kind: string, path: string): ConfText[] => {
    const names = kind === 'includedir' ? ['/a', '/open'] : [path];
    return names.map((file) => {
      const text = files[file];
      if (text === undefined) throw new Error('no such file');
      return { file, text };
    });
  };
  const including = (text: string) => parseKrb5Conf([{ file: 'main', text }], readInclude);

  it('puts the file in place, outside the sections around the line', () => {
    const profile = including('[s]\nfrom = first\ninclude /a\nfrom = last\n');
    expect(profile.all('s', 'from')).toEqual(['first', 'a', 'last']);
    expect(profile.relations('s', 'from')[1]).toMatchObject({ file: '/a', line: 2 });
  });

  it('takes all files of a folder, independent of each other', () => {
    const profile = including('includedir /dir\r\n[s]\nfrom = main\n');
    expect(profile.all('s', 'from')).toEqual(['a', 'main']);
    expect(profile.names('s')).toContain('R');
  });

  it('names the line when the file cannot be read', () => {
    expect(() => including('[s]\ninclude /absent\n')).toThrow(errorAt(2, 'main'));
    expect(() => parse('include /a\n')).toThrow(errorAt(1));
  });

  it('names the included file and its line for an error in there', () => {
    expect(() => including('include /bad\n')).toThrow(errorAt(2, '/bad'));
  });

  it.each(['/self', '/pair1'])('refuses a circle: %s', (path) => {
    expect(() => including(`include ${path}\n`)).toThrow(expect.objectContaining({ code: 'ERR_KRB5_CONF' }));
  });

  it('refuses a file that is included until memory is full', () => {
    const large = () => [{ file: 'large', text: '[s]\n'.repeat(1 << 18) }];
    expect(() => parseKrb5Conf([{ file: 'main', text: 'include x\n'.repeat(10) }], large)).toThrow(
      expect.objectContaining({ code: 'ERR_KRB5_CONF', file: 'large' }),
    );
  });

  it('refuses endless chains and too many files', () => {
    let count = 0;
    const chain = () => [{ file: `n${count++}`, text: 'include x\n' }];
    expect(() => parseKrb5Conf([{ file: 'main', text: 'include x\n' }], chain)).toThrow(
      expect.objectContaining({ code: 'ERR_KRB5_CONF' }),
    );
    const flood = () => Array.from({ length: 100 }, () => ({ file: `n${count++}`, text: '' }));
    expect(() => parseKrb5Conf([{ file: 'main', text: 'includedir x\n'.repeat(11) }], flood)).toThrow(
      errorAt(11, 'main'),
    );
  });
});
