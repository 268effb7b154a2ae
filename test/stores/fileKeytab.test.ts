import {
  chmodSync,
  lstatSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Key } from '../../src/crypto/key.js';
import type { KeytabEntry } from '../../src/formats/keytab.js';
import { parsePrincipal } from '../../src/formats/principal.js';
import {
  addToKeytabFile,
  readKeytabFile,
  removeFromKeytabFile,
  writeKeytabFile,
} from '../../src/stores/fileKeytab.js';
import { mitKeytab } from '../formats/mitFiles.js';
import { testFolder } from './folder.js';

const entryOf = (name: string, kvno = 1): KeytabEntry => ({
  principal: parsePrincipal(name),
  timestamp: 5,
  kvno,
  key: new Key(17, new Uint8Array(16).fill(kvno)),
});

describe('readKeytabFile', () => {
  it('reads what MIT krb5 wrote', async () => {
    const path = join(testFolder(), 'keytab');
    writeFileSync(path, mitKeytab);
    expect((await readKeytabFile(path)).map(({ key }) => key.etype)).toEqual([18, 17]);
  });

  it('says when it is missing or no file', async () => {
    const folder = testFolder();
    for (const path of [join(folder, 'absent'), folder]) {
      const error = await readKeytabFile(path).catch((e: unknown) => e);
      expect(error).toMatchObject({ code: 'ERR_KEYTAB_MISSING' });
      expect(String(error)).toContain(path);
    }
  });

  it('names file and offset when the contents are wrong', async () => {
    const path = join(testFolder(), 'keytab');
    writeFileSync(path, 'no keytab');
    await expect(readKeytabFile(path)).rejects.toThrow(
      expect.objectContaining({ code: 'ERR_KEYTAB_FORMAT', file: path, offset: 0 }),
    );
  });
});

describe('a keytab file that is written', () => {
  it('is made for the owner only, and keeps its permissions when it changes', async () => {
    const path = join(testFolder(), 'keytab');
    expect(await addToKeytabFile(path, [entryOf('a@R')])).toBe(1);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    chmodSync(path, 0o640);
    expect(await addToKeytabFile(path, [entryOf('a@R'), entryOf('b@R'), entryOf('b@R')])).toBe(1);
    expect(statSync(path).mode & 0o777).toBe(0o640);
    await writeKeytabFile(path, [entryOf('c@R')]);
    expect([statSync(path).mode & 0o777, (await readKeytabFile(path)).length]).toEqual([0o640, 1]);
  });

  it('loses only what is removed', async () => {
    const path = join(testFolder(), 'keytab');
    await writeKeytabFile(path, [entryOf('a@R'), entryOf('b@R'), entryOf('a@R', 2)]);
    expect(await removeFromKeytabFile(path, ({ kvno }) => kvno === 9)).toBe(0);
    expect(await removeFromKeytabFile(path, ({ principal }) => principal.components[0] === 'a')).toBe(2);
    expect((await readKeytabFile(path)).map(({ principal }) => principal.components)).toEqual([['b']]);
    await expect(removeFromKeytabFile(`${path}-absent`, () => true)).rejects.toMatchObject({
      code: 'ERR_KEYTAB_MISSING',
    });
  });

  it('may be reached by a link, which stays', async () => {
    const folder = testFolder();
    const [path, link] = [join(folder, 'keytab'), join(folder, 'link')];
    writeFileSync(path, mitKeytab);
    symlinkSync(path, link);
    expect(await addToKeytabFile(link, [entryOf('a@R')])).toBe(1);
    expect([lstatSync(link).isSymbolicLink(), (await readKeytabFile(path)).length]).toEqual([true, 3]);
  });

  it('is never damaged: not by an error, and not when it is no keytab', async () => {
    const folder = testFolder();
    const path = join(folder, 'keytab');
    writeFileSync(path, 'no keytab');
    await expect(addToKeytabFile(path, [entryOf('a@R')])).rejects.toMatchObject({
      code: 'ERR_KEYTAB_FORMAT',
    });
    expect(readFileSync(path, 'utf8')).toBe('no keytab');
    const tooLong = { ...entryOf('a@R'), key: new Key(17, new Uint8Array(0x10000)) };
    await expect(writeKeytabFile(path, [tooLong])).rejects.toMatchObject({ code: 'ERR_KEYTAB_FORMAT' });
    expect(readdirSync(folder)).toEqual(['keytab']);
    await expect(addToKeytabFile('/nonexistent/keytab', [entryOf('a@R')])).rejects.toMatchObject({
      code: 'ERR_KEYTAB_IO',
    });
    await expect(addToKeytabFile(folder, [entryOf('a@R')])).rejects.toMatchObject({
      code: 'ERR_KEYTAB_MISSING',
    });
  });

  it('takes what is added at the same time', async () => {
    const path = join(testFolder(), 'keytab');
    const entries = Array.from({ length: 30 }, (_, i) => entryOf(`u${i}@R`));
    await Promise.all(entries.map((entry) => addToKeytabFile(path, [entry])));
    expect(await readKeytabFile(path)).toHaveLength(30);
  });
});
