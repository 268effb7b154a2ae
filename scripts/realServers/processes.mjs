/**
 * Child processes of the real-server harness: started in their own process group, logged to a file,
 * and ended whatever happens to this process (normal exit, exception, SIGINT, SIGTERM; `setpriv
 * --pdeathsig` covers SIGKILL). Everything is ended by the id it was started with, never by name.
 */

import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const LOG_TAIL_OCTETS = 4000;
const POLL_MS = 20;

/** @type {Set<RunningProcess>} */
const running = new Set();
/** Folders to remove when this process ends. @type {Set<string>} */
const temporaryFolders = new Set();
let exitHooked = false;

/**
 * @typedef {object} StartOptions
 * @property {Record<string, string | undefined>} [env]  the whole environment; this process's own when absent
 * @property {string} [cwd]
 * @property {string} log  file that receives stdout and stderr
 * @property {string} [name]  what to call it in errors
 * @property {(process: RunningProcess) => boolean | Promise<boolean>} [readyWhen]  asked every 20 ms
 * @property {number} [timeoutMs]  limit of readyWhen; default 60 s
 */

/** One started process. */
export class RunningProcess {
  /** @param {import('node:child_process').ChildProcess} child @param {string} name @param {string} log */
  constructor(child, name, log) {
    this.child = child;
    this.name = name;
    this.log = log;
    /** @type {Error | undefined} */
    this.failure = undefined;
    this.ended = new Promise((resolve) => {
      child.once('exit', resolve);
      child.once('error', (error) => {
        this.failure = error;
        resolve(undefined);
      });
    });
    this.ended.then(() => running.delete(this));
  }

  /** Process id, which is also the id of its process group. */
  get pid() {
    return this.child.pid;
  }

  get alive() {
    return (
      this.failure === undefined &&
      this.pid !== undefined &&
      this.child.exitCode === null &&
      this.child.signalCode === null
    );
  }

  /** What it has logged so far. */
  logText() {
    return textOf(this.log);
  }

  /** Ends it and its children: the signal, then SIGKILL after `graceMs`; resolves when it is gone. */
  async stop(signal = 'SIGTERM', graceMs = 5000) {
    if (this.alive) {
      this.signal(/** @type {NodeJS.Signals} */ (signal));
      const timer = setTimeout(() => this.signal('SIGKILL'), graceMs);
      await this.ended;
      clearTimeout(timer);
    }
    this.signal('SIGKILL'); // what is left of its group
    await groupGone(this.pid);
    removeFaketimeLeftovers(this.pid);
  }

  /** Signals the whole group; a group that is gone is no error. @param {NodeJS.Signals} signal */
  signal(signal) {
    if (this.pid === undefined) return;
    try {
      process.kill(-this.pid, signal);
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'ESRCH') throw error;
    }
  }
}

/**
 * Starts a daemon in the foreground and waits until it is ready.
 * @param {string} command @param {string[]} args @param {StartOptions} options
 * @returns {Promise<RunningProcess>}
 */
export async function start(command, args, options) {
  hookExit();
  mkdirSync(dirname(options.log), { recursive: true });
  const descriptor = openSync(options.log, 'a');
  // setpriv and env replace themselves by exec, so the id stays that of the daemon
  const [program, ...rest] = [
    'setpriv',
    '--pdeathsig',
    'TERM',
    ...preloadByEnv(options.env),
    command,
    ...args,
  ];
  const child = spawn(/** @type {string} */ (program), rest, {
    cwd: options.cwd,
    env: withoutPreload(options.env ?? process.env),
    stdio: ['ignore', descriptor, descriptor],
    detached: true,
  });
  closeSync(descriptor);
  const started = new RunningProcess(child, options.name ?? command, options.log);
  running.add(started);
  await ready(started, options);
  return started;
}

/** @param {RunningProcess} started @param {StartOptions} options */
async function ready(started, { readyWhen = () => true, timeoutMs = 60_000 }) {
  const deadline = Date.now() + timeoutMs;
  while (started.alive && Date.now() < deadline) {
    if (await readyWhen(started)) return;
    await sleep(POLL_MS);
  }
  const what = started.alive ? `was not ready after ${timeoutMs} ms` : `ended at once (${endOf(started)})`;
  await started.stop();
  throw new Error(`${started.name} ${what}; the end of ${started.log}:\n${tail(started.logText())}`);
}

/** @param {RunningProcess} started */
function endOf({ failure, child }) {
  return (
    failure?.message ?? (child.signalCode ? `signal ${child.signalCode}` : `exit code ${child.exitCode}`)
  );
}

/**
 * @typedef {object} RunOptions
 * @property {Record<string, string | undefined>} [env]  the whole environment
 * @property {string} [cwd]
 * @property {string | Uint8Array} [input]  standard input; empty when absent
 * @property {number} [timeoutMs]  default 120 s; the process is then killed and `status` is null
 */

/**
 * Runs a program to its end. A failing program is a result, not an exception; a missing one is an exception.
 * @param {string} command @param {string[]} args @param {RunOptions} [options]
 * @returns {Promise<{status: number | null, stdout: string, stderr: string}>}
 */
export function run(command, args, options = {}) {
  hookExit();
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: options.cwd, env: options.env ?? process.env, detached: true });
    const tracked = new RunningProcess(child, command, '');
    running.add(tracked);
    const timer = setTimeout(() => tracked.signal('SIGKILL'), options.timeoutMs ?? 120_000);
    /** @type {Buffer[]} */
    const out = [];
    /** @type {Buffer[]} */
    const err = [];
    child.stdout.on('data', (chunk) => out.push(chunk));
    child.stderr.on('data', (chunk) => err.push(chunk));
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(new Error(`${command} cannot be run: ${error.message}`, { cause: error }));
    });
    child.once('close', (status) => {
      clearTimeout(timer);
      resolve({ status, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() });
    });
    child.stdin.on('error', () => {}); // a program may end without reading its input
    child.stdin.end(options.input ?? '');
  });
}

/**
 * As run(), but a status other than 0 is an Error with the program's output.
 * @param {string} command @param {string[]} args @param {RunOptions} [options]
 */
export async function mustRun(command, args, options) {
  const result = await run(command, args, options);
  if (result.status === 0) return result;
  const line = [command, ...args].join(' ');
  throw new Error(`${line}: status ${result.status}\n${tail(result.stdout)}${tail(result.stderr)}`);
}

/** Ends everything started here and removes the temporary folders; resolves when all is gone. */
export async function stopAll() {
  await Promise.all([...running].map((one) => one.stop()));
  removeTemporaryFolders();
}

/** Removes the folder when this process ends, if not before. @param {string} folder */
export function removeAtExit(folder) {
  hookExit();
  temporaryFolders.add(folder);
}

/** @param {string} folder */
export function removeFolder(folder) {
  temporaryFolders.delete(folder);
  rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
}

/** @param {string} file */
export function textOf(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/** @param {string} text */
function tail(text) {
  return text.slice(-LOG_TAIL_OCTETS);
}

function hookExit() {
  if (exitHooked) return;
  exitHooked = true;
  process.once('exit', () => {
    for (const one of running) one.signal('SIGKILL');
    removeTemporaryFolders();
  });
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
    process.once(signal, () => {
      // another listener (a test runner's) may end this process in its own way; ours alone must do so itself
      const alone = process.listenerCount(signal) === 0;
      stopAll().finally(() => {
        if (alone) process.exit(128 + constants.signals[signal]);
      });
    });
  }
}

function removeTemporaryFolders() {
  for (const folder of [...temporaryFolders]) removeFolder(folder);
}

/** Waits (bounded) until no process of the group is left. @param {number | undefined} pid */
async function groupGone(pid) {
  for (let attempt = 0; pid !== undefined && attempt < 500; attempt++) {
    try {
      process.kill(-pid, 0);
    } catch {
      return;
    }
    await sleep(POLL_MS);
  }
}

/** A killed process with libfaketime leaves its shared memory. @param {number | undefined} pid */
function removeFaketimeLeftovers(pid) {
  try {
    for (const name of readdirSync('/dev/shm')) {
      if (name.endsWith(`faketime_shm_${pid}`) || name.endsWith(`faketime_sem_${pid}`))
        rmSync(`/dev/shm/${name}`, { force: true });
    }
  } catch {
    // no /dev/shm, nothing left there
  }
}

/** libfaketime must be loaded by the daemon alone, not by setpriv. @param {StartOptions['env']} env */
function preloadByEnv(env) {
  return env?.LD_PRELOAD ? ['env', `LD_PRELOAD=${env.LD_PRELOAD}`] : [];
}

/** @param {Record<string, string | undefined>} env */
function withoutPreload(env) {
  const { LD_PRELOAD: _, ...rest } = env;
  return rest;
}
