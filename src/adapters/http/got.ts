/** HTTP Negotiate as hooks for got (14 or later), promise interface. Nothing is imported from got. */
import type { ClientRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { checkServerIdentity, type PeerCertificate, type TLSSocket } from 'node:tls';
import { isOther, rememberCertificate, type TokenGuard } from './certificates.js';
import { certificateChanged } from './errors.js';
import { exchangeWith, type NegotiateExchange, type Verdict } from './exchange.js';
import type { NegotiateOptions } from './options.js';
import { sanitizedHeaders } from './sanitize.js';
import { type Settings, settingsOf, type Target, targetOf } from './settings.js';

/** The part of got's options that the hooks use. */
export interface GotRequestOptions {
  readonly url?: unknown;
  headers: Record<string, string | string[] | undefined>;
  readonly isStream?: boolean | undefined;
  https?: unknown;
  request?: unknown;
}

/** The part of got's response that the hooks use. */
export interface GotResponse {
  readonly statusCode: number;
  headers: Record<string, string | string[] | undefined>;
  readonly request: { readonly options: unknown };
}

/** How the hooks work. They see hops, not what the caller asked for: so the origins must be named. */
export interface NegotiateGotOptions extends NegotiateOptions {
  readonly origins: readonly string[] | ((origin: string) => boolean);
}

/** Hooks for `got.extend({ hooks })`. */
export interface NegotiateGotHooks {
  readonly beforeRequest: ((options: GotRequestOptions) => Promise<void>)[];
  readonly beforeRedirect: ((options: GotRequestOptions, response: GotResponse) => void)[];
  readonly afterResponse: (<Response extends GotResponse>(
    response: Response,
    retry: (options: { headers: Record<string, string>; preserveHooks: boolean }) => never,
  ) => Promise<Response>)[];
}

/**
 * `got.extend({ hooks: negotiateGotHooks({ client, origins }) })`. got reads a body before its hooks see the response; it
 * is still not handed out before the server's proof is verified. Streams (`got.stream`) cannot be verified and are
 * refused unless mutual is `disabled`.
 */
export function negotiateGotHooks(options: NegotiateGotOptions): NegotiateGotHooks {
  const settings = settingsOf(options);
  if (options.origins === undefined)
    throw new TypeError('origins must be given: hooks see hops, not what the caller asked for');
  const hooks = new Hooks(settings);
  return {
    beforeRequest: [(request) => hooks.begin(request)],
    beforeRedirect: [(request, response) => hooks.redirect(request, response)],
    afterResponse: [(response, retry) => hooks.end(response, retry)],
  };
}

class Hooks {
  readonly #settings: Settings;
  /** By got's options object, of which each hop and each try has its own. */
  readonly #exchanges = new WeakMap<object, NegotiateExchange>();
  /** Between a 401 and the try that answers it, by the token. */
  readonly #continued = new Map<string, NegotiateExchange>();
  readonly #redirected = new WeakSet<object>();

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  async begin(request: GotRequestOptions): Promise<void> {
    if (request.isStream === true && this.#settings.mutual !== 'disabled') {
      throw new TypeError(
        "got.stream: hooks cannot verify streams; use mutual: 'disabled', or negotiateFetch",
      );
    }
    const { headers } = request;
    unguardConnection(request);
    const sent = headers.authorization;
    const continued = typeof sent === 'string' ? this.#continued.get(sent) : undefined;
    if (continued !== undefined) {
      this.#continued.delete(sent as string);
      this.#exchanges.set(request, continued);
      guardConnection(request, continued);
      return;
    }
    if (typeof sent === 'string' && /^negotiate /i.test(sent)) delete headers.authorization;
    await this.#start(request);
  }

  async #start(request: GotRequestOptions): Promise<void> {
    const url = new URL(String(request.url));
    if (!this.#settings.allows(url.origin, undefined)) return;
    const target = targetOf(url, { redirected: this.#redirected.has(request) });
    const exchange = await exchangeWith(this.#settings, target, undefined);
    this.#exchanges.set(request, exchange);
    if (this.#settings.preemptive && exchange.allowed) {
      request.headers.authorization = await exchange.authorization();
    }
    guardConnection(request, exchange);
  }

  /** A redirect may lack the proof; a wrong one is refused. */
  redirect(request: GotRequestOptions, response: GotResponse): void {
    const exchange = this.#exchanges.get(response.request.options as object);
    if (exchange === undefined) return;
    exchange.judge(response.statusCode, challenges(response), true);
    const { origin } = new URL(String(request.url));
    if (exchange.target.redirected || origin !== exchange.target.origin) this.#redirected.add(request);
  }

  async end<Response extends GotResponse>(
    response: Response,
    retry: (options: { headers: Record<string, string>; preserveHooks: boolean }) => never,
  ): Promise<Response> {
    const exchange = this.#exchanges.get(response.request.options as object);
    if (exchange === undefined) return response;
    const verdict: Verdict = exchange.judge(response.statusCode, challenges(response));
    if (verdict === 'sanitize') sanitize(response);
    if (verdict !== 'authenticate') return response;
    const authorization = await exchange.authorization();
    this.#continued.set(authorization, exchange);
    return retry({ headers: { authorization }, preserveHooks: true });
  }
}

type CheckIdentity = (host: string, certificate: PeerCertificate) => Error | undefined;

type Send = (...parameters: Parameters<typeof httpsRequest>) => ClientRequest;

/** What a function of ours stands in front of. */
const guards = new WeakMap<object, unknown>();

/**
 * Sees the certificate of the connection, and refuses one with another certificate than the token is bound to: got
 * chooses the connection after the token was made, and somebody in the middle of that connection could hand the token on to
 * the server. Handshakes ask `checkServerIdentity`; what resumes a session or comes out of a pool is looked at before the
 * request is written.
 */
function guardConnection(request: GotRequestOptions, { guard, target }: NegotiateExchange): void {
  if (!target.secure) return;
  const https = (request.https ?? {}) as HttpsOptions;
  const inner = https.checkServerIdentity ?? checkServerIdentity;
  const check: CheckIdentity = (host, certificate) => {
    const shown = { getPeerCertificate: () => certificate };
    rememberCertificate(shown, target);
    return guard !== undefined && isOther(shown, guard) ? certificateChanged() : inner(host, certificate);
  };
  const innerSend = request.request as Send | undefined;
  const send: Send = (...parameters) => {
    const sent = (innerSend ?? (httpsRequest as Send))(...parameters);
    sent.once?.('socket', (socket) => checkSocket(sent, socket as TLSSocket, target, guard));
    return sent;
  };
  guards.set(check, https.checkServerIdentity).set(send, innerSend);
  request.https = { ...https, checkServerIdentity: check };
  request.request = send;
}

function checkSocket(
  request: ClientRequest,
  socket: TLSSocket & { readonly secureConnecting?: boolean },
  target: Target,
  guard: TokenGuard | undefined,
): void {
  const check = (): void => {
    rememberCertificate(socket, target);
    if (guard !== undefined && isOther(socket, guard)) request.destroy(certificateChanged());
  };
  if (socket.secureConnecting === true) socket.once('secureConnect', check);
  else check();
}

interface HttpsOptions {
  readonly checkServerIdentity?: CheckIdentity;
}

/** Takes away what belongs to an earlier try, or to the hop before. */
function unguardConnection(request: GotRequestOptions): void {
  const https = (request.https ?? {}) as HttpsOptions;
  const { checkServerIdentity: check } = https;
  if (check !== undefined && guards.has(check)) {
    request.https = { ...https, checkServerIdentity: guards.get(check) };
  }
  if (typeof request.request === 'function' && guards.has(request.request)) {
    request.request = guards.get(request.request);
  }
}

function challenges({ headers }: GotResponse): readonly string[] {
  return [headers['www-authenticate'] ?? []].flat();
}

/** Empties body and headers in place: got's response is what its errors show, too. */
function sanitize(response: GotResponse): void {
  const empty = {
    body: '',
    rawBody: new Uint8Array(0),
    headers: sanitizedHeaders(response.statusCode, response.headers),
  };
  for (const [name, value] of Object.entries(empty)) {
    Object.defineProperty(response, name, { value, writable: true, enumerable: true, configurable: true });
  }
}
