/** KRB5_TRACE as in MIT krb5: what happens is appended to a file, line by line. Nothing that goes wrong here matters. */
import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { utf8 } from '../bytes.js';
import type { Trace } from '../trace.js';
import { type Io, type Output, printable } from './io.js';

const FLAGS = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | (constants.O_NONBLOCK ?? 0);

/** The trace that the environment asks for. A file that does not exist yet is made readable by the owner only. */
export function environmentTrace(io: Io): Trace | undefined {
  const name = io.env.KRB5_TRACE;
  if (name === undefined || name === '') return undefined;
  const append =
    name === '/dev/stderr'
      ? toStream(io.stderr)
      : name === '/dev/stdout'
        ? toStream(io.stdout)
        : toFile(name);
  return ({ text }) => {
    const [seconds, microseconds] = now();
    const line = `[${process.pid}] ${seconds}.${microseconds}: ${printable(text)}\n`;
    try {
      append(utf8(line));
    } catch {
      // A trace that cannot be written must not stop the command.
    }
  };
}

function now(): [string, string] {
  const microseconds = Math.round((performance.timeOrigin + performance.now()) * 1000);
  return [String(Math.floor(microseconds / 1e6)), String(microseconds % 1e6).padStart(6, '0')];
}

function toStream(output: Output): (line: Uint8Array) => void {
  return (line) => output.write(line);
}

/** The file is opened for each line, so that it may be moved away meanwhile. */
function toFile(path: string): (line: Uint8Array) => void {
  return (line) => {
    const descriptor = openSync(path, FLAGS, 0o600);
    try {
      writeSync(descriptor, line);
    } finally {
      closeSync(descriptor);
    }
  };
}
