/** MIT's own library, asked through the program krb5ConfDump.c. */
import { fileURLToPath } from 'node:url';
import { ensurePackages, mustRun, temporaryFolder } from '../../scripts/realServers/index.mjs';
import { fromHex, toHex, utf8, utf8Text } from '../../src/bytes.js';

const SOURCE = fileURLToPath(new URL('krb5ConfDump.c', import.meta.url));

/** One question: a letter of krb5ConfDump.c and texts. */
export type Question = readonly [letter: string, ...texts: string[]];

/** Builds the program; gives its path. */
export async function buildMitProgram(): Promise<string> {
  await ensurePackages(['gcc', 'libc6-dev', 'libkrb5-dev']);
  const program = `${temporaryFolder()}/krb5ConfDump`;
  await mustRun('gcc', ['-O1', '-Wall', '-Werror', '-o', program, SOURCE, '-lkrb5']);
  return program;
}

/** The answers to `questions`, in order. */
export async function askMit(program: string, questions: readonly Question[]): Promise<string[]> {
  const input = questions.map(([letter, ...texts]) => [letter, ...texts.map(hex)].join(' ')).join('\n');
  const env = { TMPDIR: '/tmp', KRB5_CONFIG: '/nonexistent' };
  const { stdout } = await mustRun(program, [], { input: `${input}\n`, env, timeoutMs: 120_000 });
  const answers = stdout.split('\n').slice(0, -1);
  if (answers.length !== questions.length)
    throw new Error(`${answers.length} answers to ${questions.length}`);
  return answers.map((answer) => answer.trim());
}

/** A text in hexadecimal; '-' is the empty one. */
export function hex(text: string): string {
  return text === '' ? '-' : toHex(utf8(text));
}

/** The texts of an answer. */
export function texts(answer: string): string[] {
  const words = answer.split(' ').filter((word) => word !== '');
  return words.map((word) => (word === '-' ? '' : utf8Text(fromHex(word))));
}
