import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readKeytabFile } from '../../src/stores/fileKeytab.js';
import { mitKeytab } from '../formats/mitFiles.js';
import { testFolder } from './folder.js';

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
