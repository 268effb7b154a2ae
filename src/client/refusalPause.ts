/**
 * A pause after the KDC has refused the key. Each refusal may count towards the account's lock, and a program that asks
 * for a ticket again and again would lock it within a second; so logins that nobody asked for by name wait.
 */
import { KdcError } from '../errors.js';

/** What counts towards a lock, or is one. */
const LOCKING: ReadonlySet<string> = new Set(['KDC_ERR_PREAUTH_FAILED', 'KDC_ERR_CLIENT_REVOKED']);

/** One login in this time does not lock an account. */
const PAUSE_SECONDS = 3600;

export class RefusalPause {
  #refusal: Error | undefined;
  #until = 0;

  /** The refusal that still counts. */
  current(now: number): Error | undefined {
    return now < this.#until ? this.#refusal : undefined;
  }

  /** A login has failed; a pause begins if that was a refusal. */
  failed(error: unknown, now: number): void {
    if (!(error instanceof KdcError) || !LOCKING.has(error.code)) return;
    this.#refusal = error;
    this.#until = now + PAUSE_SECONDS;
  }

  lift(): void {
    this.#refusal = undefined;
    this.#until = 0;
  }
}
