/** Names of credential caches and keytabs: `TYPE:residual` or a file name (MIT krb5, "Credential cache", "Keytab"). */
import { CredentialError } from '../errors.js';

/** A name taken apart. */
export interface StoreName {
  /** In capitals: FILE, DIR, MEMORY, KCM, KEYRING, API, WRFILE and others. */
  readonly type: string;
  /** What stands behind the colon: a path, for FILE. */
  readonly residual: string;
}

/** The parts of a credential cache's name; a text without a type is a FILE. */
export function parseCcacheName(name: string): StoreName {
  return parseStoreName(name);
}

/** The parts of a keytab's name; a text without a type is a FILE, WRFILE (MIT krb5: FILE for writing) is one too. */
export function parseKeytabName(name: string): StoreName {
  const parsed = parseStoreName(name);
  return parsed.type === 'WRFILE' ? { ...parsed, type: 'FILE' } : parsed;
}

/** One letter before the colon is a drive of Windows. */
function parseStoreName(name: string): StoreName {
  const match = /^([A-Za-z][A-Za-z0-9_+-]+):(.*)$/s.exec(name);
  return match === null
    ? { type: 'FILE', residual: name }
    : { type: match[1]!.toUpperCase(), residual: match[2]! };
}

/**
 * The path of the keytab `name`.
 * @throws CredentialError ERR_KEYTAB_MISSING when it is not in a file
 */
export function keytabPath(name: string): string {
  const { type, residual } = parseKeytabName(name);
  if (type === 'FILE' && residual !== '') return residual;
  const problem =
    type === 'FILE' ? 'names no file' : `is of the type ${type}, and only FILE keytabs are supported`;
  throw new CredentialError(
    'ERR_KEYTAB_MISSING',
    `keytab ${JSON.stringify(name)} ${problem}; use a name like FILE:/etc/krb5.keytab`,
  );
}
