/** One try of a request by node:http or node:https. */
import { once } from 'node:events';
import {
  type AgentOptions,
  type ClientRequest,
  Agent as HttpAgent,
  request as httpRequest,
  IncomingMessage,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest, type RequestOptions } from 'node:https';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { urlToHttpOptions } from 'node:url';
import { TransportError } from '../../errors.js';
import { isWhole } from './body.js';
import { isOther, rememberCertificate } from './certificates.js';
import { certificateChanged } from './errors.js';
import type { NegotiateExchange } from './exchange.js';
import {
  claim,
  forgetAuthentication,
  type Identity,
  isAuthenticated,
  isForeign,
  markAuthenticated,
} from './nodeConnections.js';
import { chunksOf, headersOf, type NodeBody } from './nodeHeaders.js';
import { OpenedRequest } from './nodeRequest.js';
import { sanitizedHeaders } from './sanitize.js';

/** What is sent. */
export interface AttemptParts {
  readonly url: URL;
  /** Of a proxy that takes absolute URLs. */
  readonly proxyUrl: URL | undefined;
  readonly options: RequestOptions;
  readonly body: NodeBody;
  readonly identity: Identity;
  readonly connectionBound: boolean;
  readonly exchange: NegotiateExchange;
  readonly proxy: NegotiateExchange | undefined;
}

/** What came. */
export interface Answer {
  readonly request: ClientRequest;
  readonly message: IncomingMessage;
  readonly socket: Socket;
  /** Whether the connection was authenticated before, so that no token was sent. */
  readonly connectionProved: boolean;
}

/** Who gets a token. */
export interface Wants {
  readonly origin: boolean;
  readonly proxy: boolean;
}

/** Connections of a pool that are looked at for one request. */
const MOST_CONNECTIONS = 20;

const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE']);

/** A try. */
export class NodeAttempt {
  readonly #parts: AttemptParts;

  constructor(parts: AttemptParts) {
    this.#parts = parts;
  }

  /** Sends the request; again on a new connection where the one from the pool was another identity's, or closed. */
  async send(wants: Wants): Promise<Answer> {
    let { options } = this.#parts;
    for (let tries = 0; tries < MOST_CONNECTIONS; tries++) {
      const opened = this.#open(options);
      try {
        const answer = await this.#exchange(opened, wants);
        if (answer !== undefined) return answer;
      } catch (error) {
        if (!this.#wasClosed(opened, error)) throw error;
        await opened.authorizing?.catch(() => undefined);
      }
      options = { ...options, agent: freshAgent(opened.request) };
    }
    throw noConnection();
  }

  #open(options: RequestOptions): OpenedRequest {
    const { url, proxyUrl, body } = this.#parts;
    const via = proxyUrl ?? url;
    const given = headersOf(options.headers, body);
    const { headers } = given;
    const more =
      proxyUrl === undefined
        ? { headers }
        : { path: absolute(url), auth: urlToHttpOptions(url).auth, headers: { host: url.host, ...headers } };
    const request = (via.protocol === 'https:' ? httpsRequest : httpRequest)(via, { ...options, ...more });
    return new OpenedRequest(request, given, url.origin, options);
  }

  /** The answer, or nothing when the connection belongs to another identity. */
  async #exchange(opened: OpenedRequest, wants: Wants): Promise<Answer | undefined> {
    const { identity, connectionBound, proxyUrl } = this.#parts;
    const { request, failed } = opened;
    try {
      const socket = await Promise.race([assigned(request), failed]);
      if (isForeign(socket, identity)) {
        request.destroy();
        return undefined;
      }
      await Promise.race([this.#secured(socket), failed]);
      // What is authenticated behind a proxy that takes absolute URLs is none of our connections (RFC 4559 section 6).
      const proved = connectionBound && proxyUrl === undefined && isAuthenticated(socket);
      opened.authorizing = this.#authorize(request, socket, proved ? { ...wants, origin: false } : wants);
      await Promise.race([opened.authorizing, failed]);
      this.#sendBody(opened);
      const message = await Promise.race([opened.answered, failed]);
      const kept = persists(message);
      if (!kept || message.statusCode === 401) forgetAuthentication(socket);
      this.#parts.exchange.onProved = kept ? () => markAuthenticated(socket) : () => undefined;
      return { request, message, socket, connectionProved: proved };
    } catch (error) {
      request.destroy();
      throw error;
    }
  }

  /** Waits for the TLS handshake and looks at the certificate. */
  async #secured(socket: Socket): Promise<void> {
    const { exchange, proxy } = this.#parts;
    const { secureConnecting, encrypted } = socket as Partial<TLSSocket> & { secureConnecting?: boolean };
    if (secureConnecting === true) await once(socket, 'secureConnect');
    if (encrypted === true) rememberCertificate(socket, (proxy ?? exchange).target);
  }

  async #authorize(request: ClientRequest, socket: Socket, wants: Wants): Promise<void> {
    const { exchange, proxy, options, identity } = this.#parts;
    const signal = options.signal ?? undefined;
    if (wants.origin && exchange.allowed) {
      claim(socket, identity);
      // Until the proof comes, nothing is known of it.
      forgetAuthentication(socket);
      request.setHeader('authorization', await tokenFor(socket, exchange, signal));
    }
    if (wants.proxy && proxy?.allowed) {
      claim(socket, identity);
      request.setHeader('proxy-authorization', await tokenFor(socket, proxy, signal));
    }
  }

  #sendBody(opened: OpenedRequest): void {
    const { body } = this.#parts;
    const { request, given } = opened;
    const { expect, length } = given;
    if (expect !== undefined) request.setHeader('expect', expect);
    opened.begun = true;
    if (body === undefined || isWhole(body)) return void request.end(body);
    const source = Readable.from(chunksOf(body, length));
    source.once('error', (error) => request.destroy(error)).pipe(request);
  }

  /** A connection of the pool that the server closed while it was idle says nothing about the request. */
  #wasClosed(opened: OpenedRequest, error: unknown): boolean {
    const { body } = this.#parts;
    const again =
      !opened.begun || ((body === undefined || isWhole(body)) && IDEMPOTENT.has(opened.request.method));
    return again && opened.wasStale(error);
  }
}

function noConnection(): TransportError {
  return new TransportError('ERR_HTTP_PROXY', 'the agent gives no connection of our own');
}

/** A token for the server at the other end of the socket. */
async function tokenFor(socket: Socket, exchange: NegotiateExchange, signal?: AbortSignal): Promise<string> {
  const token = await exchange.authorization(signal, socket);
  if (exchange.guard !== undefined && isOther(socket, exchange.guard)) throw certificateChanged();
  return token;
}

/** What the types of Node.js do not tell, and the agents of tunnels. */
interface UsedAgent extends HttpAgent {
  readonly options: AgentOptions;
  readonly freshAgent?: HttpAgent;
}

/**
 * An agent that makes a new connection of the kind that the request had: what the agent is told about TLS and ways holds
 * for the new one, too. An agent of another kind is asked again; the connection that was of no use has ended.
 */
function freshAgent(request: ClientRequest): HttpAgent {
  const { agent: used } = request as ClientRequest & { readonly agent?: UsedAgent };
  if (used === undefined) throw noConnection();
  if (used.freshAgent !== undefined) return used.freshAgent;
  const Kind = [HttpAgent, HttpsAgent].find(({ prototype }) => Object.getPrototypeOf(used) === prototype);
  const itsOwn = Object.hasOwn(used, 'createConnection') || Object.hasOwn(used, 'createSocket');
  return Kind === undefined || itsOwn ? used : new Kind({ ...used.options, keepAlive: false });
}

function assigned(request: ClientRequest): Promise<Socket> {
  return new Promise((resolve) => request.once('socket', resolve));
}

/** Whether the server says that the authentication stays with the connection; without a word it does. */
function persists({ headersDistinct }: IncomingMessage): boolean {
  const values = (headersDistinct['persistent-auth'] ?? []).flatMap((value) => value.split(','));
  return !values.some((value) => value.trim().toLowerCase() === 'false');
}

/** The request target for a proxy: without credentials and fragment. */
function absolute({ origin, pathname, search }: URL): string {
  return `${origin}${pathname}${search}`;
}

/** What is read of a response that is not handed out, so that its connection can be used again. */
const DRAIN_OCTETS = 65_536;
const DRAIN_MS = 1000;

/** Drops a response: reads it to its end if that is near, else ends its connection. */
export async function discardMessage({ request, message }: Answer): Promise<void> {
  message.on('error', () => undefined);
  if (!request.writableFinished) request.destroy();
  let left = DRAIN_OCTETS;
  message.on('data', (chunk: Uint8Array) => {
    left -= chunk.length;
    if (left < 0) message.destroy();
  });
  const timer = setTimeout(() => message.destroy(), DRAIN_MS);
  if (!message.closed) await new Promise((resolve) => message.once('close', resolve));
  clearTimeout(timer);
}

/** The same without what a server that did not prove itself may not say. */
export function sanitizedMessage(answer: Answer): IncomingMessage {
  const { message } = answer;
  const { statusCode, statusMessage, httpVersion, httpVersionMajor, httpVersionMinor } = message;
  const headers = sanitizedHeaders(statusCode ?? 0, message.headers) as IncomingMessage['headers'];
  const clean = Object.assign(new IncomingMessage(message.socket), {
    ...{ statusCode, statusMessage, httpVersion, httpVersionMajor, httpVersionMinor, headers },
    headersDistinct: sanitizedHeaders(statusCode ?? 0, message.headersDistinct),
    rawHeaders: Object.entries(headers).flatMap(([name, value]) => [name, String(value)]),
    complete: true,
    // The connection goes on to other requests.
    _destroy: (error: Error | null, done: (error?: Error | null) => void) => done(error),
  });
  clean.push(null);
  void discardMessage(answer);
  return clean;
}
