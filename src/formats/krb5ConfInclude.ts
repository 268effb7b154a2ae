/** `include` and `includedir` of krb5.conf: what they give, within bounds (MIT krb5, krb5.conf(5) "Structure"). */
import type { FormatError } from '../errors.js';
import type { ProfileNotice } from './profile.js';

/** Text of one file. */
export interface ConfText {
  /** Name for error messages. */
  readonly file: string;
  readonly text: string;
  /** Files of one group count as one file: those of a folder that KRB5_CONFIG names. */
  readonly group?: string | undefined;
}

/**
 * Gives the files that an `include` or `includedir` line names, those of a directory in order of their names.
 * May throw any Error; its message is put behind the line's place.
 */
export type ReadInclude = (kind: 'include' | 'includedir', path: string) => readonly ConfText[];

/** What the parsers of all files share. */
export interface ConfContext {
  readonly includes: IncludeLines;
  readonly notices: ProfileNotice[];
  /** The files whose include lines led here. */
  readonly outer: readonly string[];
}

const MAX_INCLUDE_DEPTH = 16;
const MAX_INCLUDED_FILES = 1000;
/** The most that all files may have together, characters; one file included a thousand times counts a thousand times. */
const MAX_TOTAL_LENGTH = 4 * 1024 * 1024;

type MakeError = (problem: string) => FormatError;

/** Reads included files, and keeps their number, depth and length within bounds. */
export class IncludeLines {
  readonly #read: ReadInclude;
  #files = 0;
  #length = 0;

  constructor(read: ReadInclude) {
    this.#read = read;
  }

  /** Counts a file's length. */
  count(length: number, error: MakeError): void {
    this.#length += length;
    if (this.#length > MAX_TOTAL_LENGTH) {
      throw error(`the configuration has more than ${MAX_TOTAL_LENGTH} characters`);
    }
  }

  /** The files that a line at `depth` names. */
  read(kind: 'include' | 'includedir', path: string, depth: number, error: MakeError): readonly ConfText[] {
    if (depth >= MAX_INCLUDE_DEPTH) throw error('files include each other too deeply or in a circle');
    const files = this.#open(kind, path, error);
    this.#files += files.length;
    if (this.#files > MAX_INCLUDED_FILES) throw error(`more than ${MAX_INCLUDED_FILES} included files`);
    return files;
  }

  #open(kind: 'include' | 'includedir', path: string, error: MakeError): readonly ConfText[] {
    try {
      return this.#read(kind, path);
    } catch (cause) {
      throw error(`${kind} ${path}: ${cause instanceof Error ? cause.message : String(cause)}`);
    }
  }
}
