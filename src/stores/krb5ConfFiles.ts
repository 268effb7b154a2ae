/**
 * Reads the configuration from krb5.conf files with what they include (MIT krb5, krb5.conf(5)). Which files these are
 * (KRB5_CONFIG) is the caller's knowledge.
 */
import { closeSync, constants, fstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { utf8Text } from '../bytes.js';
import { FormatError } from '../errors.js';
import { type ConfText, parseKrb5Conf } from '../formats/krb5Conf.js';
import { type Krb5Config, krb5ConfigFromProfile } from '../formats/krb5Config.js';
import type { Profile } from '../formats/profile.js';
import { systemErrorCode, systemErrorText } from './boundedFile.js';

/** Where the configuration is when KRB5_CONFIG does not say. */
export const DEFAULT_KRB5_CONF_FILES: readonly string[] = ['/etc/krb5.conf'];

/** The most that one file may have, octets. */
const MAX_CONF_OCTETS = 1024 * 1024;

/** The most files that are taken from one folder. */
const MAX_FOLDER_FILES = 1000;

/** What to read. */
export interface LoadKrb5ConfigOptions {
  /** Paths; the first file is asked first. Default: DEFAULT_KRB5_CONF_FILES. */
  readonly files?: readonly string[] | undefined;
  /** Realm whose subsection of [libdefaults] counts; default: default_realm. */
  readonly realm?: string | undefined;
}

/**
 * The configuration in `files`; a folder stands for the files that includedir would take from it. Missing files are
 * passed over, and those that may not be read if there is another one. When all are missing, the defaults are the
 * configuration.
 * @throws FormatError ERR_KRB5_CONF: a line breaks the format, a file cannot be read, an included one is missing
 */
export function loadKrb5Config(options: LoadKrb5ConfigOptions = {}): Krb5Config {
  const profile = loadProfile(options.files ?? DEFAULT_KRB5_CONF_FILES);
  return krb5ConfigFromProfile(profile, options.realm === undefined ? {} : { realm: options.realm });
}

/**
 * What `files` say, before it is known what it means; with `mustExist`, a missing file is an error.
 * @throws FormatError ERR_KRB5_CONF
 */
export function loadProfile(files: readonly string[], options: { mustExist?: boolean } = {}): Profile {
  const texts: ConfText[] = [];
  let found = 0;
  let forbidden: FormatError | undefined;
  for (const path of files) {
    const read = readTop(path);
    if (read instanceof FormatError) forbidden ??= read;
    else if (read !== undefined) {
      found++;
      texts.push(...read);
    } else if (options.mustExist === true) {
      throw new FormatError('krb5.conf', 'there is no such file', { file: path });
    }
  }
  if (found === 0 && forbidden !== undefined) throw forbidden;
  return parseKrb5Conf(texts, readInclude);
}

function readInclude(kind: 'include' | 'includedir', path: string): readonly ConfText[] {
  try {
    return kind === 'include' ? [readText(path)] : readFolder(path);
  } catch (error) {
    throw error instanceof FormatError ? error : new Error(unreadableProblem(error));
  }
}

/** Texts of a file or folder that was named; undefined when it is missing, an error when it may not be read. */
function readTop(path: string): ConfText[] | FormatError | undefined {
  try {
    return isFolder(path) ? readFolder(path).map((file) => ({ ...file, group: path })) : [readText(path)];
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'ENOENT') return undefined;
    const problem =
      error instanceof FormatError
        ? error
        : new FormatError('krb5.conf', unreadableProblem(error), { file: path });
    if (code === 'EACCES' || code === 'EPERM') return problem;
    throw problem;
  }
}

function unreadableProblem(error: unknown): string {
  const code = systemErrorCode(error);
  return code === 'EISDIR' ? 'is a folder; write includedir' : `cannot be read (${systemErrorText(error)})`;
}

function isFolder(path: string): boolean {
  return withFile(path, (descriptor) => fstatSync(descriptor).isDirectory());
}

/** Files of a folder whose names are of letters, digits, `-` and `_`, or end in `.conf`; by name. */
function readFolder(folder: string): ConfText[] {
  const paths = readdirSync(folder)
    .filter((name) => /^[A-Za-z0-9_-]+$/.test(name) || /^[^.].*\.conf$/s.test(name))
    .sort()
    .map((name) => join(folder, name))
    .filter((path) => !isFolder(path));
  if (paths.length > MAX_FOLDER_FILES) {
    throw new FormatError('krb5.conf', `there are more than ${MAX_FOLDER_FILES} files in the folder`, {
      file: folder,
    });
  }
  return paths.map(readText);
}

function readText(file: string): ConfText {
  return withFile(file, (descriptor) => {
    const octets = new Uint8Array(MAX_CONF_OCTETS + 1);
    let length = 0;
    for (let read = 1; read > 0 && length < octets.length; length += read) {
      read = readSync(descriptor, octets, length, octets.length - length, null);
    }
    if (length > MAX_CONF_OCTETS) {
      throw new FormatError('krb5.conf', `is larger than ${MAX_CONF_OCTETS} octets`, { file });
    }
    return { file, text: utf8Text(octets.subarray(0, length)) };
  });
}

/** Opens `path` without waiting for a pipe's writer. */
function withFile<T>(path: string, use: (descriptor: number) => T): T {
  const descriptor = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    return use(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
