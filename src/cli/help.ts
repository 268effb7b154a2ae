/** `--help` and usage lines, from the tables of the commands. */
import { type CommandSpec, dashed, type Option, sharedOptions } from './options.js';

const WIDTH = 80;

const ENVIRONMENT: Readonly<Record<string, string>> = {
  KRB5CCNAME: 'credential cache; default_ccache_name of krb5.conf or FILE:/tmp/krb5cc_UID unless set',
  KRB5_CONFIG: 'configuration files, separated by colons; /etc/krb5.conf unless set',
  KRB5_KTNAME: 'keytab; default_keytab_name of krb5.conf or /etc/krb5.keytab unless set',
  KRB5_CLIENT_KTNAME:
    'keytab for logins without a person; default_client_keytab_name of krb5.conf unless set',
  KRB5_TRACE: 'file, or /dev/stderr, to which to append what happens; never passwords or keys',
};

/** How a command is used, in as many lines as it takes. */
export function formatUsage(spec: CommandSpec): string {
  const head = `Usage: krb5 ${spec.name}`;
  const lines: string[] = [];
  let line = head;
  for (const word of [...usageWords(spec), spec.operands].filter((part) => part !== '')) {
    if (line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = ' '.repeat(head.length);
    }
    line += ` ${word}`;
  }
  return [...lines, line].join('\n');
}

function usageWords(spec: CommandSpec): string[] {
  const outer = spec.options.filter(({ within }) => within === undefined);
  const shown = new Set<string>();
  const words: string[] = [];
  for (const option of [...outer, ...sharedOptions(spec)]) {
    const name = nameOf(option);
    if (shown.has(name)) continue;
    const pairs = spec.exclusive.filter((pair) => pair.includes(name)).flat();
    const others = outer.filter((other) => {
      const itsName = nameOf(other);
      return itsName !== name && pairs.includes(itsName) && !shown.has(itsName);
    });
    for (const each of [option, ...others]) shown.add(nameOf(each));
    words.push(`[${[option, ...others].map((each) => nestedText(each, spec)).join(' | ')}]`);
  }
  return words;
}

/** With the options that say more about it. There is no more than one of them in a call. */
function nestedText(option: Option, spec: CommandSpec): string {
  const inner = spec.options.filter(({ within }) => within !== undefined && within === option.letter);
  const text = optionText(option);
  return inner.length === 0 ? text : `${text} [${inner.map(optionText).join(' | ')}]`;
}

function nameOf(option: Option): string {
  return option.letter ?? option.word ?? '';
}

function optionText(option: Option): string {
  return option.value === undefined ? dashed(nameOf(option)) : `${dashed(nameOf(option))} ${option.value}`;
}

/** With both names where there are two. */
function namesText(option: Option): string {
  const { letter, word } = option;
  return letter === undefined || word === undefined ? optionText(option) : `-${letter}, --${word}`;
}

/** The whole help of a command. */
export function formatHelp(spec: CommandSpec): string {
  const options = [...spec.options, ...sharedOptions(spec)].map((option) => [namesText(option), option.text]);
  const statuses = spec.exitStatuses.map(([status, text]) => [String(status), text]);
  const variables = spec.environment.map((name) => [name, ENVIRONMENT[name] ?? '']);
  return [
    `krb5 ${spec.name} - ${spec.summary}`,
    '',
    formatUsage(spec),
    '',
    ...section('Options', options),
    ...section('Exit status', statuses),
    ...section('Environment', variables),
    spec.examples.length > 1 ? 'Examples:' : 'Example:',
    ...spec.examples.map((example) => `  ${example}`),
  ].join('\n');
}

function section(title: string, rows: readonly (readonly string[])[]): string[] {
  if (rows.length === 0) return [];
  return [`${title}:`, ...formatTable(rows), ''];
}

/** Rows of a name and its meaning, the meanings below each other. */
export function formatTable(rows: readonly (readonly string[])[]): string[] {
  const width = Math.max(...rows.map(([name = '']) => name.length));
  return rows.map(([name = '', text = '']) => `  ${name.padEnd(width)}  ${text}`);
}
