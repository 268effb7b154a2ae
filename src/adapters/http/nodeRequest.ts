/** A request of node:http under way, heard from the first moment on: of some ends node:http tells nothing but 'close'. */
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { RequestOptions } from 'node:https';
import { TransportError } from '../../errors.js';
import { mutualAuthError } from './errors.js';
import type { GivenHeaders } from './nodeHeaders.js';

/** A request under way. */
export class OpenedRequest {
  readonly request: ClientRequest;
  readonly given: GivenHeaders;
  /** Settles when the request is of no use any more. */
  readonly failed: Promise<never>;
  readonly answered: Promise<IncomingMessage>;
  /** Whether anything may have been written. */
  begun = false;
  /** The making of its tokens; it must not go on beside that for another request. */
  authorizing: Promise<void> | undefined;
  /** That the server answered what was not asked yet. */
  #early: Error | undefined;

  constructor(request: ClientRequest, given: GivenHeaders, origin: string, options: RequestOptions) {
    this.request = request;
    this.given = given;
    this.failed = new Promise<never>((_resolve, reject) => {
      request.on('error', reject).on('upgrade', (_message, socket) => {
        socket.destroy();
        reject(mutualAuthError(origin, 'it changes the protocol, which it was not asked for'));
      });
      untilAssigned(request, origin, options, reject);
      request.once('response', () => {
        if (!this.begun) reject(this.#tooEarly(origin));
      });
      request.once('close', () => reject(mutualAuthError(origin, 'it ended without an answer')));
    });
    this.failed.catch(() => undefined);
    this.answered = new Promise((resolve) => {
      request.once('response', (message) => {
        if (this.begun) resolve(message);
      });
    });
    request.on('timeout', () => {
      request.destroy(timedOut(origin));
    });
  }

  #tooEarly(origin: string): Error {
    this.request.destroy();
    this.#early = mutualAuthError(origin, 'it answered before it was asked');
    return this.#early;
  }

  /** Whether the connection, one of the pool, had ended before the request came, or seems so. */
  wasStale(error: unknown): boolean {
    const { code } = error as { code?: unknown };
    const closed = code === 'ECONNRESET' || code === 'EPIPE' || error === this.#early;
    return closed && this.request.reusedSocket;
  }
}

const LONGEST_MS = 2 ** 31 - 1;

/** node:http counts no time, and hears of no abort, as long as the agent makes the connection. */
function untilAssigned(
  request: ClientRequest,
  origin: string,
  { timeout, signal }: RequestOptions,
  reject: (error: unknown) => void,
): void {
  const aborted = (): void => reject(signal?.reason);
  if (signal?.aborted === true) aborted();
  signal?.addEventListener('abort', aborted, { once: true });
  const late = (): void => {
    const error = timedOut(origin);
    request.destroy(error);
    reject(error);
  };
  // As node:http takes them: 0 is none, and there is a longest.
  const timer = timeout ? setTimeout(late, Math.min(timeout, LONGEST_MS)) : undefined;
  const done = (): void => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', aborted);
  };
  request.once('socket', done).once('close', done);
}

function timedOut(origin: string): TransportError {
  return new TransportError('ERR_TIMEOUT', `${origin} did not answer in time`);
}
