/** A proxy that wants Negotiate: CONNECT and absolute URLs, with or without a proof of its own. */
import { createServer, type IncomingMessage, type RequestListener, request } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { toBase64 } from '../../../src/bytes.js';
import { formatPrincipal } from '../../../src/formats/principal.js';
import { AcceptError, type TestRealm } from '../../../src/testing/index.js';
import { type Certificate, STAYING } from './servers.js';
import { bindingsOf } from './tlsStage.js';

/** A proxy that runs. */
export interface NegotiateProxyServer {
  readonly url: string;
  /** Who was let through, or 407, in order. */
  readonly log: string[];
  stop(): Promise<void>;
}

/** What it proves: itself, nothing, or something wrong. */
export type Proof = 'right' | 'none' | 'wrong';

/** Starts a proxy on a free port; its service is HTTP/localhost. With TLS it takes tokens that are bound to it, no others. */
export async function startNegotiateProxy(
  realm: TestRealm,
  proof: Proof = 'none',
  tls?: Certificate,
): Promise<NegotiateProxyServer> {
  const log: string[] = [];
  const sockets = new Set<Socket>();
  const acceptor = realm.acceptor('HTTP/localhost', tls && { channelBindings: bindingsOf(tls) });

  /** The header of the proof, if the token is right; undefined after a refusal. */
  const authenticate = ({ headers }: IncomingMessage): Record<string, string> | undefined => {
    const token = /^Negotiate (.+)$/.exec(headers['proxy-authorization'] ?? '')?.[1];
    try {
      if (token === undefined) throw new AcceptError('ERR_GSS_TOKEN', 'no token', undefined);
      const { client, context, token: reply } = acceptor.accept(new Uint8Array(Buffer.from(token, 'base64')));
      if (tls && !context.channelBound) throw new AcceptError('ERR_GSS_TOKEN', 'no bindings', undefined);
      log.push(formatPrincipal(client!));
      if (proof === 'none') return {};
      const value = proof === 'right' ? toBase64(reply!) : 'oQcwBaADCgEA';
      return { 'proxy-authentication-info': `Negotiate ${value}` };
    } catch (error) {
      if (!(error instanceof AcceptError)) throw error;
      log.push('407');
      return undefined;
    }
  };
  const serve: RequestListener = (incoming, response) => {
    const headers = authenticate(incoming);
    if (headers === undefined) {
      response.writeHead(407, { 'proxy-authenticate': 'Negotiate' }).end('who are you?');
      return;
    }
    const { 'proxy-authorization': _, ...forwarded } = incoming.headers;
    const onward = request(incoming.url!, { method: incoming.method!, headers: forwarded }, (answer) => {
      response.writeHead(answer.statusCode!, { ...answer.headers, ...headers });
      answer.pipe(response);
    });
    incoming.pipe(onward.on('error', () => response.destroy()));
  };
  const server = tls ? createTlsServer({ ...tls, ...STAYING }, serve) : createServer(STAYING, serve);
  server.on('connect', (incoming: IncomingMessage, socket: Socket) => {
    socket.on('error', () => undefined);
    const headers = authenticate(incoming);
    if (headers === undefined) {
      socket.end('HTTP/1.1 407 Authenticate\r\nProxy-Authenticate: Negotiate\r\nContent-Length: 2\r\n\r\nno');
      return;
    }
    const [host, port] = incoming.url!.split(':');
    const onward = connect(Number(port), host, () => {
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
      socket.write(`HTTP/1.1 200 Connection established\r\n${lines.join('')}\r\n`);
      onward.pipe(socket).pipe(onward);
    });
    onward.on('error', () => socket.end('HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n'));
  });
  server.on('connection', (socket: Socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `${tls ? 'https' : 'http'}://localhost:${(server.address() as AddressInfo).port}`,
    log,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
