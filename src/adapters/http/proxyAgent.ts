/** Tunnels through a proxy that wants Negotiate: CONNECT (RFC 9110 section 9.3.6) for node:https. */
import { request as httpRequest, type IncomingMessage } from 'node:http';
// biome-ignore lint/suspicious/noTsIgnore: where the types are there, nothing is wrong
/** @ts-ignore any for users without the types of Node.js */
import { Agent, type AgentOptions, request as httpsRequest, type RequestOptions } from 'node:https';
import type { Socket } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import { rememberCertificate } from './certificates.js';
import { proxyRefused } from './errors.js';
import { exchangeWith, type NegotiateExchange } from './exchange.js';
import { isHttp, type Settings, targetOf } from './settings.js';
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
  const url = URL.canParse(options?.url) ? new URL(options.url) : undefined;
  if (url === undefined || !isHttp(url))
    throw new TypeError('url must be that of a proxy, such as http://proxy.example.test:3128');
  return new TunnelAgent(url, proxySettings(options), options.agent ?? {});
}

type Created = Parameters<Agent['createConnection']>[1];

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
    const { host, port, servername } = options;
    this.#tunnel(host ?? 'localhost', Number(port ?? 443)).then(
      (socket) =>
        created?.(null, tlsConnect({ ...(options as object), socket, servername: servername ?? '' })),
      (error: Error) => created?.(error, undefined as never),
    );
    return undefined;
  }

  async #tunnel(host: string, port: number): Promise<Socket> {
    const target = targetOf(this.#url, { proxy: true });
    const exchange = await exchangeWith(this.#settings, target, target.origin);
    const path = `${host.includes(':') ? `[${host}]` : host}:${port}`;
    try {
      let wanted = this.#settings.preemptive;
      for (;;) {
        const authorization = wanted && exchange.allowed ? await exchange.authorization() : undefined;
        const { message, socket } = await this.#connect(exchange, path, authorization);
        if (!isAgain(exchange, message, socket)) return socket;
        wanted = true;
      }
    } finally {
      exchange.end();
    }
  }

  #connect(
    { target }: NegotiateExchange,
    path: string,
    authorization: string | undefined,
  ): Promise<{ message: IncomingMessage; socket: Socket }> {
    const headers = {
      host: path,
      ...(authorization === undefined ? {} : { 'proxy-authorization': authorization }),
    };
    const { ca, timeout } = this.#options;
    const options = {
      method: 'CONNECT',
      path,
      headers,
      agent: false as const,
      ...(timeout === undefined ? {} : { timeout }),
    };
    return new Promise((resolve, reject) => {
      const request = target.secure
        ? httpsRequest(this.#url, { ...options, ...(ca === undefined ? {} : { ca }) })
        : httpRequest(this.#url, options);
      request.once('error', (cause) => reject(proxyRefused(target.origin, undefined, cause)));
      request.once('timeout', () => request.destroy(new Error('no answer in time')));
      request.once('connect', (message: IncomingMessage, socket: Socket, head: Uint8Array) => {
        rememberCertificate(socket, target);
        if (head.length > 0) socket.unshift(head);
        socket.setTimeout(0);
        resolve({ message, socket });
      });
      request.end();
    });
  }
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
