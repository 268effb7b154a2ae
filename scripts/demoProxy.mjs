/** A proxy that wants Negotiate, for the demo: CONNECT and absolute URLs to this machine only. */
import { createServer, request } from 'node:http';
import { connect } from 'node:net';
import { AcceptError } from '../dist/testing/index.js';

const CHALLENGE = { 'proxy-authenticate': 'Negotiate' };

/**
 * @param {import('../dist/testing/index.js').Acceptor} acceptor
 * @returns {import('node:http').Server} not listening yet
 */
export function negotiateProxy(acceptor) {
  const server = createServer((incoming, response) => {
    const url = URL.canParse(incoming.url ?? '') ? new URL(incoming.url ?? '') : undefined;
    if (!letIn(acceptor, incoming)) return response.writeHead(407, CHALLENGE).end('407\n');
    if (url?.hostname !== 'localhost') return response.writeHead(403).end('403\n');
    const { 'proxy-authorization': _, ...headers } = incoming.headers;
    const onward = request(url, { method: incoming.method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    return incoming.pipe(onward.on('error', () => response.writeHead(502).end('502\n')));
  });
  server.on('connect', (incoming, socket) => {
    const [host, port] = (incoming.url ?? '').split(':');
    socket.on('error', () => {});
    const refuse = (/** @type {string} */ head) =>
      socket.end(`HTTP/1.1 ${head}\r\nContent-Length: 0\r\n\r\n`);
    if (!letIn(acceptor, incoming))
      return refuse('407 Proxy Authentication Required\r\nProxy-Authenticate: Negotiate');
    if (host !== 'localhost') return refuse('403 Forbidden');
    const onward = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      onward.pipe(socket).pipe(onward);
    });
    return onward.on('error', () => refuse('502 Bad Gateway'));
  });
  return server;
}

/** @param {import('../dist/testing/index.js').Acceptor} acceptor @param {import('node:http').IncomingMessage} incoming */
function letIn(acceptor, { headers }) {
  const token = /^Negotiate +(.+)$/i.exec(headers['proxy-authorization'] ?? '')?.[1];
  if (token === undefined) return false;
  try {
    return acceptor.accept(Buffer.from(token, 'base64')).done;
  } catch (error) {
    if (error instanceof AcceptError) return false;
    throw error;
  }
}
