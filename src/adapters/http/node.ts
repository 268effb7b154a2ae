/** HTTP Negotiate for node:http and node:https. */
// biome-ignore lint/suspicious/noTsIgnore: where the types are there, nothing is wrong
/** @ts-ignore any for users without the types of Node.js */
import type { IncomingMessage } from 'node:http';
// biome-ignore lint/suspicious/noTsIgnore: where the types are there, nothing is wrong
/** @ts-ignore any for users without the types of Node.js */
import type { RequestOptions } from 'node:https';
import { isRepeatable, isSource, isWhole, KeptBody } from './body.js';
import { exchangeWith, type NegotiateExchange } from './exchange.js';
import { noteNegotiation } from './negotiation.js';
import { type Answer, discardMessage, NodeAttempt, sanitizedMessage } from './nodeAttempt.js';
import { agentsFor, forgetAuthentication, type Identity, identityOf } from './nodeConnections.js';
import type { NegotiateOptions } from './options.js';
import { proxyUrl } from './proxyAgent.js';
import { isHttp, type Settings, settingsOf, targetOf } from './settings.js';
import { type NegotiateProxyOptions, proxySettings } from './undici.js';

/** What is sent, and how. */
export interface NegotiateRequestOptions extends NegotiateOptions {
  /**
   * Options of `http.request` and `https.request`: method, headers, agent, ca, timeout, signal, ... Without an agent,
   * connections are kept alive for this client's requests only, so no other identity ever uses them.
   */
  readonly request?: RequestOptions | undefined;
  /** Body; a stream or iterable is read once (`replayLimit`). */
  readonly body?: string | Uint8Array | AsyncIterable<Uint8Array | string> | undefined;
  /**
   * The server authenticates connections, not requests (IIS, mod_auth_gssapi's GssapiConnectionBound): one token per
   * socket, later requests of this client on it go without. false unless given.
   */
  readonly connectionBound?: boolean | undefined;
  /**
   * Proxy to go through: CONNECT for https://, absolute URLs for http://; 407 is answered with a token for it. Its client
   * is that of the request unless given.
   */
  readonly proxy?: (Partial<NegotiateProxyOptions> & { readonly url: string }) | undefined;
}

/**
 * One request by node:http or node:https that answers Negotiate. Redirects are not followed.
 * @returns the response, verified before it is given; its body is to be read
 * @throws as `negotiateFetch`; ERR_HTTP_PROXY when the proxy opens no tunnel; ERR_TIMEOUT after `request.timeout`
 */
export async function negotiateRequest(
  url: string | { readonly href: string },
  options: NegotiateRequestOptions,
): Promise<IncomingMessage> {
  const settings = settingsOf(options);
  const parsed = new URL(typeof url === 'string' ? url : url.href);
  if (!isHttp(parsed)) throw new TypeError('url must begin with http:// or https://');
  checkMethod(options.request?.method);
  checkBody(options.body);
  const target = targetOf(parsed, { servername: options.request?.servername });
  const exchange = await exchangeWith(settings, target, target.origin);
  const proxy = await proxyExchange(options, parsed);
  try {
    return await new NodeCall(settings, options, parsed, exchange, proxy).run();
  } catch (error) {
    if (options.request?.signal?.aborted) throw options.request.signal.reason;
    throw error;
  } finally {
    exchange.end();
    proxy?.end();
  }
}

/** Node gives the answer to CONNECT as a socket, not as a response. */
function checkMethod(method: unknown): void {
  if (String(method).toUpperCase() === 'CONNECT')
    throw new TypeError('request.method must be another than CONNECT; proxy opens tunnels');
}

/** Node would send other things empty, or end the program on them. */
function checkBody(body: unknown): void {
  if (body === undefined || isWhole(body)) return;
  const streams = typeof body === 'object' && body !== null && isSource(body);
  if (streams && !isRepeatable(body)) return;
  throw new TypeError('body must be a string, a Uint8Array, or a stream or iterable of them');
}

/** The exchange with a proxy that takes absolute URLs; a tunnel's is with its agent. */
async function proxyExchange(
  { proxy, client, trace }: NegotiateRequestOptions,
  { protocol }: URL,
): Promise<NegotiateExchange | undefined> {
  if (proxy === undefined || protocol === 'https:') return undefined;
  const settings = proxySettings({ client, trace, ...proxy });
  const target = targetOf(proxyUrl(proxy.url), { proxy: true });
  return exchangeWith(settings, target, target.origin);
}

/** One call with its tries. */
class NodeCall {
  readonly #settings: Settings;
  readonly #options: NegotiateRequestOptions;
  readonly #url: URL;
  readonly #exchange: NegotiateExchange;
  readonly #proxy: NegotiateExchange | undefined;
  readonly #identity: Identity;
  readonly #kept: KeptBody | undefined;

  constructor(
    settings: Settings,
    options: NegotiateRequestOptions,
    url: URL,
    exchange: NegotiateExchange,
    proxy: NegotiateExchange | undefined,
  ) {
    this.#settings = settings;
    this.#options = options;
    this.#url = url;
    this.#exchange = exchange;
    this.#proxy = proxy;
    this.#identity = identityOf(exchange, proxy, settings);
    const { body } = options;
    this.#kept =
      body === undefined || isWhole(body) ? undefined : new KeptBody(body, settings.replayLimit ?? 0);
  }

  async run(): Promise<IncomingMessage> {
    let wants = { origin: this.#settings.preemptive, proxy: this.#options.proxy?.preemptive === true };
    for (;;) {
      const answer = await this.#attempt(wants);
      const { message, again } = this.#judge(answer);
      if (again === undefined) return message;
      await discardMessage(answer);
      this.#kept?.rewind(String(message.statusCode));
      wants = { origin: wants.origin || again === 'origin', proxy: wants.proxy || again === 'proxy' };
    }
  }

  #attempt(wants: { origin: boolean; proxy: boolean }): Promise<Answer> {
    const { request = {}, body, connectionBound = false, proxy } = this.#options;
    const agent = request.agent ?? agentsFor(this.#identity, this.#options, this.#url);
    const attempt = new NodeAttempt({
      url: this.#url,
      proxyUrl: this.#proxy === undefined ? undefined : new URL(proxy!.url),
      options: { ...request, agent },
      body: this.#kept ?? (body as string | Uint8Array | undefined),
      identity: this.#identity,
      connectionBound,
      exchange: this.#exchange,
      proxy: this.#proxy,
    });
    return attempt.send(wants);
  }

  /** The response to hand out, or who wants a token. */
  #judge(answer: Answer): { message: IncomingMessage; again?: 'origin' | 'proxy' } {
    try {
      return this.#verdict(answer);
    } catch (error) {
      // Whoever answered so keeps no connection, and no authentication with it.
      forgetAuthentication(answer.socket);
      answer.request.destroy();
      throw error;
    }
  }

  #verdict(answer: Answer): { message: IncomingMessage; again?: 'origin' | 'proxy' } {
    const { message } = answer;
    const status = message.statusCode ?? 0;
    const fromProxy = status === 407 && this.#proxy !== undefined;
    this.#checkProxy(answer, fromProxy);
    const exchange = fromProxy ? this.#proxy! : this.#exchange;
    const name = fromProxy ? 'proxy-authenticate' : 'www-authenticate';
    exchange.connectionProved = answer.connectionProved;
    const verdict = exchange.judge(status, message.headersDistinct[name] ?? []);
    if (verdict === 'authenticate') return { message, again: fromProxy ? 'proxy' : 'origin' };
    const shown = verdict === 'sanitize' ? sanitizedMessage(answer) : message;
    noteNegotiation(shown, exchange);
    return { message: shown };
  }

  /** The proof of a proxy that let the request pass. */
  #checkProxy({ message: { headersDistinct } }: Answer, refused: boolean): void {
    if (this.#proxy === undefined || refused) return;
    const names = ['proxy-authenticate', 'proxy-authentication-info'];
    this.#proxy.judge(
      200,
      names.flatMap((name) => headersDistinct[name] ?? []),
    );
  }
}
