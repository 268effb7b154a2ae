/**
 * Sequence numbers of received tokens: replays, losses and reordering (RFC 2743 section 1.2.3), with the window of 64
 * numbers that MIT krb5 keeps.
 */
import { GSS_FLAGS } from './flags.js';

/**
 * What is wrong with the place of a token: received before, too old to tell, out of sequence, or others are missing before
 * it (GSS_S_DUPLICATE_TOKEN, GSS_S_OLD_TOKEN, GSS_S_UNSEQ_TOKEN, GSS_S_GAP_TOKEN; RFC 2743 section 1.2.1.1). With the flag
 * `sequence` a token that is too old is `unsequenced`, as MIT krb5 has it: it may have been received before.
 */
export type SequenceAnomaly = 'duplicate' | 'old' | 'unsequenced' | 'gap';

const WINDOW = 64n;

/** State of the window, as it is kept when a context is exported. */
export interface SequenceState {
  /** The number of the first token. */
  readonly base: bigint;
  /** The next one expected, counted from `base`. */
  readonly next: bigint;
  /** Bit n is set when the token n + 1 before `next` has been received. */
  readonly received: bigint;
}

/** The numbers that one side of a context receives. */
export class SequenceWindow {
  readonly #replay: boolean;
  readonly #sequence: boolean;
  readonly #bits: number;
  #state: SequenceState;

  /**
   * @param flags GSS_FLAGS: `replay` and `sequence` say what is reported
   * @param bits width of the numbers: 64, or 32 (RFC 4757 section 7)
   */
  constructor(flags: number, state: SequenceState, bits: 32 | 64 = 64) {
    this.#replay = (flags & GSS_FLAGS.replay) !== 0;
    this.#sequence = (flags & GSS_FLAGS.sequence) !== 0;
    this.#bits = bits;
    this.#state = state;
  }

  get state(): SequenceState {
    return this.#state;
  }

  /** Takes note of a token's number, and says what is wrong with it. */
  check(number: bigint): SequenceAnomaly | undefined {
    if (!this.#replay && !this.#sequence) return undefined;
    const { base, next, received } = this.#state;
    const relative = BigInt.asUintN(this.#bits, number - base);
    return relative >= next
      ? this.#ahead(relative - next, relative)
      : this.#behind(next - relative, received);
  }

  #ahead(missing: bigint, relative: bigint): SequenceAnomaly | undefined {
    const { base, received } = this.#state;
    const shifted = missing >= WINDOW ? 0n : received << (missing + 1n);
    this.#state = {
      base,
      next: BigInt.asUintN(this.#bits, relative + 1n),
      received: BigInt.asUintN(64, shifted) | 1n,
    };
    return missing > 0n && this.#sequence ? 'gap' : undefined;
  }

  #behind(distance: bigint, received: bigint): SequenceAnomaly | undefined {
    if (distance > WINDOW) return this.#sequence ? 'unsequenced' : 'old';
    const bit = 1n << (distance - 1n);
    if (this.#replay && (received & bit) !== 0n) return 'duplicate';
    this.#state = { ...this.#state, received: received | bit };
    return this.#sequence ? 'unsequenced' : undefined;
  }
}

/** The state before any token has come; `first` is the number of the first. */
export function initialSequence(first: bigint): SequenceState {
  return { base: first, next: 0n, received: 0n };
}
