/** Random krb5.conf files and principal names from a seed, for krb5Conf.test.ts. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { utf8 } from '../../src/bytes.js';

/** Random choices that a seed determines (mulberry32). */
export class Choices {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * limit);
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  /** Between `least` and `most` of what `make` gives. */
  some<T>(least: number, most: number, make: () => T): T[] {
    return Array.from({ length: least + this.below(most - least + 1) }, make);
  }
}

export const REALMS: readonly string[] = ['R', 'A.R', 'B.A.R', 'XA.R', 'OTHER.TEST', 'SUB.OTHER.TEST', 'Z'];
export const HOSTS: readonly string[] = [
  'a.b.c',
  'b.c',
  'c',
  'A.B.C.',
  'x.a.b.c',
  '10.0.0.1',
  '10.0.1',
  '::1',
  'z',
  'é.c',
];
export const APPLICATIONS: readonly string[] = ['app', 'other'];
export const OPTIONS: readonly string[] = ['opt', 'flag'];

const BOOLEANS = [
  'true',
  'FALSE',
  'yes',
  'No',
  'y',
  'N',
  't',
  '1',
  '0',
  'on',
  'Off',
  'nil',
  'f',
  'maybe',
  '2',
  ' 1',
];
const INTEGERS = ['0', '300', '+5', '-5', '1465', '99999', '2147483647', '-2147483648', '0010'];
const BAD_INTEGERS = ['2147483648', 'x', '1x', '0x10', '5m', '1 '];
const DURATIONS = [
  '300',
  '10h',
  '1d',
  '1d2h3m4s',
  '1d 2h',
  '1:30',
  '1:30:15',
  '5-01:02:03',
  '10h # note',
  '24h ',
  '10H',
  '1.5h',
];
const BAD_DURATIONS = ['', 'soon', '1d2', '2h1d', '10 h', '1:2:3:4', '24856d', '99999999999', '1:300'];
const ETYPES = [
  ...['DEFAULT', 'default', 'aes', 'AES', 'rc4', 'des3', 'camellia', 'aes256-cts', 'aes128-cts-hmac-sha1-96'],
  ...[
    'aes256-sha2',
    'aes128-sha1',
    'arcfour-hmac',
    'arcfour-hmac-exp',
    'des3-cbc-sha1',
    'camellia256-cts',
    'rot13',
  ],
  ...['des-cbc-crc', '-aes', '-rc4', '-DEFAULT', '+aes128-sha2', '-aes256-cts', '+', '-'],
];
const PATHS = [
  'FILE:/tmp/cc_%{uid}',
  '/x',
  '%{TEMP}/%{euid}_%{username}%{null}',
  '%{nonsense}',
  '%{uid',
  '%{}',
  'KCM:',
  '%',
];
const SERVERS = [
  ...[
    'kdc1',
    'kdc1:750',
    '[::1]',
    '[::1]:750',
    'kdc.example.test',
    'kdc1 trailing',
    '10.0.0.1:88',
    'a-b_c',
    ':88',
  ],
  ...['kdc:x', '88', 'kdc:'],
];

interface Setting {
  readonly name: string;
  readonly value: (choices: Choices) => string;
}

const setting = (names: string, value: Setting['value']): Setting[] =>
  names.split(' ').map((name) => ({ name, value }));

const LIBDEFAULTS: readonly Setting[] = [
  ...setting('default_realm', (choices) => choices.pick(REALMS)),
  ...setting('forwardable proxiable canonicalize noaddresses', (choices) => choices.pick(BOOLEANS)),
  ...setting('dns_lookup_kdc dns_lookup_realm dns_fallback', (choices) => choices.pick(BOOLEANS)),
  ...setting('allow_weak_crypto', (choices) =>
    choices.pick(choices.chance(15) ? BOOLEANS : ['true', 'false']),
  ),
  ...setting('allow_rc4 allow_des3', (choices) => choices.pick(['true', 'false', 'on', 'OFF'])),
  ...setting('dns_canonicalize_hostname', (choices) => choices.pick(['true', 'no', 'fallback', 'FallBack'])),
  ...setting('clockskew', (choices) => choices.pick([...INTEGERS, ...BAD_INTEGERS])),
  ...setting('udp_preference_limit', (choices) => choices.pick(choices.chance(5) ? BAD_INTEGERS : INTEGERS)),
  ...setting('kdc_timesync', (choices) => choices.pick(['0', '1', '2', '-1'])),
  ...setting('ticket_lifetime renew_lifetime', (choices) => {
    return choices.pick(choices.chance(5) ? BAD_DURATIONS : DURATIONS);
  }),
  ...setting('permitted_enctypes default_tkt_enctypes default_tgs_enctypes', (choices) => {
    return choices.some(1, 5, () => choices.pick(ETYPES)).join(choices.pick([' ', ',', ', ', '\t']));
  }),
  ...setting('default_ccache_name default_keytab_name', (choices) => choices.pick(PATHS)),
];

const CHARACTERS = [...'abcXYZ019 \t#;"\\{}[]=*%/.:-é€', '\udcff', '\\n', '\\t', '\\b', '\\"', '\\\\'];

function randomText(choices: Choices): string {
  return choices.some(0, 12, () => choices.pick(CHARACTERS)).join('');
}

const BAD_LINES = [
  ...['novalue', '}', '[open', 'two words = x', '= x', '[a] junk', 'b =', 'include /nonexistent/file', '{'],
  ...['includedir /nonexistent', 'include', 'c = {', '[inside]', '*', '"quoted" = x'],
];

/** Writes the lines of one file. */
class FileWriter {
  readonly #choices: Choices;
  readonly #lines: string[] = [];
  #finals = 0;
  readonly #tag: string;

  constructor(choices: Choices, tag: string) {
    this.#choices = choices;
    this.#tag = tag;
  }

  text(includes: readonly string[]): string {
    const choices = this.#choices;
    if (choices.chance(20)) this.#line(choices.pick(['text before', '# comment', '', 'x = y', '}']));
    for (let i = choices.below(5); i >= 0; i--) this.#section();
    for (const line of includes) this.#lines.splice(choices.below(this.#lines.length + 1), 0, line);
    if (choices.chance(3)) {
      this.#lines.splice(choices.below(this.#lines.length + 1), 0, choices.pick(BAD_LINES));
    }
    const end = choices.chance(20) ? '\r\n' : '\n';
    const text = this.#lines.map((line) => line + (choices.chance(3) ? '\r\n' : end)).join('');
    return choices.chance(20) ? text.slice(0, -end.length) : text;
  }

  #line(text: string): void {
    this.#lines.push(text);
  }

  #section(): void {
    const choices = this.#choices;
    const name = choices.pick([
      'libdefaults',
      'libdefaults',
      'realms',
      'domain_realm',
      'capaths',
      'appdefaults',
      'x',
      ' x',
    ]);
    this.#line(`[${name}]${choices.chance(4) ? '*' : ''}${choices.pick(['', '', ' ', '\t'])}`);
    for (let i = choices.below(7); i > 0; i--) this.#entry(name, 1);
  }

  #entry(section: string, depth: number): void {
    const choices = this.#choices;
    if (choices.chance(8)) this.#line(choices.pick(['# comment', '', '  ; comment = x', '\t', ' #']));
    else if (section === 'libdefaults') this.#libdefaults(depth);
    else if (section === 'domain_realm') {
      this.#relation(
        choices.pick(['a.b.c', '.b.c', 'b.c', '.c', 'c', 'B.c', '10.0.1', 'z']),
        choices.pick(REALMS),
      );
    } else if (section === 'realms' && depth > 1) {
      this.#relation(
        choices.pick(['kdc', 'primary_kdc', 'admin_server', 'kpasswd_server']),
        choices.pick(SERVERS),
      );
    } else if (section === 'capaths' && depth > 1) {
      this.#relation(choices.pick(REALMS), choices.pick(['.', ...REALMS, 'VIA.TEST', 'VIA.TEST note']));
    } else if (section === 'realms' || section === 'capaths')
      this.#group(section, choices.pick(REALMS), depth);
    else if (section === 'appdefaults') this.#appDefault(depth);
    else this.#anything(section, depth);
  }

  #libdefaults(depth: number): void {
    const choices = this.#choices;
    const { name, value } = choices.pick(LIBDEFAULTS);
    if (depth === 1 && choices.chance(12)) this.#group('libdefaults', choices.pick(REALMS), depth);
    else this.#relation(name, value(choices));
  }

  #appDefault(depth: number): void {
    const choices = this.#choices;
    if (depth < 3 && choices.chance(40)) {
      this.#group('appdefaults', choices.pick([...APPLICATIONS, ...REALMS.slice(0, 2)]), depth);
    } else this.#relation(choices.pick(OPTIONS), randomText(choices) || 'v');
  }

  #anything(section: string, depth: number): void {
    const choices = this.#choices;
    if (depth < 5 && choices.chance(25)) this.#group(section, choices.pick(['g', 'h', 'i']), depth);
    else this.#relation(choices.pick(['g', 'k', 'l', 'é', 'm"', '']) || 'n', randomText(choices));
  }

  #group(section: string, name: string, depth: number): void {
    const choices = this.#choices;
    const indent = choices.pick(['', '  ', '\t']);
    const final = choices.pick(['', '', '', '', '', '', '', '', '', '', '', '*']);
    if (choices.chance(15)) {
      this.#line(`${indent}${name}${final} =`);
      this.#line(choices.pick(['{', '  {', '{ ignored']));
    } else this.#line(`${indent}${name}${final} ${choices.pick(['= {', '={', '= {  '])}`);
    for (let i = choices.below(4); i > 0; i--) this.#entry(section, depth + 1);
    this.#line(indent + choices.pick(['}', '}', '}', '}', '} ignored', '}*', '  }']));
  }

  #relation(name: string, value: string): void {
    const choices = this.#choices;
    const indent = choices.pick(['', ' ', '    ', '\t']);
    const equals = choices.pick(['=', ' = ', ' =', '= ', '\t=\t']);
    // Final relations have names of their own: MIT krb5 before 1.22 only takes the asterisk away.
    const tag = choices.chance(4) ? `fin${this.#tag}${this.#finals++}*` : name;
    this.#line(`${indent}${tag}${equals}${this.#quoted(value)}${choices.pick(['', '', ' ', ' \t'])}`);
  }

  #quoted(value: string): string {
    const choices = this.#choices;
    const bare = value === '' || value === '{' ? choices.chance(3) : choices.chance(85);
    if (bare) return value;
    const escaped = choices.chance(70) ? value.replace(/["\\]/g, '\\$&') : value;
    return `"${escaped}${choices.pick(['"', '"', '" ignored', '', '\\'])}`;
  }
}

/** Files of one KRB5_CONFIG. */
export interface ConfCase {
  readonly files: readonly string[];
  /** Text of each file by path, for failure messages. */
  readonly texts: Readonly<Record<string, string>>;
}

/** Writes a case into `folder`. */
export function writeConfCase(choices: Choices, folder: string): ConfCase {
  mkdirSync(folder, { recursive: true });
  const texts: Record<string, string> = {};
  const write = (path: string, includes: readonly string[]) => {
    texts[path] = new FileWriter(choices, String(Object.keys(texts).length)).text(includes);
    writeFileSync(path, utf8(texts[path]));
    return path;
  };
  const files = choices
    .some(1, 3, () => '')
    .map((_, i) => {
      return write(
        join(folder, `conf${i}`),
        choices.chance(30) ? writeIncludes(choices, folder, i, write) : [],
      );
    });
  if (choices.chance(10)) files.splice(choices.below(files.length + 1), 0, join(folder, 'missing'));
  if (choices.chance(10)) files.push(writeFolder(choices, join(folder, 'top.d'), write));
  return { files, texts };
}

type Write = (path: string, includes: readonly string[]) => string;

function writeIncludes(choices: Choices, folder: string, i: number, write: Write): string[] {
  const lines: string[] = [];
  if (choices.chance(60)) {
    const inner = choices.chance(30) ? [`include ${write(join(folder, `deep${i}`), [])}`] : [];
    lines.push(`include${choices.pick([' ', '\t', '   '])}${write(join(folder, `inc${i}`), inner)}`);
  }
  if (choices.chance(60)) lines.push(`includedir ${writeFolder(choices, join(folder, `dir${i}`), write)}`);
  return lines;
}

const FILE_NAMES = [
  'a',
  'b.conf',
  'C-1_d',
  '.hidden.conf',
  'e~',
  'f.conf.bak',
  'g h',
  '.conf',
  'é',
  'Z.conf',
  '10',
];

function writeFolder(choices: Choices, folder: string, write: Write): string {
  mkdirSync(join(folder, 'subfolder'), { recursive: true });
  for (const name of new Set(choices.some(0, 4, () => choices.pick(FILE_NAMES))))
    write(join(folder, name), []);
  return folder;
}

const NAME_PARTS = [
  ...[
    'a',
    'B',
    'user',
    'host',
    'krbtgt',
    'WELLKNOWN',
    'ANONYMOUS',
    '/',
    '/',
    '@',
    '@',
    'R',
    'EXAMPLE.TEST',
    ' ',
    'é',
  ],
  ...['\\/', '\\@', '\\\\', '\\n', '\\t', '\\b', '\\0', '\\x', '\\', '\t', '\b', '#', '"', '.', '\udcff'],
];

/** A text that may be a principal name; never empty and without NUL. */
export function randomName(choices: Choices): string {
  const parts = choices.some(1, 8, () => choices.pick(NAME_PARTS));
  return parts.join('');
}
