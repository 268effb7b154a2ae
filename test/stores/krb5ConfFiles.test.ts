import { execFileSync } from 'node:child_process';
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { defaultKrb5Config } from '../../src/formats/krb5Config.js';
import { loadKrb5Config } from '../../src/stores/krb5ConfFiles.js';
import { testFolder } from './folder.js';

/** A folder with files of the given names and texts. */
function folderWith(files: Readonly<Record<string, string>>): string {
  const folder = testFolder();
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

const broken = expect.objectContaining({ code: 'ERR_KRB5_CONF' });

describe('loadKrb5Config', () => {
  it('asks the files in order and passes over missing ones', () => {
    const folder = folderWith({
      one: '[libdefaults]\ndefault_realm = ONE\n',
      two: '[libdefaults]\ndefault_realm = TWO\nforwardable = true\n',
    });
    const files = ['absent', 'one', 'two'].map((name) => join(folder, name));
    expect(loadKrb5Config({ files })).toMatchObject({ defaultRealm: 'ONE', forwardable: true });
  });

  it('is the default configuration when all files are missing or empty', () => {
    expect(loadKrb5Config({ files: [join(testFolder(), 'absent')] })).toEqual(defaultKrb5Config());
    expect(loadKrb5Config({ files: ['/dev/null'] }).permittedEtypes).toEqual([18, 17, 20, 19, 25, 26]);
    expect(loadKrb5Config({ files: [] }).realms.size).toBe(0);
  });

  it('includes a file, and of a folder those whose names are meant for it, in order', () => {
    const folder = folderWith({ extra: '[libdefaults]\nforwardable = true\n' });
    const parts = join(folder, 'parts.d');
    mkdirSync(join(parts, 'subfolder'), { recursive: true });
    for (const name of ['b', 'a.conf', 'c-1_D', '.hidden.conf', 'd~', 'e.rpmsave', 'f.conf.bak', 'g h']) {
      writeFileSync(join(parts, name), `[list]\nname = ${name}\n`);
    }
    writeFileSync(join(folder, 'main'), `include ${join(folder, 'extra')}\nincludedir ${parts}\n`);
    const config = loadKrb5Config({ files: [join(folder, 'main')] });
    expect(config.forwardable).toBe(true);
    expect(config.profile.all('list', 'name')).toEqual(['a.conf', 'b', 'c-1_D']);
    expect(loadKrb5Config({ files: [parts] }).profile.all('list', 'name')).toEqual(['a.conf', 'b', 'c-1_D']);
  });

  it.each(['include', 'includedir'])('names the line of an %s that is missing', (directive) => {
    const folder = folderWith({ main: `[a]\n${directive} /nonexistent/here\n` });
    const files = [join(folder, 'main')];
    expect(() => loadKrb5Config({ files })).toThrow(
      expect.objectContaining({ code: 'ERR_KRB5_CONF', file: files[0], line: 2 }),
    );
  });

  it('reads settings of the realm that is asked for', () => {
    const folder = folderWith({ main: '[libdefaults]\nR = {\nforwardable = true\n}\n' });
    const files = [join(folder, 'main')];
    expect(loadKrb5Config({ files, realm: 'R' }).forwardable).toBe(true);
    expect(loadKrb5Config({ files }).forwardable).toBe(false);
  });

  it('refuses a folder of more files than anybody has', () => {
    const folder = folderWith(Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [`f${i}`, ''])));
    expect(() => loadKrb5Config({ files: [folder] })).toThrow(broken);
  });

  it('refuses UTF-16, endless devices and paths that cannot be, and does not wait for a pipe', () => {
    const folder = folderWith({});
    writeFileSync(join(folder, 'utf16'), Buffer.from('[libdefaults]\r\n', 'utf16le'));
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    for (const path of [join(folder, 'utf16'), '/dev/zero', 'a\0b', join(folder, 'utf16', 'below')]) {
      expect(() => loadKrb5Config({ files: [path] })).toThrow(broken);
    }
    expect(loadKrb5Config({ files: [join(folder, 'pipe')] }).defaultRealm).toBeUndefined();
  });

  it('refuses a file of 100 MB, alone and included', () => {
    const folder = folderWith({ large: '[a]\n', main: '' });
    truncateSync(join(folder, 'large'), 100 * 1024 * 1024);
    writeFileSync(join(folder, 'main'), `[a]\ninclude ${join(folder, 'large')}\n`);
    const before = process.memoryUsage().rss;
    expect(() => loadKrb5Config({ files: [join(folder, 'large')] })).toThrow(broken);
    expect(() => loadKrb5Config({ files: [join(folder, 'main')] })).toThrow(
      expect.objectContaining({ code: 'ERR_KRB5_CONF', file: join(folder, 'main'), line: 2 }),
    );
    expect(process.memoryUsage().rss - before).toBeLessThan(50 * 1024 * 1024);
  });

  it('refuses files that include each other, with the line', () => {
    const folder = folderWith({});
    const [one, two] = [join(folder, 'one'), join(folder, 'two')];
    writeFileSync(one, `\ninclude ${two}\n`);
    writeFileSync(two, `include ${one}\n`);
    expect(() => loadKrb5Config({ files: [one] })).toThrow(
      expect.objectContaining({ code: 'ERR_KRB5_CONF', file: two, line: 1 }),
    );
  });

  it('says that include is not for folders', () => {
    const folder = folderWith({ main: '' });
    writeFileSync(join(folder, 'main'), `include ${folder}\n`);
    expect(() => loadKrb5Config({ files: [join(folder, 'main')] })).toThrow(/includedir/);
  });

  it('counts the files of a folder as one file', () => {
    const folder = folderWith({});
    const parts = join(folder, 'parts');
    mkdirSync(parts);
    writeFileSync(join(parts, 'a'), '[s]\ng = {\nx = 1\n');
    writeFileSync(join(parts, 'b'), '[s]\ng = {\nx = 2\n}\n');
    expect(loadKrb5Config({ files: [parts] }).profile.files).toHaveLength(1);
    expect(loadKrb5Config({ files: [parts] }).profile.all('s', 'g', 'x')).toEqual(['1', '2']);
  });
});
