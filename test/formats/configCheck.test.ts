import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkConfig } from '../../src/formats/configCheck.js';
import { CONFIG_KEYS } from '../../src/formats/configKeys.js';
import { effectiveSettings } from '../../src/formats/configShow.js';
import { parseKrb5Conf } from '../../src/formats/krb5Conf.js';
import { krb5ConfigFromProfile } from '../../src/formats/krb5Config.js';
import { fuzzRuns } from '../support/fuzz.js';
import { tableRows } from '../support/markdown.js';
import { valueOrFormatError } from './arbitraries.js';

const check = (...texts: readonly string[]) =>
  checkConfig(parseKrb5Conf(texts.map((text, i) => ({ file: `f${i}`, text }))));

/** `line kind` of each finding. */
const found = (...texts: readonly string[]): string[] =>
  check(...texts).map(({ file, line, kind }) => `${file}:${line} ${kind}`);

const CLEAN = `[libdefaults]
  default_realm = R
  dns_lookup_realm = false
  rdns = false
  permitted_enctypes = aes rc4
  R = {
    forwardable = true
  }
[realms]
  R = {
    kdc = kdc1
    kdc = [::1]:88
  }
[domain_realm]
  .example.test = R
[capaths]
  R = {
    S = VIA
    S = VIA2
  }
[appdefaults]
  anything = goes
`;

describe('checkConfig', () => {
  it('finds nothing in a clean file', () => {
    expect(check(CLEAN)).toEqual([]);
  });

  it.each<[string, string]>([
    ['[libdefault]', 'f0:1 unknown'],
    ['[libdefaults]\nfoo = bar', 'f0:2 unknown'],
    ['[realms]\nR = {\nfoo = bar\n}', 'f0:3 unknown'],
    ['[realms]\nR = {\nfoo = {\n}\n}', 'f0:3 unknown'],
    ['[libdefaults]\nkdc = host', 'f0:2 misplaced'],
    ['[realms]\nkdc = host', 'f0:2 misplaced'],
    ['[realms]\nR = {\ndefault_realm = R\n}', 'f0:3 misplaced'],
    ['[libdefaults]\nR = {\nclockskew = 1\n}', 'f0:3 misplaced'],
    ['[capaths]\nR = S', 'f0:2 misplaced'],
    ['[domain_realm]\nR = {\n}', 'f0:2 misplaced'],
    ['[libdefaults]\nspake_preauth_groups = P-256', 'f0:2 ignored'],
    ['[libdefaults]\nrdns = true', 'f0:2 ignored'],
    ['[libdefaults]\ndefault_realm = R\ndefault_realm = S', 'f0:3 ignored'],
    ['[libdefaults]\nclockskew* = 1\nclockskew = 2', 'f0:3 syntax'],
    ['[capaths]\nR = {\nS = .\nS = VIA\n}', 'f0:4 ignored'],
    ['[libdefaults]\nforwardable = maybe', 'f0:2 value'],
    ['[libdefaults]\nticket_lifetime = soon', 'f0:2 value'],
    ['[libdefaults]\nticket_lifetime = 10H', 'f0:2 value'],
    ['[libdefaults]\nclockskew = 5m', 'f0:2 value'],
    ['[libdefaults]\nkdc_timesync = perhaps', 'f0:2 value'],
    ['[libdefaults]\ndns_canonicalize_hostname = perhaps', 'f0:2 value'],
    ['[libdefaults]\npermitted_enctypes = aes rot13', 'f0:2 value'],
    ['[libdefaults]\npermitted_enctypes = aes -aes', 'f0:2 value'],
    ['[libdefaults]\ndefault_ccache_name = /x%{who}', 'f0:2 value'],
    ['[libdefaults]\nforwardable = {\n}', 'f0:2 value'],
    ['[realms]\nR = {\nkdc = {\n}\n}', 'f0:3 value'],
    ['[realms]\nR = {\nkdc = :88\n}', 'f0:3 value'],
    ['[realms]\nR = {\nauth_to_local_names = x\n}', 'f0:3 value'],
    ['[domain_realm]\nExample.test = R', 'f0:2 value'],
    ['[domain_realm]\n*.example.test = R', 'f0:2 value'],
    ['[libdefaults]\nccache_type = 4', 'f0:2 note'],
    ['[libdefaults]\nv4_name_convert = x', 'f0:2 note'],
    ['[realms]\nR = {\nacl_file = x\nauth_to_local_names = {\n}\n}', 'f0:3 note,f0:4 note'],
    ['[logging]\nkdc = FILE:/x', 'f0:1 note'],
    ['[plugins]\nclpreauth = {\n}', 'f0:1 note'],
    ['[realms]\nR = {\n', 'f0:2 syntax'],
  ])('%j: %s', (text, expected) => {
    expect(found(text).join()).toBe(expected);
  });

  it('tells of what an earlier file says already, in a note', () => {
    expect(found('[libdefaults]\ndefault_realm = R\n', '[libdefaults]\n\ndefault_realm = S\n')).toEqual([
      'f1:3 note',
    ]);
    expect(found('[libdefaults]*\ndefault_realm = R\n', '[libdefaults]\nclockskew = 9\n')).toEqual([]);
  });

  it('knows what was meant', () => {
    const [finding] = check('[libdefaults]\ndefault_relm = R\n');
    expect(finding?.text).toContain('default_realm');
    expect(check('[libdefaults]\nDefault-Realm = R\n')[0]?.text).toContain('default_realm');
  });

  it('orders by line and stays small', () => {
    const text = `[libdefaults]\n${'forwardable = x\n'.repeat(50_000)}`;
    const findings = check(text);
    expect(findings.length).toBeLessThanOrEqual(1000);
    const lines = findings.map(({ line }) => line);
    expect(lines).toEqual(lines.toSorted((a, b) => a - b));
  });

  it('gives findings or a FormatError for any text', () => {
    const names = CONFIG_KEYS.map(({ name }) => name);
    const line = fc.oneof(
      fc.constantFrom('[libdefaults]', '[realms]', '[domain_realm]', '[capaths]', 'R = {', '}', '', '[x]*'),
      fc
        .tuple(fc.constantFrom(...names), fc.string({ maxLength: 8 }))
        .map(([name, value]) => `${name} = ${value}`),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 20 }), (lines) =>
        valueOrFormatError(() => check(lines.join('\n'))),
      ),
      { numRuns: fuzzRuns },
    );
  });
});

describe('docs/krb5conf.md', () => {
  const path = fileURLToPath(new URL('../../docs/krb5conf.md', import.meta.url));
  const rows = tableRows(readFileSync(path, 'utf8'));

  it('has a row for each setting that says whether it is honoured', () => {
    const expected = CONFIG_KEYS.map(({ section, name, ignored }) => [
      section,
      name,
      ignored === undefined ? 'yes' : 'no',
    ]);
    const actual = rows
      .filter((cells) => cells[0] === '`libdefaults`' || cells[0] === '`realms`')
      .map((cells) => [cells[0]!.slice(1, -1), cells[1]!.slice(1, -1), cells[2]]);
    expect(actual.toSorted()).toEqual(expected.toSorted());
  });
});

describe('effectiveSettings', () => {
  const settings = (text: string, realm?: string) =>
    effectiveSettings(
      krb5ConfigFromProfile(parseKrb5Conf([{ file: 'k', text }]), realm === undefined ? {} : { realm }),
      realm,
    );
  const of = (text: string, name: string, realm?: string) =>
    settings(text, realm).filter((setting) => setting.name === name);

  it('gives values with their places', () => {
    expect(of(CLEAN, 'default_realm')).toEqual([
      {
        section: 'libdefaults',
        name: 'default_realm',
        value: 'R',
        source: expect.objectContaining({ line: 2 }),
      },
    ]);
    expect(of(CLEAN, 'forwardable')[0]).toMatchObject({ value: 'true', source: { line: 7 } });
    expect(of(CLEAN, 'forwardable', 'S')[0]).toMatchObject({ value: 'false', source: undefined });
    expect(of(CLEAN, 'default_tgs_enctypes')[0]).toMatchObject({ source: { line: 5 } });
    expect(of(CLEAN, 'R.kdc').map(({ value }) => value)).toEqual(['kdc1', '[::1]:88']);
    expect(of(CLEAN, '.example.test')[0]).toMatchObject({ section: 'domain_realm', value: 'R' });
    expect(of(CLEAN, 'R.S').map(({ value }) => value)).toEqual(['VIA', 'VIA2']);
  });

  it('gives the defaults', () => {
    expect(of('', 'default_realm')[0]).toMatchObject({ value: undefined, source: undefined });
    expect(of('', 'ticket_lifetime')[0]).toMatchObject({ value: '86400s', source: undefined });
  });

  it('shows every honoured setting of [libdefaults]', () => {
    const shown = settings('').map(({ name }) => name);
    const honoured = CONFIG_KEYS.filter((key) => key.section === 'libdefaults' && key.ignored === undefined);
    expect(shown.toSorted()).toEqual(
      honoured
        .map(({ name }) => name)
        .filter((name) => name !== 'dns_fallback')
        .toSorted(),
    );
  });
});
