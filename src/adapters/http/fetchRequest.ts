/** The request of a fetch, in parts that can be sent several times. */
import { isRepeatable, KeptBody, type Source, streamOf } from './body.js';
import { dropHeaders, type Hop } from './redirect.js';

/** Octets kept of the body of a Request object; it was mostly made from a string, which can no longer be seen. */
const REQUEST_BODY_LIMIT = 1024 * 1024;

/** What is taken over from a Request object. */
const FROM_REQUEST = [
  'credentials',
  'cache',
  'mode',
  'referrer',
  'referrerPolicy',
  'integrity',
  'keepalive',
] as const;

/** One request, changed by redirects. */
export class FetchRequest {
  readonly url: URL;
  readonly redirect: NonNullable<RequestInit['redirect']>;
  readonly signal: AbortSignal | undefined;
  #method: string;
  readonly #headers: Headers;
  readonly #rest: Readonly<Record<string, unknown>>;
  #body: unknown;
  #kept: KeptBody | undefined;

  constructor(input: string | URL | Request, init: RequestInit = {}, replayLimit: number | undefined) {
    const request = isRequest(input) ? input : undefined;
    this.url = new URL(request?.url ?? String(input));
    const { method, headers, body, redirect, signal, ...rest } = init;
    this.#method = normalized(method ?? request?.method ?? 'GET');
    this.#headers = new Headers(headers ?? request?.headers);
    this.redirect = redirect ?? request?.redirect ?? 'follow';
    if (!['follow', 'manual', 'error'].includes(this.redirect)) {
      throw new TypeError("redirect must be 'follow', 'manual' or 'error'");
    }
    this.signal = (signal === undefined ? request?.signal : signal) ?? undefined;
    this.#rest = { ...partsOf(request), ...rest };
    const own = body !== undefined && body !== null;
    this.#setBody(own ? body : request?.body, replayLimit ?? (own ? 0 : REQUEST_BODY_LIMIT));
  }

  get method(): string {
    return this.#method;
  }

  /** `init` of one try; redirects come back to us. */
  attempt(authorization: string | undefined): RequestInit {
    const headers = new Headers(this.#headers);
    if (authorization !== undefined) headers.set('authorization', authorization);
    const body = this.#kept === undefined ? this.#body : streamOf(this.#kept);
    return {
      ...this.#rest,
      method: this.#method,
      headers: [...headers],
      redirect: 'manual',
      ...(this.signal === undefined ? {} : { signal: this.signal }),
      ...(body === undefined || body === null ? {} : { body }),
      ...(this.#kept === undefined ? {} : { duplex: 'half' }),
    } as unknown as RequestInit;
  }

  /** @throws TransportError ERR_HTTP_BODY_REPLAY when the body cannot be sent again */
  rewind(why: string): void {
    this.#kept?.rewind(why);
  }

  /** Ends what is still being read. */
  cancel(): void {
    this.#kept?.cancel();
  }

  redirectTo(hop: Hop): void {
    this.#method = hop.method;
    dropHeaders(this.#headers, hop);
    if (hop.keepsBody) return;
    this.#body = undefined;
    this.#kept = undefined;
  }

  #setBody(body: unknown, limit: number): void {
    if (isRepeatable(body)) this.#body = body;
    else this.#kept = new KeptBody(body as Source, limit);
  }
}

function isRequest(input: unknown): input is Request {
  return typeof input === 'object' && input !== null && 'url' in input && 'headers' in input;
}

function partsOf(request: Request | undefined): Record<string, unknown> {
  if (request === undefined) return {};
  const parts = FROM_REQUEST.map((name) => [name, request[name]] as const);
  return Object.fromEntries(parts.filter(([, value]) => value !== undefined && value !== 'navigate'));
}

/** Methods that fetch writes in capitals (Fetch standard, section 2.2.1). */
function normalized(method: string): string {
  const upper = method.toUpperCase();
  return ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'POST', 'PUT'].includes(upper) ? upper : method;
}
