/**
 * The text of krb5.conf -> Profile (MIT krb5, krb5.conf(5) "Structure"). Which relations mean what is in
 * krb5Config.ts; reading files is in stores/krb5ConfFiles.ts.
 *
 * A comment starts a line with `#` or `;`; behind a value both are part of the value. Lines before the first section
 * are ignored, as in MIT krb5; two things that it also ignores silently are understood: a byte order mark, and a first
 * section that is indented.
 */
import { FormatError } from '../errors.js';
import { Profile, type ProfileNotice, ProfileSection } from './profile.js';

/** Text of one file. */
export interface ConfText {
  /** Name for error messages. */
  readonly file: string;
  readonly text: string;
}

/**
 * Gives the files that an `include` or `includedir` line names, those of a directory in order of their names.
 * May throw any Error; its message is put behind the line's place.
 */
export type ReadInclude = (kind: 'include' | 'includedir', path: string) => readonly ConfText[];

const MAX_INCLUDE_DEPTH = 16;
const MAX_INCLUDED_FILES = 1000;
/** The most that all files may have together, characters; one file included a thousand times counts a thousand times. */
const MAX_CHARACTERS = 4 * 1024 * 1024;

/**
 * The profile that `files` make up, the first being asked first.
 * @throws FormatError ERR_KRB5_CONF with file and line
 */
export function parseKrb5Conf(files: readonly ConfText[], readInclude: ReadInclude = noInclude): Profile {
  const notices: ProfileNotice[] = [];
  const included = { count: 0, characters: 0 };
  const roots = files.map((file) => {
    const root = new ProfileSection();
    new FileParser(root, file, { readInclude, notices, included, outer: [] }).parse();
    return root;
  });
  return new Profile(roots, notices);
}

function noInclude(): never {
  throw new Error('files cannot be included here');
}

interface ParseContext {
  readonly readInclude: ReadInclude;
  readonly notices: ProfileNotice[];
  readonly included: { count: number; characters: number };
  /** The files whose include lines led here. */
  readonly outer: readonly string[];
}

/** C's isspace. */
const BLANK = ' \t\n\v\f\r';

/** Parses one file. Included files share the root but start outside all sections, whatever line includes them. */
class FileParser {
  readonly #root: ProfileSection;
  readonly #file: string;
  readonly #text: string;
  readonly #context: ParseContext;
  /** The open sections, outermost first; empty before the first section. */
  #open: ProfileSection[] = [];
  /** Line of a `name =` whose brace must open the next line. */
  #braceDueSince = 0;
  #line = 0;

  constructor(root: ProfileSection, { file, text }: ConfText, context: ParseContext) {
    this.#root = root;
    this.#file = file;
    this.#text = text.startsWith('\ufeff') ? text.slice(1) : text;
    this.#context = context;
  }

  parse(): void {
    this.#context.included.characters += this.#text.length;
    if (this.#context.included.characters > MAX_CHARACTERS)
      throw this.#error(`the configuration has more than ${MAX_CHARACTERS} characters`);
    for (const line of this.#text.split('\n')) {
      this.#line++;
      if (line.includes('\0')) throw this.#error('has a NUL character; save the file as UTF-8 text');
      this.#parseLine(line);
    }
    if (this.#braceDueSince !== 0) throw this.#valueMissing();
  }

  #parseLine(line: string): void {
    const directive = /^(include|includedir|module)[ \t\v\f\r]/.exec(line);
    if (directive !== null && directive[1] !== 'module') {
      this.#include(directive[1] as 'include' | 'includedir', trimmed(line.slice(directive[0].length)));
      return;
    }
    const text = trimmed(line);
    if (this.#braceDueSince !== 0) this.#openBrace(text);
    else if (text.startsWith('[')) this.#section(text);
    else if (directive !== null && this.#open.length === 0) this.#notice('module is not supported; ignored');
    else if (this.#open.length > 0 && text !== '' && text[0] !== '#' && text[0] !== ';') {
      if (text.startsWith('}')) this.#closeBrace(text);
      else this.#relation(text);
    }
  }

  #openBrace(text: string): void {
    if (!text.startsWith('{')) throw this.#valueMissing();
    this.#braceDueSince = 0;
  }

  #section(text: string): void {
    if (this.#open.length > 1) throw this.#error('a section starts inside braces; a } is missing above');
    const end = text.indexOf(']');
    const rest = text.slice(end + 1);
    const afterMark = trimmed(rest.startsWith('*') ? rest.slice(1) : rest);
    if (end < 0 || afterMark !== '') throw this.#error('a section must be [name] on a line of its own');
    const section = this.#root.openSubsection(text.slice(1, end));
    if (rest.startsWith('*')) section.final = true;
    this.#open = [section];
  }

  #closeBrace(text: string): void {
    if (this.#open.length < 2) throw this.#error('} without a {');
    const closed = this.#open.pop()!;
    if (text[1] === '*') closed.final = true;
  }

  #relation(text: string): void {
    const equals = text.indexOf('=');
    const tag = trimmed(text.slice(0, Math.max(equals, 0)));
    if (tag === '') throw this.#error('neither [section] nor name = value');
    if (/[ \t\v\f\r]/.test(tag)) throw this.#error('there is a blank in the name before =');
    const star = tag.indexOf('*');
    const final = star >= 0;
    const name = final ? tag.slice(0, star) : tag;
    const value = trimmed(text.slice(equals + 1));
    if (value === '') this.#braceDueSince = this.#line;
    if (value === '' || /^\{[ \t\v\f\r]*$/.test(value)) {
      const subsection = this.#open.at(-1)!.openSubsection(name);
      if (final) subsection.final = true;
      this.#open.push(subsection);
      return;
    }
    if (value.startsWith('{'))
      this.#notice('text after { makes this a value; start the group on the next line');
    const relation = { value: unquoted(value), file: this.#file, line: this.#line };
    this.#open.at(-1)!.add(name, relation, final);
  }

  #include(kind: 'include' | 'includedir', path: string): void {
    const { outer, included } = this.#context;
    if (outer.length >= MAX_INCLUDE_DEPTH)
      throw this.#error('files include each other too deeply or in a circle');
    const files = this.#readInclude(kind, path);
    included.count += files.length;
    if (included.count > MAX_INCLUDED_FILES)
      throw this.#error(`more than ${MAX_INCLUDED_FILES} included files`);
    const context = { ...this.#context, outer: [...outer, this.#file] };
    for (const file of files) {
      if (context.outer.includes(file.file)) throw this.#error(`${kind} ${path}: the file includes itself`);
      new FileParser(this.#root, file, context).parse();
    }
  }

  #readInclude(kind: 'include' | 'includedir', path: string): readonly ConfText[] {
    try {
      return this.#context.readInclude(kind, path);
    } catch (error) {
      throw this.#error(`${kind} ${path}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  #notice(text: string): void {
    this.#context.notices.push({ file: this.#file, line: this.#line, text });
  }

  #valueMissing(): FormatError {
    return this.#error('a value or { is missing after =; write "" for an empty value', this.#braceDueSince);
  }

  #error(problem: string, line: number = this.#line): FormatError {
    return new FormatError('krb5.conf', problem, { file: this.#file, line });
  }
}

/** Without blanks at both ends; unlike String.trim, of ASCII only, so that names keep what C's isspace leaves. */
function trimmed(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && BLANK.includes(text[start]!)) start++;
  while (end > start && BLANK.includes(text[end - 1]!)) end--;
  return text.slice(start, end);
}

/** The text between quotes with `\n \t \b` decoded, other escaped characters as they are; what follows is ignored. */
function unquoted(value: string): string {
  if (!value.startsWith('"')) return value;
  let text = '';
  for (let i = 1; i < value.length && value[i] !== '"'; i++) {
    const isEscape = value[i] === '\\';
    if (isEscape) i++;
    const character = value[i] ?? '';
    text += isEscape ? (UNESCAPED[character] ?? character) : character;
  }
  return text;
}

const UNESCAPED: Readonly<Record<string, string | undefined>> = { n: '\n', t: '\t', b: '\b' };
