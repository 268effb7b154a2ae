/**
 * Bodies that may have to be sent again. Strings, octets, Blob, FormData and URLSearchParams can be read as often as
 * needed; streams and iterables only once, so what was read is kept, up to a limit.
 */
import { Readable } from 'node:stream';
import { bodyReplay } from './errors.js';

/** A body as a program passes it. */
export type Source = AsyncIterable<unknown> | Iterable<unknown> | { getReader(): unknown };

/** Kinds of objects that can be read as often as needed, by the name that they give themselves, whatever made them. */
const REPEATABLE: ReadonlySet<string> = new Set([
  'ArrayBuffer',
  'SharedArrayBuffer',
  'Blob',
  'File',
  'FormData',
  'URLSearchParams',
]);

/** Whether node:http sends the body in one piece. */
export function isWhole(body: unknown): body is string | Uint8Array {
  return typeof body === 'string' || body instanceof Uint8Array;
}

/** Whether the body can be read as often as needed. */
export function isRepeatable(body: unknown): boolean {
  if (typeof body !== 'object' || body === null || ArrayBuffer.isView(body)) return true;
  if (REPEATABLE.has(kindOf(body))) return true;
  return !isSource(body);
}

function kindOf(value: object): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}

/** Whether the body can be read piece by piece. */
export function isSource(body: object): body is Source {
  return Symbol.asyncIterator in body || Symbol.iterator in body || 'getReader' in body;
}

/** Chunks of a source that is read once; every iteration gives them all from the first on, as long as they are kept. */
export class KeptBody implements AsyncIterable<unknown> {
  readonly #limit: number;
  readonly #source: AsyncIterator<unknown> | Iterator<unknown>;
  readonly #chunks: unknown[] = [];
  #octets = 0;
  #iteration = 0;
  /** Chunk that the iteration gives next; those before are needed for another one only. */
  #next = 0;
  #begun = false;
  #lost = false;
  #ended = false;
  #failure: { readonly error: unknown } | undefined;
  /** The read that is under way; both iterations wait for it when a second one begins. */
  #reading: Promise<void> | undefined;

  /**
   * @param limit octets that are kept
   * @throws TypeError for a stream of which something was read already
   */
  constructor(source: Source, limit: number) {
    if (Readable.isDisturbed(source as Readable)) throw new TypeError('body: it has been read already');
    this.#source = iterate(source);
    this.#limit = limit;
  }

  /**
   * Before the body is sent again.
   * @param why what makes it necessary, such as a status
   * @throws TransportError ERR_HTTP_BODY_REPLAY when some of it is gone
   */
  rewind(why: string): void {
    if (this.#lost && this.#begun) throw bodyReplay(why, this.#limit);
  }

  /**
   * The chunks from the first on. A generator that ends early does not end the source. One iteration lives at a time: when
   * another begins, the one before fails, lest it take chunks away that the other has not given yet.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<unknown, void, undefined> {
    this.#begun = true;
    const iteration = ++this.#iteration;
    for (let next = 0; ; next++) {
      this.#next = next;
      while (next >= this.#chunks.length && !this.#ended) {
        await this.#read();
        if (iteration !== this.#iteration) throw new Error('the body is being sent again');
      }
      if (next >= this.#chunks.length) return;
      const chunk = this.#chunks[next];
      if (this.#lost) this.#chunks[next] = undefined;
      yield chunk;
      if (iteration !== this.#iteration) throw new Error('the body is being sent again');
    }
  }

  /** Ends the source. */
  cancel(): void {
    if (this.#ended) return;
    this.#ended = true;
    void Promise.resolve(this.#source.return?.()).catch(() => undefined);
  }

  #read(): Promise<void> {
    this.#reading ??= this.#readChunk().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #readChunk(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure.error;
    const { done, value } = await this.#pull();
    if (done === true) {
      this.#ended = true;
      return;
    }
    this.#octets += octetsIn(value);
    if (this.#octets > this.#limit) {
      this.#lost = true;
      this.#chunks.fill(undefined, 0, this.#next);
    }
    this.#chunks.push(value);
  }

  /** A source that failed once must not look as if it had ended. */
  async #pull(): Promise<IteratorResult<unknown>> {
    try {
      return await this.#source.next();
    } catch (error) {
      this.#failure = { error };
      throw error;
    }
  }
}

function octetsIn(chunk: unknown): number {
  if (typeof chunk === 'string') return Buffer.byteLength(chunk);
  return ArrayBuffer.isView(chunk) || chunk instanceof ArrayBuffer ? chunk.byteLength : 0;
}

function iterate(source: Source): AsyncIterator<unknown> | Iterator<unknown> {
  if (Symbol.asyncIterator in source) return source[Symbol.asyncIterator]();
  if (Symbol.iterator in source) return source[Symbol.iterator]();
  const reader = (source as ReadableStream<unknown>).getReader();
  return {
    next: async () => {
      const { done, value } = await reader.read();
      return done ? { done: true, value: undefined } : { done: false, value };
    },
    return: async () => {
      await reader.cancel();
      return { done: true, value: undefined };
    },
  };
}

/** A web stream of the chunks, for fetch. */
export function streamOf(body: KeptBody): ReadableStream<Uint8Array> {
  const chunks = body[Symbol.asyncIterator]();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await chunks.next();
      if (done === true) controller.close();
      else controller.enqueue(typeof value === 'string' ? Buffer.from(value) : (value as Uint8Array));
    },
  });
}
