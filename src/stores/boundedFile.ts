/** Reading a whole file of bounded size, without waiting for a pipe's writer. */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

/** Why a file cannot be used: the system's error code, or `ENOTFILE` and `EFBIG` of our own checks. */
export class UnreadableFile extends Error {
  readonly errno: string;

  constructor(errno: string, problem: string, options?: { cause?: unknown }) {
    super(problem, options);
    this.errno = errno;
  }
}

/** The most that a credential cache or keytab may have, octets. */
export const MAX_FILE_OCTETS: number = 64 * 1024 * 1024;

/**
 * The octets of the regular file at `path`; symbolic links are followed.
 * @throws UnreadableFile
 */
export async function readRegularFile(path: string): Promise<Uint8Array> {
  try {
    const handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    try {
      return await readAll(handle);
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw unreadable(error);
  }
}

/**
 * The octets of the open regular file from `offset` to its end.
 * @throws UnreadableFile when it is no regular file or too large; the system's errors
 */
export async function readAll(handle: FileHandle, offset = 0): Promise<Uint8Array> {
  const { size, isFile } = await statOf(handle);
  if (!isFile) throw new UnreadableFile('ENOTFILE', 'is not a regular file');
  if (size > MAX_FILE_OCTETS) throw new UnreadableFile('EFBIG', `is larger than ${MAX_FILE_OCTETS} octets`);
  // A file that grows meanwhile is read up to the size it had; one that shrinks, as far as it goes.
  const octets = new Uint8Array(Math.max(size - offset, 0));
  let length = 0;
  while (length < octets.length) {
    const { bytesRead } = await handle.read(octets, length, octets.length - length, offset + length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return octets.subarray(0, length);
}

async function statOf(handle: FileHandle): Promise<{ size: number; isFile: boolean }> {
  const status = await handle.stat();
  return { size: status.size, isFile: status.isFile() };
}

/** Any error as an UnreadableFile: `cannot be read (EACCES: permission denied)`. */
export function unreadable(error: unknown): UnreadableFile {
  if (error instanceof UnreadableFile) return error;
  const errno = systemErrorCode(error);
  return new UnreadableFile(errno, `cannot be read (${systemErrorText(error)})`, { cause: error });
}

/** The `code` of a system error such as ENOENT. */
export function systemErrorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}

/** A system error in words: its `code`, and for a file what that means, such as `EACCES: permission denied`. */
export function systemErrorText(error: unknown): string {
  const text = error instanceof Error ? /^(E[A-Z0-9]+: [^,]+), /.exec(error.message)?.[1] : undefined;
  return text ?? systemErrorCode(error);
}
