/**
 * The certificates of TLS servers, for channel bindings. They are seen in full handshakes only: a resumed session shows
 * none, so they are kept by host, port and server name, and a new one takes the place of the old.
 */
import { subscribe } from 'node:diagnostics_channel';
import { connect, type TLSSocket } from 'node:tls';
import type { ChannelBindings } from '../../gss/bindings.js';
import { tlsServerEndPoint } from '../../gss/tlsBindings.js';
import { certificateChanged } from './errors.js';
import type { Target } from './settings.js';

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

/** The certificate of the handshake behind each socket. */
const ofSockets = new WeakMap<object, KnownCertificate>();

/**
 * Keeps the certificate that a connection shows. A resumed session shows none: its server is the one of the session, so
 * what is known of it stays. Of a connection without TLS there is nothing to keep.
 */
export function rememberCertificate(socket: unknown, server: TlsServer): void {
  const key = keyOf(server);
  const { raw } = (socket as Partial<TLSSocket>).getPeerCertificate?.() ?? {};
  if (raw instanceof Uint8Array && raw.length > 0) keep(key, raw);
  const now = known.get(key);
  if (now !== undefined && !ofSockets.has(socket as object)) ofSockets.set(socket as object, now);
}

function keep(key: string, raw: Uint8Array): void {
  const old = known.get(key);
  known.delete(key);
  known.set(key, old !== undefined && equal(old.der, raw) ? old : describe(raw));
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

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
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
}

/** What tokens are bound to, by the header's value, while they wait to be sent. */
const guarded = new Map<string, TokenGuard>();

/**
 * Lets a token go to the server whose certificate it is bound to, and to no other: undici chooses the connection after the
 * token was made, and somebody in the middle of that one could hand the token on to the server.
 * @returns ends the guard
 */
export function guardToken(authorization: string | undefined, guard: TokenGuard | undefined): () => void {
  if (authorization === undefined || guard === undefined) return () => undefined;
  guarded.set(authorization, guard);
  return () => guarded.delete(authorization);
}

/** The headers are about to be written: the last moment to end the connection. */
function sendHeaders({ headers, socket }: Sent): void {
  if (guarded.size === 0) return;
  const authorization = /^(?:proxy-)?authorization: (negotiate .*)$/im.exec(String(headers))?.[1]?.trim();
  const guard = guarded.get(authorization ?? '');
  if (guard === undefined) return;
  const shown = ofSockets.get(socket)?.der;
  const other = shown === undefined ? guard.strict : !equal(guard.der, shown);
  if (other) socket.destroy(certificateChanged());
}

interface Sent {
  readonly headers?: unknown;
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
