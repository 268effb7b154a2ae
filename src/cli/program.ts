/** One run of `krb5`: finds the command, reports its errors, gives the exit status. Never throws. */
import type { Command } from './command.js';
import { COMMANDS, findCommand } from './commands.js';
import { Interrupted, writeFailure } from './failure.js';
import { formatHelp, formatTable, formatUsage } from './help.js';
import { type Io, writeJson, writeLine } from './io.js';
import { parseArguments, UsageError } from './options.js';
import { writeVersion } from './version.js';

/** As a shell tells of a program that SIGINT ended. */
const STATUS_INTERRUPTED = 130;
const STATUS_USAGE = 2;

/**
 * Runs `krb5` with the arguments `argv`.
 * @returns the exit status: 0 only when what was asked for is done
 */
export async function runProgram(argv: readonly string[], io: Io): Promise<number> {
  const [name, ...rest] = argv;
  switch (name) {
    case '--help':
    case '-h':
      writeLine(io.stdout, formatOverview());
      return 0;
    case '--version':
    case '-V':
      writeVersion(rest.includes('--json'), io);
      return 0;
    case 'help':
      return help(rest, io);
    case undefined:
      writeLine(io.stderr, formatOverview());
      return STATUS_USAGE;
    default:
      return runNamed(name, rest, io);
  }
}

async function help([name]: readonly string[], io: Io): Promise<number> {
  if (name === undefined) {
    writeLine(io.stdout, formatOverview());
    return 0;
  }
  const entry = findCommand(name);
  if (entry === undefined) return unknownCommand(name, false, io);
  writeLine(io.stdout, formatHelp((await entry.load()).spec));
  return 0;
}

async function runNamed(name: string, argv: readonly string[], io: Io): Promise<number> {
  const entry = findCommand(name);
  if (entry === undefined) return unknownCommand(name, argv.includes('--json'), io);
  const command = await entry.load();
  try {
    const args = parseArguments(command.spec, argv);
    if (!args.has('help')) return await command.run(args, io);
    writeLine(io.stdout, formatHelp(command.spec));
    return 0;
  } catch (error) {
    return report(error, command, argv.includes('--json'), io);
  }
}

function unknownCommand(name: string, json: boolean, io: Io): number {
  const message = `${JSON.stringify(name)} is no command; krb5 --help lists them`;
  if (json) writeJson(io.stderr, usageJson(message));
  else writeLine(io.stderr, `krb5: ${message}`);
  return STATUS_USAGE;
}

function usageJson(message: string): object {
  return { error: { code: 'ERR_USAGE', message } };
}

function report(error: unknown, { spec }: Command, json: boolean, io: Io): number {
  if (error instanceof Interrupted) return STATUS_INTERRUPTED;
  if (error instanceof UsageError) {
    if (json) writeJson(io.stderr, usageJson(error.message));
    else writeLine(io.stderr, `${spec.name}: ${error.message}\n${formatUsage(spec)}`);
    return spec.usageStatus;
  }
  writeFailure(error, spec.name, json, io);
  return 1;
}

function formatOverview(): string {
  const rows = Object.entries(COMMANDS).map(([name, { summary }]) => [name, summary]);
  return [
    'krb5 - a Kerberos 5 client',
    '',
    'Usage: krb5 <command> [options]',
    '       krb5 help <command>',
    '       krb5 --version',
    '',
    'Commands:',
    ...formatTable(rows),
    '',
    'Options and exit statuses are those of the programs of MIT krb5 with the same names.',
  ].join('\n');
}
