/** Keytabs in files (types FILE and WRFILE of MIT krb5). */
import { type BigIntStats, constants } from 'node:fs';
import { chmod, chown, open, realpath, stat } from 'node:fs/promises';
import { CredentialError, FormatError } from '../errors.js';
import { decodeKeytab, encodeKeytab, type KeytabEntry } from '../formats/keytab.js';
import { addKeytabEntries, emptyKeytab, filterKeytabEntries, isSameKey } from '../formats/keytabEdit.js';
import { replaceFile } from './atomicFile.js';
import {
  MAX_FILE_OCTETS,
  readRegularFile,
  systemErrorCode,
  systemErrorText,
  unreadable,
} from './boundedFile.js';
import { inTurn } from './fileCcache.js';

/**
 * The entries of the keytab in the file `path`.
 * @throws CredentialError ERR_KEYTAB_MISSING when it is missing or cannot be read
 * @throws FormatError ERR_KEYTAB_FORMAT
 */
export async function readKeytabFile(path: string): Promise<KeytabEntry[]> {
  const octets = await readOctets(path);
  try {
    if (octets.length === 0) throw emptyFile(path);
    return decodeKeytab(octets, { file: path });
  } finally {
    octets.fill(0);
  }
}

/**
 * Writes a keytab of `entries` to the file `path`, in place of what is there. When that fails, what is there stays as it
 * is. A new file is readable by the owner only; one that is replaced keeps its owner and permissions.
 * @throws CredentialError ERR_KEYTAB_IO
 * @throws FormatError ERR_KEYTAB_FORMAT when the format cannot hold a value
 */
export function writeKeytabFile(path: string, entries: readonly KeytabEntry[]): Promise<void> {
  return changeFile(path, () => encodeKeytab(entries));
}

/**
 * Adds to the keytab in the file `path` those of `entries` that it has not got; the file need not exist. The other
 * entries stay as they are, octet by octet.
 * @returns how many were added
 * @throws CredentialError ERR_KEYTAB_IO, ERR_KEYTAB_MISSING when the file cannot be read; FormatError ERR_KEYTAB_FORMAT
 */
export async function addToKeytabFile(path: string, entries: readonly KeytabEntry[]): Promise<number> {
  let added = 0;
  await changeFile(path, (there) => {
    // Also a file that somebody has only made, such as mktemp.
    const octets = there === undefined || there.length === 0 ? emptyKeytab() : there;
    const known = decodeKeytab(octets, { file: path });
    const unknown = entries.filter((entry, i) => {
      return ![...known, ...entries.slice(0, i)].some((one) => isSameKey(one, entry));
    });
    added = unknown.length;
    return unknown.length === 0 ? undefined : addKeytabEntries(octets, unknown, { file: path });
  });
  return added;
}

/**
 * Removes from the keytab in the file `path` the entries that `which` says yes to, as MIT krb5 does: their place is
 * filled with zeros and used again by later additions.
 * @returns how many were removed
 * @throws CredentialError ERR_KEYTAB_MISSING, ERR_KEYTAB_IO; FormatError ERR_KEYTAB_FORMAT
 */
export async function removeFromKeytabFile(
  path: string,
  which: (entry: KeytabEntry) => boolean,
): Promise<number> {
  let removed = 0;
  await changeFile(path, (octets) => {
    if (octets === undefined) throw readError(path, missingFile());
    if (octets.length === 0) throw emptyFile(path);
    removed = decodeKeytab(octets, { file: path }).filter(which).length;
    return removed === 0 ? undefined : filterKeytabEntries(octets, (entry) => !which(entry), { file: path });
  });
  return removed;
}

/** How often a file may change under a writer before it gives up. */
const MAX_ATTEMPTS = 20;

/**
 * Puts what `change` makes of the file's octets (undefined when there is no file) in its place; undefined leaves it. A
 * file that another program changed meanwhile is read again. fcntl locks, by which MIT krb5's tools keep each other out,
 * cannot be had here: between the last look and the renaming a change of theirs can be lost.
 */
function changeFile(
  path: string,
  change: (octets: Uint8Array | undefined) => Uint8Array | undefined,
): Promise<void> {
  return inTurn(path, async () => {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      // A link such as /etc/krb5.keytab to elsewhere stays one.
      const target = await realpath(path).catch(() => path);
      const before = await statusOf(target);
      const octets = before === undefined ? undefined : await readOctets(target);
      const changed = change(octets);
      octets?.fill(0);
      if (changed === undefined) return;
      const same = sameFile(before, await statusOf(target));
      if (same) await put(target, changed, before);
      changed.fill(0);
      if (same) return;
    }
    throw new CredentialError('ERR_KEYTAB_IO', `keytab ${path} is changed by another program all the time`);
  });
}

async function put(path: string, octets: Uint8Array, before: BigIntStats | undefined): Promise<void> {
  try {
    // Also where a rename would be possible, a file without write permission is not to be changed.
    if (before !== undefined) await (await open(path, constants.O_WRONLY)).close();
    await replaceFile(path, octets);
    if (before !== undefined) await restore(path, before);
  } catch (error) {
    if (error instanceof FormatError) throw error;
    const text = `keytab ${path} cannot be written (${systemErrorText(error)})`;
    throw new CredentialError('ERR_KEYTAB_IO', text, { cause: error });
  }
}

/** Services that run as other users read the file by its owner, group and permissions. */
async function restore(path: string, { uid, gid, mode }: BigIntStats): Promise<void> {
  const now = await stat(path, { bigint: true });
  if (now.uid !== uid || now.gid !== gid) await chown(path, Number(uid), Number(gid));
  if (now.mode !== mode) await chmod(path, Number(mode) & 0o777);
}

async function statusOf(path: string): Promise<BigIntStats | undefined> {
  try {
    return await stat(path, { bigint: true });
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw readError(path, error);
  }
}

function sameFile(a: BigIntStats | undefined, b: BigIntStats | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.dev === b.dev && a.ino === b.ino && a.size === b.size && a.mtimeNs === b.mtimeNs;
}

async function readOctets(path: string): Promise<Uint8Array> {
  return readRegularFile(path).catch((error: unknown) => {
    throw readError(path, error);
  });
}

function emptyFile(path: string): FormatError {
  const problem = `the file is empty; add keys with krb5 keytab add -t ${path}`;
  return new FormatError('keytab', problem, { file: path, offset: 0 });
}

function missingFile(): Error {
  return Object.assign(new Error('no such file'), { code: 'ENOENT' });
}

function readError(path: string, error: unknown): CredentialError | FormatError {
  const { errno, message } = unreadable(error);
  if (errno === 'EFBIG') return new FormatError('keytab', message, { file: path, offset: MAX_FILE_OCTETS });
  const text =
    errno === 'ENOENT'
      ? `Key table file '${path}' not found; export the keys with ktadd (kadmin) or ktpass, or name another keytab (-t, KRB5_KTNAME)`
      : `keytab ${path} ${message}`;
  return new CredentialError('ERR_KEYTAB_MISSING', text, { cause: error });
}
