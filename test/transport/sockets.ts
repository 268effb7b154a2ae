/**
 * KDCs made of real sockets on the loopback interface, as obedient or hostile as a test scripts them.
 */

import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server, type Socket as TcpSocket } from 'node:net';
import { onTestFinished } from 'vitest';
import { fromHex } from '../../src/bytes.js';

export const AS_REQ: Uint8Array = fromHex('6a 03 01 02 03');
export const AS_REP: Uint8Array = fromHex('6b 03 04 05 06');
export const KRB_ERROR: Uint8Array = fromHex('7e 02 07 08');

/** Called for each datagram with its number from 1. */
export type OnDatagram = (socket: Socket, octets: Uint8Array, from: RemoteInfo, count: number) => void;

/** A UDP socket on an ephemeral port; returns the port. */
export async function udpServer(onDatagram: OnDatagram, address = '127.0.0.1', port = 0): Promise<number> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  let count = 0;
  socket.on('message', (octets, from) => onDatagram(socket, octets, from, ++count));
  socket.bind(port, address);
  await once(socket, 'listening');
  onTestFinished(() => new Promise((resolve) => socket.close(() => resolve())));
  return socket.address().port;
}

/** Answers every datagram with `reply`. */
export function answering(reply: Uint8Array): OnDatagram {
  return (socket, _octets, from) => socket.send(reply, from.port, from.address);
}

/** Never answers. */
export const silent: OnDatagram = () => {};

/** A TCP server on an ephemeral port; `onRequest` runs at the first octets of each connection. Returns the port. */
export async function tcpServer(
  onRequest: (socket: TcpSocket, octets: Uint8Array) => void,
  address = '127.0.0.1',
  port = 0,
): Promise<number> {
  const sockets = new Set<TcpSocket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('data', (octets) => onRequest(socket, octets));
  });
  server.listen(port, address);
  await once(server, 'listening');
  onTestFinished(() => closeServer(server, sockets));
  return (server.address() as { port: number }).port;
}

function closeServer(server: Server, sockets: ReadonlySet<TcpSocket>): Promise<void> {
  for (const socket of sockets) socket.destroy();
  return new Promise((resolve) => server.close(() => resolve()));
}

/** Both on one port: one that is free for UDP may be taken for TCP. Returns the port. */
export async function bothServers(
  onDatagram: OnDatagram,
  onRequest: (socket: TcpSocket, octets: Uint8Array) => void,
): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    const port = await udpServer(onDatagram);
    try {
      return await tcpServer(onRequest, '127.0.0.1', port);
    } catch (error) {
      if ((error as { code?: string }).code !== 'EADDRINUSE' || attempt === 20) throw error;
    }
  }
}

/** Ports of no service, below those that systems give out: nothing listens there, neither UDP nor TCP. */
export const DEAD_PORTS = [1, 2] as const;

/** Sockets and name lookups that are open in this process, by kind. */
export function openSockets(): string[] {
  return process
    .getActiveResourcesInfo()
    .filter((kind) => /UDP|TCP|GetAddrInfo/.test(kind))
    .sort();
}
