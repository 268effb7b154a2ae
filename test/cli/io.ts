/** Streams that remember, for runs of commands within the test's process. */
import { PassThrough } from 'node:stream';
import type { Io } from '../../src/cli/io.js';

export interface RecordedIo extends Io {
  readonly out: string;
  readonly err: string;
}

export interface RecordedIoOptions {
  readonly input?: string | Uint8Array | undefined;
  readonly env?: Record<string, string> | undefined;
  readonly terminal?: TerminalInput | undefined;
}

/** An Io with `input` on standard input and nothing else of this process. */
export function recordedIo({ input = '', env = {}, terminal }: RecordedIoOptions = {}): RecordedIo {
  const written = { out: [] as Uint8Array[], err: [] as Uint8Array[] };
  const text = (chunks: Uint8Array[]): string => Buffer.concat(chunks).toString('latin1');
  return {
    stdin: terminal ?? new PassThrough().end(input),
    stdout: { write: (octets) => written.out.push(octets) },
    stderr: { write: (octets) => written.err.push(octets) },
    env: { KRB5_CONFIG: '/nonexistent', ...env },
    get out() {
      return text(written.out);
    },
    get err() {
      return text(written.err);
    },
  };
}

/** A terminal at which somebody types `keys`, in chunks, when the echo is off. */
export class TerminalInput extends PassThrough {
  readonly isTTY = true;
  readonly modes: boolean[] = [];
  readonly #keys: readonly string[];

  constructor(...keys: string[]) {
    super();
    this.#keys = keys;
  }

  setRawMode(raw: boolean): void {
    this.modes.push(raw);
    if (raw) for (const chunk of this.#keys) this.write(chunk);
  }
}
