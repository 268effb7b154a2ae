/** What a command sees of the world: streams and environment variables. Tests give their own. */
import { utf8 } from '../bytes.js';
import type { Variables } from '../client/system.js';

/** Where passwords come from: a terminal or any other stream of octets. */
export interface Input {
  readonly isTTY?: boolean | undefined;
  setRawMode?(raw: boolean): unknown;
  on(event: 'data', listener: (chunk: Uint8Array | string) => void): unknown;
  on(event: 'end', listener: () => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  removeListener(event: 'data' | 'end' | 'error', listener: (...values: never[]) => void): unknown;
  pause(): unknown;
  resume(): unknown;
}

/** Takes octets. */
export interface Output {
  write(octets: Uint8Array): unknown;
}

/** Streams and environment of one run. */
export interface Io {
  readonly stdin: Input;
  /** Results. */
  readonly stdout: Output;
  /** Prompts, errors and what -V tells. */
  readonly stderr: Output;
  readonly env: Variables;
}

/** Writes `line` and a line end. Names that are no UTF-8 leave as the octets they came as. */
export function writeLine(output: Output, line = ''): void {
  output.write(utf8(`${line}\n`));
}

/** Writes `value` as JSON. */
export function writeJson(output: Output, value: unknown): void {
  writeLine(output, JSON.stringify(value, null, 2));
}

/** `text` with control characters as `\xNN`: names come from files and from the network. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, (character) => {
    return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
}
