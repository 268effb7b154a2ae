/**
 * Work that several callers want at the same time is done once for all of them: many logins at once with a wrong password
 * would lock the account. It goes on as long as one caller waits for it.
 */
import { TransportError } from '../errors.js';

interface Flight<Result> {
  readonly result: Promise<Result>;
  readonly controller: AbortController;
  waiting: number;
}

export class SingleFlight<Result> {
  readonly #flights: Map<string, Flight<Result>> = new Map();

  /**
   * The result of `work`, or of the work for the same purpose that is going on.
   * @param signal ends the waiting of this caller, and the work if it was the last one
   * @throws TransportError ERR_ABORTED with the signal's reason as `cause`; what `work` throws
   */
  run(
    purpose: string,
    signal: AbortSignal | undefined,
    work: (signal: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    if (signal?.aborted) return Promise.reject(aborted(purpose, signal));
    const flight = this.#flights.get(purpose) ?? this.#start(purpose, work);
    flight.waiting++;
    return signal === undefined ? flight.result : this.#unlessAborted(purpose, flight, signal);
  }

  #start(purpose: string, work: (signal: AbortSignal) => Promise<Result>): Flight<Result> {
    const controller = new AbortController();
    const result = work(controller.signal).finally(() => this.#forget(purpose, flight));
    const flight: Flight<Result> = { result, controller, waiting: 0 };
    // When all callers have given up, nobody is left to hear of its error.
    result.catch(() => undefined);
    this.#flights.set(purpose, flight);
    return flight;
  }

  #unlessAborted(purpose: string, flight: Flight<Result>, signal: AbortSignal): Promise<Result> {
    return new Promise((resolve, reject) => {
      const giveUp = () => {
        reject(aborted(purpose, signal));
        if (--flight.waiting > 0) return;
        this.#forget(purpose, flight);
        flight.controller.abort(signal.reason);
      };
      signal.addEventListener('abort', giveUp, { once: true });
      flight.result.then(resolve, reject).finally(() => signal.removeEventListener('abort', giveUp));
    });
  }

  #forget(purpose: string, flight: Flight<Result>): void {
    if (this.#flights.get(purpose) === flight) this.#flights.delete(purpose);
  }
}

function aborted(purpose: string, signal: AbortSignal): TransportError {
  return new TransportError('ERR_ABORTED', `getting ${purpose} was aborted`, [], { cause: signal.reason });
}
