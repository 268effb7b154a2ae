/** A client's life: whatever it does ends with `end()`, and nothing begins afterwards. */
import { CredentialError } from '../errors.js';

export class Lifespan {
  readonly #running: Set<AbortController> = new Set();
  #over = false;

  /** @throws CredentialError ERR_DISPOSED */
  check(): void {
    if (this.#over) throw disposed();
  }

  /**
   * The result of `work`. The signal that it gets aborts when the caller's does, or when the life ends.
   * @throws CredentialError ERR_DISPOSED in place of whatever `work` throws or gives after the end
   */
  async during<Result>(
    callerSignal: AbortSignal | undefined,
    work: (signal: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    this.check();
    const controller = new AbortController();
    const giveUp = () => controller.abort(callerSignal?.reason);
    if (callerSignal?.aborted) giveUp();
    callerSignal?.addEventListener('abort', giveUp, { once: true });
    this.#running.add(controller);
    try {
      return await work(controller.signal);
    } finally {
      callerSignal?.removeEventListener('abort', giveUp);
      this.#running.delete(controller);
      // Its result would hold keys that nobody wipes, its error would tell of wiped ones.
      this.check();
    }
  }

  end(): void {
    this.#over = true;
    for (const controller of this.#running) controller.abort(disposed());
  }
}

function disposed(): CredentialError {
  return new CredentialError('ERR_DISPOSED', 'the client was disposed of and its keys wiped; make a new one');
}
