/**
 * The certificates of TLS servers, for channel bindings: those of full handshakes, and those in resumed sessions. They are
 * kept by host, port and server name, and a new one takes the place of the old.
 */
import { subscribe } from 'node:diagnostics_channel';
import { connect, type TLSSocket } from 'node:tls';
import { equalBytes } from '../../bytes.js';
import type { ChannelBindings } from '../../gss/bindings.js';
import { tlsServerEndPoint } from '../../gss/tlsBindings.js';
import { certificateChanged } from './errors.js';
import type { Target } from './settings.js';
import { certificateInSession } from './tlsSession.js';

/** A server in a TLS handshake. */
export type TlsServer = Pick<Target, 'host' | 'port' | 'servername'>;

/** What is known of a server. */
export interface KnownCertificate {
  /** DER, as hexadecimal digits are compared: by value. */
  readonly der: Uint8Array;
  /** undefined where RFC 5929 defines none. */
  readonly bindings: ChannelBindings | undefined;
}

const MOST_SERVERS = 1000;
const known = new Map<string, KnownCertificate>();

/** The server's certificate as it was seen last. */
export function certificateOf(server: TlsServer): KnownCertificate | undefined {
  return known.get(keyOf(server));
}

/** The certificate behind each socket, where it was looked for; undefined where there was none to see. */
const ofSockets = new WeakMap<object, KnownCertificate | undefined>();

/** The certificate behind the connection, if it was looked for and seen. */
export function certificateOn(connection: object): KnownCertificate | undefined {
  return ofSockets.get(connection);
}

/**
 * Keeps the certificate of a connection's server, be it of this handshake or of the session that is resumed. Where neither
 * is to be seen, nothing is known of the connection: what was known of the server may be about another one.
 */
export function rememberCertificate(socket: unknown, server: TlsServer): void {
  const key = keyOf(server);
  const raw = certificateBehind(socket);
  if (raw !== undefined) keep(key, raw);
  ofSockets.set(socket as object, raw === undefined ? undefined : known.get(key));
}

/** The certificate that the socket shows, else that of the session that it resumed (DER). */
function certificateBehind(socket: unknown): Uint8Array | undefined {
  const tls = (socket ?? {}) as Partial<Pick<TLSSocket, 'getPeerCertificate' | 'getSession'>>;
  const { raw } = tls.getPeerCertificate?.() ?? {};
  if (raw instanceof Uint8Array && raw.length > 0) return raw;
  const session = tls.getSession?.();
  return session === undefined ? undefined : certificateInSession(session);
}

/** Whether the connection's server has another certificate than a token is bound to. */
export function isOther(socket: object, { der, strict }: TokenGuard): boolean {
  const shown = ofSockets.has(socket) ? ofSockets.get(socket)?.der : certificateBehind(socket);
  return shown === undefined ? strict : !equalBytes(der, shown);
}

function keep(key: string, raw: Uint8Array): void {
  const old = known.get(key);
  known.delete(key);
  known.set(key, old !== undefined && equalBytes(old.der, raw) ? old : describe(raw));
  const oldest = known.keys().next().value;
  if (known.size > MOST_SERVERS && oldest !== undefined) known.delete(oldest);
}

function describe(raw: Uint8Array): KnownCertificate {
  return { der: raw, bindings: bindingsOf(raw) };
}

/** A certificate that OpenSSL took and we cannot read has no binding. */
function bindingsOf(raw: Uint8Array): ChannelBindings | undefined {
  try {
    return tlsServerEndPoint(raw);
  } catch {
    return undefined;
  }
}

function keyOf({ host, port, servername }: TlsServer): string {
  return `${host.toLowerCase()}:${port}:${(servername || host).toLowerCase()}`;
}

let watching = false;

/**
 * Sees the certificates of all connections that undici makes from now on: that of Node.js behind `fetch`, and the package.
 * They publish connections and requests on channels of node:diagnostics_channel.
 */
export function watchConnections(): void {
  if (watching) return;
  watching = true;
  subscribe('undici:client:connected', (message) => connected(message as Connected));
  subscribe('undici:client:sendHeaders', (message) => sendHeaders(message as Sent));
}

function connected({ socket, connectParams }: Connected): void {
  const { hostname, host, port, protocol, servername } = connectParams ?? {};
  const name = hostname ?? host;
  if (protocol !== 'https:' || name === undefined) return;
  const server = { host: name.replace(/^\[|\]$/g, ''), port: Number(port) || 443 };
  rememberCertificate(socket, server);
  if (servername) rememberCertificate(socket, { ...server, servername });
}

/** What a token is bound to. */
export interface TokenGuard {
  readonly der: Uint8Array;
  /** Whether the connection's certificate must be known. */
  readonly strict: boolean;
  /** Hears of the connection that was chosen and has another one. */
  readonly refused?: (connection: object) => void;
}

/** What holds for a token that waits to be sent. */
interface Waiting {
  readonly guard: TokenGuard | undefined;
  /** The origin whose connections alone may carry it, where the request did not name one. */
  readonly origin: string | undefined;
}

/** By the header's value. */
const waiting = new Map<string, Waiting>();

/**
 * Lets a token go to the server whose certificate it is bound to, and to no other: undici chooses the connection after the
 * token was made, and somebody in the middle of that one could hand the token on to the server.
 * @param origin where the dispatcher was taken to lead, if the request did not say
 * @returns ends the guard
 */
export function guardToken(
  authorization: string | undefined,
  guard: TokenGuard | undefined,
  origin?: string,
): () => void {
  if (authorization === undefined || (guard ?? origin) === undefined) return () => undefined;
  waiting.set(authorization, { guard, origin });
  return () => waiting.delete(authorization);
}

/** The headers are about to be written: the last moment to end the connection. */
function sendHeaders({ headers, request, socket }: Sent): void {
  if (waiting.size === 0) return;
  for (const [, token = ''] of String(headers).matchAll(/^(?:proxy-)?authorization: (negotiate .*)$/gim)) {
    const { guard, origin } = waiting.get(token.trim()) ?? {};
    if (origin !== undefined && !leadsTo(origin, request?.origin)) socket.destroy(otherOrigin(origin));
    if (guard === undefined || !isOther(socket, guard)) continue;
    guard.refused?.(socket);
    socket.destroy(certificateChanged());
  }
}

function leadsTo(origin: string, connected: unknown): boolean {
  const text = String(connected);
  return URL.canParse(text) && new URL(text).origin === origin;
}

function otherOrigin(origin: string): TypeError {
  return new TypeError(`origin must be among the options of the request: its dispatcher is not of ${origin}`);
}

interface Sent {
  readonly headers?: unknown;
  readonly request?: { readonly origin?: unknown };
  readonly socket: { destroy(error: Error): void };
}

interface Connected {
  readonly socket?: unknown;
  readonly connectParams?: {
    readonly host?: string;
    readonly hostname?: string;
    readonly port?: string | number;
    readonly protocol?: string;
    readonly servername?: string | null;
  };
}

const LEARN_TIMEOUT_MS = 10_000;

/**
 * Learns a server's certificate by a TLS handshake, after which the connection ends; nothing is sent over it, so it does
 * not matter whom the certificate convinces: a token bound to a wrong one is refused by the right server.
 */
export async function learnCertificate(server: TlsServer, signal?: AbortSignal): Promise<void> {
  const { host, port, servername = host } = server;
  const name = /^[\d.]+$|:/.test(servername) ? {} : { servername };
  const socket = connect({ host, port, ...name, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] });
  const stop = (): unknown => socket.destroy(new Error('no TLS handshake in time'));
  const timer = setTimeout(stop, LEARN_TIMEOUT_MS);
  signal?.addEventListener('abort', stop, { once: true });
  try {
    await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
    rememberCertificate(socket, server);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
    socket.on('error', () => undefined).destroy();
  }
}
