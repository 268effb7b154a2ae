import { readFileSync } from 'node:fs';
import { fromHex } from '../../src/bytes.js';

/** Files that MIT krb5 wrote (vectors/mitFiles.json). */
interface MitFiles {
  ccache: string[];
  keytab: string[];
  keytabKeys: string[];
}

const vectors = JSON.parse(
  readFileSync(new URL('../../vectors/mitFiles.json', import.meta.url), 'utf8'),
) as MitFiles;

export const mitCcache: Uint8Array = fromHex(vectors.ccache.join(''));
export const mitKeytab: Uint8Array = fromHex(vectors.keytab.join(''));
export const mitKeytabKeys: readonly string[] = vectors.keytabKeys;
