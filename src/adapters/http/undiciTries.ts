/** The tries of one request through an undici dispatcher. */
import type { KeptBody } from './body.js';
import { guardToken } from './certificates.js';
import { isCertificateChanged, proxyRefused } from './errors.js';
import type { NegotiateExchange, Verdict } from './exchange.js';
import { sanitizedHeaders } from './sanitize.js';

/** Values of headers as undici gives them. */
export type HeaderValues = Readonly<Record<string, string | string[] | undefined>>;

/** The part of Dispatcher.DispatchOptions that is used. */
export interface DispatchOptions {
  readonly origin?: unknown;
  readonly method?: string;
  readonly headers?: unknown;
  readonly body?: unknown;
}

/** The part of Dispatcher.DispatchController that is used. */
export interface Controller {
  abort(reason: Error): void;
  pause(): void;
  resume(): void;
}

/** Dispatcher.DispatchHandler. */
export interface Handler {
  onRequestStart?(controller: Controller, context: unknown): void;
  onRequestUpgrade?(controller: Controller, status: number, headers: HeaderValues, socket: Socket): void;
  onResponseStart?(controller: Controller, status: number, headers: HeaderValues, message?: string): void;
  onResponseData?(controller: Controller, chunk: Uint8Array): void;
  onResponseEnd?(controller: Controller, trailers: HeaderValues): void;
  onResponseError?(controller: Controller | undefined, error: Error): void;
}

interface Socket {
  on(event: 'error', listener: () => void): { destroy(): void };
}

/** What a request is made of. */
export interface Parts {
  readonly exchange: NegotiateExchange;
  readonly dispatch: (options: DispatchOptions, handler: Handler) => boolean;
  readonly request: DispatchOptions;
  readonly handler: Handler;
  readonly kept: KeptBody | undefined;
}

/** What is read of an answer that is not handed out, so that its connection can be used again. */
const DRAIN_OCTETS = 65_536;
const DRAIN_MS = 1000;

/** Ends a connection whose answer does not end; never seen outside. */
const ENOUGH: Error = new Error('the rest of an answer that is not handed out');

/** Handler of every try; hands the final answer to the caller's handler. */
export class Tries implements Handler {
  readonly #parts: Parts;
  #verdict: Verdict = 'deliver';
  #status = 0;
  #left = DRAIN_OCTETS;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #release: () => void = () => undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Sends the request. @param authenticated whether with a token */
  async next(authenticated: boolean): Promise<void> {
    const { exchange, dispatch, request, kept } = this.#parts;
    const token = authenticated && exchange.allowed ? await exchange.authorization() : undefined;
    const unnamed = request.origin === undefined || request.origin === null;
    this.#release = guardToken(token, exchange.guard, unnamed ? exchange.target.origin : undefined);
    const name = exchange.target.proxy ? 'proxy-authorization' : 'authorization';
    const headers = token === undefined ? request.headers : withHeader(request.headers, name, token);
    dispatch({ ...request, headers, ...(kept === undefined ? {} : { body: kept }) }, this);
  }

  onRequestStart(controller: Controller, context: unknown): void {
    this.#parts.handler.onRequestStart?.(controller, context);
  }

  onResponseStart(controller: Controller, status: number, headers: HeaderValues, message?: string): void {
    const { handler } = this.#parts;
    const verdict = status < 200 ? 'deliver' : this.#judge(controller, status, headers);
    if (verdict === undefined) return;
    if (verdict !== 'deliver') this.#swallow(controller, verdict, status);
    if (verdict === 'authenticate') return;
    const shown = verdict === 'sanitize' ? sanitizedHeaders(status, headers) : headers;
    handler.onResponseStart?.(controller, status, shown, message);
  }

  onResponseData(controller: Controller, chunk: Uint8Array): void {
    if (this.#verdict === 'deliver') {
      this.#parts.handler.onResponseData?.(controller, chunk);
      return;
    }
    this.#left -= chunk.length;
    if (this.#left < 0) controller.abort(ENOUGH);
  }

  onResponseEnd(controller: Controller, trailers: HeaderValues): void {
    if (this.#verdict === 'deliver') this.#parts.handler.onResponseEnd?.(controller, trailers);
    else this.#swallowed(controller);
  }

  onResponseError(controller: Controller | undefined, error: Error): void {
    clearTimeout(this.#timer);
    this.#release();
    if (error === ENOUGH) this.#swallowed(controller);
    else if (isCertificateChanged(error)) this.#unsent(controller);
    else this.#fail(controller, error);
  }

  /** An answer to CONNECT, whatever its status. */
  onRequestUpgrade(controller: Controller, status: number, headers: HeaderValues, socket: Socket): void {
    try {
      const verdict = this.#verdictOf(status, headers);
      if (status < 300) {
        this.#parts.handler.onRequestUpgrade?.(controller, status, headers, socket);
        return;
      }
      socket.on('error', () => undefined).destroy();
      const { target, refusal } = this.#parts.exchange;
      if (verdict !== 'authenticate') throw proxyRefused(target.origin, status, refusal);
      this.#again(controller);
    } catch (error) {
      socket.on('error', () => undefined).destroy();
      this.#fail(controller, error as Error);
    }
  }

  #judge(controller: Controller, status: number, headers: HeaderValues): Verdict | undefined {
    try {
      this.#verdict = this.#verdictOf(status, headers);
      return this.#verdict;
    } catch (error) {
      controller.abort(error as Error);
      return undefined;
    }
  }

  #verdictOf(status: number, headers: HeaderValues): Verdict {
    this.#release();
    const { exchange } = this.#parts;
    const names = exchange.target.proxy
      ? ['proxy-authenticate', 'proxy-authentication-info']
      : ['www-authenticate'];
    return exchange.judge(
      status,
      names.flatMap((name) => headers[name] ?? []),
    );
  }

  #swallow(controller: Controller, verdict: Verdict, status: number): void {
    this.#verdict = verdict;
    this.#status = status;
    this.#left = DRAIN_OCTETS;
    this.#timer = setTimeout(() => controller.abort(ENOUGH), DRAIN_MS);
  }

  /** An answer that is not handed out has come to its end. */
  #swallowed(controller: Controller | undefined): void {
    clearTimeout(this.#timer);
    if (this.#verdict === 'authenticate') this.#again(controller);
    else this.#parts.handler.onResponseEnd?.(controller ?? NO_CONTROLLER, {});
  }

  #again(controller: Controller | undefined): void {
    const attempt = async (): Promise<void> => {
      this.#parts.kept?.rewind(String(this.#status || 'a new connection'));
      // undici takes the connection for busy until its own handler of the answer's end is through.
      await new Promise((resolve) => setImmediate(resolve));
      await this.next(true);
    };
    attempt().catch((error: unknown) => this.#fail(controller, error as Error));
  }

  #unsent(controller: Controller | undefined): void {
    this.#parts.exchange.unsent();
    this.#again(controller);
  }

  #fail(controller: Controller | undefined, error: Error): void {
    this.#parts.exchange.end();
    this.#parts.kept?.cancel();
    this.#parts.handler.onResponseError?.(controller, error);
  }
}

const NO_CONTROLLER: Controller = { abort: () => undefined, pause: () => undefined, resume: () => undefined };

/** Headers in one of undici's shapes, with one set; a flat list comes out. */
function withHeader(headers: unknown, name: string, value: string): string[] {
  const pairs = pairsOf(headers).filter(([key]) => key.toLowerCase() !== name);
  return [...pairs, [name, value] as const].flat() as string[];
}

/** A flat list of names and values, a list of pairs, something to iterate, or an object. */
function pairsOf(headers: unknown): (readonly [string, unknown])[] {
  if (headers === undefined || headers === null) return [];
  const list = isIterable(headers) ? [...headers] : Object.entries(headers);
  if (list.length > 0 && !Array.isArray(list[0])) {
    return list.flatMap((name, i) => (i % 2 === 0 ? [[String(name), list[i + 1]] as const] : []));
  }
  return (list as [unknown, unknown][]).map(([name, value]) => [String(name), value] as const);
}

function isIterable(value: object | unknown): value is Iterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.iterator in value;
}
