/** Keytabs in files (types FILE and WRFILE of MIT krb5). */
import { CredentialError } from '../errors.js';
import { decodeKeytab, type KeytabEntry } from '../formats/keytab.js';
import { readRegularFile, unreadable } from './boundedFile.js';

/**
 * The entries of the keytab in the file `path`.
 * @throws CredentialError ERR_KEYTAB_MISSING when it is missing or cannot be read
 * @throws FormatError ERR_KEYTAB_FORMAT
 */
export async function readKeytabFile(path: string): Promise<KeytabEntry[]> {
  const octets = await readRegularFile(path).catch((error: unknown) => {
    throw readError(path, error);
  });
  try {
    return decodeKeytab(octets, { file: path });
  } finally {
    octets.fill(0);
  }
}

function readError(path: string, error: unknown): CredentialError {
  const { errno, message } = unreadable(error);
  const text =
    errno === 'ENOENT'
      ? `No keytab found (filename: ${path}); export the keys with ktadd (kadmin) or ktpass, or name another keytab in KRB5_KTNAME`
      : `keytab ${path} ${message}`;
  return new CredentialError('ERR_KEYTAB_MISSING', text, { cause: error });
}
