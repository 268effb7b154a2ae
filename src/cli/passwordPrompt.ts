/**
 * Reads a password: without echo at a terminal, otherwise the first line of standard input. The octets are taken as they
 * come, nothing is trimmed but the line end.
 */
import { concat, utf8, wipe } from '../bytes.js';
import { CredentialError } from '../errors.js';
import { Interrupted } from './failure.js';
import { type Input, type Io, printable } from './io.js';

/** No password is longer; whoever pipes a large file in by mistake learns it soon. */
const MAX_OCTETS = 64 * 1024;

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const BACKSPACE = 0x08;
const DELETE = 0x7f;
const CTRL_C = 0x03;
const CTRL_D = 0x04;
const CTRL_U = 0x15;
const CTRL_BACKSLASH = 0x1c;

/**
 * Asks for a password on standard error and reads it from standard input.
 * @param quiet asks nothing unless a person is there to answer
 * @throws CredentialError ERR_NO_KEY when the input ends before a line or cannot be read; Interrupted after Ctrl-C
 */
export async function promptPassword(io: Io, prompt: string, quiet: boolean): Promise<Uint8Array> {
  const { stdin, stderr } = io;
  const terminal = stdin.isTTY === true;
  const asks = terminal || !quiet;
  // Without echo before the prompt shows: a fast typist, or a script, may answer at once.
  if (terminal) stdin.setRawMode?.(true);
  try {
    if (asks) stderr.write(utf8(`${printable(prompt)}: `));
    return await readLine(stdin, terminal);
  } finally {
    if (terminal) stdin.setRawMode?.(false);
    if (asks) stderr.write(utf8('\n'));
  }
}

function readLine(input: Input, terminal: boolean): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const line = new PasswordLine(terminal);
    const stop = (settle: () => void): void => {
      input.removeListener('data', onData);
      input.removeListener('end', onEnd);
      input.removeListener('error', onError);
      input.pause();
      settle();
    };
    const onData = (chunk: Uint8Array | string): void => {
      try {
        const octets = typeof chunk === 'string' ? utf8(chunk) : chunk;
        if (line.take(octets)) stop(() => resolve(line.finish()));
      } catch (error) {
        stop(() => reject(error));
      }
    };
    const onEnd = (): void => stop(() => (line.isEmpty ? reject(noPassword()) : resolve(line.finish())));
    const onError = (error: Error): void => stop(() => reject(noPassword(error)));
    input.on('data', onData);
    input.on('end', onEnd);
    input.on('error', onError);
    input.resume();
  });
}

function noPassword(cause?: Error): CredentialError {
  return new CredentialError(
    'ERR_NO_KEY',
    'Cannot read password; type it, or give it as the first line of standard input',
    { cause },
  );
}

/** The line so far. In raw mode of a terminal the keys that edit a line are ours to interpret. */
class PasswordLine {
  readonly #terminal: boolean;
  #octets = new Uint8Array(256);
  #length = 0;

  constructor(terminal: boolean) {
    this.#terminal = terminal;
  }

  get isEmpty(): boolean {
    return this.#length === 0;
  }

  /** Takes input; whether the line is complete. The input is wiped. */
  take(input: Uint8Array): boolean {
    try {
      return input.some((octet) => (this.#terminal ? this.#key(octet) : this.#octet(octet)));
    } finally {
      wipe(input);
    }
  }

  finish(): Uint8Array {
    const line = this.#octets.slice(0, this.#length);
    wipe(this.#octets);
    return line;
  }

  #octet(octet: number): boolean {
    if (octet === NEWLINE) return true;
    if (this.#length === MAX_OCTETS) {
      throw new CredentialError('ERR_NO_KEY', `Cannot read password: more than ${MAX_OCTETS} octets`);
    }
    if (this.#length === this.#octets.length) {
      const longer = concat(this.#octets, new Uint8Array(this.#octets.length));
      wipe(this.#octets);
      this.#octets = longer as Uint8Array<ArrayBuffer>;
    }
    this.#octets[this.#length++] = octet;
    return false;
  }

  #key(octet: number): boolean {
    switch (octet) {
      case CARRIAGE_RETURN:
        return true;
      case CTRL_C:
      case CTRL_BACKSLASH:
        throw new Interrupted('interrupted');
      case CTRL_D:
        if (this.isEmpty) throw noPassword();
        return true;
      case CTRL_U:
        this.#length = 0;
        return false;
      case BACKSPACE:
      case DELETE:
        this.#eraseCharacter();
        return false;
      default:
        return this.#octet(octet);
    }
  }

  /** Takes away the last character, all octets of its UTF-8 form. */
  #eraseCharacter(): void {
    while (this.#length > 0 && (this.#octets[this.#length - 1]! & 0xc0) === 0x80) this.#length--;
    if (this.#length > 0) this.#length--;
  }
}
