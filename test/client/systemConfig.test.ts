/** What the environment says about the configuration. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { systemCcacheName, systemConfig, systemConfigFiles } from '../../src/client/system.js';
import { configuration } from '../../src/formats/configuration.js';
import { testFolder } from '../stores/folder.js';

describe('KRB5_CONFIG', () => {
  it('names files, separated by colons, some perhaps at home', () => {
    expect(systemConfigFiles({ KRB5_CONFIG: '/a::~/b:c~/d', HOME: '/home/x' })).toEqual([
      '/a',
      '/home/x/b',
      'c~/d',
    ]);
    expect(systemConfigFiles({})).toEqual(['/etc/krb5.conf']);
  });

  it('is nothing at all when it is empty, as in MIT krb5', () => {
    expect(systemConfigFiles({ KRB5_CONFIG: '' })).toEqual([]);
    expect(systemConfig({ KRB5_CONFIG: '' }).defaultRealm).toBeUndefined();
  });

  it('is read from all its files', () => {
    const folder = testFolder();
    writeFileSync(join(folder, 'one'), '[libdefaults]\ndefault_realm = ONE\n');
    writeFileSync(join(folder, 'two'), '[libdefaults]\ndefault_realm = TWO\nproxiable = yes\n');
    const KRB5_CONFIG = `${join(folder, 'one')}:${join(folder, 'absent')}:~/two`;
    expect(systemConfig({ KRB5_CONFIG, HOME: folder })).toMatchObject({
      defaultRealm: 'ONE',
      proxiable: true,
    });
  });
});

describe('tokens in names', () => {
  it('take TMPDIR, else /tmp, and the directories of programs', () => {
    const config = configuration({ libdefaults: { default_ccache_name: 'FILE:%{TEMP}/cc_%{uid}%{null}' } });
    const uid = process.getuid?.();
    expect(systemCcacheName(config, { TMPDIR: '/t' })).toBe(`FILE:/t/cc_${uid}`);
    expect(systemCcacheName(config, {})).toBe(`FILE:/tmp/cc_${uid}`);
    expect(systemCcacheName(config, { KRB5CCNAME: '%{LIBDIR}%{BINDIR}%{SBINDIR}' })).toBe(
      '/usr/lib/usr/bin/usr/sbin',
    );
  });
});
