/** One command line in two worlds with the same contents: MIT's program in one, ours in the other. */
import { cpSync, existsSync, mkdirSync } from 'node:fs';
import { expect } from 'vitest';
import type { RunResult } from '../../scripts/realServers/index.mjs';
import { hasFlag, TICKET_FLAGS } from '../../src/messages/flags.js';
import { readCcacheFile } from '../../src/stores/fileCcache.js';
import { krb5, MAIN, realm } from './program.js';

/** A world of its own for each of the two: caches and keytabs with the same contents under the same names. */
const WORLD = `${realm.dir}/parity`;
let rounds = 0;

export interface Case {
  readonly title: string;
  /** What MIT's programs do in both worlds before; `{}` stands for the world's folder. */
  readonly given?: readonly (readonly string[])[];
  readonly argv: readonly string[];
  readonly input?: string;
  readonly env?: Record<string, string>;
  /** MIT's programs with which to look at the world afterwards. */
  readonly after?: readonly (readonly string[])[];
  readonly faketime?: string;
  /** What of the tickets in the cache to compare: in which minute they start, or how many octets they have besides that. */
  readonly tickets?: 'start' | 'size';
  /** What of standard error to compare: all (default), the first line, that without the program's name, or nothing. */
  readonly errors?: 'all' | 'first' | 'usage' | 'none';
}

const FILE = { KRB5CCNAME: 'FILE:{}/cc' };

/** What comes of the case with MIT's program and with ours. */
export async function inBothWorlds(test: Case): Promise<{ mit: unknown; ours: unknown }> {
  const mit = await inWorld(test, (argv, options) => realm.run(argv[0]!, argv.slice(1), options));
  const ours = await inWorld(test, (argv, options) => krb5(argv, options));
  return { mit, ours };
}

type Run = (argv: string[], options: NonNullable<Parameters<typeof realm.run>[2]>) => Promise<RunResult>;

/** Status, output and aftermath of one case, without what differs from run to run: times. */
async function inWorld(test: Case, run: Run): Promise<unknown> {
  const folder = `${WORLD}/${rounds++}`;
  mkdirSync(folder, { recursive: true });
  cpSync(await userKeytab(), `${folder}/users.keytab`);
  const here = (text: string): string => text.replaceAll('{}', folder);
  const env = Object.fromEntries(
    Object.entries({ ...FILE, ...test.env }).map(([name, value]) => [name, here(value)]),
  );
  for (const [command = '', ...args] of test.given ?? []) {
    expect(await realm.run(command, args.map(here), { env }), command).toMatchObject({ status: 0 });
  }
  const result = await run(test.argv.map(here), { env, input: test.input ?? '', faketime: test.faketime });
  const views: unknown[] = [];
  for (const [command = '', ...args] of test.after ?? []) {
    const { status, stdout } = await realm.run(command, args.map(here), { env });
    views.push({ status, stdout: normalized(stdout, folder) });
  }
  if (test.tickets !== undefined) views.push(await ticketsIn(`${folder}/cc`, test.tickets));
  const stderr = withoutPrompt(normalized(result.stderr, folder));
  const [first = ''] = stderr.split('\n');
  const shown = { all: stderr, first, usage: first.replace(/^\w+: /, ''), none: '' }[test.errors ?? 'all'];
  const stdout = withoutPrompt(normalized(result.stdout, folder));
  return { status: result.status, stdout, stderr: shown, views };
}

async function ticketsIn(path: string, what: 'start' | 'size'): Promise<unknown> {
  const { credentials } = await readCcacheFile(path);
  return credentials.map(({ authTime, startTime, flags, ticket }) => {
    if (what === 'start') return new Date(startTime * 1000).toISOString().slice(0, 16);
    // A service ticket that starts in the second of the login has no start time of its own.
    const without = startTime === authTime && !hasFlag(flags, TICKET_FLAGS.initial);
    return ticket.length - (without ? 0 : START_TIME_OCTETS);
  });
}

/** KerberosTime of 15 octets with its two tags and lengths. */
const START_TIME_OCTETS = 19;

/** MIT's prompt is on standard output, ours on standard error, so that it never mixes with results. */
function withoutPrompt(text: string): string {
  return text.replace(/^Password for \S+: \n/m, '');
}

/** Times become lengths of time where two stand beside each other: those must be equal to the second or nearly so. */
function normalized(text: string, folder: string): string {
  const time = /\d\d\/\d\d\/\d\d \d\d:\d\d:\d\d/;
  const pair = new RegExp(`(${time.source}) {2}(${time.source})`, 'g');
  const span = (from: string, to: string): string => {
    const seconds =
      (Date.parse(`20${to.slice(6, 8)}-${to.slice(0, 2)}-${to.slice(3, 5)}T${to.slice(9)}Z`) -
        Date.parse(`20${from.slice(6, 8)}-${from.slice(0, 2)}-${from.slice(3, 5)}T${from.slice(9)}Z`)) /
      1000;
    return `<about ${Math.round(seconds / 30) / 2} min>`;
  };
  return text
    .replaceAll(folder, '{}')
    .replace(/tkt[A-Za-z0-9]{6}/g, 'tkt<new>')
    .replace(/KCM:\d+:\d+/g, 'KCM:<new>')
    .replace(/(?<=cache: )\d+:\d+$/gm, '<new>')
    .replace(pair, (_all, from: string, to: string) => span(from, to))
    .replace(new RegExp(time.source, 'g'), '<time>')
    .replaceAll(MAIN, '<krb5>');
}

/** Keys of alice and bob. */
async function userKeytab(): Promise<string> {
  const file = `${realm.dir}/parity-users.keytab`;
  if (!existsSync(file)) await realm.kadmin([`ktadd -norandkey -k ${file} alice bob`]);
  return file;
}
