/** Tunnels through a proxy that wants Negotiate: CONNECT (RFC 9110 section 9.3.6) for node:https. */
import { once } from 'node:events';
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
// biome-ignore lint/suspicious/noTsIgnore: where the types are there, nothing is wrong
/** @ts-ignore any for users without the types of Node.js */
import { Agent, type AgentOptions, request as httpsRequest, type RequestOptions } from 'node:https';
import type { Socket } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import { rememberCertificate } from './certificates.js';
import { proxyRefused } from './errors.js';
import { exchangeWith, type NegotiateExchange } from './exchange.js';
import { isHttp, type Settings, type Target, targetOf } from './settings.js';
import { type NegotiateProxyOptions, proxySettings } from './undici.js';

/** How to reach servers through a proxy that wants Negotiate. */
export interface NegotiateProxyAgentOptions extends NegotiateProxyOptions {
  /** `http://proxy.example.test:3128`, or https:// */
  readonly url: string;
  /** Options of the https.Agent, such as keepAlive and ca (of the servers, and of a proxy with https://). */
  readonly agent?: AgentOptions | undefined;
}

/**
 * An https.Agent whose connections go through CONNECT of a proxy that wants Negotiate; for `https.request`, got
 * (`agent: { https }`) and axios (`httpsAgent`). Its requests fail with ERR_HTTP_PROXY where the proxy opens no tunnel.
 */
export function negotiateProxyAgent(options: NegotiateProxyAgentOptions): Agent {
  return new TunnelAgent(proxyUrl(options?.url), proxySettings(options), options.agent ?? {});
}

/** @throws TypeError; credentials in it would not go to the proxy alone */
export function proxyUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !isHttp(url) || url.username !== '' || url.password !== '') {
    throw new TypeError('url must be that of a proxy without credentials: http://proxy.example.test:3128');
  }
  return url;
}

type Created = Parameters<Agent['createConnection']>[1];

/** Where a tunnel leads, and how long the proxy may be silent, ms. */
interface To {
  readonly path: string;
  readonly timeout: number | undefined;
}

class TunnelAgent extends Agent {
  readonly #url: URL;
  readonly #settings: Settings;
  readonly #options: AgentOptions;

  constructor(url: URL, settings: Settings, options: AgentOptions) {
    super(options);
    this.#url = url;
    this.#settings = settings;
    this.#options = options;
  }

  /** The same without connections of the past. */
  get freshAgent(): TunnelAgent {
    return new TunnelAgent(this.#url, this.#settings, { ...this.#options, keepAlive: false });
  }

  override createConnection(options: RequestOptions, created?: Created): undefined {
    const { host, port, servername, timeout } = options;
    this.#tunnel(host ?? 'localhost', Number(port ?? 443), timeout).then(
      (socket) =>
        created?.(null, tlsConnect({ ...(options as object), socket, servername: servername ?? '' })),
      (error: Error) => created?.(error, undefined as never),
    );
    return undefined;
  }

  async #tunnel(host: string, port: number, timeout: number | undefined): Promise<Socket> {
    const target = targetOf(this.#url, { proxy: true });
    const exchange = await exchangeWith(this.#settings, target, target.origin);
    const path = `${host.includes(':') ? `[${host}]` : host}:${port}`;
    try {
      let wanted = this.#settings.preemptive;
      for (;;) {
        const { message, socket } = await this.#connect(
          exchange,
          { path, timeout },
          wanted && exchange.allowed,
        );
        if (!isAgain(exchange, message, socket)) return socket;
        wanted = true;
      }
    } finally {
      exchange.end();
    }
  }

  async #connect(
    exchange: NegotiateExchange,
    to: To,
    authenticated: boolean,
  ): Promise<{ message: IncomingMessage; socket: Socket }> {
    const { target } = exchange;
    const request = this.#request(target, to);
    const failed = new Promise<never>((_resolve, reject) => {
      request.once('error', (cause) => reject(proxyRefused(target.origin, undefined, cause)));
    });
    try {
      const answered = once(request, 'connect') as Promise<[IncomingMessage, Socket, Uint8Array]>;
      answered.catch(() => undefined);
      await Promise.race([connected(request, target), failed]);
      if (authenticated) request.setHeader('proxy-authorization', await exchange.authorization());
      request.end();
      const [message, socket, head] = await Promise.race([answered, failed]);
      if (head.length > 0) socket.unshift(head);
      socket.setTimeout(0);
      return { message, socket };
    } catch (error) {
      request.destroy();
      throw error;
    }
  }

  #request({ secure }: Target, { path, timeout = this.#options.timeout }: To): ClientRequest {
    const { ca } = this.#options;
    const options = {
      ...{ method: 'CONNECT', path, headers: { host: path }, agent: false as const },
      ...(timeout === undefined ? {} : { timeout }),
    };
    const request = secure
      ? httpsRequest(this.#url, { ...options, ...(ca === undefined ? {} : { ca }) })
      : httpRequest(this.#url, options);
    return request.once('timeout', () => request.destroy(new Error('no answer in time')));
  }
}

/** The token is made when the proxy has shown its certificate, so it goes to no other. */
async function connected(request: ClientRequest, target: Target): Promise<void> {
  const [socket] = (await once(request, 'socket')) as [Socket];
  if (!target.secure) return;
  await once(socket, 'secureConnect');
  rememberCertificate(socket, target);
}

/** Whether the proxy wants a token; false when the tunnel is there. */
function isAgain(
  exchange: NegotiateExchange,
  { statusCode = 0, headersDistinct }: IncomingMessage,
  socket: Socket,
): boolean {
  try {
    const names = ['proxy-authenticate', 'proxy-authentication-info'];
    const headers = names.flatMap((name) => headersDistinct[name] ?? []);
    const verdict = exchange.judge(statusCode, headers);
    if (statusCode >= 200 && statusCode < 300) return false;
    if (verdict !== 'authenticate') throw proxyRefused(exchange.target.origin, statusCode, exchange.refusal);
  } catch (error) {
    destroy(socket);
    throw error;
  }
  destroy(socket);
  return true;
}

function destroy(socket: Socket): void {
  socket.on('error', () => undefined).destroy();
}
