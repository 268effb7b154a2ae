/** MIT's GSS-API library, asked through the program gssPeer.c. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensurePackages, mustRun } from '../../scripts/realServers/index.mjs';
import { concat, uint32be, utf8 } from '../../src/bytes.js';

const SOURCE = fileURLToPath(new URL('gssPeer.c', import.meta.url));

/** Letters of gssPeer.c. */
export const LETTERS = {
  init: 'I',
  accept: 'A',
  pair: 'P',
  delete: 'Z',
  wrap: 'W',
  unwrap: 'U',
  mic: 'G',
  verifyMic: 'V',
  sizeLimit: 'L',
  prf: 'D',
  sessionKey: 'K',
  lucid: 'X',
  wrapIov: 'Q',
  unwrapIov: 'R',
  iovLengths: 'N',
  wrapAead: 'E',
  unwrapAead: 'F',
  pool: 'O',
  make: 'B',
  check: 'C',
} as const;

/** An argument: a number is 32 bits, octets and texts are counted. */
export type Argument = number | Uint8Array | string;

let folder: string | undefined;

/** A folder in memory where there is one, removed when this process ends. */
export function fastFolder(): string {
  if (folder === undefined) {
    const made = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'krb5-gss-'));
    process.once('exit', () => rmSync(made, { recursive: true, force: true }));
    folder = made;
  }
  return mkdtempSync(join(folder, 'part-'));
}

let program: Promise<string> | undefined;

/** Builds the program once; gives its path. */
export function buildGssPeer(): Promise<string> {
  program ??= build();
  return program;
}

async function build(): Promise<string> {
  await ensurePackages(['gcc', 'libc6-dev', 'libkrb5-dev']);
  const path = join(fastFolder(), 'gssPeer');
  await mustRun('gcc', ['-O2', '-Wall', '-Werror', '-o', path, SOURCE, '-lgssapi_krb5']);
  return path;
}

/** What the library answered. */
export class Answer {
  readonly major: number;
  readonly minor: number;
  readonly #octets: Buffer;
  #offset = 8;

  constructor(octets: Buffer) {
    this.#octets = octets;
    this.major = octets.readUInt32BE(0);
    this.minor = octets.readUInt32BE(4);
  }

  number(): number {
    this.#offset += 4;
    return this.#octets.readUInt32BE(this.#offset - 4);
  }

  wide(): bigint {
    this.#offset += 8;
    return this.#octets.readBigUInt64BE(this.#offset - 8);
  }

  octets(): Uint8Array {
    const length = this.number();
    this.#offset += length;
    return new Uint8Array(this.#octets.subarray(this.#offset - length, this.#offset));
  }
}

/** The running program. */
export class GssPeer {
  readonly #child: ChildProcess;
  readonly #waiting: { answer: (answer: Answer) => void; fail: (error: Error) => void }[] = [];
  #received: Buffer = Buffer.alloc(0);
  #failure: Error | undefined;

  constructor(program: string, env: Readonly<Record<string, string>>) {
    this.#child = spawn(program, [], { env: { TMPDIR: '/tmp', ...env }, stdio: ['pipe', 'pipe', 'inherit'] });
    this.#child.stdout!.on('data', (data: Buffer) => this.#receive(data));
    this.#child.stdin!.on('error', (error) => this.#fail(error));
    this.#child.once('error', (error) => this.#fail(error));
    this.#child.once('exit', (code) => this.#fail(new Error(`gssPeer ended with ${code}`)));
  }

  /** The answer whatever its status. */
  ask(what: keyof typeof LETTERS, context: number, ...args: readonly Argument[]): Promise<Answer> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const parts = args.map((argument) => {
      if (typeof argument === 'number') return uint32be(argument);
      const octets = typeof argument === 'string' ? utf8(argument) : argument;
      return concat(uint32be(octets.length), octets);
    });
    const body = concat(utf8(LETTERS[what]), Uint8Array.of(context), ...parts);
    return new Promise((answer, fail) => {
      this.#waiting.push({ answer, fail });
      this.#child.stdin!.write(concat(uint32be(body.length), body));
    });
  }

  /** The answer, which must be that all is well. */
  async must(what: keyof typeof LETTERS, context: number, ...args: readonly Argument[]): Promise<Answer> {
    const answer = await this.ask(what, context, ...args);
    const { major, minor } = answer;
    if (major !== 0) throw new Error(`${what}: major ${major.toString(16)}, minor ${minor.toString(16)}`);
    return answer;
  }

  end(): void {
    this.#child.stdin!.end();
  }

  #receive(data: Buffer): void {
    this.#received = this.#received.length === 0 ? data : Buffer.concat([this.#received, data]);
    for (;;) {
      const length = this.#received.length < 4 ? undefined : this.#received.readUInt32BE(0);
      if (length === undefined || this.#received.length < 4 + length) return;
      const octets = this.#received.subarray(4, 4 + length);
      this.#received = this.#received.subarray(4 + length);
      this.#waiting.shift()?.answer(new Answer(octets));
    }
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const { fail } of this.#waiting.splice(0)) fail(error);
  }
}
