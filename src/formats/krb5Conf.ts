/**
 * The text of krb5.conf -> Profile (MIT krb5, krb5.conf(5) "Structure"). Which relations mean what is in
 * krb5Config.ts; reading files is in stores/krb5ConfFiles.ts.
 *
 * A comment starts a line with `#` or `;`; behind a value both are part of the value. Lines before the first section
 * are ignored, as in MIT krb5; two things that it also ignores silently are understood: a byte order mark, and a first
 * section that is indented. Final markers work as since release 1.22: they also silence what comes later in the same
 * file. docs/krb5conf.md lists the differences.
 */
import { FormatError } from '../errors.js';
import { type ConfContext, type ConfText, IncludeLines, type ReadInclude } from './krb5ConfInclude.js';
import { Profile, type ProfileNotice, ProfileSection } from './profile.js';

export type { ConfText, ReadInclude } from './krb5ConfInclude.js';

const MAX_DEPTH = 100;
/** More of them help nobody, and a file of a megabyte could have a hundred thousand. */
const MAX_NOTICES = 1000;

/**
 * The profile that `files` make up, the first being asked first.
 * @throws FormatError ERR_KRB5_CONF with file and line
 */
export function parseKrb5Conf(files: readonly ConfText[], readInclude: ReadInclude = noInclude): Profile {
  const notices: ProfileNotice[] = [];
  const includes = new IncludeLines(readInclude);
  const roots = new Map<string | ConfText, ProfileSection>();
  for (const file of files) {
    const root = roots.get(file.group ?? file) ?? new ProfileSection();
    roots.set(file.group ?? file, root);
    new FileParser(root, file, { includes, notices, outer: [] }).parse();
  }
  return new Profile([...roots.values()], notices);
}

function noInclude(): never {
  throw new Error('files cannot be included here');
}

/** C's isspace. */
const BLANK = ' \t\n\v\f\r';

/** Parses one file. Included files share the root but start outside all sections, whatever line includes them. */
class FileParser {
  readonly #root: ProfileSection;
  readonly #file: string;
  readonly #text: string;
  readonly #context: ConfContext;
  /** The open sections, outermost first; empty before the first section. */
  #open: ProfileSection[] = [];
  /** Line of a `name =` whose brace must open the next line. */
  #braceDueSince = 0;
  #line = 0;
  #textBefore = false;

  constructor(root: ProfileSection, { file, text }: ConfText, context: ConfContext) {
    this.#root = root;
    this.#file = file;
    this.#text = text.startsWith('\ufeff') ? text.slice(1) : text;
    this.#context = context;
    context.includes.count(text.length, (problem) => this.#error(problem));
  }

  parse(): void {
    for (let start = 0; start < this.#text.length; ) {
      const end = this.#text.indexOf('\n', start) + 1 || this.#text.length;
      const line = this.#text.slice(start, end);
      this.#line++;
      if (line.includes('\0')) throw this.#error('has a NUL character; save the file as UTF-8 text');
      this.#parseLine(line);
      start = end;
    }
    if (this.#braceDueSince !== 0) this.#notice('a value or { is missing after =', this.#braceDueSince);
    else if (this.#open.length > 1) {
      this.#notice('the group that starts here has no }', this.#open.at(-1)!.places.at(-1)!.line);
    }
  }

  #parseLine(line: string): void {
    const directive = /^(include|includedir|module)[ \t\n\v\f\r]/.exec(line)?.[1];
    if (directive === 'include' || directive === 'includedir') {
      const path = withoutLineEnd(skipBlanks(line.slice(directive.length)));
      for (const file of this.#readIncluded(directive, path)) this.#parseIncluded(file, directive, path);
      return;
    }
    if (this.#braceDueSince !== 0) this.#openBrace(line);
    else if (this.#open.length > 0) this.#standardLine(withoutLineEnd(skipBlanks(line)));
    else if (directive === 'module') this.#notice('module is not supported; ignored');
    else this.#lineBeforeSections(line);
  }

  #lineBeforeSections(line: string): void {
    const text = withoutLineEnd(skipBlanks(line));
    if (text.startsWith('[')) {
      if (line[0] !== '[') this.#notice('an indented first section; MIT krb5 ignores it');
      this.#section(text);
    } else if (!isComment(text) && !this.#textBefore) {
      this.#textBefore = true;
      this.#notice('stands before the first [section]; ignored up to there');
    }
  }

  #openBrace(line: string): void {
    const text = skipBlanks(line);
    if (!text.startsWith('{')) throw this.#error(VALUE_MISSING, this.#braceDueSince);
    if (skipBlanks(text.slice(1)) !== '') this.#notice('text after { is ignored');
    this.#braceDueSince = 0;
  }

  #standardLine(text: string): void {
    if (isComment(text)) return;
    if (text.startsWith('[')) this.#section(text);
    else if (text.startsWith('}')) this.#closeBrace(text);
    else this.#relation(text);
  }

  #section(text: string): void {
    if (this.#open.length > 1) throw this.#error('a section starts inside braces; a } is missing above');
    const end = text.indexOf(']');
    const rest = text.slice(end + 1);
    const final = rest.startsWith('*');
    if (end < 0 || skipBlanks(rest.slice(final ? 1 : 0)) !== '') {
      throw this.#error('a section must be [name] on a line of its own');
    }
    this.#open = [this.#subsection(this.#root, text.slice(1, end))];
    if (final) this.#open[0]!.final = true;
  }

  /** What belongs to something final is parsed into a section that nobody will see. */
  #subsection(parent: ProfileSection, name: string): ProfileSection {
    const silenced = parent.subsection(name)?.final === true;
    if (silenced) this.#notice(`${JSON.stringify(name)} was marked final before; ignored`);
    const section = silenced ? new ProfileSection() : parent.openSubsection(name);
    section.places.push({ file: this.#file, line: this.#line });
    return section;
  }

  #closeBrace(text: string): void {
    if (this.#open.length < 2) throw this.#error('} without a {');
    const closed = this.#open.pop()!;
    if (text[1] === '*') closed.final = true;
    if (skipBlanks(text.slice(text[1] === '*' ? 2 : 1)) !== '') this.#notice('text after } is ignored');
  }

  #relation(text: string): void {
    const equals = text.indexOf('=');
    if (equals < 1) throw this.#error('neither [section] nor name = value');
    const tag = trimmedEnd(text.slice(0, equals));
    if (/[ \t\v\f\r]/.test(tag)) throw this.#error('there is a blank in the name before =');
    const star = tag.indexOf('*');
    const name = star < 0 ? tag : tag.slice(0, star);
    const value = skipBlanks(text.slice(equals + 1));
    if (value === '' || /^\{[ \t\v\f\r]*$/.test(value)) this.#group(name, star >= 0, value === '');
    else this.#value(name, star >= 0, value);
  }

  #group(name: string, final: boolean, braceDue: boolean): void {
    if (this.#open.length > MAX_DEPTH) throw this.#error(`more than ${MAX_DEPTH} groups inside each other`);
    if (braceDue) this.#braceDueSince = this.#line;
    const section = this.#subsection(this.#open.at(-1)!, name);
    if (final) section.final = true;
    this.#open.push(section);
  }

  #value(name: string, final: boolean, value: string): void {
    if (value.startsWith('{')) {
      this.#notice('text after { makes this a value; start the group on the next line');
    }
    const text = value.startsWith('"') ? unquoted(value) : trimmedEnd(value);
    const relation = { value: text, file: this.#file, line: this.#line };
    if (!this.#open.at(-1)!.add(name, relation, final)) {
      this.#notice(`${name} was marked final before; ignored`);
    }
  }

  #readIncluded(kind: 'include' | 'includedir', path: string): readonly ConfText[] {
    return this.#context.includes.read(kind, path, this.#context.outer.length, (problem) =>
      this.#error(problem),
    );
  }

  #parseIncluded(file: ConfText, kind: string, path: string): void {
    const outer = [...this.#context.outer, this.#file];
    if (outer.includes(file.file)) throw this.#error(`${kind} ${path}: the file includes itself`);
    new FileParser(this.#root, file, { ...this.#context, outer }).parse();
  }

  #notice(text: string, line: number = this.#line): void {
    const { notices } = this.#context;
    if (notices.length < MAX_NOTICES) notices.push({ file: this.#file, line, text });
  }

  #error(problem: string, line: number = this.#line): FormatError {
    return new FormatError('krb5.conf', problem, { file: this.#file, line: Math.max(line, 1) });
  }
}

const VALUE_MISSING = 'a value or { is missing after =; write "" for an empty value';

function isComment(text: string): boolean {
  return text === '' || text[0] === '#' || text[0] === ';';
}

/** Unlike String.trimStart of ASCII blanks only, so that names keep what C's isspace leaves. */
function skipBlanks(text: string): string {
  let start = 0;
  while (start < text.length && BLANK.includes(text[start]!)) start++;
  return text.slice(start);
}

function trimmedEnd(text: string): string {
  let end = text.length;
  while (end > 0 && BLANK.includes(text[end - 1]!)) end--;
  return text.slice(0, end);
}

function withoutLineEnd(text: string): string {
  let end = text.length;
  while (end > 0 && (text[end - 1] === '\n' || text[end - 1] === '\r')) end--;
  return text.slice(0, end);
}

/** The text between quotes with `\n \t \b` decoded, other escaped characters as they are; what follows is ignored. */
function unquoted(value: string): string {
  let text = '';
  for (let i = 1; i < value.length && value[i] !== '"'; i++) {
    const isEscape = value[i] === '\\' && i + 1 < value.length;
    if (isEscape) i++;
    const character = value[i]!;
    text += isEscape ? (UNESCAPED[character] ?? character) : character;
  }
  return text;
}

const UNESCAPED: Readonly<Record<string, string | undefined>> = { n: '\n', t: '\t', b: '\b' };
