/** Running a command in place of this program: its streams, its signals, its exit status. */
import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { systemErrorCode } from '../stores/boundedFile.js';
import { type Io, printable, writeJson, writeLine } from './io.js';

/** What others send to end, interrupt or inform a program. */
const PASSED_ON = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const;

/** As a shell tells of commands that could not be started. */
const STATUS_NOT_FOUND = 127;
const STATUS_NOT_RUNNABLE = 126;

/** Keeps signals from ending this process, and passes them on to the command as soon as there is one. */
export class SignalGate {
  readonly #pending: NodeJS.Signals[] = [];
  #child: ChildProcess | undefined;
  readonly #listener = (signal: NodeJS.Signals): void => {
    // What is typed at a terminal reaches the command without us.
    const typed = process.stdin.isTTY === true && (signal === 'SIGINT' || signal === 'SIGQUIT');
    if (typed && this.#child !== undefined) return;
    if (this.#child === undefined) this.#pending.push(signal);
    else this.#child.kill(signal);
  };

  constructor() {
    for (const signal of PASSED_ON) process.on(signal, this.#listener);
  }

  /** The command, which gets what came so far. */
  open(child: ChildProcess): void {
    this.#child = child;
    for (const signal of this.#pending.splice(0)) child.kill(signal);
  }

  close(): void {
    for (const signal of PASSED_ON) process.removeListener(signal, this.#listener);
  }
}

/**
 * Runs the command to its end; its exit status, 128 + n when signal n ended it. That it cannot be run is told, as JSON
 * with `json`.
 */
export function runChild(
  command: string,
  args: readonly string[],
  env: Io['env'],
  gate: SignalGate,
  { io, json }: { readonly io: Io; readonly json: boolean },
): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: 'inherit', env });
    child.once('spawn', () => gate.open(child));
    child.on('error', (error) => {
      // A signal that could not be passed on is an error too.
      if (child.pid !== undefined) return;
      const errno = systemErrorCode(error);
      const missing = errno === 'ENOENT';
      const message = `${printable(command)}: ${missing ? 'command not found' : `cannot be run (${errno})`}`;
      if (json) writeJson(io.stderr, { error: { code: 'ERR_COMMAND', message } });
      else writeLine(io.stderr, `exec: ${message}`);
      resolve(missing ? STATUS_NOT_FOUND : STATUS_NOT_RUNNABLE);
    });
    child.once('exit', (status, signal) => {
      resolve(signal === null ? (status ?? 0) : 128 + constants.signals[signal]);
    });
  });
}
