/** `krb5 config check` and `krb5 config show`: what is wrong in krb5.conf, and what it comes to. */
import { existsSync } from 'node:fs';
import { systemConfigFiles } from '../client/system.js';
import { FormatError } from '../errors.js';
import { type ConfigFinding, checkConfig } from '../formats/configCheck.js';
import { type EffectiveSetting, effectiveSettings } from '../formats/configShow.js';
import { krb5ConfigFromProfile } from '../formats/krb5Config.js';
import type { Profile } from '../formats/profile.js';
import { loadProfile } from '../stores/krb5ConfFiles.js';
import { during } from './failure.js';
import { type Io, printable, writeJson, writeLine } from './io.js';
import { type Arguments, type CommandSpec, UsageError } from './options.js';

export const spec: CommandSpec = {
  name: 'config',
  summary: 'check krb5.conf, or show what it comes to',
  operands: 'check|show [file ...]',
  operandCount: { least: 1, most: 64 },
  options: [
    { letter: 'r', value: 'realm', text: 'show: settings for this realm; default_realm unless given' },
    { letter: 'q', text: 'check: leave out notes, which are no problems' },
  ],
  exclusive: [],
  unsupported: '',
  usageStatus: 2,
  exitStatuses: [
    [0, 'check: there are no problems; show: done'],
    [1, 'check: there are problems; show: the configuration cannot be used'],
    [2, 'wrong usage'],
  ],
  environment: ['KRB5_CONFIG'],
  examples: ['krb5 config check /etc/krb5.conf', 'krb5 config show --json'],
};

export function run(args: Arguments, io: Io): Promise<number> {
  const [action, ...given] = args.operands;
  const files = given.length > 0 ? given : systemConfigFiles(io.env);
  if (action === 'check') return check(files, given.length > 0, args, io);
  if (action === 'show') return show(files, given.length > 0, args, io);
  throw new UsageError(`${JSON.stringify(action)} is neither check nor show`);
}

async function check(files: readonly string[], mustExist: boolean, args: Arguments, io: Io): Promise<number> {
  const all = findingsOf(files, mustExist);
  const findings = args.has('q') ? all.filter(({ kind }) => kind !== 'note') : all;
  const problems = all.filter(({ kind }) => kind !== 'note').length;
  if (args.has('json')) writeJson(io.stdout, { files, problems, findings });
  else {
    for (const { file, line, kind, text } of findings) {
      const place = line === undefined ? file : `${file}:${line}`;
      writeLine(io.stdout, printable(`${place}: ${kind}: ${text}`));
    }
    if (problems === 0) writeLine(io.stdout, `${files.join(', ')}: no problems`);
  }
  return problems === 0 ? 0 : 1;
}

/** A finding about a line, or about a whole file. */
type Finding = Omit<ConfigFinding, 'kind' | 'line'> & {
  readonly kind: ConfigFinding['kind'] | 'missing';
  readonly line?: number;
};

/** What a broken line does to the whole is a finding, too. */
function findingsOf(files: readonly string[], mustExist: boolean): Finding[] {
  // Files of KRB5_CONFIG or the default names need not exist, but who asks may want to know.
  const kind = mustExist ? 'missing' : 'note';
  const findings: Finding[] = files
    .filter((file) => !existsSync(file))
    .map((file) => ({ file, kind, text: 'there is no such file' }));
  try {
    const profile = loadProfile(files.filter((file) => existsSync(file)));
    findings.push(...checkConfig(profile));
    krb5ConfigFromProfile(profile);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    const { file = files[0] ?? 'krb5.conf', line = 1 } = error;
    const known = findings.some((finding) => finding.file === file && finding.line === line);
    if (!known) findings.push({ file, line, kind: 'syntax', text: problemOf(error) });
  }
  return findings;
}

/** The message without its place, which stands before it in its own form. */
function problemOf({ message }: FormatError): string {
  return message.replace(/^krb5\.conf(?: .*?(?:, line \d+)?)?: /, '');
}

async function show(files: readonly string[], mustExist: boolean, args: Arguments, io: Io): Promise<number> {
  const realm = args.value('r');
  const settings = await during({ activity: 'while reading the configuration' }, () => {
    const profile: Profile = loadProfile(files, { mustExist });
    return effectiveSettings(krb5ConfigFromProfile(profile, realm === undefined ? {} : { realm }), realm);
  });
  if (args.has('json')) writeJson(io.stdout, { files, settings: settings.map(jsonOf) });
  else for (const line of linesOf(settings)) writeLine(io.stdout, printable(line));
  return 0;
}

function jsonOf({ source, ...setting }: EffectiveSetting): object {
  return source === undefined
    ? { ...setting, source: 'default' }
    : { ...setting, source: `${source.file}:${source.line}` };
}

function linesOf(settings: readonly EffectiveSetting[]): string[] {
  const lines: string[] = [];
  let section = '';
  for (const { section: next, name, value, source } of settings) {
    if (next !== section) lines.push(`[${next}]`);
    section = next;
    const place = source === undefined ? 'default' : `${source.file}:${source.line}`;
    lines.push(`  ${name} = ${value ?? '(none)'}   # ${place}`);
  }
  return lines;
}
