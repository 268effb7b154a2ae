/** HTTP Negotiate for any fetch (RFC 4559; redirects as in the Fetch standard, section 4.4). */
import { guardToken, watchConnections } from './certificates.js';
import { isCertificateChanged } from './errors.js';
import { exchangeWith, type NegotiateExchange, type Verdict } from './exchange.js';
import { FetchRequest } from './fetchRequest.js';
import { discard, responseAs, sanitizedResponse } from './fetchResponse.js';
import { noteNegotiation } from './negotiation.js';
import type { NegotiateOptions } from './options.js';
import { fetchFailed, type Hop, isRedirect, MOST_REDIRECTS, nextHop } from './redirect.js';
import { isHttp, type Settings, settingsOf, targetOf } from './settings.js';

/** How a negotiating fetch works. */
export interface NegotiateFetchOptions extends NegotiateOptions {
  /** The fetch beneath: `globalThis.fetch` unless given, or that of the undici package, with a dispatcher, ... */
  // biome-ignore lint/suspicious/noExplicitAny: each fetch has types of its own for the same things
  readonly fetch?: ((url: any, init: any) => Promise<unknown>) | undefined;
}

/**
 * A fetch that answers Negotiate: 401, token, again; the server's proof is verified before the response is handed out.
 * Redirects are followed hop by hop with a fresh token each, to origins of the list only.
 * @throws (rejects) ProtocolError ERR_HTTP_MUTUAL_AUTH, ERR_HTTP_CHALLENGE, ERR_HTTP_AUTH_LOOP; TransportError
 *   ERR_HTTP_BODY_REPLAY, ERR_HTTP_CHANNEL_BINDING; CredentialError ERR_HTTP_DELEGATION; what `Client.securityContext`
 *   throws; what the fetch beneath throws
 */
export function negotiateFetch(options: NegotiateFetchOptions): typeof fetch {
  const settings = settingsOf(options);
  if (options.fetch !== undefined && typeof options.fetch !== 'function') {
    throw new TypeError('fetch must be a function such as globalThis.fetch');
  }
  if (settings.channelBindings !== 'off') watchConnections();
  const beneath = (options.fetch as typeof fetch | undefined) ?? ((url, init) => globalThis.fetch(url, init));
  return async (input, init) => {
    const request = new FetchRequest(input, init, settings.replayLimit);
    if (!isHttp(request.url))
      throw new TypeError('negotiateFetch: the URL must begin with http:// or https://');
    return new Call(settings, beneath, request).run();
  };
}

/** One call with its hops. */
class Call {
  readonly #settings: Settings;
  readonly #fetch: typeof fetch;
  readonly #request: FetchRequest;
  readonly #initial: string;
  #url: URL;
  #hops = 0;

  constructor(settings: Settings, beneath: typeof fetch, request: FetchRequest) {
    this.#settings = settings;
    this.#fetch = beneath;
    this.#request = request;
    this.#url = request.url;
    this.#initial = request.url.origin;
  }

  async run(): Promise<Response> {
    const { signal } = this.#request;
    try {
      for (;;) {
        const response = await this.#hop();
        if (response !== undefined) return response;
      }
    } catch (error) {
      this.#request.cancel();
      signal?.throwIfAborted();
      throw error;
    }
  }

  /** One hop: its final response, or nothing when there is another hop to go. */
  async #hop(): Promise<Response | undefined> {
    const target = targetOf(this.#url, { redirected: this.#url.origin !== this.#initial });
    const exchange = await exchangeWith(this.#settings, target, this.#initial);
    try {
      const { response, verdict } = await this.#negotiate(exchange);
      if (verdict !== 'sanitize' && this.#follows(response)) return await this.#follow(response);
      return this.#finish(response, verdict, exchange);
    } finally {
      exchange.end();
    }
  }

  /** Sends until the answer is final. */
  async #negotiate(exchange: NegotiateExchange): Promise<{ response: Response; verdict: Verdict }> {
    const { preemptive } = this.#settings;
    const { signal } = this.#request;
    let authorization = preemptive && exchange.allowed ? await exchange.authorization(signal) : undefined;
    for (;;) {
      const response = await this.#send(authorization, exchange);
      if (response === undefined) {
        authorization = await exchange.authorization(signal);
        continue;
      }
      const verdict = this.#judge(exchange, response);
      if (verdict !== 'authenticate') return { response, verdict };
      await this.#sendAgain(response, String(response.status));
      authorization = await exchange.authorization(signal);
    }
  }

  /** The answer; nothing when the token was bound to another certificate than the connection has. */
  async #send(authorization: string | undefined, exchange: NegotiateExchange): Promise<Response | undefined> {
    const release = guardToken(authorization, exchange.guard);
    try {
      return await this.#fetch(this.#url.href, this.#request.attempt(authorization));
    } catch (error) {
      if (!isCertificateChanged(error)) throw error;
      exchange.unsent();
      this.#request.rewind('another certificate');
      return undefined;
    } finally {
      release();
    }
  }

  #judge(exchange: NegotiateExchange, response: Response): Verdict {
    try {
      const header = response.headers.get('www-authenticate');
      return exchange.judge(response.status, header === null ? [] : [header], this.#follows(response));
    } catch (error) {
      void discard(response);
      throw error;
    }
  }

  #follows({ status, headers, type, redirected }: Response): boolean {
    if (type === 'opaqueredirect' || redirected)
      throw new TypeError('negotiateFetch needs a fetch that shows redirects');
    return this.#request.redirect !== 'manual' && isRedirect(status, headers.get('location'));
  }

  async #follow(response: Response): Promise<undefined> {
    if (this.#request.redirect === 'error') throw fetchFailed('unexpected redirect');
    if (++this.#hops > MOST_REDIRECTS) throw fetchFailed('redirect count exceeded');
    const hop = nextHop(response.status, response.headers.get('location')!, this.#url, this.#request.method);
    await this.#sendAgain(response, `redirect ${response.status}`, hop);
    this.#request.redirectTo(hop);
    this.#settings.trace({
      event: 'http.redirect',
      text: `${this.#url.origin}: ${response.status} leads to ${hop.url.origin}`,
      data: { origin: this.#url.origin, to: hop.url.origin },
    });
    this.#url = hop.url;
  }

  /** Drops a response, once it is certain that the request can be sent again. */
  async #sendAgain(response: Response, why: string, hop?: Hop): Promise<void> {
    try {
      if (hop?.keepsBody !== false) this.#request.rewind(why);
    } finally {
      await discard(response);
    }
  }

  #finish(response: Response, verdict: Verdict, exchange: NegotiateExchange): Response {
    const clean = verdict === 'sanitize' ? sanitizedResponse(response) : response;
    if (clean !== response) void discard(response);
    const shown = responseAs(clean, this.#url.href, this.#hops > 0);
    noteNegotiation(shown, exchange);
    return shown;
  }
}
