/**
 * Our reading of krb5.conf and of principal names against MIT's own library: 500 random configurations and 500 random
 * names from a seed must have the same values in both, or be refused by both. The differences that are meant are in
 * DIFFERENCES, each with an example that is tested on both sides.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { utf8 } from '../../src/bytes.js';
import { currentUser } from '../../src/client/system.js';
import { FormatError } from '../../src/errors.js';
import { appDefault } from '../../src/formats/appdefaults.js';
import { transitPath } from '../../src/formats/capaths.js';
import { parseDurationPrefix } from '../../src/formats/duration.js';
import { isEtypeAllowed } from '../../src/formats/etypeList.js';
import { type Krb5Config, krb5ConfigFromProfile, realmOfHost } from '../../src/formats/krb5Config.js';
import { expandPathTokens } from '../../src/formats/pathTokens.js';
import { formatPrincipal, parsePrincipal } from '../../src/formats/principal.js';
import type { Profile } from '../../src/formats/profile.js';
import { parseServerAddress } from '../../src/formats/serverAddress.js';
import { loadProfile } from '../../src/stores/krb5ConfFiles.js';
import {
  APPLICATIONS,
  Choices,
  type ConfCase,
  HOSTS,
  OPTIONS,
  REALMS,
  randomName,
  writeConfCase,
} from './krb5ConfCases.js';
import { askMit, buildMitProgram, hex, type Question, texts } from './mitLibrary.js';

const SEED = 20261122;
const COUNT = 500;

const folder = mkdtempSync(join(tmpdir(), 'krb5-conf-cases-'));
let program = '';

beforeAll(async () => {
  program = await buildMitProgram();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What `make` gives, or 'refused' for a FormatError. */
function orRefused<T>(make: () => T): T | 'refused' {
  try {
    return make();
  } catch (error) {
    if (error instanceof FormatError) return 'refused';
    throw error;
  }
}

/** Every relation as krb5ConfDump.c writes it, sorted. */
function dump(profile: Profile, path: readonly string[] = []): string[] {
  return profile.names(...path).flatMap((name) => {
    const here = [...path, name];
    const values = profile.all(...here).map(hex);
    const line = values.length === 0 ? [] : [`${here.map(hex).join(' ')} = ${values.join(' ')}`];
    return [...line, ...dump(profile, here)];
  });
}

function mitDump(answer: string): string[] {
  return answer
    .split('|')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

const unique = (lines: readonly string[]): string[] => [...new Set(lines)].sort();

/** A question and what MIT's answer must be. */
interface Expectation {
  readonly what: string;
  readonly question: Question;
  readonly check: (answer: string) => void;
}

const tokens = {
  uid: process.getuid?.() ?? 0,
  euid: process.geteuid?.() ?? 0,
  username: currentUser().username,
  temp: '/tmp',
};

/** What a value of [libdefaults] must be to MIT's library for us to take the file. */
function usable(profile: Profile): Expectation[] {
  const realm = profile.get('libdefaults', 'default_realm') ?? '';
  return ['ticket_lifetime', 'renew_lifetime'].flatMap((name) => {
    const value = profile.get('libdefaults', realm, name) ?? profile.get('libdefaults', name);
    if (value === undefined) return [];
    const ours = parseDurationPrefix(value)?.seconds ?? 'refused';
    return [{ what: name, question: ['T', value] as const, check: (mit) => expect(String(ours)).toBe(mit) }];
  });
}

function settingsOf(config: Krb5Config, profile: Profile): Expectation[] {
  const integer = (name: string, check: (value: number, bad: boolean) => void): Expectation => ({
    what: name,
    question: ['I', name],
    check: (answer) => {
      const [code, value] = answer.split(' ').map(Number);
      check(value!, code !== 0);
    },
  });
  const realm = config.defaultRealm ?? '';
  const boolean = (name: string, ours: boolean): Expectation[] => {
    const value = profile.get('libdefaults', realm, name) ?? profile.get('libdefaults', name);
    if (value === undefined) return [];
    return [{ what: name, question: ['B', value], check: (mit) => expect(mit).toBe(ours ? '1' : '0') }];
  };
  return [
    integer('clockskew', (mit, bad) => {
      expect(config.clockSkewSeconds).toBe(bad || mit === -7777 ? 300 : mit);
    }),
    integer('udp_preference_limit', (mit) => {
      expect(config.udpPreferenceLimit).toBe(mit < 0 ? 1465 : Math.min(mit, 32_700));
    }),
    integer('kdc_timesync', (mit) => expect(config.kdcTimesync).toBe(mit !== -7777 && mit !== 0)),
    ...boolean('forwardable', config.forwardable),
    ...boolean('proxiable', config.proxiable),
    ...boolean('canonicalize', config.canonicalize),
    ...boolean('noaddresses', config.noaddresses),
  ];
}

function lookupsIn(config: Krb5Config, profile: Profile): Expectation[] {
  const hosts = HOSTS.map(
    (host): Expectation => ({
      what: `realm of ${host}`,
      question: ['H', host],
      check: (mit) => expect([realmOfHost(config, host) ?? '']).toEqual(texts(mit)),
    }),
  );
  const paths = REALMS.flatMap((client) =>
    REALMS.filter((server) => server !== client).map((server) => [client, server]),
  );
  const walks = paths.map(
    ([client = '', server = '']): Expectation => ({
      what: `path from ${client} to ${server}`,
      question: ['W', client, server],
      check: (mit) => expect(transitPath(config, client, server)).toEqual(texts(mit)),
    }),
  );
  const defaults = APPLICATIONS.flatMap((app) =>
    ['', 'R', 'A.R'].flatMap((realm) =>
      OPTIONS.map(
        (option): Expectation => ({
          what: `${option} of ${app} in ${realm}`,
          question: ['A', app, realm, option],
          check: (mit) =>
            expect([appDefault(config, app, realm || undefined, option)?.value ?? '(none)']).toEqual(
              texts(mit),
            ),
        }),
      ),
    ),
  );
  const names = [config.defaultCcacheName, config.defaultKeytabName].filter((name) => name !== undefined);
  const expansions = names.map(
    (name): Expectation => ({
      what: `expansion of ${name}`,
      question: ['X', name],
      check: (mit) => {
        const ours = orRefused(() => expandPathTokens(name, tokens));
        expect(ours === 'refused' ? ours : [ours]).toEqual(mit === 'refused' ? mit : texts(mit));
      },
    }),
  );
  const servers = profile.names('realms').flatMap((realm) => {
    return ['kdc', 'admin_server'].flatMap((name) => profile.all('realms', realm, name));
  });
  // Blanks behind a port differ, see below.
  const plain = servers.filter((server) => !/:\d+[ \t]/.test(server));
  const addresses = [...new Set(plain)].map(
    (server): Expectation => ({
      what: `server ${server}`,
      question: ['S', server],
      check: (mit) => {
        const ours = parseServerAddress(server, 88);
        expect(ours === undefined ? 'refused' : `${ours.port} ${hex(ours.host)}`).toBe(mit);
      },
    }),
  );
  return [...hosts, ...walks, ...defaults, ...expansions, ...addresses];
}

/** MIT's lists without what we leave out (see DIFFERENCES). */
function allowedLists(answer: string, config: Krb5Config): string[] {
  return answer.split(',').map((list) => {
    if (list === 'refused') return list;
    const numbers = list.split(' ').map(Number);
    return numbers.filter((etype) => isEtypeAllowed(etype, config)).join(' ') || 'refused';
  });
}

/** Whether MIT's library would refuse to work with what the file says about encryption types, once ours did. */
function refusedLists(answer: string, profile: Profile): boolean {
  const on = (name: string) => ['true', 'on'].includes(profile.get('libdefaults', name)?.toLowerCase() ?? '');
  const policy = { allowWeakCrypto: true, allowRc4: on('allow_rc4'), allowDes3: on('allow_des3') };
  return answer.split(',').some((list) => {
    return list === 'refused' || !list.split(' ').some((etype) => isEtypeAllowed(Number(etype), policy));
  });
}

interface Compared {
  readonly outcome: 'same values' | 'refused files' | 'refused values' | 'final in one file';
}

/** Holds one configuration against MIT's library. */
async function compare({ files }: ConfCase): Promise<Compared> {
  const profile = orRefused(() => loadProfile(files));
  const [opened = '', dumped = '', lists = '', limit = ''] = await askMit(program, [
    ['C', files.join(':')],
    ['D'],
    ['E'],
    ['I', 'udp_preference_limit'],
  ]);
  const [fileCode, contextCode] = opened.split(' ').map(Number);
  if (profile === 'refused' || fileCode !== 0) {
    expect({ ours: profile === 'refused' }).toEqual({ ours: fileCode !== 0 });
    return { outcome: 'refused files' };
  }
  if (profile.notices.some(({ text }) => text.includes('marked final')))
    return { outcome: 'final in one file' };
  expect(unique(dump(profile))).toEqual(unique(mitDump(dumped)));
  const needed = usable(profile);
  const answers = await askMit(program, [['C', files.join(':')], ...needed.map(({ question }) => question)]);
  for (const [i, { check }] of needed.entries()) check(answers[i + 1]!);
  const config = orRefused(() => krb5ConfigFromProfile(profile));
  if (config === 'refused') {
    const refused = contextCode !== 0 || answers.includes('refused') || refusedLists(lists, profile);
    expect(refused || !limit.startsWith('0 ')).toBe(true);
    return { outcome: 'refused values' };
  }
  expect(contextCode).toBe(0);
  const { permittedEtypes, defaultTktEtypes, defaultTgsEtypes } = config;
  const ours = [permittedEtypes, defaultTktEtypes, defaultTgsEtypes].map((list) => list.join(' '));
  expect(ours).toEqual(allowedLists(lists, config));
  const more = [...settingsOf(config, profile), ...lookupsIn(config, profile)];
  const rest = await askMit(program, [['C', files.join(':')], ...more.map(({ question }) => question)]);
  for (const [i, { check }] of more.entries()) check(rest[i + 1]!);
  return { outcome: 'same values' };
}

describe('500 random configurations', () => {
  it('have the same values in both, or are refused by both', { timeout: 600_000 }, async () => {
    const choices = new Choices(SEED);
    const counts: Record<string, number> = {};
    let compared = 0;
    for (let i = 0; compared < COUNT; i++) {
      const conf = writeConfCase(choices, join(folder, String(i)));
      try {
        const { outcome } = await compare(conf);
        counts[outcome] = (counts[outcome] ?? 0) + 1;
        if (outcome !== 'final in one file') compared++;
      } catch (error) {
        const shown = Object.entries(conf.texts).map(([path, text]) => `${path}\n${JSON.stringify(text)}`);
        throw new Error(`case ${i} (${conf.files.join(':')}):\n${shown.join('\n')}`, { cause: error });
      }
    }
    expect(counts['same values']).toBeGreaterThan(COUNT / 2);
    expect(counts['refused files']).toBeGreaterThan(COUNT / 50);
    expect(counts['refused values']).toBeGreaterThan(COUNT / 100);
  });
});

describe('500 random principal names', () => {
  it('are the same name in both, or are refused by both', async () => {
    const choices = new Choices(SEED);
    const names = Array.from({ length: COUNT }, () => randomName(choices));
    const conf = join(folder, 'names.conf');
    writeFileSync(conf, '[libdefaults]\ndefault_realm = DEFAULT.TEST\n');
    const enterprise = (i: number): boolean => i % 4 === 3;
    const questions = names.map((name, i): Question => [enterprise(i) ? 'Q' : 'P', name]);
    const [, ...answers] = await askMit(program, [['C', conf], ...questions]);
    let refused = 0;
    for (const [i, name] of names.entries()) {
      const ours = orRefused(() => {
        const principal = parsePrincipal(name, { defaultRealm: 'DEFAULT.TEST', enterprise: enterprise(i) });
        const { nameType, realm, components } = principal;
        return [nameType, ...[formatPrincipal(principal), realm, ...components].map(hex)].join(' ');
      });
      if (ours === 'refused') refused++;
      expect({ name, text: ours }).toEqual({ name, text: answers[i] });
    }
    expect(refused).toBeGreaterThan(COUNT / 20);
    expect(refused).toBeLessThan(COUNT / 2);
  });
});

/** What is meant to differ from MIT krb5 1.20, and why. `mit` and `ours` are all values of [s] x, or 'refused'. */
const DIFFERENCES: readonly {
  what: string;
  why: string;
  conf: string | readonly string[];
  mit: unknown;
  ours: unknown;
}[] = [
  {
    what: 'a byte order mark',
    why: 'editors write it; MIT krb5 silently ignores the first section behind it',
    conf: '\ufeff[s]\nx = 1\n',
    mit: [],
    ours: ['1'],
  },
  {
    what: 'an indented first section',
    why: 'MIT krb5 silently ignores the section',
    conf: '  [s]\nx = 1\n',
    mit: [],
    ours: ['1'],
  },
  {
    what: 'a NUL character',
    why: 'MIT krb5 drops the rest of the line; such a file is UTF-16 or damaged',
    conf: '[s]\nx = 1\0 2\n',
    mit: ['1'],
    ours: 'refused',
  },
  {
    what: 'a line of more than 2046 octets',
    why: 'MIT krb5 cuts it and reads the rest as a line of its own',
    conf: `[s]\nx = ${'1'.repeat(2041)} = 2\n`,
    mit: 'refused',
    ours: [`${'1'.repeat(2041)} = 2`],
  },
  {
    what: 'more than 100 groups inside each other',
    why: 'bounded memory; nobody has them',
    conf: `[s]\nx = 1\n${'g = {\n'.repeat(101)}`,
    mit: ['1'],
    ours: 'refused',
  },
  {
    what: 'a module line',
    why: 'MIT krb5 loads the shared object instead of the file; here the line is passed over with a notice',
    conf: 'module /nonexistent.so:x\n[s]\nx = 1\n',
    mit: 'refused',
    ours: ['1'],
  },
  {
    what: 'a final relation, before a later file',
    why: 'the manual of MIT krb5 1.22; before, only the asterisk was taken away',
    conf: ['[s]\nx* = 1\n', '[s]\nx = 2\n'],
    mit: ['1', '2'],
    ours: ['1'],
  },
  {
    what: 'a final section, repeated in the same file',
    why: 'the manual of MIT krb5 1.22; before, final counted for later files only',
    conf: '[s]*\nx = 1\n[s]\nx = 2\n',
    mit: ['1', '2'],
    ours: ['1'],
  },
  {
    what: 'include of a folder',
    why: 'MIT krb5 reads nothing from it without a word',
    conf: '[s]\nx = 1\ninclude /tmp\n',
    mit: ['1'],
    ours: 'refused',
  },
];

describe('differences that are meant', () => {
  it.each(DIFFERENCES)('$what', async ({ conf, mit, ours }) => {
    const files = [conf].flat().map((text, i) => {
      const path = join(folder, `difference${i}`);
      writeFileSync(path, utf8(text));
      return path;
    });
    const [opened = '', dumped = ''] = await askMit(program, [['C', files.join(':')], ['D']]);
    const line = mitDump(dumped).find((relation) => relation.startsWith(`${hex('s')} ${hex('x')} = `));
    expect(opened.startsWith('0 ') ? texts(line?.split(' = ')[1] ?? '') : 'refused').toEqual(mit);
    expect(orRefused(() => loadProfile(files).all('s', 'x'))).toEqual(ours);
  });

  it('an include that includes itself, which MIT krb5 follows until its stack is full', () => {
    const path = join(folder, 'self');
    writeFileSync(path, `include ${path}\n`);
    expect(orRefused(() => loadProfile([path]))).toBe('refused');
  });

  it.each([
    ['-5', '-5', undefined, 'a negative lifetime helps nobody'],
    ['1d -2h', '79200', undefined, 'a negative part'],
  ])('the duration %s', async (text, mit, ours) => {
    expect(await askMit(program, [['T', text]])).toEqual([mit]);
    expect(parseDurationPrefix(text)?.seconds).toBe(ours);
  });

  it.each<[string, string, object | undefined, string]>([
    ['2001:db8::1', 'refused', { host: '2001:db8::1', port: 88 }, 'an IPv6 address needs no brackets here'],
    [
      'tcp/kdc',
      `88 ${hex('tcp/kdc')}`,
      { host: 'kdc', port: 88, protocol: 'tcp' },
      'the prefixes of Heimdal',
    ],
    ['kdc:88 note', 'refused', { host: 'kdc', port: 88 }, 'MIT krb5 gives up the whole realm'],
    ['/run/kdc.sock', `88 ${hex('/run/kdc.sock')}`, undefined, 'UNIX sockets are not supported'],
  ])('the server %s', async (text, mit, ours) => {
    expect(await askMit(program, [['S', text]])).toEqual([mit]);
    expect(parseServerAddress(text, 88)).toEqual(ours);
  });

  it.each<[string, string[] | undefined, string]>([
    ['%{u}', [tokens.username], 'MIT krb5 takes the first token that begins so'],
    ['%{LIBDIR}', undefined, 'no installation folder: /usr/lib'],
  ])('the token %s', async (text, mit) => {
    const [, answer = ''] = await askMit(program, [
      ['C', '/nonexistent'],
      ['X', text],
    ]);
    if (mit !== undefined) expect(texts(answer)).toEqual(mit);
    const ours = orRefused(() => expandPathTokens(text, tokens));
    expect(ours).toBe(text === '%{LIBDIR}' ? '/usr/lib' : 'refused');
  });

  it('the empty principal name, which MIT krb5 takes for one empty component', async () => {
    const conf = join(folder, 'names.conf');
    writeFileSync(conf, '[libdefaults]\ndefault_realm = R\n');
    const [, answer = ''] = await askMit(program, [
      ['C', conf],
      ['P', ''],
    ]);
    expect(answer).not.toBe('refused');
    expect(orRefused(() => parsePrincipal('', { defaultRealm: 'R' }))).toBe('refused');
  });

  it('DEFAULT is without RC4 and triple DES unless they are allowed', async () => {
    const conf = join(folder, 'etypes.conf');
    writeFileSync(conf, '[libdefaults]\npermitted_enctypes = DEFAULT\n');
    const [, lists] = await askMit(program, [['C', conf], ['E']]);
    expect(lists?.split(',')[0]).toBe('18 17 20 19 16 23 25 26');
    expect(krb5ConfigFromProfile(loadProfile([conf])).permittedEtypes).toEqual([18, 17, 20, 19, 25, 26]);
  });
});
