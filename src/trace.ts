/**
 * Trace events: what the program does with whom, never keys, passwords or plaintext. A `Trace` comes from outside (the
 * command line writes lines as KRB5_TRACE of MIT does; a program may count or draw them).
 */

/** One thing that happened. */
export interface TraceEvent {
  /** Stable dotted name such as `kdc.send`. */
  readonly event: string;
  /** The same in words, one line. */
  readonly text: string;
  /** Facts for programs; no secrets. */
  readonly data?: Readonly<Record<string, string | number | boolean>>;
}

/** Receives trace events; must not throw. */
export type Trace = (event: TraceEvent) => void;
