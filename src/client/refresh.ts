/**
 * Replaces a ticket-granting ticket in the background, long before it ends. One timer, which does not keep the program
 * running; it looks at the clock at least every ten minutes, so that a machine that slept or whose clock was set is
 * noticed.
 */
import { KerberosError } from '../errors.js';
import type { Credential } from '../formats/credential.js';
import { earlyMoment } from './lifetime.js';

/** A failure of the refreshing in the background. */
export interface RefreshFailure {
  readonly error: unknown;
  /** Seconds until it is tried again; undefined when that is of no use and refreshing has ended. */
  readonly retryInSeconds: number | undefined;
}

/** How to refresh in the background. */
export interface KeepFreshOptions {
  /** Ends the refreshing. */
  readonly signal?: AbortSignal | undefined;
  /** Called with each failure; they are traced in any case. Must not throw. */
  readonly onFailure?: ((failure: RefreshFailure) => void) | undefined;
}

/** What the refreshing is about. Times are seconds on the KDC's clock. */
export interface RefreshSource {
  now(): number;
  /** 0 to 1, another one each time. */
  random(): number;
  /** The valid ticket at hand. */
  current(): Credential | undefined;
  /** Whether `refresh` may ever give a newer ticket than this, or any when there is none. */
  promising(credential: Credential | undefined): boolean;
  /** A newer ticket, or the same when there is none yet. */
  refresh(signal: AbortSignal): Promise<Credential>;
  failed(failure: RefreshFailure): void;
}

/** No two tries within this. */
const LEAST_WAIT_SECONDS = 1;
/** Longest sleep of the timer, and longest wait after a failure that may pass. */
const LONGEST_WAIT_SECONDS = 600;
/** After a refusal: each one may count towards the account's lock. */
const REFUSED_WAIT_SECONDS = 3600;

/** Errors that tell that the key or the account is refused. */
const REFUSALS: ReadonlySet<string> = new Set([
  'KDC_ERR_PREAUTH_FAILED',
  'KDC_ERR_CLIENT_REVOKED',
  'KDC_ERR_C_PRINCIPAL_UNKNOWN',
  'KDC_ERR_NAME_EXP',
  'KDC_ERR_KEY_EXPIRED',
  'KDC_ERR_ETYPE_NOSUPP',
  'ERR_INTEGRITY',
  'ERR_NO_KEY',
  'ERR_KEYTAB_NO_KEY',
]);

/** Whether trying again soon is of no use and may lock the account. */
export function isRefusal(error: unknown): boolean {
  return error instanceof KerberosError && REFUSALS.has(error.code);
}

/** Refreshing that goes on until `stop()`. */
export class Refresh {
  readonly #source: RefreshSource;
  readonly #controller = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #planned: Credential | undefined;
  /** When to try next. */
  #next: number;
  #failures = 0;

  constructor(source: RefreshSource) {
    this.#source = source;
    this.#next = source.now();
    this.#plan(source.current());
    this.#sleep();
  }

  stop(): void {
    this.#controller.abort();
    clearTimeout(this.#timer);
  }

  #plan(credential: Credential | undefined): void {
    const { random, promising, now } = this.#source;
    this.#planned = credential;
    this.#failures = 0;
    if (credential === undefined) this.#next = now();
    else this.#next = promising(credential) ? earlyMoment(credential, random()) : credential.endTime;
  }

  #sleep(leastSeconds = 0): void {
    if (this.#controller.signal.aborted) return;
    const seconds = Math.min(Math.max(this.#next - this.#source.now(), leastSeconds), LONGEST_WAIT_SECONDS);
    this.#timer = setTimeout(() => void this.#wake(), Math.ceil(seconds * 1000));
    this.#timer.unref?.();
  }

  async #wake(): Promise<void> {
    const current = this.#source.current();
    if (current !== this.#planned) this.#plan(current);
    if (this.#source.now() < this.#next) return this.#sleep(LEAST_WAIT_SECONDS);
    try {
      this.#succeeded(await this.#source.refresh(this.#controller.signal));
    } catch (error) {
      if (!this.#controller.signal.aborted) this.#failed(error);
    }
  }

  #succeeded(credential: Credential): void {
    const same = credential === this.#planned;
    this.#plan(credential);
    if (same) this.#next = (this.#source.now() + credential.endTime) / 2;
    this.#sleep(LEAST_WAIT_SECONDS);
  }

  #failed(error: unknown): void {
    const current = this.#source.current();
    const hopeless = !this.#source.promising(current);
    const retryInSeconds = hopeless ? undefined : this.#wait(error);
    if (retryInSeconds !== undefined) {
      this.#next = this.#source.now() + retryInSeconds;
      this.#sleep(LEAST_WAIT_SECONDS);
    }
    this.#source.failed({ error, retryInSeconds });
  }

  /** Twice as long after each failure, with a jitter of a quarter. */
  #wait(error: unknown): number {
    const seconds = isRefusal(error)
      ? REFUSED_WAIT_SECONDS
      : Math.min(LEAST_WAIT_SECONDS * 2 ** this.#failures++, LONGEST_WAIT_SECONDS);
    return seconds * (1 + this.#source.random() / 4);
  }
}
