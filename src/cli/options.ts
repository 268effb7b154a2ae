/**
 * The options of a command: one table from which both the parser and `--help` work. Parsing is that of getopt(3) with
 * GNU's habit of taking options after operands: `-ef`, `-l10h`, `-l 10h`, `--json`, `--` ends the options.
 */

/** One option. */
export interface Option {
  /** Letter behind `-`. */
  readonly letter?: string;
  /** Word behind `--`; beside a letter, another name of the same option. */
  readonly word?: string;
  /** What its value is called in the help; without one the option is a switch. */
  readonly value?: string;
  /** Letter of the option that it says more about; the usage shows it inside the brackets of that one. */
  readonly within?: string;
  /** One line of help. */
  readonly text: string;
}

/** All that is known about a command without running it. */
export interface CommandSpec {
  readonly name: string;
  /** One line of help. */
  readonly summary: string;
  /** As in the usage line, such as `[principal]`. */
  readonly operands: string;
  readonly operandCount: { readonly least: number; readonly most: number };
  readonly options: readonly Option[];
  /** Whether behind `--` stands a command with its own arguments, which are no operands. */
  readonly takesCommand?: boolean;
  /** Whether it opens credential caches, and so has CACHE_OPTIONS. */
  readonly caches?: boolean;
  /** Letters or words of options that exclude each other. */
  readonly exclusive: readonly (readonly [string, string])[];
  /** Letters that MIT's program has and this one has not. */
  readonly unsupported: string;
  /** Letters that MIT's program takes, shows nowhere and makes nothing of. */
  readonly ignored?: string;
  /** Words that MIT's program has and this one has not. */
  readonly unsupportedWords?: readonly string[];
  /** Exit status for wrong usage, as in MIT's program. */
  readonly usageStatus: number;
  /** Exit statuses in words. */
  readonly exitStatuses: readonly (readonly [number, string])[];
  /** Environment variables that matter. */
  readonly environment: readonly string[];
  readonly examples: readonly string[];
}

/** Wrong usage; the message is for the person who typed. */
export class UsageError extends Error {}

/** The options of every command that opens credential caches: which files it takes for one. */
const CACHE_OPTIONS: readonly Option[] = [
  { word: 'allow-link', text: 'take a credential cache that is a symbolic link' },
  { word: 'allow-other-owner', text: 'take a credential cache of another user' },
];

/** The options that every command has. */
const COMMON_OPTIONS: readonly Option[] = [
  { word: 'json', text: 'write results, and errors, as JSON' },
  { word: 'help', text: 'print this help' },
];

/** The options that a command shares with others. */
export function sharedOptions({ caches }: CommandSpec): readonly Option[] {
  return [...(caches === true ? CACHE_OPTIONS : []), ...COMMON_OPTIONS];
}

/** What was given on the command line. */
export class Arguments {
  readonly #values: ReadonlyMap<string, string>;
  readonly operands: readonly string[];
  /** What stands behind `--`, for a command that takes a command. */
  readonly command: readonly string[];

  constructor(
    values: ReadonlyMap<string, string>,
    operands: readonly string[],
    command: readonly string[] = [],
  ) {
    this.#values = values;
    this.operands = operands;
    this.command = command;
  }

  /** Whether the option with this letter or word was given. */
  has(name: string): boolean {
    return this.#values.has(name);
  }

  /** The same with these switches set as well. */
  with(...names: readonly string[]): Arguments {
    const values = new Map([...this.#values, ...names.map((name) => [name, ''] as const)]);
    return new Arguments(values, this.operands, this.command);
  }

  /** Value of the option, of the last one if there are several. */
  value(name: string): string | undefined {
    return this.#values.get(name);
  }
}

/**
 * Takes a command line apart. Asking for help wins over mistakes in the rest.
 * @throws UsageError
 */
export function parseArguments(spec: CommandSpec, argv: readonly string[]): Arguments {
  if (spec.takesCommand === true && !argv.includes('--') && !argv.includes('--help')) {
    throw new UsageError(`put -- before the command: krb5 ${spec.name} [options] -- COMMAND`);
  }
  const values = new Map<string, string>();
  const operands: string[] = [];
  const command: string[] = [];
  const rest = [...argv];
  for (let argument = rest.shift(); argument !== undefined; argument = rest.shift()) {
    if (argument === '--') (spec.takesCommand === true ? command : operands).push(...rest.splice(0));
    else if (argument.startsWith('--')) parseWord(spec, argument.slice(2), rest, values);
    else if (argument.startsWith('-') && argument !== '-')
      parseLetters(spec, argument.slice(1), rest, values);
    else operands.push(argument);
  }
  if (!values.has('help')) check(spec, values, operands);
  return new Arguments(values, operands, command);
}

function parseWord(spec: CommandSpec, text: string, rest: string[], values: Map<string, string>): void {
  const [, word = '', inline] = /^([^=]*)(?:=(.*))?$/s.exec(text) ?? [];
  const option = findWord(spec, word);
  const name = option.letter ?? option.word ?? word;
  if (option.value === undefined) {
    if (inline !== undefined) throw new UsageError(`option '--${option.word}' doesn't allow an argument`);
    values.set(name, '');
    return;
  }
  const value = inline ?? rest.shift();
  if (value === undefined) throw new UsageError(`option '--${option.word}' requires an argument`);
  values.set(name, value);
}

/** The option with this word, or the only one whose word begins so. */
function findWord(spec: CommandSpec, word: string): Option {
  const all = [...spec.options, ...sharedOptions(spec)];
  const begins = all.filter((option) => option.word?.startsWith(word) === true);
  const found = begins.find((option) => option.word === word) ?? begins[0];
  if (found === undefined) throw unknownWord(spec, word);
  if (begins.length === 1 || found.word === word) return found;
  const words = begins.map((option) => `'--${option.word}'`).join(' ');
  throw new UsageError(`option '--${word}' is ambiguous; possibilities: ${words}`);
}

function parseLetters(spec: CommandSpec, text: string, rest: string[], values: Map<string, string>): void {
  for (let i = 0; i < text.length; i++) {
    const letter = text[i]!;
    if (spec.ignored?.includes(letter) === true) continue;
    const option = spec.options.find((candidate) => candidate.letter === letter);
    if (option === undefined) throw unknownLetter(spec, letter);
    if (option.value === undefined) {
      values.set(letter, '');
      continue;
    }
    const value = i + 1 < text.length ? text.slice(i + 1) : rest.shift();
    if (value === undefined) throw new UsageError(`option requires an argument -- '${letter}'`);
    values.set(letter, value);
    return;
  }
}

function unknownWord(spec: CommandSpec, word: string): UsageError {
  return spec.unsupportedWords?.includes(word) === true
    ? new UsageError(`option --${word} of MIT's ${spec.name} is not supported`)
    : new UsageError(`unrecognized option '--${word}'`);
}

function unknownLetter(spec: CommandSpec, letter: string): UsageError {
  return spec.unsupported.includes(letter)
    ? new UsageError(`option -${letter} of MIT's ${spec.name} is not supported`)
    : new UsageError(`invalid option -- '${letter}'`);
}

function check(spec: CommandSpec, values: ReadonlyMap<string, string>, operands: readonly string[]): void {
  for (const [one, other] of spec.exclusive) {
    if (values.has(one) && values.has(other)) {
      throw new UsageError(`Only one of ${dashed(one)} and ${dashed(other)} allowed`);
    }
  }
  const { least, most } = spec.operandCount;
  if (operands.length > most) throw new UsageError(`Extra arguments (starting with "${operands[most]}").`);
  if (operands.length < least) throw new UsageError(`missing argument: ${spec.operands}`);
}

/** The option as one types it. */
export function dashed(name: string): string {
  return name.length === 1 ? `-${name}` : `--${name}`;
}
