/**
 * HTTP Negotiate as interceptors for undici (7 or later), by its controller interface. Nothing is imported from undici.
 *
 * An interceptor sees every hop of a redirect by itself. It may wait before it dispatches; once an answer begins it must
 * decide at once, and it can, for `judge` does not wait.
 */
import { isRepeatable, KeptBody, type Source } from './body.js';
import { watchConnections } from './certificates.js';
import { exchangeWith, type NegotiateExchange } from './exchange.js';
import type { NegotiateOptions } from './options.js';
import { type Settings, settingsOf, targetOf } from './settings.js';
import { type DispatchOptions, type Handler, Tries } from './undiciTries.js';

/** What `dispatcher.compose()` takes. */
export type NegotiateInterceptor = <Dispatch extends (options: never, handler: never) => boolean>(
  dispatch: Dispatch,
) => Dispatch;

/** How the interceptor works. It sees hops, not what the caller asked for: so the origins must be named. */
export interface NegotiateInterceptorOptions extends NegotiateOptions {
  /**
   * A list of one also stands for requests of a Client or Pool that name no origin. If that one leads to another origin, the
   * request rejects with a TypeError before the token is written.
   */
  readonly origins: readonly string[] | ((origin: string) => boolean);
}

/** How a proxy is authenticated to. `mutual` is `optional` unless given: few proxies send a proof. */
export type NegotiateProxyOptions = Omit<
  NegotiateOptions,
  'origins' | 'sessions' | 'replayLimit' | 'sanitizeErrors'
>;

/**
 * For `new Agent().compose(negotiateInterceptor({ client, origins }))`: requests to the origins of the list answer
 * Negotiate, others pass untouched and unverified. Compose it first (innermost), so that it sees every hop and retry.
 * A request rejects with what `negotiateFetch` rejects with.
 */
export function negotiateInterceptor(options: NegotiateInterceptorOptions): NegotiateInterceptor {
  const settings = settingsOf(options);
  if (options.origins === undefined)
    throw new TypeError('origins must be given: an interceptor sees all requests');
  const only =
    Array.isArray(options.origins) && options.origins.length === 1 ? options.origins[0] : undefined;
  return interceptor(settings, async (request) => {
    if (request.method === 'CONNECT') return undefined;
    const origin = originOf(request, only);
    if (origin === undefined) {
      throw new TypeError('origin must be among the options of the request, or the only one in origins');
    }
    if (!settings.allows(origin.origin, undefined)) return undefined;
    return exchangeWith(settings, targetOf(origin), undefined);
  });
}

/**
 * For the connection of a ProxyAgent to its proxy; answers 407 to CONNECT (service `HTTP@proxyhost`):
 * `new ProxyAgent({ uri, clientFactory: (origin, options) => new Pool(origin, options).compose(negotiateProxy({ client })) })`.
 */
export function negotiateProxy(options: NegotiateProxyOptions): NegotiateInterceptor {
  const settings = proxySettings(options);
  return interceptor(settings, async (request) => {
    const origin = request.method === 'CONNECT' ? originOf(request) : undefined;
    if (origin === undefined) return undefined;
    return exchangeWith(settings, targetOf(origin, { proxy: true }), origin.origin);
  });
}

/** Settings towards a proxy: the one origin is the proxy's. */
export function proxySettings(options: NegotiateProxyOptions): Settings {
  return settingsOf({ ...options, mutual: options.mutual ?? 'optional', origins: undefined });
}

type ExchangeFor = (request: DispatchOptions) => Promise<NegotiateExchange | undefined>;
type Dispatch = (options: DispatchOptions, handler: Handler) => boolean;

function interceptor(settings: Settings, exchangeFor: ExchangeFor): NegotiateInterceptor {
  watchConnections();
  const intercept =
    (dispatch: Dispatch): Dispatch =>
    (request, handler) => {
      void begin(settings, exchangeFor, dispatch, request, handler);
      return true;
    };
  return intercept as unknown as NegotiateInterceptor;
}

async function begin(
  settings: Settings,
  exchangeFor: ExchangeFor,
  dispatch: Dispatch,
  request: DispatchOptions,
  handler: Handler,
): Promise<void> {
  try {
    const exchange = await exchangeFor(request);
    if (exchange === undefined) {
      dispatch(request, handler);
      return;
    }
    const kept = isRepeatable(request.body)
      ? undefined
      : new KeptBody(request.body as Source, settings.replayLimit ?? 0);
    const tries = new Tries({ exchange, dispatch, request, handler, kept });
    await tries.next(settings.preemptive);
  } catch (error) {
    handler.onResponseError?.(undefined, error as Error);
  }
}

function originOf({ origin = undefined }: DispatchOptions, otherwise?: string): URL | undefined {
  const text = String(origin ?? otherwise);
  return URL.canParse(text) ? new URL(text) : undefined;
}
