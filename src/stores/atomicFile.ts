/** Replacing a file as a whole: whoever opens it sees the old or the new contents, never a part. */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, lstat, open, readdir, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** Created by this call or not at all, through no symbolic link. */
const CREATE_FLAGS = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0);

/** A temporary file that is older was left by a process that was killed. */
const ABANDONED_MS = 60_000;

/**
 * Puts `octets` in place of whatever is at `path`, readable by the owner only. A symbolic link at `path` is itself
 * replaced. After an error the old file is untouched and nothing is left beside it; what a killed process left beside
 * it is removed after a minute, by the next call. Rejects with the system's error.
 */
export async function replaceFile(path: string, octets: Uint8Array): Promise<void> {
  const temporary = join(dirname(path), `${temporaryPrefix(path)}${randomBytes(8).toString('hex')}`);
  const handle = await open(temporary, CREATE_FLAGS, 0o600);
  try {
    await writeAndClose(handle, octets);
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
  await syncFolder(dirname(path));
  await removeAbandoned(path).catch(() => undefined);
}

/** Begins with a dot, so that in a folder of caches (type DIR) it is none of them. */
function temporaryPrefix(path: string): string {
  return `.${basename(path)}.`;
}

async function writeAndClose(handle: FileHandle, octets: Uint8Array): Promise<void> {
  try {
    await handle.writeFile(octets);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes the new name durable where the system can; the file is complete in any case. */
async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, constants.O_RDONLY);
    await handle.sync().finally(() => handle.close());
  } catch {
    // Windows and some file systems cannot sync a folder.
  }
}

async function removeAbandoned(path: string): Promise<void> {
  const prefix = temporaryPrefix(path);
  for (const name of await readdir(dirname(path))) {
    if (!name.startsWith(prefix) || !/^[0-9a-f]{16}$/.test(name.slice(prefix.length))) continue;
    const leftover = join(dirname(path), name);
    const { mtimeMs, uid } = await lstat(leftover);
    const ours = process.geteuid === undefined || uid === process.geteuid();
    if (ours && Date.now() - mtimeMs > ABANDONED_MS) await unlink(leftover);
  }
}
