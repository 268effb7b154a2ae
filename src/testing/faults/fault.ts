/** What a fault is: a row of the list in faults.ts. */
import type { ErrorCode } from '../../errors.js';
import type { KdcHooks } from '../hooks.js';

/** What a fault may use. */
export interface FaultScene {
  readonly realm: string;
  /** A realm that trusts this one, if there is any. */
  readonly peer: () => string | undefined;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
}

/** One fault. */
export interface Fault {
  readonly name: string;
  /** What happens, in words. */
  readonly does: string;
  /** In which exchanges it shows. */
  readonly during: readonly ('AS' | 'TGS')[];
  /** Code of the error that ends the client's exchange; undefined when it must carry on all the same. */
  readonly expected: ErrorCode | undefined;
  /** The only protocol on which it happens; the other one is silent then. */
  readonly over?: 'tcp';
  /** Settings of the client's krb5.conf that it takes. */
  readonly libdefaults?: Readonly<Record<string, string>>;
  /** Whether it shows from the second exchange on only. */
  readonly second?: true;
  /** Fresh hooks; they may keep state. */
  readonly hooks: (scene: FaultScene) => KdcHooks;
}

/** Values of `Fault.during`. */
export const BOTH: Fault['during'] = ['AS', 'TGS'];
export const AS: Fault['during'] = ['AS'];
export const TGS: Fault['during'] = ['TGS'];
