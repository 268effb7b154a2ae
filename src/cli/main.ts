#!/usr/bin/env node
/** The program `krb5`: joins runProgram to this process. The only file that ends the process. */
import type { Io, Output } from './io.js';
import { runProgram } from './program.js';

/** As a shell tells of a program that SIGPIPE ended: the reader of our output has gone. */
const STATUS_BROKEN_PIPE = 141;

function main(): void {
  process.stdout.on('error', endWithoutOutput);
  process.stderr.on('error', endWithoutOutput);
  process.on('uncaughtException', endWithError);
  const io: Io = {
    // Standard input is opened when somebody reads it.
    get stdin() {
      return process.stdin;
    },
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
  };
  runProgram(process.argv.slice(2), io).then(end, endWithError);
}

async function end(status: number): Promise<void> {
  await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
  process.exit(status);
}

/** The results could not be written. */
function endWithoutOutput(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(STATUS_BROKEN_PIPE);
  if (process.stderr.writable) process.stderr.write(`krb5: cannot write the output (${error.code})\n`);
  process.exit(1);
}

/** Resolves when all that was written has left the process. */
function flushed(stream: Output & { write(text: string, done: () => void): unknown }): Promise<void> {
  return new Promise((resolve) => stream.write('', () => resolve()));
}

/** A mistake of this program; no stack trace, which helps nobody at a prompt. */
function endWithError(error: unknown): void {
  process.stderr.write(`krb5: internal error: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}

main();
